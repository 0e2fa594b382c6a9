"""`plan` reads a local target while other processes read the environment files."""

from __future__ import annotations

import sys
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

import pytest

from envsync.model.state import State
from envsync.project import processes, reading
from envsync.targets.local.target import LocalTarget
from tests.command import envsync

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="other systems read the files in one process"
)

FILE = "name: NAME\nversion: 1\ndescription: d\nimage: mcr.microsoft.com/base:1\n"


class Project:
    """An applied project whose files are read in two processes.

    Attributes:
        root: the project directory.
        reads: the names in each read of the local target. None stands for all names.
    """

    def __init__(self, root: Path, reads: list[list[str] | None]) -> None:
        self.root = root
        self.reads = reads
        (root / "environments").mkdir()
        (root / "envsync.yaml").write_text("project: p\n")
        for name in "abcd":
            self.write(name, FILE.replace("NAME", name))

    def write(self, name: str, text: str) -> None:
        (self.root / "environments" / f"{name}.yml").write_text(text)

    def plan(self, *arguments: str) -> tuple[int, str, str]:
        self.reads.clear()
        result = envsync("plan", *arguments, cwd=self.root)
        return result.returncode, result.stdout, result.stderr


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    read = LocalTarget.read
    reads: list[list[str] | None] = []

    def noted(self: LocalTarget, names: Collection[str] | None, owner: str | None = None) -> State:
        reads.append(None if names is None else sorted(names))
        return read(self, names, owner)

    project = Project(tmp_path, reads)
    assert envsync("apply", "--yes", cwd=tmp_path).returncode == 0
    # pytest has threads, but none of them holds a lock that reading needs.
    monkeypatch.setattr(processes, "_may_fork", lambda: True)
    monkeypatch.setattr(processes, "cores", lambda: 2)
    monkeypatch.setattr(reading, "MIN_FILES", 1)
    monkeypatch.setattr(LocalTarget, "read", noted)
    return project


def test_the_plan_is_the_same_as_without_an_early_read(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("a", FILE.replace("NAME", "a") + "tags: {t: new}\n")
    project.write("e", FILE.replace("NAME", "e"))
    early = project.plan("--json")
    assert project.reads == [None, ["a", "b", "c", "d", "e"]]

    monkeypatch.setattr(processes, "cores", lambda: 1)
    assert project.plan("--json") == early
    assert project.reads == [["a", "b", "c", "d", "e"]]


def test_a_change_after_the_early_read_is_in_the_plan(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = LocalTarget.read

    def changed(
        self: LocalTarget, names: Collection[str] | None, owner: str | None = None
    ) -> State:
        found = read(self, names, owner)
        if names is None:
            with closing(LocalTarget(project.root / ".envsync/local.db", self.identity)) as other:
                other.set_archived("a", None, archived=True)
        return found

    monkeypatch.setattr(LocalTarget, "read", changed)
    code, out, _ = project.plan()
    assert code == 0
    assert "Plan: 1 restore" in out


def test_the_problems_of_the_project_come_before_the_errors_of_the_target(
    project: Project,
) -> None:
    (project.root / ".envsync/local.db").write_bytes(b"no database")
    project.write("a", "name: a\nimage: [\n")
    code, out, err = project.plan()
    assert (code, out) == (1, "")
    assert "yaml-syntax" in err
    assert "local.db" not in err
    assert project.reads == [None]

    project.write("a", FILE.replace("NAME", "a"))
    code, out, err = project.plan()
    assert (code, out) == (1, "")
    assert "local.db" in err


def test_an_unknown_target_is_reported_after_the_problems_of_the_project(
    project: Project,
) -> None:
    project.write("a", "name: a\nimage: [\n")
    assert "yaml-syntax" in project.plan("-t", "other")[2]

    project.write("a", FILE.replace("NAME", "a"))
    code, _, err = project.plan("-t", "other")
    assert code == 64
    assert "other" in err
    assert project.reads == []


def test_the_target_is_closed_if_the_project_has_errors(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = LocalTarget.close
    closed: list[LocalTarget] = []

    def noted(self: LocalTarget) -> None:
        closed.append(self)
        close(self)

    monkeypatch.setattr(LocalTarget, "close", noted)
    project.write("a", "name: a\nimage: [\n")
    assert project.plan()[0] == 1
    assert project.reads == [None]
    assert len(closed) == 1
