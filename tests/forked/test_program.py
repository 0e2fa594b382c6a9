"""The program that runs in a fork of a server, and what the fork gets from its caller."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.forked import EMULATOR, path_with_program, program, write_client

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="the server needs Linux")


@pytest.fixture(scope="module", params=["compiled", "python"])
def envsync(request: pytest.FixtureRequest) -> str:
    """The path of a program that is compiled, or written in Python."""
    path = Path(program(*EMULATOR))
    if request.param == "python":
        path = path.with_name("client")
        write_client(path)
    elif shutil.which(os.environ.get("CC", "cc")) is None:
        pytest.skip("there is no C compiler")
    else:
        assert not path.read_bytes().startswith(b"#!"), "The program was not compiled."
    return str(path)


def printed(
    envsync: str, *arguments: str, cwd: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs a shell in `envsync emulator`, which passes what it has on to a command."""
    return subprocess.run(
        [envsync, "emulator", "--", "sh", "-c", *arguments],
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        input="typed",
    )


def test_a_fork_gets_the_directory_umask_variables_arguments_and_input_of_its_caller(
    envsync: str, tmp_path: Path
) -> None:
    before = os.umask(0o027)
    try:
        done = printed(
            envsync,
            'pwd; umask; echo "$SET $2"; cat; exit 7',
            "sh",
            "1",
            "é",
            cwd=tmp_path,
            SET="a",
        )
    finally:
        os.umask(before)

    assert done.stdout.splitlines() == [str(tmp_path), "0027", "a é", "typed"]
    assert done.returncode == 7


@pytest.mark.parametrize(
    ("arguments", "redirection"),
    [
        *(
            ("plan", streams)
            for streams in ("", "<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full")
        ),
        *(("--version", streams) for streams in (">&-", ">/dev/full")),
        *(("nonsense", streams) for streams in ("2>&-", "<&- >&- 2>&-")),
    ],
)
def test_a_fork_has_the_exit_code_and_output_of_a_separate_process(
    tmp_path: Path, arguments: str, redirection: str
) -> None:
    def ended(command: str) -> tuple[int, bytes, bytes]:
        done = subprocess.run(
            ["sh", "-c", f"{command} {arguments} {redirection}"],
            cwd=tmp_path,
            env={**os.environ, "PATH": path_with_program(*EMULATOR)},
            capture_output=True,
        )
        return done.returncode, done.stdout, done.stderr

    installed = Path(sys.executable).with_name("envsync")
    assert ended("envsync") == ended(str(installed))


def test_a_signal_that_kills_the_fork_kills_the_program(envsync: str, tmp_path: Path) -> None:
    with subprocess.Popen(
        [envsync, "emulator", "--", "sh", "-c", "kill -9 $PPID"], cwd=tmp_path
    ) as process:
        assert process.wait(timeout=60) == -signal.SIGKILL


def test_a_fork_ends_when_its_program_is_killed(envsync: str, tmp_path: Path) -> None:
    command = "echo $PPID; exec >&-; cat"
    with subprocess.Popen(
        [envsync, "emulator", "--", "sh", "-c", command],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        fork = int(process.stdout.readline())
        ended = os.pidfd_open(fork)
        process.kill()
    # The file can be read as soon as the process has ended.
    assert select.select([ended], [], [], 60)[0] == [ended]
    os.close(ended)


def test_a_variable_that_python_reads_at_its_start_is_refused(tmp_path: Path) -> None:
    done = printed(program(*EMULATOR), "true", cwd=tmp_path, PYTHONIOENCODING="ascii")

    assert done.returncode == 1
    assert "a fork cannot obey PYTHONIOENCODING" in done.stderr
