"""Git LFS pointers are recognised, and files that only look like pointers are not."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from envsync.project.lfs import LfsPointer, lfs_pointer

OID = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
TEXT = f"version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize 12345\n"


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT.replace("\n", "\r\n"),
        TEXT.removesuffix("\n"),
        TEXT.replace("git-lfs.github.com/spec", "hawser.github.com/spec"),
        TEXT.replace("https://git-lfs.github.com/spec/v1", "http://git-media.io/v/2"),
        TEXT.replace("oid", f"ext-0-foo sha256:{'0' * 64}\noid", 1),
    ],
    ids=["as written", "CRLF", "no line end", "hawser", "git-media", "an extension"],
)
def test_a_git_lfs_pointer_is_recognised(text: str) -> None:
    assert lfs_pointer(text.encode()) == LfsPointer(OID, 12345)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version: 1\n",
        "version https://git-lfs.github.com/spec/v1\n",
        f"# {TEXT}",
        TEXT + "more\n",
        TEXT.replace("12345", "many"),
        TEXT.replace(OID, OID[:-1]),
        TEXT.replace("sha256", "md5"),
        TEXT + "\n" * 1024,
    ],
)
def test_a_file_that_only_looks_like_a_git_lfs_pointer_is_not_recognised(text: str) -> None:
    assert lfs_pointer(text.encode()) is None


@pytest.mark.skipif(shutil.which("git-lfs") is None, reason="needs Git LFS")
def test_a_pointer_that_git_lfs_writes_is_recognised() -> None:
    done = subprocess.run(
        ["git", "lfs", "clean"], input=b"content", capture_output=True, check=True
    )
    assert lfs_pointer(done.stdout) is not None
