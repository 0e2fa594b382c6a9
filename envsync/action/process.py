"""The command line as a process of its own: what it printed, and its exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from envsync.action.inputs import TOKEN_VARIABLE
from envsync.model.errors import EnvsyncError

_TOKENS: Final = frozenset(
    {TOKEN_VARIABLE, "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_RUNTIME_TOKEN"}
)
"""What a project's `envsync.yaml` could name, and have written where everybody reads it."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A run of the command line that has ended."""

    code: int
    out: str
    err: str


def envsync(directory: Path, *arguments: str) -> Finished:
    """Runs `envsync` in a directory; it never learns the tokens of the job.

    Raises:
        EnvsyncError: there is no such directory.
    """
    environ = {name: text for name, text in os.environ.items() if name not in _TOKENS}
    # Isolated: a project may have files that are called like Python's modules.
    command = [sys.executable, "-I", "-X", "utf8", "-m", "envsync", *arguments]
    try:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
    except OSError as error:
        raise EnvsyncError(
            f"The working directory {directory} cannot be entered: {error.strerror}. Check the "
            "input `working-directory`, and that the repository is checked out before this step."
        ) from error
    with _forwarding(process):
        out, err = process.communicate()
    return Finished(process.returncode, out, err)


@contextmanager
def _forwarding(process: subprocess.Popen[str]) -> Iterator[None]:
    """A cancelled workflow lets `envsync` finish what is in flight, and outlives it to report."""

    def forward(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
