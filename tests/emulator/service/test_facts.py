"""Compares single values in newer recordings with the responses of the emulator.

Each line of `facts.jsonl` contains a request, the status, and values of the response by JSON
pointer. Consecutive lines of one recording about one environment are a sequence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from envsync.emulator.settings import Settings
from tests.emulator.client import Client, Reply, serving
from tests.emulator.recordings import DATA, lines

FACTS = 50
"""The number of lines in the file."""

STALE = frozenset({37})
"""The lines (from 0) in which the GET of a version returns the state before the last PUT."""

_ABSENT = object()
_CONDA_NAME = re.compile(r"azureml_[0-9a-f]{32}")

pytestmark = pytest.mark.skipif(
    not DATA.joinpath("recordings", "facts.jsonl").exists(),
    reason=f"{DATA} contains no recordings; set ENVSYNC_TEST_DATA",
)


@dataclass(frozen=True)
class Fact:
    """A line of the file: a request, and the known values of its response."""

    number: int
    recorded: str
    method: str
    uri: str
    request: Any
    status: int
    holds: dict[str, Any]
    names: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str | None:
        """The name of the environment in the URL."""
        found = re.search(r"/(?:environments|tempdatarefs)/([^/?]+)", self.uri)
        return found[1] if found else None

    @property
    def day(self) -> date:
        """The day of the recording."""
        found = re.search(r"\d{4}-\d\d-\d\d", self.recorded)
        assert found is not None
        return date.fromisoformat(found[0])


def facts() -> list[Fact]:
    """Returns all lines of the file in order."""
    if not DATA.joinpath("recordings", "facts.jsonl").exists():
        return []
    return [
        Fact(
            number=number,
            recorded=data["recorded"],
            method=data["method"],
            uri=data["uri"],
            request=data["request_body"],
            status=data["status"],
            holds=data["response_holds"],
            names=data.get("list_holds", {}),
        )
        for number, data in enumerate(lines("facts.jsonl"))
    ]


def sequences() -> Iterator[list[Fact]]:
    """Yields consecutive facts of one recording about one environment, as one list each."""
    run: list[Fact] = []
    for fact in facts():
        if run and (
            fact.recorded != run[-1].recorded
            or (fact.name and run[0].name and fact.name != run[0].name)
        ):
            yield run
            run = []
        run.append(fact)
    yield run


def pointed(body: Any, pointer: str) -> Any:
    """Returns the value at a JSON pointer (RFC 6901), or `_ABSENT`."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(body, list):
            body = body[int(key)] if int(key) < len(body) else _ABSENT
        else:
            body = body.get(key, _ABSENT) if isinstance(body, dict) else _ABSENT
    return body


def sent_back(client: Client, fact: Fact) -> Any:
    """Returns the body of a fact's request. In a PUT of 2022, the registered conda file replaces
    the recorded conda file.

    The recorded client sent back the conda file that it had read. The emulator registered a
    different conda file, so the recorded body would change it.
    """
    body = fact.request
    if fact.method != "PUT" or fact.day.year != 2022 or "/versions/" not in fact.uri:
        return body
    held = client.send("GET", fact.uri)
    if held.status != 200:
        return body
    return {"properties": {**body["properties"], "condaFile": held.properties["condaFile"]}}


def answer(client: Client, fact: Fact) -> Reply:
    """Sends the request of a fact."""
    return client.send(fact.method, fact.uri, body=sent_back(client, fact))


def known(fact: Fact, reply: Reply) -> dict[str, Any]:
    """Returns the values of a response at the JSON pointers of a fact."""
    found = {pointer: pointed(reply.json, pointer) for pointer in fact.holds}
    return {key: renamed(value) for key, value in found.items()}


def renamed(value: Any) -> Any:
    """Replaces the digest in the name of a conda file, because its algorithm is unknown."""
    return _CONDA_NAME.sub("azureml_<md5>", value) if isinstance(value, str) else value


def registry_list(client: Client, fact: Fact) -> None:
    """Creates the environment that the recorded list of a registry contains."""
    address = fact.uri.replace("/environments?", "/environments/k/versions/1?")
    client.send("PUT", address, body={"properties": {"image": "i:1"}})


@pytest.mark.parametrize("run", list(sequences()), ids=lambda run: f"{run[0].number}")
def test_the_emulator_returns_the_values_of_every_fact(run: list[Fact]) -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    settings = Settings(
        workspaces=("w",), registries=("shared",), as_of=run[0].day, stale_get_seconds=20
    )
    with serving(settings, clock=lambda: now[0]) as client:
        for fact in run:
            # The GET of a version is stale for 20 seconds after a write. Only the GET that was
            # stale in the recording is sent within this time.
            now[0] += timedelta(seconds=1 if fact.number in STALE else 31)
            if fact.uri.partition("?")[0].endswith("/environments") and "registries" in fact.uri:
                registry_list(client, fact)
            reply = answer(client, fact)
            expected = replace(fact, holds={key: renamed(v) for key, v in fact.holds.items()})
            assert (fact.number, reply.status) == (fact.number, fact.status)
            assert known(fact, reply) == expected.holds
            listed = {item["name"] for item in reply.json["value"]} if fact.names else set()
            shown = {kind: name in listed for kind, name in fact.names.items()}
            assert shown == {kind: kind == "named" for kind in fact.names}


def test_every_fact_is_compared() -> None:
    assert [fact.number for fact in facts()] == list(range(FACTS))
    assert sum(len(run) for run in sequences()) == FACTS
