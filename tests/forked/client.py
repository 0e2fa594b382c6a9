"""The program that a test starts if there is no C compiler: does the same as client.c.

Imports only modules that Python imports in a millisecond: `signal` and `socket` take ten.
"""

import _signal  # type: ignore[import-not-found, unused-ignore] # has no types
import _socket  # type: ignore[import-not-found, unused-ignore] # has no types
import os
import resource
import sys

SIGNALS = (_signal.SIGHUP, _signal.SIGINT, _signal.SIGTERM)


def open_streams() -> list[int]:
    """Returns the descriptors of the standard streams that are open, and opens the others.

    Otherwise, the next file would get the descriptor of a closed stream.
    """
    found = []
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest closed descriptor: this one
        else:
            found.append(descriptor)
    return found


def request() -> _socket.socket:
    """Sends the arguments, environment, directory and streams of this process to the server."""
    streams = open_streams()
    # The directory can have been deleted, so the server gets a file, and not a path.
    files = [os.open(".", os.O_RDONLY), *streams]
    content = [
        "".join(map(str, streams)).encode(),
        *(b"%d" % number for number in (os.umask(0), *resource.getrlimit(resource.RLIMIT_CPU))),
        b"%d" % len(sys.argv),
        *map(os.fsencode, sys.argv),
        *(b"%s=%s" % variable for variable in os.environb.items()),
    ]
    data = b"".join(b"%s\0" % item for item in content)
    rights = b"".join(file.to_bytes(4, sys.byteorder) for file in files)
    connection = _socket.socket(_socket.AF_UNIX)
    program = os.path.realpath(sys.argv[0])
    connection.connect(program.rpartition("/")[0] + "/socket")
    connection.sendmsg(
        [len(data).to_bytes(4, sys.byteorder)], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)]
    )
    connection.sendall(data)
    return connection


def main() -> None:
    """Forwards signals to the fork, and ends with its exit code or by the same signal."""
    connection = request()
    for number in SIGNALS:
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, lambda number, _: connection.send(bytes([number])))
    answer = connection.recv(4)
    assert answer, "The server has ended."
    code = int.from_bytes(answer, sys.byteorder, signed=True)
    if code < 0:
        if -code != _signal.SIGKILL:
            _signal.signal(-code, _signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


main()
