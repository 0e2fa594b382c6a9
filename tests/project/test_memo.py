"""The memo of what was made from texts."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from envsync.project.files import Files
from envsync.project.load import load
from envsync.project.memo import NO_MEMO, Memo
from tests.project.project import write

FILES = {
    "a.yml": "name: a\nimage: python:3.12\nconda_file: conda.yml\n",
    "b.yml": "name: b\nbuild: {path: context}\n",
    "conda.yml": "dependencies:\n  - python=3.12\n",
    "job.yml": "kind: job\nname: c\nimage: d\ntags: [{}, {]\n",
    "context/Dockerfile": "ARG TAG=1\nFROM python:$TAG\n",
}


class Calls:
    """Counts the calls of functions that return a new object each time."""

    def __init__(self) -> None:
        self.upper: Counter[str] = Counter()

    def make(self, text: str) -> list[str]:
        self.upper[text] += 1
        return [text.upper()]


def test_a_function_is_called_once_for_equal_texts() -> None:
    calls, memo = Calls(), Memo()
    first = memo.result(calls.make, "text")
    assert first == ["TEXT"]
    assert memo.result(calls.make, "".join(["te", "xt"])) is first
    assert calls.upper == {"text": 1}


def test_functions_do_not_share_their_results() -> None:
    memo = Memo()
    assert memo.result(bytes.upper, b"Text") == b"TEXT"
    assert memo.result(bytes.lower, b"Text") == b"text"


def test_an_exception_is_not_kept() -> None:
    memo = Memo()
    for _ in range(2):
        with pytest.raises(UnicodeDecodeError):
            memo.result(bytes.decode, b"\xff")
    assert memo.result(bytes.decode, b"a") == "a"


def test_the_result_that_was_unused_for_the_longest_time_is_dropped() -> None:
    calls, memo = Calls(), Memo(limit=2500)
    for text in ("a" * 300, "b" * 300, "a" * 300, "c" * 300, "a" * 300, "b" * 300):
        memo.result(calls.make, text)
    assert [calls.upper[letter * 300] for letter in "abc"] == [1, 2, 1]


def test_empty_texts_count_as_well() -> None:
    memo = Memo(limit=1000)
    calls = [Calls(), Calls(), Calls()]
    for item in (*calls, calls[0]):
        memo.result(item.make, "")
    assert [item.upper[""] for item in calls] == [2, 1, 1]


def test_a_text_above_the_limit_does_not_drop_the_others() -> None:
    calls, memo = Calls(), Memo(limit=1000)
    for text in ("a", "b" * 1000, "a", "b" * 1000):
        memo.result(calls.make, text)
    assert calls.upper == {"a": 1, "b" * 1000: 2}


def test_the_size_of_a_result_counts() -> None:
    calls, memo = Calls(), Memo(limit=10_000)
    for text in ("a", "b", "a", "c", "a", "b"):
        memo.result(calls.make, text, lambda _: 4000)
    assert calls.upper == {"a": 1, "b": 2, "c": 1}


def test_threads_share_a_memo() -> None:
    memo = Memo(limit=5000)
    texts = [str(number % 13) * 200 for number in range(2000)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: memo.result(str.upper, text), texts))
    assert found == texts


def test_without_a_limit_nothing_is_kept() -> None:
    calls = Calls()
    assert NO_MEMO.result(calls.make, "") is not NO_MEMO.result(calls.make, "")


def loaded(root: Path, memo: Memo) -> tuple[object, ...]:
    found = load(root, [root], rules={}, versions="auto", files=Files.below(root, memo))
    return found.declarations, found.problems, found.environment_files, found.passed_over


def test_loads_that_share_a_memo_parse_equal_files_once(
    tmp_path: Path, parsed: Counter[bytes]
) -> None:
    memo = Memo()
    loaded(write(tmp_path / "first", FILES), memo)
    once = dict(parsed)
    edited = {**FILES, "a.yml": FILES["a.yml"] + "description: edited\n"}
    loaded(write(tmp_path / "second", edited), memo)

    assert dict(parsed) == {**once, edited["a.yml"].encode(): 1}


@pytest.mark.parametrize("file", [*FILES, None])
def test_loads_that_share_a_memo_find_the_same(tmp_path: Path, file: str | None) -> None:
    memo = Memo()
    project = write(tmp_path, FILES)
    first = loaded(project, memo)
    if file:
        write(project, {file: FILES[file].replace("a", "e").replace("1", "2")})
    second = loaded(project, memo)

    assert second == loaded(project, NO_MEMO)
    assert (second == first) is (file is None)
