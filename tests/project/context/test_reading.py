"""Files are read in threads, and the results are in the order of the files."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest

from envsync.project.context import reading
from envsync.project.context.reading import CHUNK, FileContent, FoundFile, read_all
from envsync.project.memo import Memo


def files(directory: Path, contents: list[bytes]) -> list[FoundFile]:
    found = []
    for number, content in enumerate(contents):
        path = directory / str(number)
        path.write_bytes(content)
        found.append(FoundFile.of(str(path), path.name, path.stat(), hashed=True))
    return found


@pytest.mark.parametrize("cores", [1, 2, 8])
def test_results_are_in_the_order_of_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    monkeypatch.setattr(reading, "cores", lambda: cores)
    contents = [b"%d" % number * (1 + number % 7) for number in range(500)]
    found = files(tmp_path, contents)
    Path(found[300].path).unlink()

    expected = [hashlib.sha256(content).hexdigest() for content in contents]
    read = [item.digest if isinstance(item, FileContent) else item for item in read_all(found)]
    assert read[300] == "No such file or directory"
    assert read[:300] + read[301:] == expected[:300] + expected[301:]


def test_a_small_context_starts_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "cores", lambda: 8)
    monkeypatch.setattr(threading.Thread, "start", None)

    assert len(list(read_all(files(tmp_path, [b"1"] * 20)))) == 20
    assert list(read_all([])) == []


def test_large_files_are_divided_among_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "cores", lambda: 2)
    content = bytes(range(256)) * 12_000
    names = set()
    original = reading._read

    def read(file: FoundFile, memo: Memo) -> FileContent | str:
        names.add(threading.current_thread().name)
        return original(file, memo)

    monkeypatch.setattr(reading, "_read", read)
    found = list(read_all(files(tmp_path, [content] * 6)))

    assert {item.digest for item in found if isinstance(item, FileContent)} == {
        hashlib.sha256(content).hexdigest()
    }
    assert threading.main_thread().name not in names


def test_a_file_that_has_grown_or_shrunk_since_the_walk_is_read_completely(tmp_path: Path) -> None:
    found = files(tmp_path, [b"1" * 10, b"2" * 10, b"3" * CHUNK, b"4" * CHUNK, b""])
    contents = [b"1" * 30, b"2" * 5, b"3" * (2 * CHUNK + 1), b"", b"5"]
    for file, content in zip(found, contents, strict=True):
        Path(file.path).write_bytes(content)

    read = [item for item in read_all(found) if isinstance(item, FileContent)]
    assert [(item.size, item.digest) for item in read] == [
        (len(content), hashlib.sha256(content).hexdigest()) for content in contents
    ]


def test_the_whole_of_a_dockerfile_that_has_grown_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_bytes(b"FROM a\n")
    found = FoundFile.of(str(path), path.name, path.stat(), hashed=True)
    path.write_bytes(b"FROM a\n" * 100)

    (read,) = read_all([found])
    assert isinstance(read, FileContent)
    assert read.kept == b"FROM a\n" * 100
