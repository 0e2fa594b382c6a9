"""`envsync emulator`: a command, or whoever exports the variables, meets Azure ML on loopback."""

from __future__ import annotations

import gc
import json
import os
import re
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from envsync.cli.session import Session
from envsync.emulator.settings import FAULT_KINDS, FaultKind, Settings
from envsync.model.errors import EnvsyncError, UsageError
from envsync.model.wording import install

if TYPE_CHECKING:
    from envsync.emulator.serve import Emulator

_CANNOT_RUN = 126  # as every shell has it
_NOT_FOUND = 127
_BY_SIGNAL = 128

# What the extra installs, and what of it is imported by name.
_EXTRA = frozenset({"starlette", "uvicorn", "trustme", "h11", "anyio", "cryptography"})

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_MILLISECONDS = re.compile(r"(\d+)(?:ms)?")
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s?")

_KINDS: Mapping[str, FaultKind] = {kind: kind for kind in FAULT_KINDS}


def names(text: str) -> tuple[str, ...]:
    """Names with commas between them; each counts once, in any case of letters.

    Raises:
        UsageError: one is no name of a workspace or registry.
    """
    found: dict[str, str] = {}
    for name in filter(None, text.split(",")):
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r} is no name of a workspace or registry.")
        found.setdefault(name.lower(), name)
    return tuple(found.values())


def milliseconds(text: str) -> int:
    """A number of milliseconds, with or without `ms` after it.

    Raises:
        UsageError: it is none.
    """
    if found := _MILLISECONDS.fullmatch(text):
        return int(found[1])
    raise UsageError(f"--latency {text}: it takes milliseconds, such as 50 or 50ms.")


def seconds(option: str, text: str) -> float:
    """A number of seconds, with or without `s` after it; `option` is for the message.

    Raises:
        UsageError: it is none.
    """
    if found := _SECONDS.fullmatch(text):
        return float(found[1])
    raise UsageError(f"{option} {text}: it takes seconds, such as 30 or 30s.")


def faults(texts: Sequence[str]) -> tuple[tuple[FaultKind, float], ...]:
    """Faults as they are written: `KIND=RATE`.

    Raises:
        UsageError: there is no such kind, or the rate is not between 0 and 1.
    """
    return tuple(_fault(text) for text in texts)


def _fault(text: str) -> tuple[FaultKind, float]:
    kind, _, rate = text.partition("=")
    try:
        share = float(rate)
    except ValueError:
        share = -1.0
    if kind not in _KINDS or not 0 <= share <= 1:
        kinds = ", ".join(FAULT_KINDS)
        raise UsageError(f"--fault {text}: it takes KIND=RATE, of {kinds}, and 0 to 1.")
    return _KINDS[kind], share


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
    with _forwarding() as children:
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


@contextmanager
def _forwarding() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Passes signals on to the processes in a list, and outlives them."""
    children: list[subprocess.Popen[bytes]] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT and _in_foreground():
            return  # Ctrl-C reaches the command itself
        for child in children:
            child.send_signal(number)

    with _handling(forward):
        yield children


def _serve(session: Session, emulator: Emulator, *, as_json: bool) -> None:
    stop = threading.Event()
    with _handling(lambda _number, _frame: stop.set()):
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


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Handles the signals that ask a process to end."""
    wanted = [signal.SIGINT, signal.SIGTERM]
    # Under nohup, a hang-up is to be ignored.
    if os.name != "nt" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        wanted.append(signal.SIGHUP)
    before = {number: signal.signal(number, handler) for number in wanted}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _in_foreground() -> bool:
    """Whether the terminal sends Ctrl-C to the command as well as to this process."""
    if os.name == "nt":
        return True  # to all that share the console
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
