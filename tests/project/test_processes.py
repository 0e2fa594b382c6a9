"""`divide` handles the parts of a list in several processes, and never loses a part."""

from __future__ import annotations

import json
import subprocess
import sys
from textwrap import dedent
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="other systems handle the list in one process"
)

PRELUDE = """
import json, os, signal, threading
from envsync.project import processes
from envsync.project.processes import divide

processes._cores = lambda: 3
parent = os.getpid()

def show(done):
    print(json.dumps([[list(part), result] for part, result in done]))
"""
ITEMS = ([0, 3, 6], [1, 4, 7], [2, 5, 8])


# A process of its own, because the threads of pytest prevent a fork.
def run(code: str) -> Any:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", PRELUDE + dedent(code)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return json.loads(result.stdout)


def test_each_part_is_handled_in_a_process_of_its_own() -> None:
    done = run("show(divide(lambda part: (os.getpid() == parent, os.getpid()), range(9), least=3))")

    assert [part for part, _ in done] == [*ITEMS]
    assert [here for _, (here, _) in done] == [True, False, False]
    assert len({process for _, (_, process) in done}) == 3


@pytest.mark.parametrize(
    "failure",
    [
        "raise OSError('in a fork')",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os._exit(0)",
        "return lambda: 'cannot be pickled'",
    ],
)
def test_a_part_whose_fork_fails_is_handled_in_this_process(failure: str) -> None:
    done = run(
        f"""
        def work(part):
            if os.getpid() != parent and 1 in part:
                {failure}
            return sum(part)
        show(divide(work, range(9), least=3))
        """
    )

    assert done == [[part, sum(part)] for part in ITEMS]


def test_parts_are_handled_in_this_process_if_the_system_refuses_a_fork() -> None:
    done = run(
        """
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (5, 5))
        show(divide(lambda part: os.getpid() == parent, range(9), least=3))
        """
    )

    assert [here for _, here in done] == [True, False, True]


def test_an_error_in_this_process_ends_the_forks() -> None:
    done = run(
        """
        def work(part):
            if os.getpid() == parent:
                raise KeyboardInterrupt
            signal.pause()
        try:
            divide(work, range(9), least=3)
        except KeyboardInterrupt:
            pass
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            print('"no fork is left"')
        """
    )

    assert done == "no fork is left"


def test_a_signal_ends_a_fork_without_the_handlers_of_this_process() -> None:
    done = run(
        """
        signal.signal(signal.SIGTERM, lambda *_: None)
        def work(part):
            blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
            return [int(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL), len(blocked)]
        show(divide(work, range(9), least=3))
        """
    )

    assert [result for _, result in done] == [[0, 0], [1, 0], [1, 0]]


@pytest.mark.parametrize(("name", "parts"), [("worker", 1), ("signals", 3)])
def test_a_process_with_other_threads_than_the_one_for_signals_is_not_forked(
    name: str, parts: int
) -> None:
    done = run(
        f"""
        threading.Thread(target=threading.Event().wait, name="{name}", daemon=True).start()
        show(divide(len, range(9), least=3))
        """
    )

    assert len(done) == parts


def test_a_short_list_is_not_divided() -> None:
    assert run("show(divide(len, range(9), least=5))") == [[[*range(9)], 9]]
    assert run("show(divide(len, [], least=5))") == [[[], 0]]
