"""Hashing build contexts, beside `sha256sum` in as many processes as there are cores."""

from __future__ import annotations

import os
import random
import shutil
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.measuring import ENVSYNC, Command, Row, ratio
from envsync.project.context.digest_cache import SETTLED

FILES = 20_000
MEGABYTES = 2_000
_FILE = """\
name: large
description: A large build context.
build: {path: ../context}
"""
# The least that the second `validate` can take.
_FLOOR = """
import os, typer, yaml, msgspec
def visit(directory):
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir():
                visit(entry.path)
            else:
                entry.stat()
visit("context")
"""


def rows(scratch: Path, rounds: int) -> Iterator[Row]:
    """Yields the rows of this group. Needs 2 GB of disk.

    Args:
        scratch: an empty directory. For the second row, it must be on a file system on which
            envsync keeps digests, such as ext4 or xfs, but not tmpfs.
        rounds: the runs of each command.
    """
    (scratch / "envsync.yaml").write_text("rules: {large-context: off}\n")
    _write(scratch / "environments" / "large.yml", _FILE.encode())
    _write(scratch / "context" / "Dockerfile", b"FROM ubuntu:24.04\n")
    chance = random.Random(1)
    size = MEGABYTES * 1_000_000 // FILES
    for number in range(FILES):
        _write(scratch / "context" / f"{number % 100}" / f"{number}.bin", chance.randbytes(size))
    # envsync keeps no digest of a file that has changed in the last minute.
    time.sleep(SETTLED / 1_000_000_000 + 1)
    hashing = f"find context -type f -print0 | xargs -0 -P {os.cpu_count()} -n 500 sha256sum"
    shell = Command(("sh", "-c", hashing), scratch)
    again = Command((*ENVSYNC, "validate"), scratch)
    first = Command(again.arguments, scratch, prepare=partial(_forget, scratch))
    floor = Command((sys.executable, "-c", _FLOOR), scratch)
    for what, command, goal in (
        ("first `validate`", first, 1.2),
        ("second `validate`", again, 0.1),
        ("the imports of envsync, then the times of each file", floor, None),
    ):
        yield ratio(
            f"a context of {MEGABYTES / 1000:g} GB in {FILES:,} files, {what}",
            "`sha256sum`, one process for each core",
            (command, shell),
            goal=goal,
            rounds=rounds,
        )


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _forget(directory: Path) -> None:
    """Removes what envsync remembers of the context."""
    shutil.rmtree(directory / ".envsync", ignore_errors=True)
