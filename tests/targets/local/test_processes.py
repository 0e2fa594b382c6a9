"""Tests that no finished write is lost if several processes use one local target.

The tests start real processes and kill them.
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from envsync.model.environment import Metadata
from envsync.model.provenance import Provenance
from envsync.model.target import TargetIdentity
from envsync.targets.local.target import LocalTarget

IDENTITY = TargetIdentity("local", "local", "local.db")
ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "local.db"


@pytest.fixture
def target(path: Path) -> Iterator[LocalTarget]:
    target = LocalTarget(path, IDENTITY)
    yield target
    target.close()


# `WRITER` gives every fifth version a build context, which is stored in files beside the database.
WRITER = """
import hashlib, sys
from pathlib import Path
from envsync.model.environment import *
from envsync.model.provenance import Provenance
from envsync.model.target import TargetIdentity
from envsync.targets.local.target import LocalTarget

path, first, last, work = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
target = LocalTarget(path, TargetIdentity("local", "local", "local.db"), actor=sys.argv[5])
for number in range(first, last):
    build = None
    if number % 5 == 0:
        directory = work / str(number)
        directory.mkdir(parents=True, exist_ok=True)
        content = b"FROM a\\nENV N=%d\\n" % number
        (directory / "Dockerfile").write_bytes(content)
        manifest = {"Dockerfile": hashlib.sha256(content).hexdigest()}
        build = Build(BuildContext.of_files(manifest, directory=str(directory)))
    key = EnvironmentKey("shared", str(number))
    spec = EnvironmentSpec(image=None if build else "contoso.example/image:1", build=build)
    target.create(Environment(key, spec, Metadata("created"), Provenance("p")))
    target.update(key, Metadata("updated"), Provenance("p"))
    print(number, flush=True)
target.close()
"""


def start_writer(
    path: Path, first: int, last: int, work: Path, actor: str
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(first), str(last), str(work), actor],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )


def check_whole(path: Path, reported: set[int]) -> set[int]:
    """Checks that the file has every reported write, and that each version in it is complete.

    Returns the numbers of all versions in the file.
    """
    with closing(LocalTarget(path, IDENTITY)) as target:
        state = target.read(None)
        history = target.history("shared")
    versions = {int(item.version): item for item in state["shared"].versions} if state else {}
    assert reported <= versions.keys()
    for number in reported:
        assert versions[number].environment.metadata == Metadata("updated")
    for number, item in versions.items():
        build = item.environment.spec.build
        if number % 5 == 0:
            assert build is not None
            assert not isinstance(build.context, str)
            dockerfile = Path(str(build.context.directory), "Dockerfile")
            digest = hashlib.sha256(dockerfile.read_bytes()).hexdigest()
            assert build.context.files == {"Dockerfile": digest}
    created = [entry.version for entry in history if entry.action == "create"]
    updated = {entry.version for entry in history if entry.action == "update"}
    assert sorted(created, key=str) == sorted(map(str, versions))
    assert {str(number) for number in reported} <= updated
    if path.exists():
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return set(versions)


class TestProcesses:
    def test_a_killed_writer_loses_no_reported_write(self, path: Path, tmp_path: Path) -> None:
        chance = random.Random(4)
        reported: set[int] = set()
        first = 0
        for round_ in range(8):
            writer = start_writer(path, first, first + 100_000, tmp_path / "work", "ada")
            assert writer.stdout is not None
            # Every fourth round kills the writer right after its first write.
            for _ in range(chance.randrange(1, 30) if round_ % 4 else 1):
                reported.add(int(writer.stdout.readline()))
            # Kills the writer at a random point of its next write.
            time.sleep(chance.random() / 100)
            writer.kill()
            reported |= {int(line) for line in writer.communicate()[0].split(b"\n")[:-1]}
            there = check_whole(path, reported)
            first = max(there) + 1
            # Each killed writer has possibly committed one version without reporting the version.
            assert len(there) - len(reported) <= round_ + 1
        assert len(reported) > 50

    def test_a_kill_during_creation_leaves_a_complete_file_or_none(
        self, path: Path, tmp_path: Path
    ) -> None:
        for _ in range(3):
            writer = start_writer(path, 1, 5, tmp_path / "work", "ada")
            while not any(tmp_path.glob("local.db*")) and writer.poll() is None:
                pass
            writer.kill()
            assert writer.stdout is not None
            reported = {int(line) for line in writer.communicate()[0].split(b"\n")[:-1]}
            check_whole(path, reported)
            for leftover in tmp_path.glob("local.db*"):
                leftover.unlink()

    def test_two_concurrent_writers_lose_no_write(self, path: Path, tmp_path: Path) -> None:
        writers = [
            start_writer(
                path, 100 * number, 100 * number + 60, tmp_path / "work", f"writer-{number}"
            )
            for number in range(2)
        ]
        reported = set()
        for writer in writers:
            reported |= {int(line) for line in writer.communicate()[0].split()}
            assert writer.returncode == 0

        assert reported == {*range(60), *range(100, 160)}
        assert check_whole(path, reported) == reported
        with closing(LocalTarget(path, IDENTITY)) as target:
            actors = [entry.actor for entry in target.history("shared")]
        # Each writer creates and updates 60 versions.
        assert [actors.count(f"writer-{number}") for number in range(2)] == [120, 120]

    def test_a_reader_sees_only_complete_writes_of_another_process(
        self, path: Path, tmp_path: Path, target: LocalTarget
    ) -> None:
        writer = start_writer(path, 1, 40, tmp_path / "work", "ada")
        counts = []
        while writer.poll() is None:
            state = target.read(["shared"])
            counts.append(len(state["shared"].versions) if state else 0)
        writer.communicate()

        assert counts == sorted(counts)
        assert len(target.read(["shared"])["shared"].versions) == 39
        assert target.read([], owner="p")["shared"].versions[0].environment.provenance == (
            Provenance("p")
        )
