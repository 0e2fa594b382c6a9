"""The order, dependencies and interruption of an apply, on the real local target."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from envsync.model.before import Before
from envsync.model.declaration import Declaration, Source
from envsync.model.environment import Environment, EnvironmentKey, Metadata
from envsync.model.errors import Conflict, PlanRefused, TargetError
from envsync.model.policy import Policy
from envsync.model.provenance import Provenance
from envsync.plan.apply import INTERRUPTED, apply
from envsync.plan.change import Action, Change
from envsync.plan.outcome import Outcome
from envsync.plan.plan import Plan
from envsync.plan.planner import make_plan
from envsync.targets.local.target import LocalTarget
from tests.builders import PROJECT, TARGET, declared, image

POLICY = Policy(PROJECT)


class Recorder(LocalTarget):
    """A local target that records its operations, and the states that these expect.

    Operations in `fails` raise a `TargetError`, and operations in `conflicts` raise a `Conflict`.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, TARGET)
        self.operations: list[str] = []
        self.expected: list[Before | None] = []
        self.fails: set[str] = set()
        self.conflicts: set[str] = set()
        self.before: Callable[[], None] = lambda: None

    def _note(self, operation: str, before: Before | None) -> None:
        self.operations.append(operation)
        self.expected.append(before)
        self.before()
        if operation in self.conflicts:
            raise Conflict(f"{operation} has a conflict in this test")
        if operation in self.fails:
            raise TargetError(f"{operation} fails in this test")

    def create(self, environment: Environment, before: Before | None = None) -> None:
        self._note(f"create {environment.key}", before)
        super().create(environment, before)

    def update(
        self,
        key: EnvironmentKey,
        metadata: Metadata,
        provenance: Provenance,
        *,
        restore: bool = False,
        before: Before | None = None,
    ) -> None:
        self._note(f"{'restore' if restore else 'update'} {key}", before)
        super().update(key, metadata, provenance, restore=restore, before=before)

    def set_archived(
        self, name: str, version: str | None, archived: bool, before: Before | None = None
    ) -> None:
        address = name if version is None else f"{name}:{version}"
        self._note(f"{'archive' if archived else 'restore'} {address}", before)
        super().set_archived(name, version, archived, before)

    def own(self, name: str, owner: str, before: Before | None = None) -> None:
        self._note(f"own {name} for {owner}", before)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Recorder]:
    recorder = Recorder(tmp_path / "local.db")
    yield recorder
    recorder.close()


def planned(target: Recorder, *desired: Declaration, policy: Policy = POLICY) -> Plan:
    return make_plan(desired, target.read({item.name for item in desired}, PROJECT), policy, TARGET)


def run(target: Recorder, plan: Plan, parallel: int = 1) -> list[Outcome]:
    target.operations.clear()
    target.expected.clear()
    return list(apply(plan, target, parallel=parallel))


def at(file: str, name: str) -> Declaration:
    return replace(declared(name, "1"), source=Source(file, 1))


def statuses(outcomes: list[Outcome]) -> dict[str, str]:
    return {f"{item.change.action} {item.change.address}": item.status for item in outcomes}


def test_apply_archives_hidden_versions_then_restores_then_writes_then_archives(
    target: Recorder,
) -> None:
    run(target, planned(target, declared("a", "1"), declared("b", "1"), declared("c", "1")))
    target.set_archived("a", None, archived=True)

    plan = planned(
        target, declared("a", "2"), declared("b", "1", tags={"x": "1"}), declared("d", "1")
    )
    outcomes = run(target, plan)

    assert target.operations == [
        "archive a:1",
        "restore a",
        "archive a:1",  # again: no documentation says whether the service has restored it
        "create a:2",
        "create d:1",
        "update b:1",
        "archive c",
    ]
    assert {item.status for item in outcomes} == {"done"}
    assert planned(
        target, declared("a", "2"), declared("b", "1", tags={"x": "1"}), declared("d", "1")
    ).is_empty
    assert target.read(["a"])["a"].latest == "2"


def test_new_versions_of_one_name_are_created_in_natural_order(target: Recorder) -> None:
    versions = ["10", "9", "1.10", "1.9", "2-rc1"]
    plan = planned(target, *(declared("a", version) for version in versions))
    run(target, plan, parallel=8)

    assert [item.version for item in target.read(["a"])["a"].versions] == [
        "1.9",
        "1.10",
        "2-rc1",
        "9",
        "10",
    ]


def test_a_failed_change_does_not_stop_changes_of_other_names(target: Recorder) -> None:
    target.fails = {"create b:1"}
    outcomes = run(target, planned(target, *(declared(name, "1") for name in "abc")))

    assert statuses(outcomes) == {
        "create a:1": "done",
        "create b:1": "failed",
        "create c:1": "done",
    }
    (failed,) = [item for item in outcomes if item.status == "failed"]
    assert failed.error == "create b:1 fails in this test"


def test_a_conflict_stops_only_the_later_changes_of_its_name(target: Recorder) -> None:
    target.conflicts = {"create a:1"}
    desired = (declared("a", "1"), declared("a", "2"), declared("b", "1"))

    assert statuses(run(target, planned(target, *desired))) == {
        "create a:1": "conflict",
        "create a:2": "skipped",
        "create b:1": "done",
    }


def test_each_operation_gets_the_state_that_its_change_expects(target: Recorder) -> None:
    run(target, planned(target, declared("a", "1"), declared("b", "1"), declared("c", "1")))
    plan = planned(target, declared("a", "2"), declared("b", "1", tags={"x": "1"}))
    outcomes = run(target, plan)

    assert target.operations == ["create a:2", "update b:1", "archive c"]
    assert target.expected == [item.change.before for item in outcomes]
    assert None not in target.expected


def test_an_owner_update_writes_only_the_owners_of_the_environment(target: Recorder) -> None:
    change = Change(
        Action.UPDATE, "environment", "a", None, "", owner=PROJECT, before=Before(hidden=False)
    )

    assert statuses(run(target, Plan(PROJECT, TARGET, (change,)))) == {"update a": "done"}
    assert (target.operations, target.expected) == ([f"own a for {PROJECT}"], [change.before])


def test_a_renamed_environment_stays_active_if_its_new_name_is_not_created(
    target: Recorder,
) -> None:
    run(target, planned(target, declared("a", "1"), at("other/b.yml", "b")))
    target.fails = {"create a-new:1"}

    # `a` was renamed in its file. `b` was deleted in another directory.
    outcomes = run(target, planned(target, declared("a-new", "1")))

    assert statuses(outcomes) == {
        "create a-new:1": "failed",
        "archive a": "skipped",
        "archive b": "done",
    }
    (skipped,) = [item for item in outcomes if item.status == "skipped"]
    assert skipped.error == (
        "a-new:1 was not created, and may be the new name of a: the files of both names are in "
        "environments"
    )
    target.fails = set()
    assert statuses(run(target, planned(target, declared("a-new", "1")))) == {
        "create a-new:1": "done",
        "archive a": "done",
    }


def test_a_renamed_environment_stays_active_if_its_new_name_is_rejected(target: Recorder) -> None:
    run(target, planned(target, declared("a", "1"), declared("taken", "1")))
    foreign = replace(POLICY, project="other")
    run(target, planned(target, declared("theirs", "1"), policy=foreign))

    plan = planned(target, declared("theirs", "2"), declared("taken", "1"))
    outcomes = list(apply(plan, target, skip_rejected=True))

    assert [item.code for item in plan.rejections] == ["foreign-owner"]
    assert statuses(outcomes) == {"archive a": "skipped"}


@pytest.mark.parametrize(
    ("desired", "status"),
    [
        # The name in the file of `a` is now `b`. `b:1` is registered with other content.
        ([at("environments/a-1.yml", "b")], "skipped"),
        # The file declares another name and another version than before.
        ([replace(at("environments/a-1.yml", "b"), version="2")], "skipped"),
        # One of the two files of `a` declares `b` now, and the other file is gone.
        ([at("environments/a-2.yml", "b")], "skipped"),
        # The file of `a` is gone. Another file in the same directory has the rejection `immutable`.
        ([at("environments/b-1.yml", "b")], "done"),
    ],
)
def test_the_old_name_stays_active_if_the_version_under_the_new_name_is_rejected(
    target: Recorder, desired: list[Declaration], status: str
) -> None:
    before = [declared(name, version) for name in "ab" for version in "12"]
    run(target, planned(target, *before))

    plan = planned(target, *(replace(item, spec=image("2")) for item in desired))
    outcomes = list(apply(plan, target, skip_rejected=True))

    assert [item.code for item in plan.rejections] == ["immutable"]
    assert statuses(outcomes) == {"archive a": status}
    if status == "skipped":
        (new, file) = (plan.rejections[0].address, desired[0].source.file)
        assert outcomes[0].error == (
            f"{new} was rejected, and may be the new name of a: {file} declared a, and now "
            f"declares {new}"
        )


def test_the_archive_of_a_superseded_version_does_not_depend_on_other_names(
    target: Recorder,
) -> None:
    run(target, planned(target, declared("a", "1")))
    target.fails = {"create b:1"}
    policy = replace(POLICY, superseded="archive")
    plan = planned(target, declared("a", "2"), declared("b", "1"), policy=policy)

    assert statuses(run(target, plan)) == {
        "create a:2": "done",
        "create b:1": "failed",
        "archive a:1": "done",
    }


def test_a_failed_create_skips_later_versions_and_archives_of_its_name(target: Recorder) -> None:
    run(target, planned(target, declared("a", "1")))
    target.fails = {"create a:2"}
    policy = replace(POLICY, superseded="archive")
    plan = planned(
        target, declared("a", "2"), declared("a", "3"), declared("b", "1"), policy=policy
    )
    outcomes = run(target, plan)

    assert statuses(outcomes) == {
        "create a:2": "failed",
        "create a:3": "skipped",
        "create b:1": "done",
        "archive a:1": "skipped",
    }
    assert {item.error for item in outcomes if item.status == "skipped"} == {"create of a:2 failed"}


def test_a_failed_update_skips_no_other_change(target: Recorder) -> None:
    run(target, planned(target, declared("a", "1"), declared("a", "2")))
    target.fails = {"update a:2"}
    policy = replace(POLICY, superseded="archive")
    outcomes = run(target, planned(target, declared("a", "2", tags={"x": "1"}), policy=policy))

    assert statuses(outcomes) == {"update a:2": "failed", "archive a:1": "done"}


# Two steps come before the create: version 1, which no file declares, is archived so that it stays
# hidden. Then the environment is restored.
@pytest.mark.parametrize("failing", ["archive a:1", "restore a"])
def test_a_failed_restore_step_skips_the_other_changes_of_its_name(
    target: Recorder, failing: str
) -> None:
    run(target, planned(target, declared("a", "1"), declared("b", "1")))
    target.set_archived("a", None, archived=True)
    target.fails = {failing}
    outcomes = run(target, planned(target, declared("a", "2"), declared("b", "1")))

    left = statuses(outcomes)
    assert left.pop(failing) == "failed"
    assert left.pop("create a:2") == "skipped"
    assert target.read(["a"])["a"].archived


def test_a_restore_says_that_a_version_is_possibly_active_if_archiving_it_again_fails(
    target: Recorder,
) -> None:
    run(target, planned(target, declared("a", "1"), declared("b", "1")))
    target.set_archived("a", None, archived=True)
    plan = planned(target, declared("a", "2"), declared("b", "1"))

    def fail_after_the_restore() -> None:
        if "restore a" in target.operations:
            target.fails = {"archive a:1"}

    target.before = fail_after_the_restore
    outcomes = run(target, plan)

    assert [item.error for item in outcomes if item.status == "failed"] == [
        "The environment a is restored, but it is unknown whether its version 1 is still archived: "
        "archive a:1 fails in this test Run apply again."
    ]
    assert statuses(outcomes)["create a:2"] == "skipped"
    target.before, target.fails = lambda: None, set()
    run(target, planned(target, declared("a", "2"), declared("b", "1")))
    assert planned(target, declared("a", "2"), declared("b", "1")).is_empty


def test_changes_of_different_names_run_in_parallel(target: Recorder) -> None:
    """Each of four creates waits until all four have started, so a sequential apply cannot end."""
    # The timeout makes a sequential apply fail instead of hang.
    barrier = threading.Barrier(4, timeout=30)

    def wait() -> None:
        barrier.wait()

    target.before = wait
    outcomes = run(target, planned(target, *(declared(name, "1") for name in "abcd")), parallel=4)

    assert set(statuses(outcomes).values()) == {"done"}


def test_a_stopped_apply_finishes_started_changes_and_skips_the_others(target: Recorder) -> None:
    plan = planned(target, *(declared(f"e{number}", "1") for number in range(10)))
    outcomes = list(apply(plan, target, parallel=1, stop=lambda: len(target.operations) >= 3))

    assert [item.status for item in outcomes] == ["done"] * 3 + ["skipped"] * 7
    assert {item.error for item in outcomes[3:]} == {INTERRUPTED}
    assert len(target.read(None)) == 3


def test_closing_the_generator_stops_changes_that_have_not_started(target: Recorder) -> None:
    plan = planned(target, *(declared(f"e{number}", "1") for number in range(50)))
    outcomes = apply(plan, target, parallel=1)
    next(outcomes)
    outcomes.close()

    # Changes in progress are finished. Their number depends on timing.
    assert len(target.operations) < 50


def test_an_unexpected_exception_of_a_target_is_raised(target: Recorder) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    target.before = fail
    with pytest.raises(ZeroDivisionError):
        run(target, planned(target, declared("a", "1"), declared("b", "1")), parallel=2)


def test_a_plan_with_rejections_changes_nothing(target: Recorder) -> None:
    run(target, planned(target, declared("a", "1")))
    plan = planned(target, declared("a", "1", image("2")), declared("b", "1"))

    with pytest.raises(PlanRefused):
        run(target, plan)
    assert target.operations == []


def test_option_skip_rejected_leaves_out_every_change_of_a_rejected_name(target: Recorder) -> None:
    run(target, planned(target, declared("a", "1")))
    plan = planned(target, declared("a", "1", image("2")), declared("a", "2"), declared("b", "1"))
    outcomes = list(apply(plan, target, skip_rejected=True))

    assert statuses(outcomes) == {"create b:1": "done"}


def test_an_empty_plan_calls_no_operation_of_the_target(target: Recorder) -> None:
    assert run(target, planned(target)) == []
    assert target.operations == []


def test_outcomes_have_the_seconds_that_each_change_took(tmp_path: Path) -> None:
    target = Recorder(tmp_path / "local.db")
    target.fails = {"create b:1"}
    now = itertools.count()
    plan = make_plan([declared("a", "1"), declared("b", "1")], {}, POLICY, TARGET)

    outcomes = list(apply(plan, target, parallel=1, clock=lambda: float(next(now))))

    assert [(item.status, item.seconds) for item in outcomes] == [("done", 1.0), ("failed", 1.0)]


def test_skipped_and_unmeasured_changes_have_no_seconds(tmp_path: Path) -> None:
    plan = make_plan([declared("a", "1")], {}, POLICY, TARGET)
    skipped = apply(plan, Recorder(tmp_path / "a.db"), stop=lambda: True, clock=lambda: 0.0)
    unmeasured = apply(plan, Recorder(tmp_path / "b.db"))

    assert [item.seconds for item in (*skipped, *unmeasured)] == [None, None]
