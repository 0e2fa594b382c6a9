"""Temporary directories of killed processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from envsync.targets.leftovers import LOCK, locked_directory, remove_leftovers

HOLD = """
import sys, time
from pathlib import Path
from envsync.targets.leftovers import locked_directory
with locked_directory("scratch-", Path(sys.argv[1])) as directory:
    print(directory, flush=True)
    time.sleep(600)
"""


def test_only_directories_of_killed_processes_are_removed(
    tmp_path: Path,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        directory = Path(process.stdout.readline().strip())
        remove_leftovers("scratch-", tmp_path)
        kept = directory.is_dir()
        process.send_signal(signal.SIGKILL)
    assert (kept, directory.is_dir()) == (True, True)

    with locked_directory("scratch-", tmp_path) as other:
        assert list(tmp_path.iterdir()) == [other]

    assert list(tmp_path.iterdir()) == []


def test_an_empty_directory_of_a_process_that_was_killed_without_its_lock_file_is_removed(
    tmp_path: Path,
) -> None:
    (tmp_path / "scratch-empty").mkdir()

    remove_leftovers("scratch-", tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_prefix_is_not_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "a[1]-empty").mkdir()
    (tmp_path / "a1-empty").mkdir()

    remove_leftovers("a[1]-", tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["a1-empty"]


def test_a_directory_that_does_not_exist_has_no_leftovers(tmp_path: Path) -> None:
    remove_leftovers("scratch-", tmp_path / "absent")

    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_another_process_removes_too_early_is_created_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = tempfile.mkdtemp
    made: list[str] = []

    def removed(**options: Any) -> str:
        made.append(make(**options))
        if len(made) == 1:
            remove_leftovers("scratch-", tmp_path)
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", removed)
    with locked_directory("scratch-", tmp_path) as directory:
        assert list(tmp_path.iterdir()) == [directory]

    assert (len(made), list(tmp_path.iterdir())) == (2, [])


def test_directories_of_other_programs_and_links_are_kept(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / LOCK).touch()
    (tmp_path / "scratch-link").symlink_to(elsewhere)
    (tmp_path / "scratch-theirs").mkdir()
    (tmp_path / "scratch-theirs" / "file").touch()
    (tmp_path / "scratch-file").write_text("a")
    before = sorted(tmp_path.rglob("*"))

    remove_leftovers("scratch-", tmp_path)

    assert sorted(tmp_path.rglob("*")) == before
