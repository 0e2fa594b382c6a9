"""The command line in a separate process."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from envsync.action.command_line import Completed, envsync

posix = pytest.mark.skipif(os.name == "nt", reason="needs the signals of POSIX")


def test_modules_in_the_working_directory_are_not_imported(tmp_path: Path) -> None:
    for name in ("yaml.py", "typing.py", "envsync.py"):
        (tmp_path / name).write_text("raise SystemExit('imported')\n")
    done = envsync(tmp_path, "--version")

    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith("envsync ")


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_cancelled_step_waits_for_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    slow = tmp_path / "python"
    slow.write_text(
        "#!/bin/sh\ntrap 'echo finished; exit 130' INT TERM\ntouch ready\n"
        "while :; do sleep 0.01; done\n"
    )
    slow.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(slow))
    before = signal.getsignal(number)

    def cancel() -> None:
        while not (tmp_path / "ready").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=cancel)
    thread.start()
    done = envsync(tmp_path)
    thread.join()

    assert done == Completed(130, "finished\n", "")
    assert signal.getsignal(number) is before
