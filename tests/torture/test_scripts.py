"""A few seeded runs of each script of `make torture`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture import crashes, fuzz, histories, races
from tests.torture._common import batches, seeds

pytest.importorskip("starlette", reason="the emulator needs starlette")
pytest.importorskip("azure.mgmt.core", reason="azure-mgmt-core is not installed")


@pytest.fixture(autouse=True)
def short_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envsync.targets.azure.http.transport.LONGEST_SILENCE", 0.4)


@pytest.mark.parametrize(
    "name", ["answers lost, then no right", "revoked tokens", "lists that lag"]
)
def test_every_reported_outcome_of_a_history_with_faults_is_true(name: str) -> None:
    fault = next(item for item in histories.FAULTS if item.name == name)

    assert histories.run(fault, seed=1, count=2).defects == []


@pytest.mark.parametrize("kind", [item[0] for item in crashes.KINDS if "workspace" not in item[0]])
def test_a_local_target_survives_a_crash(kind: str) -> None:
    crash = next(item[1] for item in crashes.KINDS if item[0] == kind)

    assert crashes.run(kind, crash, seed=1, count=3).defects == []


def test_random_damage_is_never_read_as_another_state() -> None:
    assert crashes.run("damage", crashes.damage, seed=100, count=40).defects == []


def test_every_kind_of_input_is_read_or_refused() -> None:
    defects = {kind: fuzz.run(kind, seed=1, count=20).defects for kind in fuzz.KINDS}

    assert defects == {kind: [] for kind in fuzz.KINDS}


def test_an_unexpected_exception_of_a_reader_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(seed: int, _root: Path) -> None:
        if seed == 7:
            raise KeyError("name")

    monkeypatch.setitem(fuzz.KINDS, "plan", (read, 1.0))
    row = fuzz.run("plan", seed=5, count=4)

    assert row.runs == 4
    assert [(text[:12], "KeyError: 'name'" in text) for text in row.defects] == [
        ("plan, seed 7", True)
    ]


def test_a_script_ends_after_the_given_time_but_has_at_least_one_run() -> None:
    assert list(seeds(5, 3)) == [5, 6, 7]
    assert list(seeds(5, 3, minutes=-1)) == [5]
    assert list(batches(5, 5, None, size=2)) == [range(5, 7), range(7, 9), range(9, 10)]
    assert list(batches(5, 5, -1, size=2)) == [range(5, 7)]


@pytest.mark.parametrize("place", ["local target", "workspace"])
def test_every_lost_update_in_a_race_is_reported(place: str) -> None:
    for what, scenario in races.SCENARIOS:
        assert races.run(place, what, scenario, seed=1, count=4).defects == []
