"""Reading files safely: their whole content, and only regular files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envsync.project.disk import read_regular_file


@pytest.mark.parametrize("size", [0, 1, 3 << 20])
def test_a_file_is_read_completely(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)

    assert read_regular_file(tmp_path / "file") == content


@pytest.mark.parametrize("known", [0, 3, 1000])
def test_a_file_whose_size_has_changed_is_read_completely(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: int
) -> None:
    (tmp_path / "file").write_bytes(b"content")
    status = list((tmp_path / "file").stat())
    status[6] = known
    monkeypatch.setattr(os, "stat", lambda _: os.stat_result(status))

    assert read_regular_file(tmp_path / "file") == b"content"


@pytest.mark.parametrize(
    ("path", "reason"), [("absent", "No such file"), (".", "Is a directory"), ("pipe", "regular")]
)
def test_anything_else_is_refused(tmp_path: Path, path: str, reason: str) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(OSError, match=reason):
        read_regular_file(tmp_path / path)
