"""Log files that no reader can block."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from envsync.targets.appending import open_to_append

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX")


def test_text_is_appended_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("a\n")

    with open_to_append(path) as file:
        file.write("b\n")

    assert path.read_text() == "a\nb\n"


def test_a_new_file_has_the_given_permissions(tmp_path: Path) -> None:
    open_to_append(tmp_path / "log", 0o600).close()

    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_a_named_pipe_without_a_reader_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(OSError, match="not a regular file or a terminal"):
        open_to_append(tmp_path / "pipe")


def test_a_named_pipe_whose_reader_does_not_read_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)

    with pytest.raises(OSError, match="not a regular file or a terminal"):
        open_to_append(tmp_path / "pipe")
    os.close(reader)


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs /dev/fd")
def test_the_pipe_of_a_process_substitution_is_refused() -> None:
    reader, writer = os.pipe()

    with pytest.raises(OSError, match="not a regular file or a terminal"):
        open_to_append(Path(f"/dev/fd/{writer}"))
    os.close(reader)
    os.close(writer)


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")

        with pytest.raises(OSError, match="not a regular file or a terminal"):
            open_to_append(Path("socket"))


def test_text_is_written_to_a_terminal() -> None:
    control, terminal = os.openpty()

    with open_to_append(Path(os.ttyname(terminal))) as file:
        file.write("a\n")

    assert os.get_blocking(terminal)
    assert os.read(control, 10) == b"a\r\n"
    os.close(control)
    os.close(terminal)
