"""The files in `.envsync/` are written as a whole, and only their owner can read them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from envsync.project.state_directory import read_state_file, replace_state_file


def test_a_file_is_written_and_read(tmp_path: Path) -> None:
    state = tmp_path / ".envsync"
    for path in (state / "a", state / "below" / "b"):
        replace_state_file(state, path, b"1")
        replace_state_file(state, path, b"2")

        assert read_state_file(state, path, limit=1) == b"2"
    assert (state / ".gitignore").read_text() == "*\n"
    assert sorted(path.name for path in state.rglob("*")) == [".gitignore", "a", "b", "below"]


def test_only_the_owner_can_read_a_file(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        replace_state_file(tmp_path, tmp_path / "a", b"1")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_a_file_above_the_limit_is_not_read(tmp_path: Path) -> None:
    replace_state_file(tmp_path, tmp_path / "a", b"12")

    with pytest.raises(ValueError, match="not a file of envsync"):
        read_state_file(tmp_path, tmp_path / "a", limit=1)


def test_nothing_is_read_or_written_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in ("state", "below"):
        (tmp_path / name).symlink_to(outside)
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "below").symlink_to(outside)

    (outside / "a").write_bytes(b"1")

    for state, path in (("state", "state/a"), ("real", "real/below/a")):
        with pytest.raises(NotADirectoryError):
            replace_state_file(tmp_path / state, tmp_path / path, b"2")
        with pytest.raises(NotADirectoryError):
            read_state_file(tmp_path / state, tmp_path / path, limit=1)
    assert [path.read_bytes() for path in outside.iterdir()] == [b"1"]


def test_an_old_temporary_file_is_removed(tmp_path: Path) -> None:
    # Processes that were killed leave such files.
    old, new, other = (tmp_path / name for name in ("a.1-1.tmp", "a.2-2.tmp", "b.1-1.tmp"))
    for path in (old, new, other):
        path.write_bytes(b"")
    for path in (old, other):
        os.utime(path, (0, 0))
    replace_state_file(tmp_path, tmp_path / "a", b"1")

    assert (old.exists(), new.exists(), other.exists()) == (False, True, True)


def test_a_full_disk_leaves_no_empty_ignore_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> object:
        return open("/dev/full", "w")  # noqa: PTH123 - this function replaces `Path.open`

    (tmp_path / ".gitignore").touch()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(OSError, match="No space left"):
            replace_state_file(tmp_path, tmp_path / "a", b"1")

    assert not (tmp_path / ".gitignore").exists()
