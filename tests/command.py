"""Runs the command line in this process.

In a new process, most commands would need more time to start than to run. `tests/test_wheel.py`
and other modules start real processes, at least one for each command. Tests that need a
separate process, for example for its streams or signals, use `tests/forked`.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from envsync.cli import main


def envsync(
    *arguments: str, cwd: Path, merged: bool = False, **variables: str
) -> CompletedProcess[str]:
    """Runs a command without a terminal.

    Args:
        arguments: the command line, without the name of the program.
        cwd: the working directory.
        merged: whether standard error is written to standard output.
        variables: environment variables.
    """
    out = _stream()
    err = out if merged else _stream()
    with pytest.MonkeyPatch.context() as patch, Path(os.devnull).open() as nothing:
        patch.chdir(cwd)
        for name, value in variables.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["envsync", *arguments])
        for name, stream in (("stdin", nothing), ("stdout", out), ("stderr", err)):
            patch.setattr(sys, name, stream)
        # It also turns off the garbage collector for the rest of this process.
        with pytest.raises(SystemExit) as exit_:
            main.main()
    return CompletedProcess(arguments, int(exit_.value.code or 0), _text(out), _text(err))


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()
