"""The recorded traffic of the real service, and how an answer is compared with it."""

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
    """One recorded request and its answer."""

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
        """The path of its address."""
        return urlsplit(self.uri).path

    @property
    def host(self) -> str:
        """The host of its address."""
        return urlsplit(self.uri).netloc


def shared(*parts: str) -> Path:
    """A file of the shared test data; the test is skipped where it is absent."""
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path} is not here: set ENVSYNC_TEST_DATA")
    return path


FILES = ("exchanges.jsonl", "exchanges-2.jsonl")
"""The files that hold whole exchanges."""

_UNDATED = date(2023, 5, 1)
"""The day of sessions in the first file, which have none: all are of September 2022 to May 2023."""


def lines(file: str) -> list[dict[str, Any]]:
    """The JSON objects of a recordings file."""
    text = shared("recordings", file).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def sessions(file: str) -> dict[str, list[Exchange]]:
    """The exchanges of each recorded session of a file, in order."""
    found: dict[str, list[Exchange]] = {}
    for number, data in enumerate(lines(file)):
        exchange = Exchange(
            number,
            data["session"],
            parsedate_to_datetime(data["date"]).date() if "date" in data else _UNDATED,
            data["method"],
            data["uri"],
            data["request_body"],
            data["status"],
            {key.lower(): text for key, text in data["response_headers"].items()},
            # What stands there as the text `null` is a body of four bytes.
            data["response_body"],
        )
        found.setdefault(exchange.session, []).append(exchange)
    return found


def comparable(value: Any, key: str = "") -> Any:
    """A body without ids, times, hosts, signatures and names of people.

    What is left out stands as a word that says what it was, so that a missing key still shows.
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
    """Ids keep their words: only subscription, group, workspace and registry differ."""
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
