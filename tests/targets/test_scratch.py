"""Tests that temporary directories are removed, even if the process ends inside their blocks."""

from __future__ import annotations

from pathlib import Path

from envsync.targets.scratch import remove_scratch, scratch_directory


def test_the_directory_is_removed_when_the_block_ends() -> None:
    with scratch_directory() as directory:
        Path(directory, "file").write_text("x")

    assert not Path(directory).exists()


def test_remove_scratch_removes_directories_whose_blocks_still_run() -> None:
    with scratch_directory() as first, scratch_directory() as second:
        Path(first, "deep").mkdir()
        Path(first, "deep", "file").write_text("x")
        remove_scratch()

        assert [Path(first).exists(), Path(second).exists()] == [False, False]
