"""The server: imports envsync, and forks for each client.

The server waits for the forks, and forwards the signals of their clients.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
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
from collections.abc import Collection, Iterable
from importlib import import_module
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from envsync import cli
from envsync.cli import main as command_line
from envsync.cli.commands import SUMMARIES, load_command
from tests import forked
from tests.forked.patience import hide_progress
from tests.forked.signatures import read_signatures_once

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
    """The request of a client.

    Attributes:
        arguments: the command line, with the path of the program.
        environ: the environment variables.
        umask: the mask of permissions.
        cpu: the soft and the hard limit of CPU time.
        directory: the working directory, as a file.
        streams: the files of the standard streams that are open.
    """

    arguments: list[bytes]
    environ: dict[bytes, bytes]
    umask: int
    cpu: tuple[int, int]
    directory: int
    streams: dict[int, int]

    def close(self) -> None:
        """Closes the descriptors of the directory and of the streams."""
        for file in (self.directory, *self.streams.values()):
            os.close(file)


class Fork(NamedTuple):
    """A fork that runs: its process, the descriptor of its process, and its client."""

    process: int
    ended: int
    client: socket.socket

    def attend(self, ready: Collection[int]) -> bool:
        """Forwards a signal of the client. Kills the fork if the client is gone.

        When the fork has ended, sends its exit code to the client.

        Args:
            ready: the descriptors that can be read. `ended` can be read when the fork has ended.

        Returns:
            Whether the fork still runs.
        """
        if self.ended not in ready:
            if self.client.fileno() not in ready:
                return True
            number = self.client.recv(1)
            os.kill(self.process, number[0] if number else signal.SIGKILL)
            if number:
                return True
        _, status = os.waitpid(self.process, 0)
        code = os.waitstatus_to_exitcode(status)
        with contextlib.suppress(BrokenPipeError):  # the client is gone
            self.client.sendall(code.to_bytes(4, sys.byteorder, signed=True))
        self.close()
        return False

    def close(self) -> None:
        """Closes the connection of the client, and the descriptor of the process."""
        self.client.close()
        os.close(self.ended)


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
    read_signatures_once()
    for name in SUMMARIES:
        load_command(name)  # reads the options of the command
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
    """Serves clients until the tests have ended. Returns in each fork, with its request.

    Args:
        listener: the socket that clients connect to.
        tests: the descriptor of the process of the tests. It can be read when they have ended.
    """
    forks: list[Fork] = []
    while tests not in (ready := _readable(forks, listener.fileno(), tests)):
        forks = [fork for fork in forks if fork.attend(ready)]
        if listener.fileno() in ready:
            client, _ = listener.accept()
            if (request := receive(client)) is None:
                client.close()
                continue
            if (process := os.fork()) == 0:
                os.setsid()
                listener.close()
                client.close()
                os.close(tests)
                for fork in forks:
                    fork.close()
                return request
            forks.append(Fork(process, os.pidfd_open(process), client))
            request.close()
    while forks:
        ready = _readable(forks)
        forks = [fork for fork in forks if fork.attend(ready)]
    shutil.rmtree(Path(listener.getsockname()).parent)
    os._exit(0)


def _readable(forks: Iterable[Fork], *descriptors: int) -> list[int]:
    """Waits until at least one of the files can be read, or has ended."""
    of_forks = (file for fork in forks for file in (fork.ended, fork.client.fileno()))
    return select.select([*descriptors, *of_forks], [], [])[0]


def receive(client: socket.socket) -> Request | None:
    """Reads the request of a client. Returns None if the client was killed before it sent all."""
    prefix, files, _, _ = socket.recv_fds(client, 4, 4)
    size = int.from_bytes(prefix, sys.byteorder)
    data = client.recv(size, socket.MSG_WAITALL)
    if not data or len(data) < size:
        for file in files:
            os.close(file)
        return None
    open_streams, umask, soft, hard, count, *rest = data.split(b"\0")[:-1]
    variables = (item.partition(b"=") for item in rest[int(count) :])
    return Request(
        arguments=rest[: int(count)],
        environ={name: value for name, _, value in variables},
        umask=int(umask),
        cpu=(int(soft), int(hard)),
        directory=files[0],
        streams=dict(zip(map(int, open_streams.decode()), files[1:], strict=True)),
    )


def become(request: Request) -> None:
    """Gives this process the arguments, environment, directory and streams of its client."""
    os.environb.clear()
    os.environb.update(request.environ)
    os.fchdir(request.directory)
    os.umask(request.umask)
    resource.setrlimit(resource.RLIMIT_CPU, request.cpu)
    sys.argv = [os.fsdecode(argument) for argument in request.arguments]
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        if descriptor in request.streams:
            os.dup2(request.streams[descriptor], descriptor)
        else:
            os.close(descriptor)
        stream = opened(descriptor) if descriptor in request.streams else None
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    request.close()


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
