"""Tests of writing files atomically and through symbolic links."""

from __future__ import annotations

from pathlib import Path

import pytest

from envsync.cli.files import write_file, write_files
from envsync.model.errors import EnvsyncError


def test_a_new_file_gets_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    write_file(tmp_path / "plan.json", "é\n")

    assert (tmp_path / "plan.json").read_bytes() == b"\xc3\xa9\n"
    assert (tmp_path / "plan.json").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_an_existing_file_keeps_its_mode_and_a_link_stays_a_link(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("before")
    file.chmod(0o640)
    link.symlink_to("file")
    write_files({link: b"after\r\n"})

    assert link.is_symlink()
    assert file.read_bytes() == b"after\r\n"
    assert file.stat().st_mode & 0o777 == 0o640


def test_no_file_is_written_if_one_file_cannot_be_written(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.write_text("before")
    with pytest.raises(EnvsyncError, match="second cannot be written: No such file or directory"):
        write_files({first: b"after", tmp_path / "missing" / "second": b""})

    assert first.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["first"]


def test_a_device_a_directory_and_a_loop_of_links_are_not_replaced(tmp_path: Path) -> None:
    circle = tmp_path / "circle"
    circle.symlink_to("circle")
    for path in (Path("/dev/null"), tmp_path, circle):
        with pytest.raises(EnvsyncError, match="cannot be written"):
            write_file(path, "")

    assert Path("/dev/null").is_char_device()
    assert [path.name for path in tmp_path.iterdir()] == ["circle"]
