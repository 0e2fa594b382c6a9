"""Upload hashes are computed when they are read, from the files that the scan has hashed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from envsync.model.environment import BuildContext, UploadHash
from envsync.model.errors import EnvsyncError
from envsync.project.context import upload_hashes
from envsync.project.context.copy import open_regular
from envsync.project.context.scan import scan_context
from envsync.project.context.upload_hashes import have_equal_uploads

KINDS: list[UploadHash] = ["sha256", "md5"]


def write(directory: Path, **files: str) -> BuildContext:
    directory.mkdir(exist_ok=True)
    for name, content in files.items():
        (directory / name).write_text(content)
    return scan_context(directory, directory).context


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Yields the names of the files that were read after the scan."""
    names: list[str] = []
    original = open_regular

    def record(path: str) -> Any:
        names.append(Path(path).name)
        return original(path)

    monkeypatch.setattr(upload_hashes, "open_regular", record)
    yield names


def test_a_scan_computes_no_upload_hash(tmp_path: Path, opened: list[str]) -> None:
    context = write(tmp_path, a="1")

    assert "sha256" in context.uploads
    assert len(context.uploads) == 2
    assert list(context.uploads) == KINDS
    assert opened == []


def test_each_hash_reads_the_files_once(tmp_path: Path, opened: list[str]) -> None:
    context = write(tmp_path, a="1", b="2")
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: context.uploads["sha256"], range(8)))

    assert len(found) == 1
    assert opened == ["a", "b"]
    assert context.uploads["md5"]
    assert opened == ["a", "b", "a", "b"]


def test_uploads_have_no_key_for_an_unknown_hash_function(tmp_path: Path) -> None:
    uploads = write(tmp_path, a="1").uploads

    assert "sha1" not in uploads
    with pytest.raises(KeyError):
        uploads["sha1"]  # type: ignore[index]  # the wrong key is the test


@pytest.mark.parametrize("change", ["edited", "removed", "a directory", "a pipe"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_changed_since_the_scan_is_an_error(
    tmp_path: Path, kind: UploadHash, change: str
) -> None:
    context = write(tmp_path, a="1", b="2")
    path = tmp_path / "b"
    path.unlink()
    if change == "edited":
        path.write_text("3")
    elif change == "a directory":
        path.mkdir()
    elif change == "a pipe" and hasattr(os, "mkfifo"):
        os.mkfifo(path)

    with pytest.raises(EnvsyncError, match=r"changed on disk .*: b was removed or modified"):
        context.uploads[kind]


def test_two_contexts_have_equal_uploads_if_their_files_and_directories_are_equal(
    tmp_path: Path,
) -> None:
    one, other = write(tmp_path / "1", a="1"), write(tmp_path / "2", a="1")
    assert have_equal_uploads(one, other)

    # A copy for azure-ai-ml contains no `.git`.
    assert have_equal_uploads(one, write(tmp_path / "2", **{".git": "gitdir: x"}))
    assert not have_equal_uploads(one, write(tmp_path / "2", b="2"))
    (tmp_path / "1" / "empty").mkdir()
    assert not have_equal_uploads(write(tmp_path / "1"), one)
    assert not have_equal_uploads(one, BuildContext(one.digest))
    assert not have_equal_uploads(BuildContext(one.digest), one)
