"""Replays every recorded session of Azure ML and compares the responses.

Before a session is replayed, the curated environments that the session reads are added. Other
preconditions are settings of the emulator: the workspaces, the rule for old Python versions, and
the number of polls of an operation. The recorded responses of the session determine these settings.
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
"""Exchanges that are not replayed, by file and line (from 0), each with the reason."""

EXCHANGES = {"exchanges.jsonl": 134, "exchanges-2.jsonl": 136}
"""The number of recorded exchanges in each file."""

_REGIONS = ("centraluseuap", "master", "westus2", "westcentralus")

pytestmark = pytest.mark.skipif(
    not DATA.joinpath("recordings").exists(),
    reason=f"{DATA} contains no recordings; set ENVSYNC_TEST_DATA",
)


def _sessions() -> list[tuple[str, str]]:
    if not DATA.joinpath("recordings").exists():
        return []
    return [(file, session) for file in FILES for session in sessions(file)]


def settings_for(exchanges: list[Exchange], state: Path) -> Settings:
    """Returns the settings with which an emulator behaves like the service in a session.

    The service refused an old Python version in one session and accepted it in others. An operation
    takes as many polls as in the session.
    """
    refused = any(exchange.status == 400 for exchange in exchanges)
    # Each 202 to a GET is one poll of an unfinished operation.
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
    """Adds the curated versions that a session reads without writing them."""
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
    spec = VersionSpec(
        image=properties.get("image"),
        conda_file=None,
        build_uri=None,
        build_context=None,
        dockerfile_path=None,
        os_type=properties["osType"],
        inference_config=None,
    )
    new = NewVersion(
        name, version, spec, description=properties["description"], tags=properties["tags"]
    )
    with closing(Store(state, actor="Microsoft", clock=lambda: datetime.now(UTC))) as store:
        store.seed_curated(new)


def played(client: Client, exchange: Exchange, operation: str | None) -> Reply:
    """Sends a recorded request to the host of the emulator, or polls the operation `operation`."""
    uri = exchange.uri.replace("cert-master.experiments.azureml-test.net", REGISTRY_HOST)
    if "/operations/" in uri:
        assert operation is not None, "an operation has begun"
        uri = operation
    return client.send(exchange.method, uri, body=exchange.request)


def body_of(exchange: Exchange) -> Any:
    """Returns the recorded body. The body `null` was recorded as a string."""
    return None if exchange.body == "null" else exchange.body


def without_places(value: Any) -> Any:
    """Replaces the Azure regions of Microsoft's own tests in a body."""
    if isinstance(value, dict):
        return {
            "<region>" if key in (*_REGIONS, "eastus") else key: without_places(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [without_places(item) for item in value]
    return "<region>" if value in (*_REGIONS, "eastus") else value


def headers_of(headers: Any, recorded: Any) -> dict[str, Any]:
    """Returns the recorded headers that influence a client."""
    wanted = {"location", "content-type", "x-ms-async-operation-timeout"} & set(recorded)
    found = {key: headers.get(key) for key in wanted}
    if "/operations/" in str(found.get("location")):
        host, _, rest = found["location"].partition("/environment/")
        # Host, registry and the last part of the id differ from run to run.
        found["location"] = re.sub(r"[^/_]+_", "<registry>_", rest, count=1).rpartition("_")[0]
        assert host.startswith("https://")
    return found


@pytest.mark.parametrize(("file", "session"), _sessions())
def test_a_replayed_session_gets_the_recorded_responses(
    file: str, session: str, tmp_path: Path
) -> None:
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
def test_every_recorded_exchange_is_replayed_or_left_out_with_a_reason(file: str) -> None:
    numbers = {item.number for exchanges in sessions(file).values() for item in exchanges}
    left_out = {number for name, number in LEFT_OUT if name == file}

    assert numbers == set(range(EXCHANGES[file]))
    assert left_out <= numbers
