"""Files that are read in several processes give the same result as in one process."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from envsync.model.policy import FilePolicy
from envsync.project import fork, processes, reading
from envsync.project.disk import read_regular_file
from envsync.project.files import Files
from envsync.project.load import Loaded, load
from tests.project.project import DATA, Contents, write

CONDA = "dependencies:\n  - python=3.11\n  - pip\n  - numpy\n"

PROJECT: Contents = {
    "environments/a.yml": "name: a\nversion: 1\nimage: i:1\nconda_file: shared.yml\n",
    "environments/b.yml": "name: b\nversion: 1\nimage: i:1\nconda_file: shared.yml\ntags: {t: 1}\n",
    "environments/c.yml": "name: c\nimage: i:1\nconda_file: bad.yml\n",
    "environments/d.yml": "name: d\nimage: i:1\nconda_file: bad.yml\n",
    "environments/shared.yml": CONDA,
    "environments/bad.yml": f"{CONDA}  - numpy==1==2\n  - numpy\n",
    "environments/copies/a.yml": "name: a\nversion: 1\nimage: i:1\nconda_file: ../shared.yml\n",
    "environments/copies/b.yml": "name: b\nversion: 1\nimage: other:2\n",
    "environments/copies/mixed.yml": "name: a\nimage: i:1\n",
    "environments/built.yml": "name: built\nbuild: {path: context}\n",
    "environments/own.yml": "name: own\nbuild: {path: .}\n",
    "environments/context/Dockerfile": "FROM mcr.microsoft.com/base:1\nRUN pip install numpy\n",
    "environments/context/inner.yml": "name: inner\nimage: i:1\n",
    "environments/broken.yml": "name: broken\nimage: [\n",
    "environments/similar.yml": "name: similar\nimages: i:1\n",
    "environments/ignored.yml": "name: x\nimage: i  # envsync: ignore[image-tag, nothing]\n",
    "environments/other.yml": "kind: Deployment\n",
    "environments/empty.yml": "",
    "environments/latin.yml": b"name: \xe9\nimage: i:1\n",
    "environments/gone.yml": "name: gone\nimage: i:1\nconda_file: nothing.yml\n",
}


SHARING = "name: NAME\nimage: i:1\nconda_file: shared.yml\n"


def write_sharing(root: Path, conda: str) -> Path:
    """Writes six environments that name the same conda file."""
    files = {f"environments/{name}.yml": SHARING.replace("NAME", name) for name in "abcdef"}
    return write(root, {**files, "environments/shared.yml": conda})


Load = Callable[[Path], tuple[Loaded, Files]]


def load_in(
    count: int,
    monkeypatch: pytest.MonkeyPatch,
    *,
    fail: bool = False,
    size: int = 1,
    files: Files | None = None,
    **others: Any,
) -> Load:
    """Returns a function that loads a directory in a number of processes.

    Args:
        count: the number of processes.
        monkeypatch: the fixture.
        fail: whether the results of all forks are lost.
        size: the number of files in a batch.
        files: the file cache. If None, each load has a new cache.
        others: further arguments of `load`.
    """
    forks: list[int] = []

    class Dealt(fork._Batches[Any]):
        """Each process gets every `count`-th batch, so that all of them read."""

        def __iter__(self) -> Iterator[Sequence[Any]]:
            return self.of(0)

        def of(self, process: int) -> Iterator[Sequence[Any]]:
            return (
                self._items[item : item + size]
                for item in range(0, len(self._items), size)[process::count]
            )

    class Counted(fork.Fork[Any, Any]):
        def __init__(self, work: Callable[[Sequence[Any]], Any], batches: Dealt) -> None:
            forks.append(len(forks) + 1)
            super().__init__(work, batches.of(len(forks)))

        def receive(self) -> list[Any]:
            received = super().receive()
            assert received
            return [] if fail else received

    def loaded(root: Path) -> tuple[Loaded, Files]:
        cache = files or Files.below(root)
        with monkeypatch.context() as patch:
            # pytest has threads, but none of them holds a lock that reading needs.
            patch.setattr(processes, "_may_fork", lambda: True)
            patch.setattr(processes, "cores", lambda: count)
            patch.setattr(processes, "MAX_PROCESSES", count)
            patch.setattr(fork, "_Batches", Dealt)
            patch.setattr(fork, "Fork", Counted)
            patch.setattr(reading, "MIN_FILES", 1)
            forks.clear()
            arguments = {"rules": {}, "versions": "auto", **others}
            result = load(root, [root], files=cache, **arguments)
            assert len(forks) == count - 1
        return result, cache

    return loaded


def test_several_processes_read_the_same_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(tmp_path, PROJECT)
    (root / "environments" / "link.yml").symlink_to("../../elsewhere.yml")
    one, files = load_in(1, monkeypatch)(root)
    assert {item.name for item in one.declarations} >= {"a", "built"}
    assert len({problem.rule for problem in one.problems}) > 10

    for count in (2, 3, 7):
        several, theirs = load_in(count, monkeypatch)(root)

        assert several == one
        assert theirs.contents == files.contents
        assert theirs.condas.keys() == files.condas.keys()
        assert theirs.named == files.named
        for declaration in several.declarations:
            with pytest.raises(TypeError):
                declaration.metadata.tags["new"] = "1"  # type: ignore[index]


def test_a_process_reads_the_files_of_forks_that_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(tmp_path, PROJECT)
    one, files = load_in(1, monkeypatch)(root)
    alone, theirs = load_in(3, monkeypatch, fail=True)(root)

    assert alone == one
    assert theirs.contents == files.contents


def test_several_processes_read_the_same_public_repositories_as_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verdicts = DATA / "corpus" / "sdk-verdicts.jsonl"
    if not verdicts.is_file():
        pytest.skip(f"there are no public environment files in {DATA} (set ENVSYNC_TEST_DATA)")
    names = {json.loads(line)["repo"] for line in verdicts.read_text().splitlines()}
    for name in sorted(names):
        root = DATA / "corpus" / name
        one, several = load_in(1, monkeypatch), load_in(3, monkeypatch)

        assert several(root)[0] == one(root)[0]


def test_a_file_that_is_edited_meanwhile_is_read_as_it_was_read_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        f"environments/{name}.yml": f"name: {name}\nimage: i:1\nconda_file: c.txt\n"
        for name in "abcd"
    }
    root = write(tmp_path, {**files, "environments/c.txt": "dependencies: [python=0]\n"})

    def edited(path: str) -> bytes:
        # Each process finds another content.
        return read_regular_file(path).replace(b"python=0", b"python=%d" % os.getpid())

    monkeypatch.setattr("envsync.project.files.read_regular_file", edited)
    loaded, _ = load_in(2, monkeypatch)(root)

    assert len(loaded.declarations) == 4
    assert {item.spec.conda_file for item in loaded.declarations} == {
        f'{{"dependencies":["python={os.getpid()}"]}}'
    }


def test_drafts_of_several_processes_share_the_report_of_a_conda_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = "".join(f"unknown{number}: 1\n" for number in range(150))
    root = write_sharing(tmp_path, CONDA + unknown)
    one, several = load_in(1, monkeypatch)(root)[0], load_in(4, monkeypatch)(root)[0]

    assert [problem.file for problem in one.problems].count("environments/shared.yml") > 100
    assert several == one


def test_a_draft_with_errors_shares_the_report_of_a_conda_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(tmp_path, {"environments/shared.yml": CONDA})
    for number in range(4):
        # Each process gets a valid file and a file with an error.
        text = SHARING.replace("NAME", str(number))
        write(root, {f"environments/{number}.yml": text})
        write(root, {f"environments/{number}-error.yml": f"{text}os_type: solaris\n"})
    one, several = load_in(1, monkeypatch)(root)[0], load_in(4, monkeypatch, size=2)(root)[0]

    assert "environments/shared.yml" in {problem.file for problem in one.problems}
    assert several == one


def test_drafts_share_a_conda_file_that_the_cache_contains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_sharing(tmp_path, f"{CONDA}  - numpy\n")
    one, files = load_in(1, monkeypatch)(root)
    several = load_in(3, monkeypatch, files=files)(root)[0]

    assert "environments/shared.yml" in {problem.file for problem in one.problems}
    assert several == one


def test_declarations_share_the_text_of_a_conda_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_sharing(tmp_path, CONDA)
    loaded = load_in(3, monkeypatch)(root)[0]

    assert len(loaded.declarations) == 6
    assert len({id(item.spec.conda_file) for item in loaded.declarations}) == 1


def test_batches_of_several_files_are_read_as_in_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(tmp_path, PROJECT)
    one, files = load_in(1, monkeypatch)(root)
    monkeypatch.setattr(processes, "_may_fork", lambda: True)
    monkeypatch.setattr(processes, "cores", lambda: 3)
    monkeypatch.setattr(reading, "MIN_FILES", 1)
    monkeypatch.setattr(fork, "BATCH", 3)
    theirs = Files.below(root)

    assert load(root, [root], files=theirs, rules={}, versions="auto") == one
    assert theirs.contents == files.contents


@pytest.mark.parametrize("count", [1, 3])
def test_only_the_files_that_are_wanted_are_read(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {
        f"environments/{directory}/{name}.yml": SHARING.replace("NAME", f"{directory}-{name}")
        for directory in ("a", "b")
        for name in ("1", "2", "3")
    }
    conda = {f"environments/{directory}/shared.yml": CONDA for directory in ("a", "b")}
    root = write(tmp_path, {**texts, **conda})
    directory = root / "environments" / "a"
    loaded, files = load_in(count, monkeypatch, paths=[directory])(root)

    assert [item.name for item in loaded.declarations] == ["a-1", "a-2", "a-3"]
    assert [*files.condas] == [str(directory.resolve() / "shared.yml")]


def test_rules_and_policy_are_the_same_in_every_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(
        tmp_path, {f"{name}.yml": f"name: {name}\nimage: other.io/i:1\n" for name in "abcd"}
    )
    arguments: dict[str, Any] = {
        "rules": {"missing-description": "error"},
        "policy": FilePolicy(images=("mcr.microsoft.com/*",)),
        "versions": "explicit",
    }
    one = load_in(1, monkeypatch, **arguments)(root)[0]

    assert [problem.severity for problem in one.problems] == ["error"] * len(one.problems)
    assert len(one.problems) > 11
    assert load_in(4, monkeypatch, **arguments)(root)[0] == one
