"""Every recorded session of the real service, played again in order, has the same answers.

Of what a session has not written itself it reads curated environments only, which are put in first.
What else it presupposes (which workspaces there are, how the service judged old Pythons that day,
how long an operation took) are settings, taken from its own answers.
"""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from envsync.emulator.settings import REGISTRY_HOST, Settings
from envsync.targets.store.rows import NewVersion, VersionSpec
from envsync.targets.store.store import Store
from tests.emulator.client import Client, Reply, serving
from tests.emulator.recordings import DATA, FILES, Exchange, comparable, sessions

LEFT_OUT = {
    ("exchanges-2.jsonl", 98): "the resource manager's own failure (502, BadGatewayConnection)",
}
"""Exchanges that are not played again, by file and line (from 0), each with its reason."""

EXCHANGES = {"exchanges.jsonl": 134, "exchanges-2.jsonl": 136}
"""How many were recorded."""

_PLACES = re.compile(
    r"(?<=/workspaces/)00000(?=/)|(?<=/registries/)(?:UnsecureTest-)?testFeed(?=[/?])"
)
_REGIONS = ("centraluseuap", "master", "westus2", "westcentralus")

pytestmark = pytest.mark.skipif(
    not DATA.joinpath("recordings").exists(),
    reason=f"there are no recordings in {DATA}: set ENVSYNC_TEST_DATA",
)


def _sessions() -> list[tuple[str, str]]:
    if not DATA.joinpath("recordings").exists():
        return []
    return [(file, session) for file in FILES for session in sessions(file)]


def settings_for(exchanges: list[Exchange], state: Path) -> Settings:
    """An emulator that behaves as the service did on that day.

    The service refused an old Python in one session and took the same in others, and its operation
    was asked for as often as the recorded client had to.
    """
    refused = any(exchange.status == 400 for exchange in exchanges)
    polls = sum(exchange.status == 202 and exchange.method == "GET" for exchange in exchanges)
    return Settings(
        workspaces=("00000",),
        registries=("testFeed", "UnsecureTest-testFeed"),
        end_of_life_python="refuse" if refused else "accept",
        operation_polls=polls,
        as_of=exchanges[0].day,
        state=state,
    )


def seed(state: Path, exchanges: list[Exchange]) -> None:
    """Puts in the curated versions that a session reads and has not written itself."""
    written = {item.path for item in exchanges if item.method == "PUT"}
    for exchange in exchanges:
        if exchange.method != "GET" or exchange.status != 200:
            continue
        body = exchange.body if isinstance(exchange.body, dict) else {}
        for item in body.get("value", [body]):
            properties = item.get("properties") or {}
            if properties.get("environmentType") == "Curated" and exchange.path not in written:
                _seed_curated(state, item["id"].split("/")[-3], item["name"], properties)


def _seed_curated(state: Path, name: str, version: str, properties: dict[str, Any]) -> None:
    spec = VersionSpec(properties.get("image"), None, None, None, None, properties["osType"], None)
    new = NewVersion(name, version, spec, properties["description"], properties["tags"])
    with closing(Store(state, actor="Microsoft", clock=lambda: datetime.now(UTC))) as store:
        store.seed_curated(new)


def played(client: Client, exchange: Exchange, operation: str | None) -> Reply:
    """The answer to a recorded request, sent to the hosts that are called otherwise here."""
    uri = exchange.uri.replace("cert-master.experiments.azureml-test.net", REGISTRY_HOST)
    if "/operations/" in uri:
        assert operation is not None, "an operation has begun"
        uri = operation
    return client.send(exchange.method, uri, body=exchange.request)


def body_of(exchange: Exchange) -> Any:
    """The recorded body: the four letters of `null` were kept as a text."""
    return None if exchange.body == "null" else exchange.body


def without_places(value: Any) -> Any:
    """A comparable body without the regions and rings of Microsoft's own tests."""
    if isinstance(value, dict):
        return {
            "<region>" if key in (*_REGIONS, "eastus") else key: without_places(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [without_places(item) for item in value]
    return "<region>" if value in (*_REGIONS, "eastus") else value


def headers_of(headers: Any, recorded: Any) -> dict[str, Any]:
    """The headers that a client acts on, as far as the recording has them."""
    wanted = {"location", "content-type", "x-ms-async-operation-timeout"} & set(recorded)
    found = {key: headers.get(key) for key in wanted}
    if "/operations/" in str(found.get("location")):
        host, _, rest = found["location"].partition("/environment/")
        found["location"] = re.sub(r"[^/_]+_", "<registry>_", rest, count=1).rpartition("_")[0]
        assert host.startswith("https://")
    return found


@pytest.mark.parametrize(("file", "session"), _sessions())
def test_a_recorded_session_has_the_same_answers(file: str, session: str, tmp_path: Path) -> None:
    exchanges = sessions(file)[session]
    seed(tmp_path / "emulator.db", exchanges)
    with serving(settings_for(exchanges, tmp_path / "emulator.db")) as client:
        operation = None
        for exchange in exchanges:
            if (file, exchange.number) in LEFT_OUT:
                continue
            reply = played(client, exchange, operation)
            operation = reply.headers.get("location", operation)
            assert (exchange.number, exchange.status) == (exchange.number, reply.status)
            recorded = without_places(comparable(body_of(exchange)))
            assert recorded == without_places(comparable(reply.json))
            assert headers_of(exchange.headers, exchange.headers) == headers_of(
                reply.headers, exchange.headers
            )


@pytest.mark.parametrize("file", FILES)
def test_no_recorded_exchange_is_left_out_without_a_reason(file: str) -> None:
    numbers = {item.number for exchanges in sessions(file).values() for item in exchanges}
    left_out = {number for name, number in LEFT_OUT if name == file}

    assert numbers == set(range(EXCHANGES[file]))
    assert left_out <= numbers
