"""Plans with changes of every kind, applied and verified, under several emulator settings.

Each step opens the target again, as a new process would. After each step, the target has every
change, and the next plan is empty.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from envsync.model.declaration import Declaration
from envsync.model.policy import Policy
from envsync.model.target import Target
from envsync.plan.apply import apply
from envsync.plan.change import Action
from envsync.plan.outcome import unverified
from envsync.plan.plan import Plan
from envsync.plan.planner import make_plan
from envsync.project.settings.targets import TargetKind
from envsync.targets.connection import Connection
from tests.builders import PROJECT, declared, image
from tests.targets.azure.contract import one_creator
from tests.targets.azure.in_process import in_process
from tests.targets.azure.on_emulator import put

POLICY = Policy(project=PROJECT, superseded="archive", allow_mass_archive=True)

STEPS: tuple[tuple[list[Declaration], set[str]], ...] = (
    (
        [
            declared("a", "1"),
            declared("a", "2", image("2"), "Second."),
            declared("auto", None, image("1"), tags={"team": "churn", "goes": "1"}),
            declared("c", "1", description="Before."),
            declared("d", "1"),
            declared("theirs", "1"),
        ],
        {
            "create version a:1",
            "create version a:2",
            "create version auto:1",
            "create version c:1",
            "create version d:1",
            "update version theirs:1",
        },
    ),
    (
        [
            declared("a", "2", image("2"), "Second."),
            declared("auto", None, image("1"), tags={"team": "churn"}),
            declared("c", "1", description="After."),
            declared("e", "1"),
            declared("theirs", "1"),
        ],
        {
            "archive version a:1",
            "archive environment d",
            "create version e:1",
            "update version auto:1",
            "update version c:1",
        },
    ),
    (
        [
            declared("a", "1", description="Again."),
            declared("auto", None, image("3")),
            declared("c", "1", description="After."),
            declared("d", "1", description="Back."),
            declared("theirs", "1", description="Ours now."),
        ],
        {
            "restore version a:1",
            "archive version a:2",
            "create version auto:2",
            "archive version auto:1",
            "restore environment d",
            "update version d:1",
            "archive environment e",
            "update version theirs:1",
        },
    ),
    (
        [declared("e", "1"), declared("new", "1")],
        {
            *("archive environment a", "archive environment auto", "archive environment c"),
            *("archive environment d", "archive environment theirs"),
            *("restore environment e", "create version new:1"),
        },
    ),
    (
        [declared("a", "2", image("2"), "Second."), declared("auto", None, image("3"))],
        {
            *("restore environment a", "restore version a:2", "archive version a:1"),
            *("restore environment auto", "archive environment e", "archive environment new"),
        },
    ),
)
"""The declarations of each step, and the changes that the step has to make."""


def told(plan: Plan) -> set[str]:
    """Returns a short description of each change in a plan, such as `create version a:1`."""
    return {f"{item.action} {item.scope} {item.address}" for item in plan.changes}


def planned(target: Target, desired: Sequence[Declaration]) -> Plan:
    """Returns the plan for the declarations."""
    state = target.read({item.name for item in desired}, PROJECT)
    return make_plan(desired, state, POLICY, target.identity)


ANSWERS: dict[str, dict[str, Any]] = {
    "as recorded": {},
    "entries say active": {"archived_entry": "false"},
    "tags refused": {"container_tags": "refuse"},
    "restores all": {"restore": "all", "container_get": "stored"},
    "stale reads": {"stale_get_seconds": 0.3},
}


# Registries run fewer cases, because envsync reads the responses of registries and workspaces with
# the same code.
CASES: list[tuple[TargetKind, str]] = [
    *(("workspace", name) for name in ANSWERS),
    *(("registry", name) for name in ("as recorded", "restores all")),
]


@pytest.mark.parametrize(("kind", "answers"), CASES)
def test_a_target_has_the_planned_state_after_changes_of_every_kind(
    tmp_path: Path, kind: TargetKind, answers: str
) -> None:
    with in_process(tmp_path, **ANSWERS[answers]) as service, one_creator():
        config = service.config(kind)
        with service.open(config) as target:
            # This version has no owner. The first step makes the project its owner.
            put(target, "theirs", image="mcr.microsoft.com/base:1", tags={"kept": "1"})
        for desired, changes in STEPS:
            with service.open(config, Connection(stale=2)) as target:
                plan = planned(target, desired)
                outcomes = list(apply(plan, target))
                target.settle(lambda names: pytest.fail(f"waits for {names}"))
                again = planned(target, desired)
                assert told(plan) == changes
                assert [item for item in outcomes if item.status != "done"] == []
                assert unverified(outcomes, again) == ()
            with service.open(config) as other:
                assert told(planned(other, desired)) == set()


LAG = 1.0
"""Seconds for which lists are stale after a write."""


def test_changes_succeed_although_lists_are_stale(tmp_path: Path) -> None:
    with in_process(tmp_path, list_lag_seconds=LAG) as service, one_creator():
        config = service.config("workspace")
        waits: list[str] = []
        for desired, _ in (STEPS[0], STEPS[3], STEPS[0]):
            time.sleep(LAG + 0.1)
            with service.open(config) as target:
                outcomes = list(apply(plan := planned(target, desired), target))
                target.settle(waits.extend)
                assert [item for item in outcomes if item.status != "done"] == []
                assert unverified(outcomes, planned(target, desired)) == ()
                kinds = {item.action for item in plan.changes if item.scope == "environment"}
                # `settle` waits for the lists only if an environment was archived or restored.
                assert bool(waits) == bool(kinds & {Action.ARCHIVE, Action.RESTORE})
                waits.clear()
