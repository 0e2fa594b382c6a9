"""The local target: the contract of every target, the files on disk, and the history."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import NoReturn

import pytest

from envsync.model.canonical import JSON
from envsync.model.environment import Build, Environment, EnvironmentKey, EnvironmentSpec, Metadata
from envsync.model.errors import TargetError
from envsync.model.history import HistoryAction, HistoryEntry
from envsync.model.provenance import Provenance
from envsync.model.target import KeepsHistory, Target, TargetIdentity
from envsync.project.settings.targets import TargetConfig
from envsync.targets.kinds import open_target
from envsync.targets.local.target import LocalTarget, current_actor
from envsync.targets.local.translation import new_version
from tests.targets.contract import (
    IMAGE,
    OURS,
    TargetContract,
    build_context,
    container,
    environment,
    registered,
)

IDENTITY = TargetIdentity("local", "local", ".envsync/local.db")
NOON = datetime(2024, 5, 17, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".envsync" / "local.db"


@pytest.fixture
def target(path: Path) -> Iterator[LocalTarget]:
    target = LocalTarget(path, IDENTITY, actor="ada", clock=lambda: NOON)
    yield target
    target.close()


def tree(directory: Path) -> dict[str, bytes | None]:
    """Returns every path below a directory, with the content of files and None for directories."""
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None
        for path in directory.rglob("*")
    }


class TestLocalTargetContract(TargetContract):
    @pytest.fixture
    def target(self, path: Path) -> Iterator[Target]:
        target = LocalTarget(path, IDENTITY)
        yield target
        target.close()

    def seed_curated(self, target: Target, environment: Environment) -> None:
        assert isinstance(target, LocalTarget)
        target.store.seed_curated(new_version(environment))


class TestFiles:
    def test_reading_creates_no_file(self, tmp_path: Path, target: LocalTarget) -> None:
        assert target.read(None) == {}
        assert target.read(["pydata"], owner="churn-models") == {}
        assert target.history("pydata") == ()
        assert tree(tmp_path) == {}

    @pytest.mark.parametrize("version", ["1", None])
    def test_changing_an_absent_environment_creates_no_file(
        self, tmp_path: Path, target: LocalTarget, version: str | None
    ) -> None:
        with pytest.raises(TargetError, match="no environment pydata"):
            target.set_archived("pydata", version, True)
        with pytest.raises(TargetError, match="no environment pydata"):
            target.update(EnvironmentKey("pydata", "1"), Metadata(), OURS)
        assert tree(tmp_path) == {}

    def test_a_refused_create_leaves_no_files(self, tmp_path: Path, target: LocalTarget) -> None:
        context = build_context(tmp_path / "context", {"Dockerfile": b""})
        before = tree(tmp_path)

        with pytest.raises(TargetError):
            target.create(environment("AzureML-x", spec=EnvironmentSpec(build=Build(context))))

        assert tree(tmp_path) == before

    def test_reading_changes_no_file(self, path: Path, tmp_path: Path, target: LocalTarget) -> None:
        target.create(environment())
        target.close()
        before = tree(tmp_path)

        reader = LocalTarget(path, IDENTITY)
        reader.read(None)
        reader.history("pydata")
        reader.close()

        assert tree(tmp_path) == before

    def test_a_new_directory_is_hidden_from_git(self, path: Path, target: LocalTarget) -> None:
        target.create(environment())
        target.close()

        assert tree(path.parent).keys() == {"local.db", ".gitignore"}
        assert (path.parent / ".gitignore").read_text() == "*\n"

    def test_an_existing_envsync_directory_is_hidden_from_git(
        self, path: Path, target: LocalTarget
    ) -> None:
        path.parent.mkdir()

        target.create(environment())

        assert (path.parent / ".gitignore").read_text() == "*\n"

    def test_an_existing_gitignore_is_kept(self, path: Path, target: LocalTarget) -> None:
        path.parent.mkdir()
        (path.parent / ".gitignore").write_text("mine\n")

        target.create(environment())

        assert (path.parent / ".gitignore").read_text() == "mine\n"

    def test_an_existing_directory_gets_no_gitignore(self, tmp_path: Path) -> None:
        target = LocalTarget(tmp_path / "local.db", IDENTITY)
        target.create(environment())
        target.close()

        # envsync must not hide the user's own directory, because git should see the other files in
        # the directory.
        assert tree(tmp_path).keys() == {"local.db"}

    @pytest.mark.parametrize("name", ["a b.db", "100%25.db", "what?.db", "x#y.db", "größe.db"])
    def test_a_path_can_contain_special_characters(self, tmp_path: Path, name: str) -> None:
        target = LocalTarget(tmp_path / name, IDENTITY)
        target.create(environment())
        target.close()

        assert tree(tmp_path).keys() == {name}

    def test_a_dangling_link_is_followed(self, tmp_path: Path) -> None:
        (tmp_path / "link.db").symlink_to(tmp_path / "elsewhere" / "real.db")
        target = LocalTarget(tmp_path / "link.db", IDENTITY)
        target.create(environment())
        target.close()

        assert (tmp_path / "elsewhere" / "real.db").is_file()
        assert (tmp_path / "link.db").is_symlink()

    def test_a_reopened_file_contains_earlier_versions(
        self, path: Path, target: LocalTarget
    ) -> None:
        target.create(environment(version="1"))
        target.close()

        other = LocalTarget(path, IDENTITY)
        other.create(environment(version="2"))

        assert [item.environment for item in container(other).versions] == [
            environment(version="1"),
            environment(version="2"),
        ]
        other.close()

    def test_a_closed_target_cannot_be_read(self, target: LocalTarget) -> None:
        target.close()
        target.close()

        with pytest.raises(TargetError, match="is closed"):
            target.read(None)


class TestReading:
    def test_read_accepts_fifty_thousand_names(self, target: LocalTarget) -> None:
        target.create(environment())

        # SQLite allows 32,766 parameters by default: https://www.sqlite.org/limits.html
        assert target.read([f"absent-{i}" for i in range(50_000)] + ["pydata"]).keys() == {"pydata"}

    @pytest.mark.parametrize("name", ["it's", '"', "\0", "\ud800", "[]", "%", "*", ""])
    def test_a_name_cannot_inject_sql(self, target: LocalTarget, name: str) -> None:
        target.create(environment())

        assert target.read([name], owner=None) == {}
        assert target.read([name], owner="pydata") == {}

    def test_containers_are_sorted_by_name(self, target: LocalTarget) -> None:
        # SQLite compares bytes, so upper case comes first.
        for name in ("b", "a", "C"):
            target.create(environment(name))

        assert list(target.read(None)) == ["C", "a", "b"]

    @pytest.mark.parametrize(
        ("versions", "expected"),
        [
            (["1"], "2"),
            (["9", "10", "2"], "11"),
            (["007"], "8"),
            (["1", "rc1"], "3"),
            (["rc1", "3", "4"], "5"),
            (["rc1", "rc2"], "3"),
            (["1.5"], "2"),
        ],
    )
    def test_the_next_version_is_a_free_number(
        self, target: LocalTarget, versions: list[str], expected: str
    ) -> None:
        for version in versions:
            target.create(environment(version=version))

        assert container(target).next_version == expected

    def test_the_creation_time_is_in_utc(self, path: Path) -> None:
        # Use a clock with another time zone, because a clock is allowed to have any time zone.
        here = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
        target = LocalTarget(path, IDENTITY, clock=lambda: here)
        target.create(environment())

        assert registered(target).created == "2024-05-17T12:00:00.123456+00:00"
        target.close()

    @pytest.mark.parametrize(
        ("name", "version"),
        [
            *((name, "1") for name in ("", "-a", "a b", "a" * 256, "a\n", "é")),
            *(("a", version) for version in ("", "latest", "1/2", "1" * 256, "1\n", ".1")),
        ],
    )
    def test_malformed_names_and_versions_are_refused(
        self, target: LocalTarget, name: str, version: str
    ) -> None:
        with pytest.raises(TargetError, match="is not a valid"):
            target.create(environment(name, version))

    @pytest.mark.parametrize(("name", "version"), [("a" * 255, "1"), ("a.b", "1" * 255)])
    def test_long_names_and_versions_are_kept(
        self, target: LocalTarget, name: str, version: str
    ) -> None:
        target.create(environment(name, version))

        assert registered(target, name, version).environment == environment(name, version)
        assert len(container(target, name).next_version) <= 256

    def test_invalid_unicode_is_refused(self, target: LocalTarget) -> None:
        with pytest.raises(TargetError, match="Unicode"):
            target.create(environment(description="\ud800"))
        with pytest.raises(TargetError, match="Unicode"):
            target.create(environment(tags={"a": "\ud800"}))

        assert target.read(None) == {}


class TestRefusals:
    def test_the_error_of_a_conflict_lists_the_fields_that_differ(
        self, target: LocalTarget
    ) -> None:
        target.create(environment())

        with pytest.raises(TargetError) as caught:
            target.create(environment(spec=EnvironmentSpec(image="other", os_type="Windows")))

        assert str(caught.value) == (
            "Environment pydata with version 1 is already registered and cannot be changed; it "
            "differs in image, os_type. Register a new version instead."
        )

    def test_the_error_of_a_conflict_contains_the_other_owner(self, target: LocalTarget) -> None:
        target.create(environment(provenance=Provenance(owner="other")))

        with pytest.raises(TargetError) as caught:
            target.create(environment(provenance=Provenance()))

        assert str(caught.value) == (
            "Environment pydata with version 1 is already registered by project other, not by no "
            "project. Register a new version instead."
        )


class TestHistory:
    def test_a_history_entry_contains_actor_time_and_change(self, target: LocalTarget) -> None:
        key = EnvironmentKey("pydata", "1")
        target.create(environment())
        target.update(key, Metadata("New."), Provenance(owner="other"))
        target.set_archived("pydata", None, True)
        target.set_archived("pydata", None, False)
        target.set_archived("pydata", "1", True)
        target.update(key, Metadata(), Provenance(), restore=True)

        spec: JSON = {"image": IMAGE, "os_type": "Linux"}
        created: dict[str, JSON] = {
            "description": "Data science.",
            "tags": {"team": "churn", **OURS.as_tags()},
            "archived": False,
        }
        updated: dict[str, JSON] = {
            "description": "New.",
            "tags": {"envsync.owner": "other"},
            "archived": False,
        }
        hidden: dict[str, JSON] = {**updated, "archived": True}
        cleared: dict[str, JSON] = {"description": None, "tags": {}, "archived": False}
        at = "2024-05-17T12:00:00.123456+00:00"
        changes: tuple[tuple[HistoryAction, str | None, JSON, JSON], ...] = (
            ("create", "1", None, {"spec": spec, **created}),
            ("update", "1", created, updated),
            ("archive", None, {"archived": False}, {"archived": True}),
            ("restore", None, {"archived": True}, {"archived": False}),
            ("archive", "1", updated, hidden),
            ("restore", "1", hidden, cleared),
        )
        assert target.history("pydata") == tuple(
            HistoryEntry(at, "ada", action, "pydata", version, before, after)
            for action, version, before, after in changes
        )

    def test_a_change_without_effect_adds_no_entry(self, target: LocalTarget) -> None:
        target.create(environment())
        before = target.history("pydata")

        target.create(environment())
        target.update(EnvironmentKey("pydata", "1"), environment().metadata, OURS)
        target.update(EnvironmentKey("pydata", "1"), environment().metadata, OURS, restore=True)
        target.set_archived("pydata", "1", False)
        target.set_archived("pydata", None, False)

        assert target.history("pydata") == before

    def test_a_failed_change_adds_no_entry(self, target: LocalTarget) -> None:
        target.create(environment())
        before = target.history("pydata")

        with pytest.raises(TargetError):
            target.create(environment(spec=EnvironmentSpec(image="other")))
        with pytest.raises(TargetError):
            target.set_archived("pydata", "2", True)

        assert target.history("pydata") == before

    def test_each_environment_has_its_own_history(self, target: LocalTarget) -> None:
        target.create(environment("a"))
        target.create(environment("A"))

        assert [entry.name for entry in target.history("a")] == ["a"]
        assert target.history("absent") == ()

    def test_a_local_target_keeps_a_history(self, target: LocalTarget) -> None:
        assert isinstance(target, KeepsHistory)


class TestActor:
    def test_the_actor_in_a_workflow_is_the_github_user(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_ACTOR", "octocat")

        assert current_actor() == "octocat"

    def test_the_actor_outside_a_workflow_is_the_user_of_the_machine(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("GITHUB_ACTOR", raising=False)
        monkeypatch.setenv("LOGNAME", "grace")

        assert current_actor() == "grace"

    def test_the_actor_is_unknown_if_the_user_has_no_name(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def nobody() -> NoReturn:
            # In a Docker container, the user id can lack a user name.
            raise KeyError("getpwuid(): uid not found: 4711")

        monkeypatch.delenv("GITHUB_ACTOR", raising=False)
        monkeypatch.setattr(getpass, "getuser", nobody)
        target = LocalTarget(path, IDENTITY)
        target.create(environment())

        assert [entry.actor for entry in target.history("pydata")] == ["unknown"]
        target.close()


class TestOpening:
    def test_a_relative_path_is_below_the_project(self, tmp_path: Path) -> None:
        target = open_target(TargetConfig("mine", "local", {"path": "state/my.db"}), tmp_path)
        target.create(environment())
        target.close()

        assert target.identity == TargetIdentity("mine", "local", "state/my.db")
        assert (tmp_path / "state" / "my.db").is_file()

    def test_an_absolute_path_is_used_unchanged(self, tmp_path: Path) -> None:
        path = tmp_path / "my.db"
        target = open_target(
            TargetConfig("mine", "local", {"path": str(path)}), tmp_path / "project"
        )
        target.create(environment())
        target.close()

        assert path.is_file()
