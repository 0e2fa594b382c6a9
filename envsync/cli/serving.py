"""Runs a command against an emulator, or serves one until Ctrl-C."""

from __future__ import annotations

import gc
import json
import os
import shlex
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from envsync.cli.session import Session
from envsync.cli.signals import forwarding, handling
from envsync.emulator.settings import Settings
from envsync.model.errors import EnvsyncError, UsageError
from envsync.model.wording import install

if TYPE_CHECKING:
    from envsync.emulator.serve import Emulator

_CANNOT_RUN = 126  # as every shell has it


_NOT_FOUND = 127


_BY_SIGNAL = 128


# What the extra installs, and what of it is imported by name.
_EXTRA = frozenset({"starlette", "uvicorn", "trustme", "h11", "anyio", "cryptography"})


def run(
    session: Session,
    settings: Settings,
    log: Path | None,
    command: Sequence[str],
    *,
    as_json: bool | None,
) -> int:
    """Runs a command against an emulator and returns its exit code; without one, serves.

    Raises:
        UsageError: options do not go together.
        EnvsyncError: the extra is not installed, or the emulator did not start.
    """
    if command and as_json is not None:
        raise UsageError("--format goes with no command; it prints the variables of a server.")
    if not settings.workspaces:
        raise UsageError("--workspaces: it takes one name at least.")
    try:
        from envsync.emulator.serve import running
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRA:
            raise
        message = f"The emulator needs {package}: {install('emulator')}"
        raise EnvsyncError(message) from error

    gc.enable()  # a server runs for long
    with running(settings, log) as emulator:
        for warning in emulator.warnings:
            session.err(f"Warning: {warning}")
        if command:
            return _run(session, command, emulator)
        _serve(session, emulator, as_json=bool(as_json))
    return 0


def _run(session: Session, command: Sequence[str], emulator: Emulator) -> int:
    with forwarding() as children:
        try:
            process = subprocess.Popen(command, env={**os.environ, **emulator.variables})
        except FileNotFoundError:
            session.err(f"Error: {command[0]}: there is no such command.")
            return _NOT_FOUND
        except OSError as error:
            session.err(f"Error: {command[0]}: {error.strerror}.")
            return _CANNOT_RUN
        children.append(process)
        code = process.wait()
    return _BY_SIGNAL - code if code < 0 else code


def _serve(session: Session, emulator: Emulator, *, as_json: bool) -> None:
    stop = threading.Event()
    with handling(lambda _number, _frame: stop.set()):
        session.out(variables_text(emulator.variables, as_json=as_json))
        if not session.quiet:
            session.err("Serving until Ctrl-C.")
        while not stop.wait(1):  # Windows delivers no signal to a thread that waits for ever
            pass


def variables_text(variables: Mapping[str, str], *, as_json: bool) -> str:
    """Variables as commands for a shell, or as one JSON object."""
    if as_json:
        return json.dumps(dict(variables), indent=2)
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())
