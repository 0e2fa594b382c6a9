"""The server: imports envsync, and forks for each client.

Each client has two processes: a fork that runs envsync, and an attendant that waits for the fork
and forwards signals.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import marshal
import os
import pkgutil
import resource
import runpy
import select
import shutil
import signal
import socket
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple, TextIO

from envsync import cli
from envsync.cli import main as command_line
from tests import forked
from tests.forked.patience import hide_progress

_LAZY: Final = (
    "git",
    "zipfile",
    "envsync.render.status_text",
    "envsync.targets.local.target",
    "typer._click.decorators",
)
"""The modules that commands import when they need them, and that take longest."""

_BEFORE_START: Final = ("PYTHONIOENCODING", "PYTHONUNBUFFERED", "PYTHONUTF8", "LC_ALL", "LANG")
"""Variables that Python reads when it starts. A fork cannot obey them."""


class Request(NamedTuple):
    """The request of a client: a message, and the working directory and open streams as files."""

    content: dict[str, Any]
    files: list[int]


def main() -> None:
    """Imports the modules of the command line, and serves clients until the tests end."""
    descriptor, name, process, *modules = sys.argv[1:]
    forked.run = forked.Run(name, int(process))
    tests = os.pidfd_open(forked.run.process)
    commands = (module.name for module in pkgutil.iter_modules(cli.__path__, "envsync.cli."))
    for name in (*commands, *_LAZY, *modules):
        with contextlib.suppress(ModuleNotFoundError):  # a fork that needs the module raises it
            import_module(name)
    hide_progress()
    gc.collect()
    gc.freeze()
    before = {**os.environ}
    become(accept(socket.socket(fileno=int(descriptor)), tests))
    changed = [
        name for name in _BEFORE_START if os.environ.get(name) not in (None, before.get(name))
    ]
    assert not changed, f"Start `python -m envsync`: a fork cannot obey {', '.join(changed)}."
    os._exit(run())


def accept(listener: socket.socket, tests: int) -> Request:
    """Serves clients. Returns in each fork, with the request of its client.

    Args:
        listener: the socket that clients connect to.
        tests: the descriptor of the process of the tests. It can be read when they have ended.
    """
    while True:
        if tests in _readable(listener.fileno(), tests):
            _wait_for_attendants()
            shutil.rmtree(Path(listener.getsockname()).parent)
            os._exit(0)
        _wait_for_attendants(os.WNOHANG)
        connection, _ = listener.accept()
        with connection:
            if os.fork() == 0:
                listener.close()
                os.close(tests)
                os.setsid()
                request = receive(connection)
                if (fork := os.fork()) == 0:
                    return request
                attend(fork, connection)


def _readable(*descriptors: int) -> list[int]:
    """Waits until at least one of the files can be read, or has ended."""
    return select.select(descriptors, [], [])[0]


def _wait_for_attendants(options: int = 0) -> None:
    """Waits until all attendants have ended. With WNOHANG, frees only those that have ended."""
    with contextlib.suppress(ChildProcessError):  # raised if there is no attendant
        while os.waitpid(-1, options)[0]:
            pass


def receive(connection: socket.socket) -> Request:
    """Reads the request of a client."""
    size, files, _, _ = socket.recv_fds(connection, 4, 4)
    with connection.makefile("rb") as stream:
        data = stream.read(int.from_bytes(size, "big"))
    return Request(marshal.loads(data), list(files))  # noqa: S302 - a client of the tests sent it


def attend(fork: int, connection: socket.socket) -> None:
    """Waits for a fork and forwards the signals of its client. Kills it if the client is gone."""
    ended = os.pidfd_open(fork)
    while True:
        if ended in _readable(ended, connection.fileno()):
            break
        number = connection.recv(1)
        os.kill(fork, number[0] if number else signal.SIGKILL)
        if not number:
            os._exit(0)
    _, status = os.waitpid(fork, 0)
    code = os.waitstatus_to_exitcode(status)
    try:
        connection.sendall(code.to_bytes(4, "big", signed=True))
    finally:
        os._exit(0)


def become(request: Request) -> None:
    """Gives this process the arguments, environment, directory and streams of its client."""
    content, (directory, *files) = request
    os.environb.clear()
    os.environb.update(content["environ"])
    os.fchdir(directory)
    os.umask(content["umask"])
    resource.setrlimit(resource.RLIMIT_CPU, content["cpu"])
    sys.argv = [os.fsdecode(argument) for argument in content["arguments"]]
    sent = dict(zip(content["streams"], files, strict=True))
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        if descriptor in sent:
            os.dup2(sent[descriptor], descriptor)
        else:
            os.close(descriptor)
        stream = opened(descriptor) if descriptor in sent else None
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    for file in request.files:
        os.close(file)


def opened(descriptor: int) -> TextIO:
    """Opens a standard stream as Python does when it starts."""
    mode, errors = ("rb", "wb", "wb")[descriptor], ("strict", "strict", "backslashreplace")
    return io.TextIOWrapper(
        open(descriptor, mode, closefd=False),
        encoding="utf-8",
        errors=errors[descriptor],
        line_buffering=descriptor == 2 or os.isatty(descriptor),
    )


def run_python() -> None:
    """Does what `python -u -c CODE`, `python -I -X utf8 -m MODULE` or `python -mMODULE` does."""
    if sys.argv[1:3] == ["-u", "-c"]:  # a worker of pytest-xdist, which starts Python itself
        exec(sys.argv[3], {"__name__": "__main__"})  # noqa: S102 - the code of pytest-xdist
        return
    sys.executable, first = sys.argv[:2]
    if first == "-I":
        assert sys.argv[2:5] == ["-X", "utf8", "-m"], sys.argv
        del sys.argv[:5]
    else:
        assert first.startswith("-m") and first != "-m", sys.argv
        del sys.argv[:1]
        sys.argv[0] = first.removeprefix("-m")
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def run() -> int:
    """Runs the command line and returns its exit code."""
    try:
        if os.path.basename(sys.argv[0]) == "python":  # noqa: PTH119 - any text
            run_python()
        else:
            command_line.main()
    except SystemExit as exit_:
        code = exit_.code
        assert code is None or isinstance(code, int)
    else:
        code = 0
    # Do what Python does at its end, but do not free every object: that takes 30 ms.
    threading._shutdown()  # type: ignore[attr-defined] # private
    atexit._run_exitfuncs()
    try:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
    except OSError:
        return 120
    return code or 0
