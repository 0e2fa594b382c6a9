"""Tests of signals: one signal lets a command finish its work, two signals end it at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from envsync.project.settings.targets import TargetKind
from tests.forked import WORKER, program
from tests.project.project import write
from tests.targets.azure.blob_faults import SILENCE, BlobFaults, blob_faults
from tests.targets.azure.on_emulator import Azure, azure, require_azurite

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no POSIX signals")

SIGNALS: list[tuple[TargetKind, signal.Signals, signal.Signals]] = [
    ("workspace", signal.SIGINT, signal.SIGINT),
    ("workspace", signal.SIGTERM, signal.SIGINT),
    ("registry", signal.SIGHUP, signal.SIGHUP),
]
"""The second signal is the same as the first one, or it is SIGINT."""

HANGS = 120
"""Timeout of the tests in seconds. An upload without a response would take twice as long."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    require_azurite()
    with azure(tmp_path_factory.mktemp("azure"), workspaces=8) as service:
        yield service


@pytest.fixture
def faults(service: Azure, tmp_path: Path) -> Iterator[BlobFaults]:
    with blob_faults(service, tmp_path) as faults:
        yield faults


def project(service: Azure, directory: Path, kind: TargetKind = "workspace") -> Path:
    """Writes a project of three environments with different build contexts."""
    target = {"kind": kind, **service.config(kind).settings}
    files = {
        "envsync.yaml": json.dumps(
            {"project": "churn", "default_target": "dev", "targets": {"dev": target}}
        )
    }
    for name in ("a", "b", "c"):
        files[f"environments/{name}/environment.yml"] = (
            f'name: {name}\nversion: "1"\ndescription: About\nbuild: {{path: context}}\n'
        )
        files[f"environments/{name}/context/Dockerfile"] = f"FROM {name}:1\n"
    return write(directory, files)


@contextmanager
def running(*command: str, **named: Any) -> Iterator[subprocess.Popen[str]]:
    """Starts a process, and kills it at the end of the block."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **named
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def envsync(
    directory: Path, temporary: Path, *arguments: str
) -> AbstractContextManager[subprocess.Popen[str]]:
    """Starts envsync with its own directory for temporary files."""
    temporary.mkdir()
    environ = {**os.environ, "TMPDIR": str(temporary)}
    return running(program(*WORKER), *arguments, cwd=directory, env=environ)


def line_of(process: subprocess.Popen[str]) -> str:
    """Returns the next line of standard error that is not empty."""
    assert process.stderr is not None
    return next(line for line in process.stderr if line.strip())


@pytest.mark.parametrize(("kind", "first", "second"), SIGNALS)
def test_a_second_signal_ends_a_hanging_upload_and_removes_temporary_files(
    service: Azure,
    faults: BlobFaults,
    tmp_path: Path,
    kind: TargetKind,
    first: signal.Signals,
    second: signal.Signals,
) -> None:
    faults.on_writes(SILENCE)
    directory = project(service, tmp_path / "p", kind)
    with envsync(directory, tmp_path / "tmp", "apply", "--yes") as process:
        assert faults.silent.wait(HANGS)
        process.send_signal(first)
        stopping = line_of(process)
        process.send_signal(second)
        _, err = process.communicate(timeout=HANGS)

    assert stopping.startswith("Stopping after the changes that have started.")
    assert err == "Ended at once. Changes that had started can be complete or missing.\n"
    assert process.returncode == 130
    assert list((tmp_path / "tmp").iterdir()) == []


def test_one_interrupt_ends_the_wait_for_an_operation_that_never_ends(tmp_path: Path) -> None:
    hangs = (("operation-hangs", 1.0),)
    (tmp_path / "azure").mkdir()
    with azure(tmp_path / "azure", workspaces=0, registries=1, faults=hangs) as service:
        directory = write(
            tmp_path / "p",
            {
                "envsync.yaml": json.dumps(
                    {
                        "project": "churn",
                        "targets": {"dev": {"kind": "registry", "registry": "registry-0"}},
                    }
                ),
                "environments/a.yml": 'name: a\nversion: "1"\nimage: contoso.example/a:1\n',
            },
        )
        arguments = ("apply", "--yes", "--format", "json")
        with envsync(directory, tmp_path / "tmp", *arguments) as process:
            while not any("/operations/" in item["path"] for item in service.requests()):
                assert process.poll() is None
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=HANGS)

    (outcome,) = json.loads(out)["outcomes"]
    assert (process.returncode, outcome["status"]) == (130, "failed")
    assert "was unfinished when the run was interrupted" in outcome["error"]


# test_plan_and_apply.py sends SIGINT and SIGTERM to an apply.
def test_apply_finishes_the_upload_after_one_signal_and_skips_the_rest(
    service: Azure, faults: BlobFaults, tmp_path: Path
) -> None:
    asked, stopping = threading.Event(), threading.Event()

    def wait(_: object) -> None:
        asked.set()
        stopping.wait(HANGS)

    faults.fault = wait
    directory = project(service, tmp_path / "p")
    arguments = ("apply", "--yes", "--parallel", "1", "--format", "json")
    with envsync(directory, tmp_path / "tmp", *arguments) as process:
        assert asked.wait(HANGS)
        process.send_signal(signal.SIGHUP)
        line_of(process)
        stopping.set()
        out, _ = process.communicate(timeout=HANGS)

    statuses = [item["status"] for item in json.loads(out)["outcomes"]]
    assert (process.returncode, statuses) == (130, ["done", "skipped", "skipped"])
    assert list((tmp_path / "tmp").iterdir()) == []


HANGING = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
from envsync.cli import main

@main.app.command()
def hang():
    with ThreadPoolExecutor(2) as pool:
        # Ctrl-C interrupts one wait for a thread. Then Python waits for the second thread.
        for _ in range(2):
            pool.submit(threading.Event().wait)
        print("ready", flush=True)

sys.argv = ["envsync", "hang"]
main.main()
"""


def test_a_second_interrupt_ends_the_process_while_python_waits_for_threads() -> None:
    with running(sys.executable, "-c", HANGING) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=HANGS)

    assert (process.returncode, err) == (
        130,
        "Ended at once. Changes that had started can be complete or missing.\n",
    )


HANDLING = """
import signal, sys, time
from envsync.cli import main

@main.app.command()
def handle():
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: (seen.append(1), print(len(seen), flush=True)))
    print("ready", flush=True)
    while len(seen) < 3:
        time.sleep(0.01)
    signal.signal(signal.SIGINT, before)
    print("handled")

sys.argv = ["envsync", "handle"]
main.main()
"""


def test_a_signal_handler_that_a_command_installs_receives_every_interrupt() -> None:
    with running(sys.executable, "-c", HANDLING) as process:
        assert process.stdout is not None
        for line in ("ready", "1", "2"):
            assert process.stdout.readline() == f"{line}\n"
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=HANGS)

    assert (process.returncode, out, err) == (0, "3\nhandled\n", "")
