"""`find_config` finds the settings file, and `load_config` reports a file that it cannot read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envsync.model.errors import EnvsyncError, InvalidProject, UsageError
from envsync.project.settings.config import load_config
from envsync.project.settings.file import find_config


def test_settings_file_is_found_in_a_parent_directory(tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "envsync.yaml").write_text("project: x")

    assert find_config(below) == tmp_path / "envsync.yaml"
    assert load_config(None, below, {}).root == tmp_path


def test_directory_of_a_named_settings_file_is_the_project(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "my.yaml").write_text("projct: x")

    with pytest.raises(InvalidProject) as caught:
        load_config(Path("conf/my.yaml"), tmp_path, {})
    assert caught.value.problems[0].file == "my.yaml"

    (tmp_path / "conf" / "my.yaml").write_text("project: x")
    assert load_config(Path("conf/my.yaml"), tmp_path, {}).root == tmp_path / "conf"


@pytest.mark.parametrize("name", ["no.yaml", ".", "broken.yaml"])
def test_a_path_without_a_file_is_wrong_usage(tmp_path: Path, name: str) -> None:
    (tmp_path / "broken.yaml").symlink_to("nowhere")
    with pytest.raises(UsageError, match="cannot be read"):
        load_config(tmp_path / name, tmp_path, {})


# A test cannot take away the permission to read a file from the user `root`.
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("link", "it is a link to a file that does not exist"),
        ("loop", "Too many levels of symbolic links"),
        ("directory", "it is not a regular file"),
        ("pipe", "it is not a regular file"),
    ],
)
def test_settings_file_that_cannot_be_read_is_not_ignored(
    tmp_path: Path, kind: str, reason: str
) -> None:
    below = tmp_path / "below"
    below.mkdir()
    # If envsync ignored the unreadable file, it would read this file.
    (tmp_path / "envsync.yaml").write_text("project: other")
    path = below / "envsync.yaml"
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to({"link": "nowhere", "loop": "envsync.yaml"}[kind])

    with pytest.raises(EnvsyncError, match=reason) as caught:
        load_config(None, below, {})
    assert caught.value.exit_code == 1
    assert str(path) in str(caught.value)


def test_an_error_of_reading_the_settings_file_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "envsync.yaml").write_text("project: x")

    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("envsync.project.settings.file.read_regular_file", refuse)
    for path in (None, tmp_path / "envsync.yaml"):
        with pytest.raises(EnvsyncError, match=r"Permission denied\. Make the file") as caught:
            load_config(path, tmp_path, {})
        assert caught.value.exit_code == 1
