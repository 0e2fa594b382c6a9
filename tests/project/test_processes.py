"""A list is handled in several processes only if that is safe, and no part is ever lost."""

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
import json, os, signal, sys, threading, time
from envsync.project import processes
from envsync.project.fork import in_forks
from envsync.project.processes import divided

processes.cores = lambda: 3
parent = os.getpid()

def show(work):
    print(json.dumps(in_forks(work, divided(range(9), least=3))))

def parts(least=3):
    print(json.dumps([list(part) for part in divided(range(9), least=least)]))
"""


# A process of its own, because the threads of pytest prevent a fork.
def run(code: str, ends: int = 0) -> Any:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", PRELUDE + dedent(code)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (ends, "")
    return json.loads(result.stdout)


def test_each_part_is_handled_in_a_process_of_its_own() -> None:
    done = run("show(lambda part: (list(part), os.getpid() == parent, os.getpid()))")

    assert [part for part, _, _ in done] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert [here for _, here, _ in done] == [True, False, False]
    assert len({process for _, _, process in done}) == 3


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
            if os.getpid() != parent and 4 in part:
                {failure}
            return sum(part)
        show(work)
        """
    )

    assert done == [3, 12, 21]


def test_a_part_is_handled_in_this_process_if_the_system_refuses_a_fork() -> None:
    done = run(
        """
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (5, 5))
        show(lambda part: os.getpid() == parent)
        """
    )

    assert done == [True, False, True]


@pytest.mark.parametrize("moment", ["here", "between"])
def test_an_interrupt_ends_the_forks(moment: str) -> None:
    done = run(
        f"""
        fork = os.fork
        def interrupted():
            os.kill(parent, signal.SIGINT)
            return fork()
        if "{moment}" == "between":
            os.fork = interrupted
        def work(part):
            if os.getpid() == parent:
                raise KeyboardInterrupt
            signal.pause()
        try:
            show(work)
        except KeyboardInterrupt:
            pass
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            print('"no fork is left"')
        """
    )

    assert done == "no fork is left"


def test_a_fork_ends_if_this_process_ends() -> None:
    # The fork inherits standard output, so `run` waits until the fork has ended.
    done = run(
        """
        def work(part):
            if os.getpid() == parent:
                print('"ended"', flush=True)
                os.kill(parent, signal.SIGKILL)
            return "x" * 1_000_000
        show(work)
        """,
        ends=-9,
    )

    assert done == "ended"


def test_a_signal_ends_a_fork_without_the_handlers_of_this_process() -> None:
    done = run(
        """
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.set_wakeup_fd(os.eventfd(0, os.EFD_NONBLOCK))
        def work(part):
            blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
            handlers = [signal.getsignal(item) for item in (signal.SIGTERM, signal.SIGHUP)]
            found = [item if isinstance(item, int) else -1 for item in handlers]
            return [*found, len(blocked), signal.set_wakeup_fd(-1) >= 0]
        show(work)
        """
    )

    default, ignored = 0, 1
    assert done == [
        [-1, ignored, 0, True],
        [default, ignored, 0, False],
        [default, ignored, 0, False],
    ]


@pytest.mark.parametrize(("name", "count"), [("worker", 1), ("envsync-signals", 3)])
def test_only_the_thread_for_signals_allows_a_fork(name: str, count: int) -> None:
    done = run(
        f"""
        threading.Thread(target=threading.Event().wait, name="{name}", daemon=True).start()
        parts()
        """
    )

    assert len(done) == count


@pytest.mark.parametrize("handler", ["signal.SIG_IGN", "lambda *_: None"])
def test_a_program_that_waits_for_all_its_children_is_not_forked(handler: str) -> None:
    assert run(f"signal.signal(signal.SIGCHLD, {handler})\nparts()") == [[*range(9)]]


def test_a_short_list_is_not_divided() -> None:
    assert run("parts(least=5)") == [[*range(9)]]


def test_other_work_is_done_in_this_process_while_forks_work() -> None:
    done = run(
        """
        source, sink = os.pipe()
        def work(part):
            if os.getpid() != parent:
                os.write(sink, b"x")
            return list(part)
        def other_work():
            os.read(source, 1)  # waits for a fork
            print(json.dumps(os.getpid() == parent), end=" ")
        results = in_forks(work, divided(range(9), least=3), other_work)
        assert results == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
        """
    )

    assert done is True


@pytest.mark.parametrize(
    ("other_work", "sizes"), [(0, [10, 10, 10]), (6, [6, 12, 12]), (100, [3, 13, 14])]
)
def test_the_part_of_this_process_is_shorter_if_it_has_other_work(
    other_work: int, sizes: list[int]
) -> None:
    done = run(
        f"""
        found = divided(range(30), least=3, other_work={other_work})
        assert [item for part in found for item in part] == [*range(30)]
        print([len(part) for part in found])
        """
    )

    assert done == sizes
