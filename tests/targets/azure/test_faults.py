"""Faults of the service between a plan and the end of its writes, on an emulator."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from envsync.model.before import Before
from envsync.model.declaration import Declaration
from envsync.model.environment import Build, EnvironmentKey, EnvironmentSpec, Metadata
from envsync.model.errors import TargetError
from envsync.model.policy import Policy
from envsync.plan.apply import apply
from envsync.plan.change import Action
from envsync.plan.outcome import unverified
from envsync.plan.plan import Plan
from envsync.plan.planner import make_plan
from envsync.project.settings.targets import TargetKind
from envsync.targets.azure.create import Creator
from envsync.targets.azure.resources import Resources
from envsync.targets.azure.target import AzureTarget
from envsync.targets.connection import Connection
from tests.builders import PROJECT, declared
from tests.targets.azure.in_process import in_process
from tests.targets.azure.on_emulator import Azure, azure, require_azurite
from tests.targets.contract import OURS, build_context, environment, flags, registered

KEY = EnvironmentKey("pydata", "1")
FAST = Connection(stale=0.2, time_limit=2.0, operation_limit=60.0)


@pytest.fixture
def service(tmp_path: Path) -> Any:
    with in_process(tmp_path) as service:
        yield service


def lose_answers(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """Makes each write of a kind succeed in the service, and fail for envsync."""
    put = getattr(Resources, method)

    def lost(self: Resources, *arguments: Any) -> None:
        put(self, *arguments)
        raise TargetError("the connection was closed")

    monkeypatch.setattr(Resources, method, lost)


KINDS: list[TargetKind] = ["workspace", "registry"]


@pytest.mark.parametrize("kind", KINDS)
class TestALostAnswer:
    def test_an_update_succeeds_although_its_response_is_lost(
        self, service: Azure, monkeypatch: pytest.MonkeyPatch, kind: TargetKind
    ) -> None:
        with service.target(kind, FAST) as target:
            target.create(environment())
            lose_answers(monkeypatch, "put_version")

            target.update(KEY, Metadata("New.", {"a": "1"}), OURS)

            assert registered(target).environment.metadata == Metadata("New.", {"a": "1"})

    def test_a_version_is_archived_and_restored_although_the_responses_are_lost(
        self, service: Azure, monkeypatch: pytest.MonkeyPatch, kind: TargetKind
    ) -> None:
        with service.target(kind, FAST) as target:
            target.create(environment())
            lose_answers(monkeypatch, "put_version")

            for archived in (True, False):
                target.set_archived("pydata", "1", archived)
                assert registered(target).archived is archived

    def test_an_environment_is_archived_and_restored_although_the_responses_are_lost(
        self, service: Azure, monkeypatch: pytest.MonkeyPatch, kind: TargetKind
    ) -> None:
        with service.target(kind, FAST) as target:
            target.create(environment())
            lose_answers(monkeypatch, "put_container")

            for archived in (True, False):
                target.set_archived("pydata", None, archived)
                assert flags(target)[None] is archived


def test_a_write_that_was_not_executed_is_reported_as_failed(
    service: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    with service.target("workspace", FAST) as target:
        target.create(environment())
        before = registered(target)

        def fail(*_: Any) -> None:
            raise TargetError("the connection was closed")

        monkeypatch.setattr(Resources, "put_version", fail)
        monkeypatch.setattr(Resources, "put_container", fail)

        with pytest.raises(TargetError, match="closed"):
            target.update(KEY, Metadata("New."), OURS)
        with pytest.raises(TargetError, match="closed"):
            target.set_archived("pydata", "1", True)
        with pytest.raises(TargetError, match="closed"):
            target.set_archived("pydata", None, True)
        assert registered(target) == before


def lose_reads_after(monkeypatch: pytest.MonkeyPatch, owner: type, method: str) -> None:
    """Makes all reads fail as soon as a write has succeeded."""
    write, written = getattr(owner, method), threading.Event()

    def writes(self: Any, *arguments: Any) -> Any:
        result = write(self, *arguments)
        written.set()
        return result

    monkeypatch.setattr(owner, method, writes)
    for name in ("containers", "versions", "container", "version"):
        read = getattr(Resources, name)

        def reads(self: Any, *arguments: Any, read: Any = read) -> Any:
            if written.is_set():
                raise TargetError("the connection was closed.")
            return read(self, *arguments)

        monkeypatch.setattr(Resources, name, reads)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", ["create", "update", "archive version", "archive environment"])
def test_the_error_of_a_write_that_cannot_be_checked_says_that_its_outcome_is_unknown(
    service: Azure, monkeypatch: pytest.MonkeyPatch, kind: TargetKind, change: str
) -> None:
    with service.target(kind, FAST) as target:
        target.create(environment())
        if change == "create":
            lose_reads_after(monkeypatch, Creator, "create")
            with pytest.raises(TargetError, match="unknown whether the change was made"):
                target.create(environment(version="2"))
        elif change == "update":
            lose_reads_after(monkeypatch, Resources, "put_version")
            with pytest.raises(TargetError, match="unknown whether the change was made"):
                target.update(KEY, Metadata("New."), OURS)
        elif change == "archive version":
            lose_reads_after(monkeypatch, Resources, "put_version")
            with pytest.raises(TargetError, match="unknown whether the change was made"):
                target.set_archived("pydata", "1", True)
        else:
            lose_reads_after(monkeypatch, Resources, "put_container")
            with pytest.raises(TargetError, match="pydata is archived, but it is unknown whether"):
                target.set_archived(
                    "pydata", None, True, Before(hidden=False, owners={"1": OURS.owner})
                )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("fault", "rate"), [("401", 0.2), ("close", 0.15)])
def test_changes_succeed_although_tokens_are_revoked_or_connections_are_cut_under_tls(
    tmp_path: Path, kind: TargetKind, fault: str, rate: float
) -> None:
    with (
        azure(tmp_path, workspaces=1, registries=1, faults=((fault, rate),), fault_seed=3) as found,
        found.target(kind) as target,
    ):
        for version in ("1", "2", "3"):
            target.create(environment(version=version))
        target.update(KEY, Metadata("New."), OURS)

        assert registered(target).environment.metadata == Metadata("New.")
        hit = [item for item in found.requests() if item["status"] in (401, None)]
    assert hit != []


def test_a_failed_operation_keeps_the_reason_of_the_service(tmp_path: Path) -> None:
    with (
        in_process(tmp_path, workspaces=0, faults=(("operation-fails", 1.0),)) as found,
        found.target("registry", FAST) as target,
        pytest.raises(TargetError, match=r"UserError.*its storage is not available"),
    ):
        target.create(environment())


def test_the_wait_for_an_operation_that_never_ends_has_a_configurable_limit(tmp_path: Path) -> None:
    with (
        in_process(tmp_path, workspaces=0, faults=(("operation-hangs", 1.0),)) as found,
        found.target("registry", FAST, operation_timeout="1") as target,
        pytest.raises(TargetError, match="is unfinished after 1 seconds"),
    ):
        target.create(environment())


def test_an_interruption_ends_the_wait_for_an_operation_that_never_ends(tmp_path: Path) -> None:
    with (
        in_process(tmp_path, workspaces=0, faults=(("operation-hangs", 1.0),)) as found,
        found.target("registry", FAST) as target,
    ):
        stopping = threading.Timer(1.0, target.stop)
        stopping.start()
        with pytest.raises(TargetError, match="was unfinished when the run was interrupted"):
            target.create(environment())
        stopping.join()


def test_an_upload_that_azurite_refuses_is_reported(tmp_path: Path) -> None:
    require_azurite()
    spec = EnvironmentSpec(build=Build(build_context(tmp_path / "a", {"Dockerfile": b"a"})))
    directory = tmp_path / "emulator"
    directory.mkdir()
    with (
        azure(directory, workspaces=1, registries=0, faults=(("refuse-upload", 1.0),)) as found,
        found.target("workspace") as target,
    ):
        with pytest.raises(TargetError, match="No permission to upload to the storage account"):
            target.create(environment(spec=spec))

        assert target.read(["pydata"]) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_a_create_that_ends_between_its_two_writes_is_completed_by_the_next_plan(
    service: Azure, monkeypatch: pytest.MonkeyPatch, kind: TargetKind
) -> None:
    config, declarations = service.config(kind), [declared("kept", "1"), declared("pydata", "1")]
    with service.open(config) as target:
        assert statuses(target, declarations[:1]) == ["done"]
        with monkeypatch.context() as patch:
            patch.setattr(Resources, "put_container", kill)
            (outcome,) = apply(planned(target, declarations), target)
    assert outcome.status == "failed"
    assert (outcome.error or "").startswith("The version is written, but it is unknown")
    with service.open(config) as target:
        plan = planned(target, declarations)
        assert [(item.action, item.scope, item.address) for item in plan.changes] == [
            (Action.UPDATE, "environment", "pydata")
        ]
        outcomes = list(apply(plan, target))
        assert unverified(outcomes, planned(target, declarations)) == ()
    with service.open(config) as target:
        assert planned(target, declarations).changes == ()
        # Without the mark, this plan would not find the version.
        plan = planned(target, declarations[:1])
    assert [(item.action, item.address) for item in plan.changes] == [(Action.ARCHIVE, "pydata")]


def kill(*_: Any) -> None:
    raise TargetError("the process ended")


def planned(target: AzureTarget, declarations: list[Declaration]) -> Plan:
    state = target.read({item.name for item in declarations}, PROJECT)
    policy = Policy(PROJECT, allow_mass_archive=True)
    return make_plan(declarations, state, policy, target.identity)


def statuses(target: AzureTarget, declarations: list[Declaration]) -> list[str]:
    return [item.status for item in apply(planned(target, declarations), target)]
