"""Tests of standard streams that are closed, full or broken, and of the width of the output.

For most tests, a fork is enough: `tests/forked/test_program.py` compares its streams with those of
Python. Two tests start `python -m envsync`, because Python replaces a closed stream by None.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from tests.cli.conftest import declare
from tests.command import envsync as in_process
from tests.forked import EMULATOR, path_with_program, program

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")

CHANGES = 12
"""The number of environments in the project."""

FULL = (
    "Error: The output is incomplete, because standard output cannot be written: No space left on "
    "device. Redirect standard output to a file or a pipe that can be written.\n"
)
CLOSED = FULL.replace("No space left on device", "it is closed")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "churn"
    (directory / "environments").mkdir(parents=True)
    for number in range(CHANGES):
        declare(directory, f"e{number}")
    return directory


def shell(project: Path, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a shell script."""
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "TERM")}
    return subprocess.run(
        ["/bin/bash", "-c", script],
        cwd=project,
        env={**environment, "PATH": path_with_program(*EMULATOR), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def registered(project: Path) -> int:
    """Returns the number of environments in the local target."""
    done = in_process("list", "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    return len(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("script", "code", "err"),
    [
        ("envsync plan <&-", 0, ""),
        ("python -m envsync plan >&-", 1, CLOSED),
        ("envsync plan --detailed-exitcode >/dev/full", 1, FULL),
        ("envsync plan --json >/dev/full", 1, FULL),
        ("envsync plan --format markdown >&-", 1, CLOSED),
        ("envsync -q plan <&- >&-", 1, CLOSED),
        ("envsync list >&-", 1, CLOSED),
        ("envsync validate --format sarif >/dev/full", 1, FULL),
        ("envsync schema plan >/dev/full", 1, FULL),
        ("envsync targets >&-", 1, CLOSED),
        ("envsync init new >&-", 1, CLOSED),
        ("envsync init -q new >&-", 0, ""),
        ("envsync --help >&-", 1, CLOSED),
        ("envsync plan --help >/dev/full", 1, FULL),
        ("envsync --version >/dev/full", 1, FULL),
    ],
)
def test_a_result_that_cannot_be_written_is_an_error(
    project: Path, script: str, code: int, err: str
) -> None:
    (project / "envsync.yaml").write_text("project: churn\n")
    done = shell(project, script)

    assert (done.returncode, done.stderr) == (code, err)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("envsync plan --detailed-exitcode", 2),
        ("envsync plan -t missing", 64),
        ("envsync show missing", 1),
        ("envsync nonsense", 64),
        ("envsync apply", 1),
    ],
)
@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_the_exit_code_does_not_depend_on_standard_error(
    project: Path, script: str, code: int, redirection: str
) -> None:
    done = shell(project, f"{script} {redirection}")

    assert (done.returncode, done.stderr) == (code, "")


@pytest.mark.parametrize("redirection", [">&- 2>&-", "<&- >&- 2>&-", ">/dev/full 2>/dev/full"])
def test_a_command_without_any_stream_exits_with_one(project: Path, redirection: str) -> None:
    assert shell(project, f"envsync plan {redirection}").returncode == 1


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("plan --detailed-exitcode", 2),
        ("plan --json", 0),
        ("--help", 0),
        ("validate --strict", 0),
        ("show missing", 1),
    ],
)
def test_a_reader_that_closes_the_pipe_changes_no_exit_code(
    project: Path, command: str, code: int
) -> None:
    done = shell(project, f"envsync {command} 2>/dev/null | true; exit ${{PIPESTATUS[0]}}")

    assert done.returncode == code


@pytest.mark.parametrize(
    ("redirection", "code", "reason"),
    [
        (">/dev/full", 1, "No space left on device"),
        (">&-", 1, "it is closed"),
        ("<&- >&-", 1, "it is closed"),
        ("--json >/dev/full", 1, "No space left on device"),
        ("-q >/dev/full", 1, "No space left on device"),
        ("| true", 0, "Broken pipe"),
        ("--json | true", 0, "Broken pipe"),
    ],
)
def test_apply_makes_every_change_without_standard_output(
    project: Path, redirection: str, code: int, reason: str
) -> None:
    done = shell(project, f"envsync apply --yes {redirection}; exit ${{PIPESTATUS[0]}}")

    assert registered(project) == CHANGES
    assert done.returncode == code
    assert done.stderr.startswith(
        f"Standard output is incomplete: {reason}. Apply continued without it.\n"
        f"Applied: {CHANGES} done.\n"
    )


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", ">&- 2>&-", "2>&1 | head -1"])
def test_apply_makes_every_change_without_standard_error(project: Path, redirection: str) -> None:
    shell(project, f"envsync apply --yes {redirection}")

    assert registered(project) == CHANGES


def test_apply_prints_a_failed_change_to_standard_error_if_standard_output_is_full(
    project: Path,
) -> None:
    assert shell(project, "envsync apply --yes").returncode == 0
    for path in (project / "environments").glob("*.yml"):
        path.write_text(path.read_text().replace("About", "New"))
    with sqlite3.connect(project / ".envsync" / "local.db") as database:
        database.execute(
            "CREATE TRIGGER refuse BEFORE UPDATE ON versions "
            "WHEN NEW.name = 'e3' BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
    done = shell(project, "envsync apply --yes --no-verify >/dev/full")

    assert done.returncode == 1
    assert "e3:1" in done.stderr
    assert f"Applied: {CHANGES - 1} done, 1 failed." in done.stderr


def test_a_file_does_not_get_the_descriptor_of_a_closed_stream(project: Path) -> None:
    # Without the null device, the database would be file 1, and git would write to this file.
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "First")):
        subprocess.run(
            ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", *arguments],
            cwd=project,
            check=True,
        )
    done = shell(project, "python -m envsync apply --yes <&- >&-")

    assert (done.returncode, registered(project)) == (1, CHANGES)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_to_a_non_blocking_pipe_waits_for_the_reader(project: Path, unbuffered: str) -> None:
    for number in range(400):
        declare(project, f"more{number}")
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with subprocess.Popen(
        [sys.executable, "-m", "envsync", "plan", "--json"],
        cwd=project,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stdout=writing,
    ) as process:
        os.close(writing)
        text = b"".join(iter(lambda: os.read(reading, 1000), b""))
    os.close(reading)

    assert process.returncode == 0
    assert len(json.loads(text)["changes"]) == CHANGES + 400


def test_a_signal_during_a_write_repeats_no_output() -> None:
    code = (
        "import os, signal, sys\n"
        "from envsync.cli.streams import unfailing_streams\n"
        "with unfailing_streams():\n"
        "    signal.signal(signal.SIGUSR1, lambda *_: print('signal', flush=True))\n"
        "    for _ in range(300):\n"
        "        os.kill(os.getpid(), signal.SIGUSR1)\n"
        "        print('line', flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert sorted(done.stdout.split()) == ["line"] * 300 + ["signal"] * 300


@pytest.mark.parametrize("redirection", ["<&-", ">/dev/full", "2>/dev/full", "<&- >&- 2>&-"])
def test_the_emulator_runs_its_command_without_streams(project: Path, redirection: str) -> None:
    done = shell(project, f"envsync emulator -- sh -c 'touch ran; exit 3' {redirection} && exit 9")

    assert (project / "ran").is_file()
    assert done.returncode == 3


def test_the_emulator_without_a_command_fails_if_its_variables_cannot_be_written(
    project: Path,
) -> None:
    done = shell(project, "envsync emulator >/dev/full")

    assert done.returncode == 1
    assert done.stderr.endswith(FULL)
    assert "Serving" not in done.stderr


def in_terminal(project: Path, script: str, **variables: str) -> pexpect.spawn[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR")}
    return pexpect.spawn(
        "/bin/bash",
        ["-c", f"{program()} {script}"],
        cwd=str(project),
        env={**environment, "TERM": "xterm", **variables},
        encoding="utf-8",
        timeout=60,
        dimensions=(40, 80),
    )


def test_apply_asks_no_question_about_a_plan_that_cannot_be_shown(project: Path) -> None:
    child = in_terminal(project, "apply > /dev/full")
    child.expect("Cannot ask for confirmation: the plan cannot be written to standard output")
    child.expect(pexpect.EOF)
    child.close()

    assert (child.exitstatus, registered(project)) == (1, 0)


def test_apply_reads_no_answer_to_a_question_that_cannot_be_shown(project: Path) -> None:
    child = in_terminal(project, "apply 2> /dev/full")
    child.expect(pexpect.EOF)
    child.close()

    assert (child.exitstatus, registered(project)) == (1, 0)


def test_an_answer_that_is_not_utf8_is_a_refusal(project: Path) -> None:
    child = in_terminal(project, "apply")
    child.expect(r"\[y/N\] ")
    child.setecho(False)
    os.write(child.child_fd, b"\xff\n")
    child.expect("Not applied")
    child.expect(pexpect.EOF)
    child.close()

    assert child.exitstatus == 1


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_terminal_that_cannot_interpret_escape_sequences_gets_plain_text(
    project: Path, term: str
) -> None:
    child = in_terminal(project, "apply --yes", TERM=term)
    child.expect(pexpect.EOF)
    child.close()

    assert child.exitstatus == 0
    assert f"Applied: {CHANGES} done." in str(child.before)
    assert "\x1b" not in str(child.before)


LONG = "A description of more than eighty columns, which a terminal of that width would wrap twice"


@pytest.mark.parametrize(
    ("variables", "is_wrapped"),
    [({}, False), ({"COLUMNS": "60"}, True), ({"COLUMNS": "0"}, False), ({"COLUMNS": "x"}, False)],
)
def test_text_in_a_pipe_is_wrapped_only_if_the_variable_columns_is_set(
    project: Path, variables: dict[str, str], is_wrapped: bool
) -> None:
    declare(project, "long", description=LONG)
    shown = shell(project, "envsync plan long", **variables).stdout
    summary = "Emulate Azure ML on loopback, while a command runs or as a server."
    help_ = shell(project, "envsync --help", **variables).stdout

    assert (LONG not in shown) == is_wrapped
    assert (summary not in help_) == is_wrapped
    if is_wrapped:
        assert max(map(len, shown.splitlines()[3:-1])) <= 60


def test_a_very_long_value_in_a_pipe_is_cut_unless_the_plan_is_verbose(project: Path) -> None:
    declare(project, "long", description="word " * 400)

    cut = shell(project, "envsync plan long").stdout
    (line,) = [line for line in cut.splitlines() if "word word" in line]

    assert (400 < len(line) < 550, line.endswith("…")) == (True, True)
    assert ("word " * 400).strip() in shell(project, "envsync -v plan long").stdout
