"""The build contexts that a local target keeps beside its file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from envsync.model.environment import (
    Build,
    BuildContext,
    Environment,
    EnvironmentKey,
    EnvironmentSpec,
)
from envsync.model.errors import TargetError
from envsync.model.target import TargetIdentity
from envsync.project.context.copy import copy_context
from envsync.targets.leftovers import LOCK, locked_directory
from envsync.targets.local.target import LocalTarget
from tests.targets.contract import (
    build_context,
    container,
    environment,
    registered,
)

IDENTITY = TargetIdentity("local", "local", ".envsync/local.db")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".envsync" / "local.db"


@pytest.fixture
def target(path: Path) -> Iterator[LocalTarget]:
    target = LocalTarget(path, IDENTITY)
    yield target
    target.close()


def tree(directory: Path) -> dict[str, bytes | None]:
    """Returns every path below a directory, with the content of files and None for directories."""
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None
        for path in directory.rglob("*")
    }


FILES = {"Dockerfile": b"FROM a\n", "app/deep/main.py": b"\0\xff", "größe": b""}


class TestContexts:
    def declared(self, context: BuildContext) -> Environment:
        return environment(spec=EnvironmentSpec(build=Build(context, "docker/Dockerfile")))

    def kept(self, path: Path, context: BuildContext) -> Path:
        return path.parent / "contexts" / str(context.digest).removeprefix("sha256:")

    def test_a_context_is_stored_under_its_digest(
        self, path: Path, tmp_path: Path, target: LocalTarget
    ) -> None:
        context = build_context(tmp_path / "context", FILES)

        target.create(self.declared(context))

        assert tree(self.kept(path, context)) == tree(tmp_path / "context")
        assert list((path.parent / "contexts").iterdir()) == [self.kept(path, context)]

    def test_a_stored_context_is_read_back(
        self, path: Path, tmp_path: Path, target: LocalTarget
    ) -> None:
        context = build_context(tmp_path / "context", FILES)
        target.create(self.declared(context))

        held = registered(target).environment.spec.build

        assert held == Build(context, "docker/Dockerfile")
        assert isinstance(held.context, BuildContext)
        assert held.context.files == context.files
        assert held.context.directory == str(self.kept(path, context))

    def test_equal_contexts_are_stored_once(
        self, path: Path, tmp_path: Path, target: LocalTarget
    ) -> None:
        context = build_context(tmp_path / "context", FILES)
        target.create(self.declared(context))
        (tmp_path / "context" / "Dockerfile").unlink()

        target.create(replace(self.declared(context), key=EnvironmentKey("pydata", "2")))

        assert len(list((path.parent / "contexts").iterdir())) == 1
        assert len(container(target).versions) == 2

    def test_a_failed_copy_leaves_no_files(
        self, path: Path, tmp_path: Path, target: LocalTarget
    ) -> None:
        context = build_context(tmp_path / "context", FILES)
        (tmp_path / "context" / "Dockerfile").write_bytes(b"FROM b\n")

        with pytest.raises(TargetError, match="changed"):
            target.create(self.declared(context))

        assert list((path.parent / "contexts").iterdir()) == []
        assert target.read(None) == {}

    def test_a_context_that_another_process_stores_first_is_used(
        self,
        path: Path,
        tmp_path: Path,
        target: LocalTarget,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        context = build_context(tmp_path / "context", FILES)

        def copy_twice(context: BuildContext, destination: Path) -> None:
            copy_context(context, destination)
            # Act as another process that stores the context before this process renames its copy.
            copy_context(context, self.kept(path, context))

        monkeypatch.setattr("envsync.project.context.copy.copy_context", copy_twice)
        target.create(self.declared(context))

        assert list((path.parent / "contexts").iterdir()) == [self.kept(path, context)]
        assert registered(target).environment == self.declared(context)

    def test_leftovers_of_a_killed_copy_are_removed(
        self, path: Path, tmp_path: Path, target: LocalTarget
    ) -> None:
        contexts = path.parent / "contexts"
        old, young, killed = (contexts / f".incoming-{name}" for name in "abc")
        for leftover in (old, young, killed):
            (leftover / "context").mkdir(parents=True)
        # Only `killed` has a lock file, like every directory of this version. `old` is more than a
        # day old. `young` must be kept, because a process can be about to create its lock file.
        (killed / LOCK).touch()
        os.utime(old, (0, 0))
        context = build_context(tmp_path / "context", FILES)

        with locked_directory(".incoming-", contexts) as running:
            target.create(self.declared(context))
            assert running.is_dir()

        assert set((path.parent / "contexts").iterdir()) == {young, self.kept(path, context)}

    @pytest.mark.parametrize(
        ("broken", "reason"),
        [
            ({"digest": None}, "the content of its build context is not known"),
            ({"files": None}, "the content of its build context is not known"),
            ({"digest": "sha256:" + "0" * 64}, "does not match its files"),
            ({"directory": None}, "its directory is not known"),
        ],
    )
    def test_a_context_that_cannot_be_copied_is_refused(
        self, tmp_path: Path, target: LocalTarget, broken: dict[str, Any], reason: str
    ) -> None:
        context = replace(build_context(tmp_path / "context", FILES), **broken)

        with pytest.raises(TargetError, match=reason):
            target.create(self.declared(context))

        assert target.read(None) == {}

    def test_the_error_contains_the_path_of_a_directory_without_write_permission(
        self, path: Path, tmp_path: Path, target: LocalTarget
    ) -> None:
        path.parent.mkdir()
        (path.parent / "contexts").write_text("in the way")

        with pytest.raises(TargetError, match=r"cannot be copied to .*contexts"):
            target.create(self.declared(build_context(tmp_path / "context", FILES)))
