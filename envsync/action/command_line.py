"""Runs envsync's command line in a separate process and returns its output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

from msgspec import Struct

from envsync.action.inputs import TOKEN_VARIABLE
from envsync.model.errors import EnvsyncError

# ACTIONS_ID_TOKEN_REQUEST_TOKEN is passed, because `credential: github` needs it.
_TOKENS: Final = frozenset({TOKEN_VARIABLE, "ACTIONS_RUNTIME_TOKEN"})
"""Names of environment variables that envsync does not get, because it does not need them."""


class Completed(Struct, frozen=True):
    """A finished process of the command line.

    Attributes:
        code: the exit code.
        stdout: the standard output.
        stderr: the standard error.
    """

    code: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        """Returns the JSON document that the process printed, or None if the output is not JSON."""
        try:
            return json.loads(self.stdout)
        except ValueError:
            return None


def envsync(directory: Path, *arguments: str) -> Completed:
    """Runs `envsync` in a directory. The process does not get the tokens of the job.

    Args:
        directory: the working directory.
        arguments: the command and its options. No shell interprets the arguments.

    Raises:
        EnvsyncError: the directory does not exist or cannot be entered.
    """
    environ = {name: value for name, value in os.environ.items() if name not in _TOKENS}
    # Without `-I`, Python would import a `yaml.py` or `typing.py` from the working directory.
    # Without `-X utf8`, the output on Windows would not be UTF-8.
    command = [sys.executable, "-I", "-X", "utf8", "-m", "envsync", *arguments]
    with _forwarding_signals() as forward_to:
        try:
            process = subprocess.Popen(  # noqa: S603 - no shell, and the program is `sys.executable`
                command,
                cwd=directory,
                env=environ,
                # Nobody can answer a question in a workflow. The empty input makes a question fail
                # instead of waiting forever.
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
            )
        except OSError as error:
            raise EnvsyncError(
                f"The working directory {directory} cannot be entered: {error.strerror}. Check "
                "the input `working-directory`, and that the repository is checked out before this "
                "step."
            ) from error
        forward_to(process)
        stdout, stderr = process.communicate()
    return Completed(process.returncode, stdout, stderr)


@contextmanager
def _forwarding_signals() -> Iterator[Callable[[subprocess.Popen[str]], None]]:
    """Forwards SIGINT and SIGTERM to a process.

    Yields a function that the caller calls with the started process.

    GitHub sends these signals to a cancelled step. After a signal, envsync finishes the change in
    progress, and the step continues in order to report what was applied.
    https://docs.github.com/actions/reference/workflows-and-actions/workflow-cancellation

    The signal handlers are installed before the process starts. Otherwise, a signal could end the
    step while the process starts. Signals that arrive before the process has started are forwarded
    after the start.
    """
    processes: list[subprocess.Popen[str]] = []
    early: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        if processes:
            processes[0].send_signal(number)
        else:
            early.append(number)

    def forward_to(process: subprocess.Popen[str]) -> None:
        processes.append(process)
        for number in early:
            process.send_signal(number)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield forward_to
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
