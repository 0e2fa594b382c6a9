"""Only file systems on which every change of a file changes its times are trusted."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from envsync.project.context.file_system import trusted_device

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

EXT4 = "27 1 254:0 / {} rw,relatime - ext4 /dev/vda rw,discard"
TMPFS = "28 27 0:23 / {} rw,relatime shared:5 master:1 - tmpfs tmpfs rw"
LAZY = "29 27 254:1 / {} rw,relatime - ext4 /dev/vdb rw,lazytime"
LAZY_MOUNT = "29 27 254:1 / {} rw,lazytime - xfs /dev/vdb rw"


@pytest.mark.parametrize(
    ("lines", "trusted"),
    [
        ([EXT4.format("/")], True),
        ([TMPFS.format("/")], False),
        ([EXT4.format("/"), TMPFS.format("{top}")], False),
        ([TMPFS.format("/"), EXT4.format("{top}")], True),
        ([TMPFS.format("{top}"), EXT4.format("/")], False),
        ([EXT4.format("/"), TMPFS.format("{top}/c")], False),
        ([EXT4.format("/"), TMPFS.format("{top}/cd")], True),
        # A later mount hides an earlier mount.
        ([EXT4.format("{top}"), TMPFS.format("{top}")], False),
        ([TMPFS.format("{top}"), EXT4.format("{top}")], True),
        ([LAZY.format("/")], False),
        ([LAZY_MOUNT.format("/")], False),
        (["garbage", "- -", "", "1 2 3 4 / - ext4"], False),
        ([], False),
    ],
)
def test_the_mount_of_a_directory_decides_whether_it_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str], trusted: bool
) -> None:
    directory = tmp_path / "c"
    directory.mkdir()
    mounts = tmp_path / "mountinfo"
    mounts.write_text("\n".join(lines).replace("{top}", str(tmp_path)))
    monkeypatch.setattr("envsync.project.context.file_system._MOUNTS", str(mounts))

    expected = directory.stat().st_dev if trusted else None
    assert trusted_device(str(directory)) == expected


def test_escaped_characters_in_the_path_of_a_mount_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "a b\\c"
    directory.mkdir()
    mounts = tmp_path / "mountinfo"
    place = str(directory).replace("\\", r"\134").replace(" ", r"\040")
    mounts.write_text(f"{TMPFS.format('/')}\n{EXT4.format(place)}\n")
    monkeypatch.setattr("envsync.project.context.file_system._MOUNTS", str(mounts))

    assert trusted_device(str(directory)) == directory.stat().st_dev


def test_without_a_list_of_mounts_nothing_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("envsync.project.context.file_system._MOUNTS", str(tmp_path / "none"))

    assert trusted_device(str(tmp_path)) is None


def test_a_directory_that_does_not_exist_is_not_trusted(tmp_path: Path) -> None:
    assert trusted_device(str(tmp_path / "none")) is None
