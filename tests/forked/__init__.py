"""Starts envsync in a separate process, without the time that Python needs to import envsync.

`program` starts a server: a process that has imported envsync. The program that `program` returns
asks the server for a fork, and the fork runs the command line. A test can use the program like the
installed `envsync`, in a shell or in a git hook. The fork gets the standard streams, the working
directory, the environment, the arguments and the signals of its caller, and the program ends with
the exit code of the fork.

A few tests still start Python, because they check what Python does before it runs envsync: the
imports at start-up, the encoding of the streams, and the terminal that a process belongs to.
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
_SERVER: Final = "from tests.forked import server; server.main()"

_HEAD: Final = """#!/bin/sh
'''exec' '{}' -IS "$0" "$@"
' '''
"""
"""The first lines of the program, as pip writes them: the path of Python can have any length, and
blanks. Python starts in 10 ms without its site packages."""

EMULATOR: Final = ("envsync.emulator.serve", "uvicorn.protocols.http.h11_impl")
"""The modules that `envsync emulator` takes longest to import."""

AZURE: Final = ("azure.ai.ml", "azure.identity", "envsync.targets.azure.target")
"""The modules that take longest to import in a command with a workspace or a registry."""


@cache
def program(*modules: str) -> str:
    """Returns the path of a program `envsync`, which runs in a fork of a server.

    Args:
        modules: what the server imports beside the commands.
    """
    if not hasattr(os, "pidfd_open"):  # the server needs Linux
        return str(Path(sys.executable).with_name("envsync"))
    directory = Path(tempfile.mkdtemp(prefix="forked-"))
    path = directory / "envsync"
    path.write_text(_HEAD.format(sys.executable) + (_HERE / "client.py").read_text())
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    (directory / "python").mkdir()
    (directory / "python" / "python").symlink_to(path)
    # A client that connects before the server accepts waits for the server.
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(directory / "socket"))
        listener.listen(64)
        server = subprocess.Popen(
            [sys.executable, "-c", _SERVER, str(listener.fileno()), *modules],
            cwd=_HERE.parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
            # Ctrl-C in the terminal of the tests ends the tests, and they end the server.
            start_new_session=True,
        )
    atexit.register(_stop, server, directory)
    return str(path)


def python(*modules: str) -> str:
    """Returns the path of a program that runs a module in a fork: `server.run_module` says how.

    Args:
        modules: what the server imports beside the commands.
    """
    forked = Path(program(*modules)).with_name("python") / "python"
    return str(forked) if forked.exists() else sys.executable


def path_with_program(*modules: str) -> str:
    """Returns the value of PATH with which a shell finds `program`, and the Python of the tests."""
    directories = map(os.path.dirname, (program(*modules), sys.executable))
    return os.pathsep.join((*directories, os.environ["PATH"]))


def _stop(server: subprocess.Popen[bytes], directory: Path) -> None:
    server.communicate()  # the server ends when its standard input is closed
    shutil.rmtree(directory)
