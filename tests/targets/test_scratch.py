"""Temporary directories of a run."""

from __future__ import annotations

from pathlib import Path

from envsync.targets.scratch import remove_scratch, scratch_directory


def test_a_directory_is_there_while_the_block_lasts() -> None:
    with scratch_directory() as directory:
        Path(directory, "file").write_text("x")

    assert not Path(directory).exists()


def test_all_directories_in_use_are_removed_at_once_and_their_blocks_end_well() -> None:
    with scratch_directory() as first, scratch_directory() as second:
        Path(first, "deep").mkdir()
        Path(first, "deep", "file").write_text("x")
        remove_scratch()

        assert [Path(first).exists(), Path(second).exists()] == [False, False]
