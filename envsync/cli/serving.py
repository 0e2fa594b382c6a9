"""Runs a command with an emulator, or runs an emulator as a server until Ctrl-C."""

from __future__ import annotations

import gc
import json
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from envsync.cli.session import Session
from envsync.cli.signals import forwarding, handling
from envsync.cli.streams import error_of
from envsync.emulator.settings import Settings
from envsync.model.errors import EnvsyncError, UsageError
from envsync.model.wording import install

if TYPE_CHECKING:
    from envsync.emulator.serve import Emulator

# A shell exits with the same codes if it cannot run a program or if a signal ends the program:
# https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html
_CANNOT_RUN = 126
_NOT_FOUND = 127
_BY_SIGNAL = 128

# The packages that can be missing if the extra "emulator" is not installed.
_EXTRA = frozenset({"starlette", "uvicorn", "trustme", "h11", "anyio", "cryptography"})


def run(
    session: Session,
    *,
    settings: Settings,
    log: Path | None,
    command: Sequence[str],
    as_json: bool | None,
) -> int:
    """Runs a command with an emulator, and returns the exit code of the command.

    Without a command, prints the variables that clients need, serves until Ctrl-C and returns 0.

    Args:
        session: the global options.
        settings: the behaviour of the emulator.
        log: a file to which each request is appended as one line of JSON.
        command: the program and its arguments; empty to run only the server.
        as_json: whether to print the variables as JSON; None if `--format` is not given.

    Raises:
        UsageError: the options cannot be combined, or `--workspaces` is empty.
        EnvsyncError: the packages of the extra `emulator` are missing, or the emulator cannot
            start.
    """
    if command and as_json is not None:
        raise UsageError(
            "--format cannot be combined with a command: the emulator prints its variables only if "
            "no command is given."
        )
    if not settings.workspaces:
        raise UsageError("--workspaces: expected at least one name.")
    try:
        from envsync.emulator.serve import running
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        # If any other module is missing, this is a bug and not a missing extra.
        if package not in _EXTRA:
            raise
        message = f"The emulator needs {package}: {install('emulator')}"
        raise EnvsyncError(message) from error

    # `main` disables garbage collection to speed up short runs. A server needs garbage collection.
    gc.enable()
    with running(settings, log) as emulator:
        for warning in emulator.warnings:
            session.err(f"Warning: {warning}")
        if command:
            return _run(session, command, emulator)
        _serve(session, emulator, as_json=bool(as_json))
    return 0


def _run(session: Session, command: Sequence[str], emulator: Emulator) -> int:
    """Runs the command with the variables of the emulator and returns the exit code."""
    with forwarding() as children:
        try:
            # The user chooses the command, as with `env` and `sudo`. No shell interprets the
            # command.
            process = subprocess.Popen(  # noqa: S603 - no shell, the user's command
                command, env={**os.environ, **emulator.variables}
            )
        except FileNotFoundError:
            session.err(f"Error: {command[0]}: command not found.")
            return _NOT_FOUND
        except OSError as error:
            session.err(f"Error: {command[0]}: {error.strerror}.")
            return _CANNOT_RUN
        children.append(process)
        code = process.wait()
    # If a signal ended the process, the return code of Popen is the negative signal number.
    return _BY_SIGNAL - code if code < 0 else code


def _serve(session: Session, emulator: Emulator, *, as_json: bool) -> None:
    """Prints the variables of the emulator, and waits for Ctrl-C, SIGTERM or SIGHUP."""
    stop = threading.Event()
    with handling(lambda _number, _frame: stop.set()):
        session.out(variables_text(emulator.variables, as_json=as_json))
        error = error_of(sys.stdout)
        # No client can use the emulator without the variables. A reader that has closed the pipe,
        # such as `head`, has read the variables that it needs.
        if error and not isinstance(error, BrokenPipeError):
            return
        if not session.quiet:
            session.err("Serving until Ctrl-C.")
        # On Windows, Ctrl-C does not interrupt a wait without a timeout.
        while not stop.wait(1):
            pass


def variables_text(variables: Mapping[str, str], *, as_json: bool) -> str:
    """Returns variables as `export` commands for a shell, or as one JSON object."""
    if as_json:
        return json.dumps(dict(variables), indent=2)
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())
