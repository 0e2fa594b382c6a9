"""Workspaces on an emulator: the requests of a plan, the checks of a write, and error messages."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest
from msgspec.structs import replace

from envsync.model.canonical import JSON
from envsync.model.environment import Build, BuildContext, EnvironmentKey, EnvironmentSpec, Metadata
from envsync.model.errors import PossiblyActive, TargetError
from envsync.model.provenance import Provenance
from envsync.project.context.scan import scan_context
from envsync.project.settings.targets import TargetKind
from envsync.targets.azure.fresh_reads import FreshReads
from envsync.targets.azure.recent_writes import RecentWrites
from envsync.targets.azure.resources import Resources
from envsync.targets.azure.version_writer import VersionWriter
from envsync.targets.azure.wire import Resource
from envsync.targets.connection import Connection
from tests.command import envsync
from tests.targets.azure.in_process import in_process
from tests.targets.azure.on_emulator import READER, Azure, asked, azure, put, require_azurite
from tests.targets.contract import (
    OURS,
    container,
    environment,
    flags,
    registered,
)

OWNER = "churn-models"
WRITER = "No permission to write .* ask for the role AzureML Data Scientist on the workspace ws-"
OWNED: dict[str, JSON] = {"envsync.owner": OWNER}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with in_process(tmp_path_factory.mktemp("azure"), workspaces=21) as service:
        yield service


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with azure(tmp_path_factory.mktemp("network"), workspaces=12) as network:
        yield network


class TestRequestsOfAPlan:
    def test_a_plan_reads_two_lists_and_the_versions_of_each_environment(
        self, tmp_path: Path
    ) -> None:
        # With this page size, each list has one page.
        with in_process(tmp_path, page_size=1000) as service, service.target("workspace") as target:
            with ThreadPoolExecutor(16) as pool:
                for number in range(40):
                    pool.submit(put, target, f"owned-{number}", tags={"envsync.owner": OWNER})
                for number in range(20):
                    pool.submit(put, target, f"foreign-{number}", tags={"envsync.owner": "other"})
            with ThreadPoolExecutor(16) as pool:
                for number in range(40):
                    body: dict[str, JSON] = {"properties": {"tags": OWNED, "isArchived": False}}
                    pool.submit(target.endpoint.resources.put_container, f"owned-{number}", body)
            before = len(service.requests())

            state = target.read([f"owned-{number}" for number in range(20)], OWNER)

            assert len(state) == 40
            assert asked(service, before) == {"GET containers": 2, "GET versions": 40}

    def test_a_plan_sends_one_request_for_each_page_of_a_list(self, tmp_path: Path) -> None:
        with in_process(tmp_path, page_size=4) as service, service.target("workspace") as target:
            for number in range(10):
                put(target, f"foreign-{number}")
                put(target, "declared", str(number))
            target.endpoint.resources.put_container("foreign-0", {"properties": {"tags": OWNED}})
            before = len(service.requests())

            state = target.read(["declared"], "other")

            # Each of the two lists has 14 environments (3 of them curated) on 4 pages. The list of
            # 10 versions has 3 pages.
            assert len(state["declared"].versions) == 10
            assert asked(service, before) == {"GET containers": 8, "GET versions": 3}

    def test_a_read_sends_one_request_for_each_absent_name(self, service: Azure) -> None:
        with service.target("workspace") as target:
            before = len(service.requests())

            assert target.read(["a", "b"], OWNER) == {}

            assert asked(service, before) == {"GET containers": 2, "GET versions": 2}

    def test_a_read_reports_its_progress(self, service: Azure) -> None:
        told: list[tuple[int, int]] = []
        blocks: list[str] = []

        @contextmanager
        def reading() -> Iterator[Callable[[int, int], None]]:
            blocks.append("begins")
            yield lambda done, total: told.append((done, total))
            blocks.append("ends")

        with service.target("workspace", Connection(reading=reading)) as target:
            put(target, "a", tags=OWNED)
            target.read(["a", "b"], OWNER)

        assert blocks == ["begins", "ends"]
        assert told[:3] == [(0, 2), (1, 2), (2, 2)]

    def test_an_empty_read_sends_no_request(self, service: Azure) -> None:
        with service.target("workspace") as target:
            before = len(service.requests())

            assert target.read([]) == {}

            assert asked(service, before) == {}

    def test_the_setting_parallel_limits_concurrent_requests(self, tmp_path: Path) -> None:
        with (
            azure(tmp_path, latency_ms=20) as service,
            service.target("workspace", Connection(parallel=3)) as target,
        ):
            most, now, lock = 0, 0, threading.Lock()
            send = target.endpoint.resources.rest._send

            def counted(*arguments: Any) -> Any:
                nonlocal most, now
                with lock:
                    now += 1
                    most = max(most, now)
                try:
                    return send(*arguments)
                finally:
                    with lock:
                        now -= 1

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(target.endpoint.resources.rest, "_send", counted)
                target.read([f"absent-{number}" for number in range(20)])

            assert most == 3

    def test_a_plan_imports_no_sdk(self, network: Azure) -> None:
        config = network.config("workspace")
        code = (
            "import sys; from pathlib import Path; from envsync.targets.kinds import open_target;"
            "from envsync.project.settings.targets import TargetConfig;"
            f"target = open_target(TargetConfig('dev', 'workspace', {dict(config.settings)!r}), "
            "Path()); assert target.read(['pydata'], 'me') == {}; target.close();"
            "print([name for name in sys.modules if name.startswith('azure.ai')])"
        )

        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

        assert (done.stdout, done.stderr) == ("[]\n", "")

    def test_a_create_sends_three_requests_and_two_more_for_a_new_owner(
        self, network: Azure
    ) -> None:
        with network.target("workspace") as target:
            target.read(["pydata"], OWNER)
            before = len(network.requests())
            target.create(environment(version="1"))
            first = asked(network, before)
            before = len(network.requests())
            target.create(environment(version="2"))
            second = asked(network, before)

        # The version is read just before the PUT and after the PUT. A new owner
        # becomes a tag of the container, and the lists show whether the container is archived.
        version = {"GET version": 2, "PUT version": 1}
        container = {"GET containers": 2, "GET container": 1, "PUT container": 1}
        assert first == {**version, **container}
        assert second == version


class TestOwners:
    def test_an_environment_of_several_projects_is_found_by_each_project(
        self, service: Azure
    ) -> None:
        config = service.config("workspace")
        with service.open(config) as target:
            for number, owner in enumerate(("one", "two", "three")):
                provenance = Provenance(owner=owner)
                target.create(environment(version=str(number), provenance=provenance))

        with service.open(config) as target:
            found = [target.read([], owner).keys() for owner in ("one", "two", "three", "four")]

        assert found == [{"pydata"}, {"pydata"}, {"pydata"}, set()]

    def test_a_container_with_an_owner_tag_but_without_an_owned_version_is_not_found(
        self, service: Azure
    ) -> None:
        with service.target("workspace") as target:
            put(target, "pydata", tags={"envsync.owner": "other"})
            target.endpoint.resources.put_container("pydata", {"properties": {"tags": OWNED}})

            assert target.read([], OWNER) == {}

    def test_other_tags_on_the_environment_are_kept(self, service: Azure) -> None:
        with service.target("workspace") as target:
            body = {"properties": {"tags": {"cost": "7"}, "description": "Ours."}}
            target.endpoint.resources.put_container("pydata", body)  # type: ignore[arg-type]

            target.create(environment())

            held = target.endpoint.resources.container("pydata")
            assert held is not None
            assert held.tags == {"cost": "7", **OWNED}
            assert held.description == "Ours."

    @pytest.mark.parametrize("container_tags", ["keep", "drop", "refuse"])
    def test_owned_environments_are_found_without_owner_tags(
        self, tmp_path: Path, container_tags: str
    ) -> None:
        with in_process(tmp_path, container_tags=container_tags) as service:
            config = service.config("workspace")
            with service.open(config) as target:
                for name in ("a", "b"):
                    target.create(environment(name))
                put(target, "theirs", tags={"envsync.owner": "other"})
                put(target, "nobodys")
            with service.open(config) as target:
                found = [target.read(names, OWNER) for names in ([], ["a"], ["new"])]

        assert [state.keys() for state in found] == [{"a", "b"}] * 3

    def test_versions_are_not_read_if_a_container_has_an_owner_tag(self, tmp_path: Path) -> None:
        with in_process(tmp_path) as service, service.target("workspace") as target:
            target.create(environment("theirs", provenance=Provenance(owner="other")))
            for number in range(5):
                put(target, f"nobodys-{number}")
            before = len(service.requests())

            target.read(["new"], OWNER)

            # One owner tag shows that the service keeps container tags, so the versions of
            # "nobodys-0" to "nobodys-4" are not read. "theirs" is read, because this process has
            # just written "theirs".
            assert asked(service, before) == {"GET containers": 2, "GET versions": 2}

    def test_all_versions_are_read_if_an_owner_tag_is_missing(self, tmp_path: Path) -> None:
        with in_process(tmp_path) as service:
            config = service.config("workspace")
            with service.open(config) as target:
                for name in ("a", "b", "c"):
                    target.create(environment(name))
                for name in ("a", "b"):
                    bare: dict[str, JSON] = {"properties": {"tags": {}}}
                    target.endpoint.resources.put_container(name, bare)
            with service.open(config) as target:
                state = target.read(["a"], OWNER)

        assert state.keys() == {"a", "b", "c"}

    @pytest.mark.parametrize("archived", [True, False], ids=["archive", "restore"])
    def test_archive_and_restore_work_if_the_service_refuses_container_tags(
        self, tmp_path: Path, archived: bool
    ) -> None:
        state = tmp_path / "emulator.db"
        with in_process(tmp_path, state=state) as service, service.target("workspace") as target:
            target.create(environment())
            target.set_archived("pydata", None, not archived)
            held = target.endpoint.resources.container("pydata")
        with (
            in_process(tmp_path, state=state, container_tags="refuse") as service,
            service.target("workspace") as target,
        ):
            target.set_archived("pydata", None, archived)

            assert held is not None
            assert held.tags == OWNED
            assert flags(target)[None] == archived


class TestContainerState:
    """envsync finds archived containers in two lists.

    The GET of a container does not show the archived state.
    """

    @pytest.mark.parametrize("archived_entry", ["true", "false"])
    @pytest.mark.parametrize("container_get", ["recorded", "stored"])
    def test_every_request_to_archive_or_restore_is_sent_and_takes_effect(
        self, tmp_path: Path, container_get: str, archived_entry: str
    ) -> None:
        answers: dict[str, Any] = {
            "container_get": container_get,
            "archived_entry": archived_entry,
        }
        with in_process(tmp_path, **answers) as service:
            config = service.config("workspace")
            found = []
            with service.open(config) as target:
                target.create(environment())
            for archived in (True, True, False, False):
                before = len(service.requests())
                with service.open(config) as target:
                    target.set_archived("pydata", None, archived)
                with service.open(config) as target:
                    found.append((flags(target)[None], asked(service, before)["PUT container"]))

        # Every call must send a PUT even if the state seems right, because a GET can show the wrong
        # state.
        assert found == [(True, 1), (True, 1), (False, 1), (False, 1)]

    @pytest.mark.parametrize("container_get", ["recorded", "stored"])
    def test_writing_the_owner_tag_does_not_restore_an_environment(
        self, tmp_path: Path, container_get: str
    ) -> None:
        with in_process(tmp_path, container_get=container_get) as service:
            config = service.config("workspace")
            with service.open(config) as target:
                put(target, "pydata", tags={"team": "churn"})
                target.set_archived("pydata", None, True)
            with service.open(config) as target:
                target.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS)
                held = target.endpoint.resources.container("pydata")
            with service.open(config) as target:
                state = flags(target)

        assert held is not None
        assert held.tags == OWNED
        assert state[None]

    @pytest.mark.parametrize("marked", [True, False], ids=["marked", "unmarked"])
    def test_an_environment_archived_after_the_plan_stays_archived(
        self, service: Azure, monkeypatch: pytest.MonkeyPatch, marked: bool
    ) -> None:
        # With the value 0, the lists of the plan are too old for a write, as if the user confirmed
        # the plan much later.
        monkeypatch.setattr("envsync.targets.azure.fresh_reads._BELIEVED", 0.0)
        config = service.config("workspace")
        with service.open(config) as ours, service.open(config) as theirs:
            if marked:
                theirs.create(environment())
            else:
                put(theirs, "pydata", tags=OWNED)
            ours.read(["pydata"], OWNER)
            theirs.set_archived("pydata", None, True)

            ours.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS)

            read_again = flags(ours)
        with service.open(config) as other:
            assert (read_again[None], flags(other)[None]) == (True, True)

    def test_stale_reads_do_not_restore_separately_archived_versions(self, tmp_path: Path) -> None:
        with in_process(tmp_path, restore="all", stale_get_seconds=0.4) as service:
            config = service.config("workspace")
            with service.open(config) as target:
                for version in ("1", "2"):
                    put(target, "pydata", version)
                time.sleep(0.5)
                target.set_archived("pydata", "2", True)
                target.set_archived("pydata", None, True)
            time.sleep(0.5)
            with service.open(config) as target:
                target.set_archived("pydata", None, False)
                target.set_archived("pydata", "2", True)  # as `apply` does
            time.sleep(0.5)
            with service.open(config) as other:
                assert flags(other) == {None: False, "1": False, "2": True}

    def test_a_container_created_between_the_two_lists_is_active(self, service: Azure) -> None:
        with service.target("workspace") as target:
            put(target, "old")
            listed = Resources.containers

            def with_a_new_one(resources: Resources, view: Any) -> Iterator[Resource]:
                yield from listed(resources, view)
                if view == "All":
                    put(target, "new")

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Resources, "containers", with_a_new_one)
                state = target.read(["old", "new"])

        assert {name: item.archived for name, item in state.items()} == {"old": False, "new": False}

    def test_old_lists_are_read_again_before_a_write(self, service: Azure) -> None:
        listed, lists = Resources.containers, []

        def missing_once(resources: Resources, view: Any) -> Iterator[Resource]:
            lists.append(view)
            for item in listed(resources, view):
                # Omit the container from the second list, which contains the active containers, so
                # that the container looks archived.
                if item.name != "pydata" or len(lists) != 2:
                    yield item

        recent = RecentWrites(0)
        # Each call of the clock adds 20 seconds, so the first listing is older than `_BELIEVED`.
        clock = iter(float(seconds) for seconds in range(0, 1000, 20))
        with service.target("workspace") as target:
            put(target, "pydata")
            fresh = FreshReads(target.endpoint.resources, recent, clock=lambda: next(clock))
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Resources, "containers", missing_once)
                first = fresh.listing().archived("pydata")
                second = fresh.archived("pydata")

        assert (first, second) == (True, False)

    def test_settle_waits_for_stale_lists(self, tmp_path: Path) -> None:
        with in_process(tmp_path, list_lag_seconds=1.5) as service:
            config = service.config("workspace")
            with service.open(config) as target:
                target.create(environment())
                # Wait until the lists show the new environment. When `settle` starts, the lists do
                # not show yet that the environment is archived.
                time.sleep(1.6)
                before = flags(target)[None]
                target.set_archived("pydata", None, True)
                told: list[Collection[str]] = []
                target.settle(told.append)
            with service.open(config) as other:
                after = flags(other)[None]

        assert (before, after) == (False, True)
        assert told
        assert set(map(tuple, told)) == {("pydata",)}

    def test_settle_does_not_wait_if_no_archived_state_changed(self, service: Azure) -> None:
        with service.target("workspace") as target:
            target.read(["pydata"], OWNER)
            target.create(environment())
            before = len(service.requests())

            target.settle(lambda names: pytest.fail(f"waits for {names}"))

            assert len(service.requests()) == before

    def test_settle_forgets_a_state_that_lists_never_show(self, service: Azure) -> None:
        clock = iter(float(seconds) for seconds in range(0, 10_000, 5))
        recent = RecentWrites(0, clock=lambda: 0.0)
        slept: list[float] = []
        with service.target("workspace") as target:
            put(target, "pydata")
            recent.note("pydata", None, Resource("pydata", {"isArchived": True}))
            fresh = FreshReads(
                target.endpoint.resources, recent, clock=lambda: next(clock), sleep=slept.append
            )

            fresh.settle(lambda _names: None)

        assert recent.containers() == {}
        assert slept

    @pytest.mark.parametrize(("change", "wait"), [(0.25, 0.25), (90.0, 2.0)])
    def test_settle_waits_for_late_writes_of_other_clients(
        self, service: Azure, change: float, wait: float
    ) -> None:
        now = 0.0
        slept: list[float] = []

        def sleep(seconds: float) -> None:
            nonlocal now
            now += seconds
            slept.append(seconds)

        recent = RecentWrites(0, clock=lambda: now)
        for seconds in (change, change / 2):
            with recent.timed():
                now += seconds
        with service.target("workspace") as target:
            fresh = FreshReads(target.endpoint.resources, recent, clock=lambda: now, sleep=sleep)

            fresh.settle(lambda _names: None)
            fresh.settle(lambda _names: None)

        assert slept == [wait]

    @pytest.mark.parametrize("when", ["before the read", "during the wait"])
    def test_stop_ends_the_waits_of_fresh_reads(self, service: Azure, when: str) -> None:
        with service.target("workspace") as target:
            put(target, "pydata")
            recent = RecentWrites(stale=3600)
            fresh = FreshReads(target.endpoint.resources, recent)
            never = Resource("pydata", {"isArchived": True})
            reads: list[Callable[[], object]] = [
                lambda: fresh.version("pydata", "none", must_exist=True),
                lambda: fresh.written("pydata", "none", never, wait=True),
                lambda: fresh.shows_archived("pydata", True, wait=True),
            ]
            if when == "before the read":
                fresh.stop()
                found = [read() for read in reads]
            else:
                with ThreadPoolExecutor(3) as pool:
                    running = [pool.submit(read) for read in reads]
                    assert not wait(running, timeout=0.3).done
                    fresh.stop()
                    found = [item.result() for item in running]
            recent.note("pydata", None, never)
            fresh.settle(lambda names: pytest.fail(f"waits for {names}"))

        assert found == [None, False, False]
        assert recent.containers() == {}

    def test_settle_does_not_wait_without_a_write(self, service: Azure) -> None:
        with service.target("workspace") as target:
            fresh = FreshReads(
                target.endpoint.resources,
                RecentWrites(0),
                sleep=lambda seconds: pytest.fail(f"waits {seconds} seconds"),
            )

            fresh.settle(lambda _names: None)


class TestStaleGet:
    """A GET of a version can be stale right after a PUT (recorded once, in 2022-03)."""

    @pytest.mark.parametrize("kind", ["workspace", "registry"])
    def test_a_stale_get_is_not_a_failure(self, tmp_path: Path, kind: TargetKind) -> None:
        with in_process(tmp_path, stale_get_seconds=0.4) as service, service.target(kind) as target:
            target.create(environment(version="1"))
            target.create(environment(version="2"))
            target.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS)
            target.set_archived("pydata", "1", True)
            target.update(EnvironmentKey("pydata", "1"), Metadata("Newer."), OURS, restore=True)

            held = registered(target)
            assert (held.environment.metadata, held.archived) == (Metadata("Newer."), False)

    def test_archiving_a_version_keeps_an_earlier_update(self, tmp_path: Path) -> None:
        with (
            in_process(tmp_path, stale_get_seconds=0.4) as service,
            service.target("workspace") as target,
        ):
            put(target, "pydata", tags=OWNED)
            time.sleep(0.5)
            target.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS)
            target.set_archived("pydata", "1", True)

            held = registered(target)
            assert (held.environment.metadata, held.archived) == (Metadata("New."), True)

    def test_an_ignored_change_is_reported_after_the_stale_time(self, tmp_path: Path) -> None:
        with (
            in_process(tmp_path, registry_metadata="ignore") as service,
            service.target("registry", Connection(stale=0.5)) as target,
        ):
            target.create(environment())

            with pytest.raises(TargetError, match="accepted the change of pydata:1 and ignored it"):
                target.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS)

    def test_the_response_to_a_put_shows_ignored_fields_at_once(self, tmp_path: Path) -> None:
        with in_process(tmp_path, tags="merge") as service, service.target("workspace") as target:
            target.create(environment())
            before = len(service.requests())

            with pytest.raises(TargetError, match="service kept a tag of pydata:1"):
                target.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS)

            assert asked(service, before)["GET version"] == 1


class TestTraps:
    """Failures of a client that trusts the service or its SDK."""

    def test_an_update_keeps_unknown_fields(self, service: Azure) -> None:
        extra = {"a": "b"}
        with service.target("workspace") as target:
            put(target, "pydata", tags={"goes": "1"}, properties=extra, autoRebuild="Disabled")
            before = target.endpoint.resources.version("pydata", "1")

            target.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS)

            after = target.endpoint.resources.version("pydata", "1")
        assert before is not None
        assert after is not None
        changed = {"description": "New.", "tags": OURS.as_tags()}
        assert dict(after.properties) == {**before.properties, **changed}

    def test_a_label_of_the_service_does_not_make_a_version_differ(self, service: Azure) -> None:
        config = service.config("workspace")
        with service.open(config) as target:
            target.create(environment(version="1"))
            before = registered(target)
            target.create(environment(version="2"))
            target.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS)
            held = target.endpoint.resources.version("pydata", "1")
            after = registered(target)

        assert held is not None
        # The service removes the label `latest` when a newer version is created.
        assert held.properties["properties"] == {"azureml.labels": ""}
        assert replace(after, environment=before.environment) == before

    def test_archiving_a_version_keeps_numbers_in_its_tags(self, tmp_path: Path) -> None:
        tags: dict[str, JSON] = {"cost": 4711, "ratio": 1.5, "gpu": True, "text": "1"}
        with (
            in_process(tmp_path, numeric_tags="number") as service,
            service.target("workspace") as target,
        ):
            put(target, "pydata", tags=tags)
            target.set_archived("pydata", "1", True)
            held = target.endpoint.resources.version("pydata", "1")

        assert held is not None
        assert held.properties["tags"] == tags
        assert held.tags == {"cost": "4711", "ratio": "1.5", "gpu": "true", "text": "1"}

    def test_an_update_is_written_even_if_it_seems_unnecessary(self, service: Azure) -> None:
        with service.target("workspace") as target:
            target.create(environment())
            before = len(service.requests())

            target.update(EnvironmentKey("pydata", "1"), environment().metadata, OURS)

            assert asked(service, before)["PUT version"] == 1

    def test_a_read_includes_own_writes_that_lists_lack(self, tmp_path: Path) -> None:
        with in_process(tmp_path, list_lag_seconds=30.0) as service:
            with service.target("workspace") as target:
                target.create(environment(version="1"))
                target.create(environment(version="2"))
                target.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS)
                target.set_archived("pydata", "2", True)

                by_name, by_owner = target.read(["pydata"], OWNER), target.read([], OWNER)

            held = {item.version: item for item in by_name["pydata"].versions}
            assert by_name == by_owner
            assert held["1"].environment.metadata == Metadata("New.")
            assert {key: item.archived for key, item in held.items()} == {"1": False, "2": True}

    def test_restoring_an_environment_keeps_separately_archived_versions(
        self, tmp_path: Path
    ) -> None:
        with in_process(tmp_path, restore="all") as service, service.target("workspace") as target:
            for version in ("1", "2", "3"):
                target.create(environment(version=version))
            target.set_archived("pydata", "2", True)
            target.set_archived("pydata", None, True)

            target.set_archived("pydata", None, False)

            assert flags(target) == {None: False, "1": False, "2": True, "3": False}

    def test_a_restore_says_which_version_is_possibly_active_if_archiving_it_again_fails(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with in_process(tmp_path, restore="all") as service, service.target("workspace") as target:
            for version in ("1", "2"):
                target.create(environment(version=version))
            target.set_archived("pydata", "2", True)
            target.set_archived("pydata", None, True)

            def refuse(*_: object) -> NoReturn:
                raise TargetError("The service is busy.")

            monkeypatch.setattr(VersionWriter, "set_version", refuse)
            with pytest.raises(PossiblyActive) as caught:
                target.set_archived("pydata", None, False)

            assert str(caught.value) == (
                "The environment pydata is restored, but it is unknown whether its version 2 is "
                "still archived: The service is busy. Run apply again."
            )

    def test_the_latest_version_is_the_version_created_last(self, service: Azure) -> None:
        with service.target("workspace") as target:
            # "1" is the newest version, but not the highest or the last in alphabetical order.
            for version in ("2", "10", "1"):
                put(target, "pydata", version)

            assert container(target).latest == "1"

    def test_the_next_version_of_the_service_can_be_a_timestamp(self, tmp_path: Path) -> None:
        with (
            in_process(tmp_path, next_version="timestamp") as service,
            service.target("workspace") as target,
        ):
            put(target, "pydata")

            assert not container(target).next_version.isdecimal()

    def test_refused_content_fails_with_the_services_reason(self, tmp_path: Path) -> None:
        # Python 3.7 is no longer supported. In one recording (2023-04-13), the service refused a
        # conda file with Python 3.7.
        conda = '{"dependencies":["python=3.7.6"]}'
        declared = environment()
        declared = replace(declared, spec=replace(declared.spec, conda_file=conda))
        with (
            in_process(tmp_path, end_of_life_python="refuse") as service,
            service.target("workspace") as target,
            pytest.raises(TargetError, match=r"NewRecommendedPythonVersions.*end-of-life"),
        ):
            target.create(declared)


class TestBuildContexts:
    @pytest.fixture
    def context(self, tmp_path: Path) -> BuildContext:
        require_azurite()
        directory = tmp_path / "docker"
        # Add an empty directory, because azure-ai-ml's hash includes empty directories.
        (directory / "empty").mkdir(parents=True)
        (directory / "Dockerfile").write_bytes(b"FROM a\n")
        (directory / ".amlignore").write_bytes(b"*.log\n")
        (directory / "run.log").write_bytes(b"1")
        return scan_context(directory, tmp_path).context

    def test_an_upload_has_the_hash_and_name_of_azure_ai_ml(
        self, network: Azure, context: BuildContext
    ) -> None:
        spec = EnvironmentSpec(build=Build(context))
        with network.target("workspace") as target:
            target.create(environment(spec=spec, provenance=Provenance(owner=OWNER)))

            held = target.endpoint.resources.version("pydata", "1")
            build = registered(target).environment.spec.build

        assert held is not None
        assert (held.context_uri or "").endswith("/docker/")
        assert build is not None
        assert isinstance(build.context, BuildContext)
        # The context in the plan has hashes of two functions, because releases of azure-ai-ml
        # compute different hashes.
        assert build.context.uploads.items() < context.uploads.items()

    def test_an_upload_prints_nothing(
        self, network: Azure, context: BuildContext, capfd: pytest.CaptureFixture[str]
    ) -> None:
        spec = EnvironmentSpec(build=Build(context))
        with network.target("workspace") as target:
            target.create(environment(spec=spec, provenance=replace(OURS, digest=spec.digest)))

        assert capfd.readouterr() == ("", "")

    def test_changed_content_on_disk_is_not_uploaded(
        self, network: Azure, context: BuildContext
    ) -> None:
        Path(str(context.directory), "Dockerfile").write_bytes(b"FROM b\n")
        with network.target("workspace") as target:
            before = len(network.requests())

            with pytest.raises(TargetError, match=r"changed on disk.*Dockerfile"):
                target.create(environment(spec=EnvironmentSpec(build=Build(context))))

            # The create fails before azure-ai-ml is called. Only the two reads of the version are
            # sent, before and after the create.
            assert asked(network, before) == {"GET version": 2}


class TestFailures:
    @pytest.mark.parametrize("fault", ["429", "500", "503", "reset"])
    def test_a_temporary_failure_is_retried(self, tmp_path: Path, fault: str) -> None:
        faults = ((fault, 0.2),)
        with azure(tmp_path, faults=faults, fault_seed=7) as service:
            config = service.config("workspace")
            with service.open(config) as target:
                for version in ("1", "2"):
                    target.create(environment(version=version))
                target.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS)

                assert [item.version for item in container(target).versions] == ["1", "2"]

    def test_a_create_with_a_lost_response_succeeds(self, tmp_path: Path) -> None:
        faults = (("drop-after-commit", 0.4),)
        with (
            azure(tmp_path, faults=faults, fault_seed=3) as service,
            service.target("workspace") as target,
        ):
            for version in ("1", "2", "3"):
                target.create(environment(version=version))

            held = container(target).versions
        assert [item.environment for item in held] == [
            environment(version=version) for version in ("1", "2", "3")
        ]

    def test_a_throttled_read_succeeds_with_few_refused_requests(self, tmp_path: Path) -> None:
        with in_process(tmp_path, throttle="arm") as service, service.target("workspace") as target:
            # The 320 names need more reads than the 250 that the token bucket allows.
            state = target.read([f"absent-{number}" for number in range(320)])

            refused = [item for item in service.requests() if item["status"] == 429]

        assert state == {}
        assert len(refused) < 10

    def test_a_refused_list_of_versions_is_not_an_empty_list(self, tmp_path: Path) -> None:
        with (
            in_process(tmp_path, faults=(("401", 1.0),)) as service,
            service.target("workspace") as target,
            pytest.raises(TargetError, match="does not accept the sign-in"),
        ):
            target.endpoint.resources.versions("pydata")

    def test_the_reader_role_can_plan_but_not_write(
        self, network: Azure, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = network.config("workspace")
        with network.open(config) as target:
            target.create(environment())
            target.create(environment("archived"))
            target.set_archived("archived", "1", True)
        monkeypatch.setenv("AZURE_CLIENT_SECRET", READER)
        with network.open(config) as target:
            assert target.read([], OWNER).keys() == {"pydata", "archived"}
            with pytest.raises(TargetError, match=WRITER):
                target.create(environment(version="2"))
            with pytest.raises(TargetError, match=WRITER):
                target.update(EnvironmentKey("pydata", "1"), Metadata(), OURS)
            for version in ("1", None):
                with pytest.raises(TargetError, match=WRITER):
                    target.set_archived("pydata", version, True)
            with pytest.raises(TargetError, match=WRITER):
                target.set_archived("archived", "1", False)

    def test_the_error_contains_the_name_of_an_absent_workspace(self, network: Azure) -> None:
        with (
            network.target("workspace", workspace="absent") as target,
            pytest.raises(TargetError, match=r"no workspace absent in this resource group"),
        ):
            target.read(None)

    def test_a_network_failure_is_reported_on_one_line(
        self, network: Azure, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HTTPS_PROXY", "https_proxy"):
            # Port 9 ("discard") has no listener on any usual machine.
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        with (
            network.target("workspace", credential="environment") as target,
            pytest.raises(TargetError, match=r"cannot be reached") as caught,
        ):
            target.read(None)
        assert "\n" not in str(caught.value)

    def test_an_untrusted_proxy_is_explained(
        self, network: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        import trustme

        other = tmp_path / "other.pem"
        trustme.CA().cert_pem.write_to_path(str(other))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
        with (
            network.target("workspace", credential="environment") as target,
            pytest.raises(TargetError, match=r"not trusted: .*REQUESTS_CA_BUNDLE"),
        ):
            target.read(None)


class TestRequestLog:
    def test_requests_are_logged_without_secrets(self, network: Azure, tmp_path: Path) -> None:
        log = tmp_path / "http.jsonl"
        with network.target("workspace", Connection(debug_http=log)) as target:
            target.create(environment())
            target.read(["pydata"])

        text = log.read_text(encoding="utf-8")
        lines = [json.loads(line) for line in text.splitlines()]
        assert {"GET", "PUT"} == {line["method"] for line in lines}
        assert any(line["status"] == 201 for line in lines)
        assert "Bearer" not in text
        assert "Authorization" not in text

    def test_the_error_contains_the_path_of_a_log_that_cannot_be_written(
        self, network: Azure, tmp_path: Path
    ) -> None:
        path = tmp_path / "absent" / "http.jsonl"
        with (
            pytest.raises(TargetError, match=r"http.jsonl cannot be written"),
            network.target("workspace", Connection(debug_http=path)),
        ):
            pass


class TestCommandLine:
    def test_a_project_is_planned_and_applied(self, network: Azure, tmp_path: Path) -> None:
        require_azurite()
        config = network.config("workspace")
        settings = "".join(f", {key}: {value!r}" for key, value in config.settings.items())
        (tmp_path / "envsync.yaml").write_text(
            f"project: e2e\ntargets:\n  dev: {{kind: workspace{settings}}}\n"
        )
        directory = tmp_path / "environments"
        (directory / "docker").mkdir(parents=True)
        (directory / "docker" / "Dockerfile").write_text("FROM python:3.12-slim\n")
        (directory / "built.yml").write_text(
            "name: built\ndescription: B.\nbuild: {path: docker}\n"
        )
        (directory / "base.yml").write_text(
            "name: base\ndescription: A.\nversion: '1'\nimage: mcr.microsoft.com/a:1\n"
            "conda_file: {channels: [nodefaults], dependencies: [python=3.12]}\n"
        )

        first = envsync("plan", "-t", "dev", "--detailed-exitcode", cwd=tmp_path)
        applied = envsync("apply", "-t", "dev", "--yes", cwd=tmp_path)
        again = envsync("plan", "-t", "dev", "--detailed-exitcode", cwd=tmp_path)
        (directory / "base.yml").unlink()
        archived = envsync("apply", "-t", "dev", "--yes", cwd=tmp_path)
        last = envsync("plan", "-t", "dev", "--detailed-exitcode", cwd=tmp_path)

        codes = [done.returncode for done in (first, applied, again, archived, last)]
        assert codes == [2, 0, 0, 0, 0], applied.stdout + applied.stderr + archived.stderr
        assert applied.stderr == ""
        with network.open(config) as target:
            state = target.read(None)
        assert not state["built"].archived
        assert state["base"].archived

    @pytest.mark.parametrize("container_tags", ["keep", "drop", "refuse"])
    def test_an_undeclared_environment_is_archived_even_if_its_owner_tag_is_missing(
        self, tmp_path: Path, container_tags: str
    ) -> None:
        directory = tmp_path / "environments"
        directory.mkdir()
        for name in ("base", "other"):
            (directory / f"{name}.yml").write_text(f"name: {name}\nimage: a:1\n")
        with in_process(tmp_path, container_tags=container_tags) as service, service.reached():
            config = service.config("workspace")
            settings = "".join(f", {key}: {value!r}" for key, value in config.settings.items())
            (tmp_path / "envsync.yaml").write_text(
                f"project: e2e\ntargets:\n  dev: {{kind: workspace{settings}}}\n"
            )
            applied = envsync("apply", "-t", "dev", "--yes", cwd=tmp_path)
            (directory / "base.yml").unlink()
            plan = envsync("plan", "-t", "dev", "--format", "json", cwd=tmp_path)

        found = json.loads(plan.stdout)
        changes = [(item["action"], item["name"]) for item in found["changes"]]
        assert applied.returncode == 0, applied.stdout
        assert (changes, found["warnings"]) == ([("archive", "base")], [])
