"""Temporary directories that are removed even if their block does not end."""

from __future__ import annotations

from pathlib import Path

from envsync.targets.scratch import remove_scratch, scratch_directory


def test_a_directory_exists_until_its_block_ends() -> None:
    with scratch_directory() as directory:
        Path(directory, "file").write_text("x")

    assert not Path(directory).exists()


def test_directories_in_use_can_be_removed_before_their_blocks_end() -> None:
    with scratch_directory() as first, scratch_directory() as second:
        Path(first, "deep").mkdir()
        Path(first, "deep", "file").write_text("x")
        remove_scratch()

        assert [Path(first).exists(), Path(second).exists()] == [False, False]
