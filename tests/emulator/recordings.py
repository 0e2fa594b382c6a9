"""Recorded traffic of Azure ML, and the comparison of responses with it."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from datetime import date
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

_REPOSITORY = Path(__file__).parents[2]
DATA = Path(os.environ.get("ENVSYNC_TEST_DATA", _REPOSITORY.parent / "shared"))

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d+\+00:00")
_HEX = re.compile(r"[0-9a-f]{32}|[0-9a-f]{16}")
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A recorded request and its response."""

    number: int
    session: str
    day: date
    method: str
    uri: str
    request: Any
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def path(self) -> str:
        """The path of the URL."""
        return urlsplit(self.uri).path

    @property
    def host(self) -> str:
        """The host of the URL."""
        return urlsplit(self.uri).netloc


def shared(*parts: str) -> Path:
    """Returns a file of the shared test data. Skips the test if the file does not exist."""
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path} does not exist; set ENVSYNC_TEST_DATA")
    return path


FILES = ("exchanges.jsonl", "exchanges-2.jsonl")
"""The files that contain complete requests and responses."""

_UNDATED = date(2023, 5, 1)
"""The day of sessions without a date, which were recorded from September 2022 to May 2023."""


def lines(file: str) -> list[dict[str, Any]]:
    """Returns the JSON objects of a file of recordings."""
    text = shared("recordings", file).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def sessions(file: str) -> dict[str, list[Exchange]]:
    """Returns the exchanges in a file in order, by session."""
    found: dict[str, list[Exchange]] = {}
    for number, data in enumerate(lines(file)):
        exchange = Exchange(
            number=number,
            session=data["session"],
            day=parsedate_to_datetime(data["date"]).date() if "date" in data else _UNDATED,
            method=data["method"],
            uri=data["uri"],
            request=data["request_body"],
            status=data["status"],
            headers={key.lower(): text for key, text in data["response_headers"].items()},
            # The string "null" is a body of four bytes. JSON's null stands for a missing body.
            body=data["response_body"],
        )
        found.setdefault(exchange.session, []).append(exchange)
    return found


def comparable(value: Any, key: str = "") -> Any:
    """Replaces ids, times, hosts, signatures and names of people in a body by placeholders.

    The keys are kept, so that a missing key still makes a difference.
    """
    if isinstance(value, dict):
        return {name: comparable(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [comparable(item, key) for item in value]
    if not isinstance(value, str):
        return value
    if key in _OPAQUE:
        return f"<{_OPAQUE[key]}>"
    if key == "id":
        return _comparable_id(value)
    value = _TIME.sub("<time>", value)
    return _HEX.sub("<hex>", value) if key in {"operation", "request"} else value


def _comparable_id(value: str) -> str:
    """Replaces subscription, resource group, workspace and registry in an id."""
    value = re.sub(r"(?<=/subscriptions/)[^/]+|(?<=/resourceGroups/)[^/]+", "<id>", value)
    return re.sub(r"(?<=/workspaces/)[^/]+|(?<=azureml://registries/)[^/]+", "<name>", value)


_OPAQUE = {
    "createdBy": "person",
    "createdByType": "kind of person",
    "lastModifiedBy": "person",
    "lastModifiedByType": "kind of person",
    "key": "signature",
    "sasUri": "signature",
    "blobUri": "host",
    "uri": "host",
    "primaryRegionResourceProviderUri": "host",
    "accountName": "host",
    "containerName": "id",
    "registryId": "id",
    "registryName": "id",
    "tenantId": "id",
    "subscriptionId": "id",
    "resourceGroup": "id",
    "storageAccountArmId": "id",
    "temporaryDataReferenceId": "id",
}
