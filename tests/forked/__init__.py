"""Starts envsync in a separate process, without the time that Python needs to import envsync.

`program` starts a server: a process that has imported envsync. The program that `program` returns
asks the server for a fork, and the fork runs the command line. A test can use the program like the
installed `envsync`, in a shell or in a git hook. The fork gets the standard streams, the working
directory, the environment, the arguments and the signals of its caller, and the program ends with
the exit code of the fork. The workers of pytest-xdist are forks, too, and share the servers.

A few tests still start Python, because they check what Python does before it runs envsync: the
imports at start-up, the encoding of the streams, and the terminal that a process belongs to.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

_HERE: Final = Path(__file__).parent
_SERVER: Final = (
    "import os; os.fork() and os._exit(0); from tests.forked import server; server.main()"
)
"""The server ends after the process that started it, which therefore is not its parent."""

_HEAD: Final = """#!/bin/sh
'''exec' '{}' -IS "$0" "$@"
' '''
"""
"""The first lines of the program, as pip writes them: the path of Python can have any length, and
blanks. Python starts in 10 ms without its site packages."""

EMULATOR: Final = ("envsync.emulator.serve", "uvicorn.protocols.http.h11_impl")
"""The modules that `envsync emulator` takes longest to import."""

WORKER: Final = (
    "azure.ai.ml",
    "azure.identity",
    "envsync.targets.azure.target",
    *(f"envsync.action.commands.{name}" for name in ("validate", "plan", "apply")),
    "graphql",
    "markdown_it",
    "playwright.sync_api",
    "pytest",
    "sarif_pydantic",
)
"""The modules that take a worker of pytest-xdist longest to import. Commands with a workspace or a
registry, and the action, have the same server: they need those that take longest."""


class Run(NamedTuple):
    """A run of the tests: its name, and the process with which its servers end."""

    name: str
    process: int


run = Run(uuid4().hex, os.getpid())
"""The run of this process. A server sets the run of its forks: the workers of pytest-xdist."""


@cache
def program(*modules: str) -> str:
    """Returns the path of a program `envsync`, which runs in a fork of a server.

    Args:
        modules: what the server imports beside the commands.
    """
    if not hasattr(os, "pidfd_open"):  # the server needs Linux
        return str(Path(sys.executable).with_name("envsync"))
    import fcntl

    server = sha256(" ".join((run.name, *modules)).encode()).hexdigest()[:16]
    directory = Path(tempfile.gettempdir(), f"forked-{server}")
    directory.mkdir(mode=0o700, exist_ok=True)
    path = directory / "envsync"
    lock = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():  # no other worker has started this server
            _start(path, *modules)
    finally:
        os.close(lock)
    return str(path)


def _start(path: Path, *modules: str) -> None:
    """Makes the program, and starts its server, which removes the directory when it ends."""
    if not _compile_client(path):
        write_client(path)
    python = path.with_name("python")
    python.mkdir()
    (python / "python").symlink_to(path)
    # A client that connects before the server accepts waits for the server.
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path.with_name("socket")))
        listener.listen(64)
        subprocess.run(
            [sys.executable, "-c", _SERVER, str(listener.fileno()), *map(str, run), *modules],
            cwd=_HERE.parents[1],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
            # Ctrl-C in the terminal of the tests ends the tests, and the server ends with them.
            start_new_session=True,
            check=True,
        )


def write_client(path: Path) -> None:
    """Writes the program in Python, which takes longer to start than the compiled program.

    Args:
        path: the path of the program, in the directory of the server's socket.
    """
    path.write_text(_HEAD.format(sys.executable) + (_HERE / "client.py").read_text())
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def _compile_client(path: Path) -> bool:
    """Compiles the program. Returns False if there is no compiler, or a part of it is missing."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        return False
    address = json.dumps(str(path.with_name("socket")), ensure_ascii=False)
    command = [compiler, f"-DSOCKET={address}", "-o", str(path), str(_HERE / "client.c")]
    return subprocess.run(command, check=False).returncode == 0


def python(*modules: str) -> str:
    """Returns the path of a program that runs a module in a fork: `server.run_python` says how.

    Args:
        modules: what the server imports beside the commands.
    """
    forked = Path(program(*modules)).with_name("python") / "python"
    return str(forked) if forked.exists() else sys.executable


def path_with_program(*modules: str) -> str:
    """Returns the value of PATH with which a shell finds `program`, and the Python of the tests."""
    directories = map(os.path.dirname, (program(*modules), sys.executable))
    return os.pathsep.join((*directories, os.environ["PATH"]))
