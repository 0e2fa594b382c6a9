"""A list is handled in several processes only if that is safe."""

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
from envsync.project import fork as forks
from envsync.project import processes
from envsync.project.processes import process_count

processes.cores = lambda: 3
forks.BATCH = 1
parent = os.getpid()

def in_forks(work, other_work=None):
    return forks.in_forks(work, range(9), 3, other_work)

def show(work):
    print(json.dumps(in_forks(work)))

def count(items=9):
    print(process_count(items, least=3))
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


def test_each_item_is_handled_once_and_a_slow_process_takes_fewer_items() -> None:
    done = run(
        """
        from multiprocessing import Barrier
        barrier = Barrier(3, timeout=60)
        def work(items):
            first = next(items)
            barrier.wait()
            if os.getpid() == parent:
                barrier.wait()  # until the forks have taken the other items
                return [first, *items], os.getpid()
            taken = [first, *items]
            barrier.wait()
            return taken, os.getpid()
        show(work)
        """
    )

    assert sorted(item for items, _ in done for item in items) == [*range(9)]
    assert len(done[0][0]) == 1
    assert len({process for _, process in done}) == 3


@pytest.mark.parametrize(
    ("items", "batches"), [(0, 0), (1, 1), (8, 1), (9, 2), (16_000, 2_000), (16_001, 1_778)]
)
def test_the_numbers_of_the_batches_fit_into_every_pipe(items: int, batches: int) -> None:
    done = run(
        f"""
        import fcntl
        forks.BATCH = 8
        pipe = os.pipe
        def small():
            ends = pipe()
            fcntl.fcntl(ends[0], fcntl.F_SETPIPE_SZ, 4096)
            return ends
        os.pipe = small
        reads = []
        with forks._Batches(range({items})) as shared:
            source = shared._source
            class Counted:
                read = staticmethod(lambda size: reads.append(source.read(size)) or reads[-1])
            shared._source = Counted
            taken = list(shared)
            shared._source = source
        assert taken == [*range({items})]
        print(len([read for read in reads if read]))
        """
    )

    assert done == batches


@pytest.mark.parametrize(
    "failure",
    [
        "raise OSError('in a fork')",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os._exit(0)",
        "return lambda: 'cannot be pickled'",
    ],
)
def test_the_result_of_a_fork_that_fails_is_missing(failure: str) -> None:
    done = run(
        f"""
        from multiprocessing import Barrier
        barrier = Barrier(3, timeout=60)
        def work(items):
            first = next(items)
            barrier.wait()
            if os.getpid() != parent:
                {failure}
            return [first, *items]
        show(work)
        """
    )

    assert [len(items) for items in done] == [7]


@pytest.mark.parametrize(("allowed", "processes"), [(3, 1), (4, 1), (5, 1), (6, 2), (7, 3)])
def test_this_process_handles_what_remains_if_the_system_refuses_a_fork(
    allowed: int, processes: int
) -> None:
    done = run(
        f"""
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, ({allowed}, {allowed}))
        show(lambda items: (os.getpid() == parent, list(items)))
        """
    )

    assert sorted(item for _, items in done for item in items) == [*range(9)]
    assert [here for here, _ in done] == [True, False, False][:processes]


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
        def work(items):
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
        def work(items):
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
        def work(items):
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


@pytest.mark.parametrize(("name", "processes"), [("worker", 1), ("envsync-signals", 3)])
def test_only_the_thread_for_signals_allows_a_fork(name: str, processes: int) -> None:
    done = run(
        f"""
        threading.Thread(target=threading.Event().wait, name="{name}", daemon=True).start()
        count()
        """
    )

    assert done == processes


@pytest.mark.parametrize("handler", ["signal.SIG_IGN", "lambda *_: None"])
def test_a_program_that_waits_for_all_its_children_is_not_forked(handler: str) -> None:
    assert run(f"signal.signal(signal.SIGCHLD, {handler})\ncount()") == 1


@pytest.mark.parametrize(("items", "processes"), [(0, 1), (5, 1), (6, 2), (9, 3), (90, 3)])
def test_a_short_list_is_handled_in_fewer_processes(items: int, processes: int) -> None:
    assert run(f"count({items})") == processes


def test_other_work_is_done_in_this_process_while_forks_work() -> None:
    done = run(
        """
        source, sink = os.pipe()
        def work(items):
            if os.getpid() != parent:
                os.write(sink, b"x")
            return list(items)
        def other_work():
            os.read(source, 1)  # waits for a fork
            print(json.dumps(os.getpid() == parent), end=" ")
        results = in_forks(work, other_work)
        assert sorted(item for items in results for item in items) == [*range(9)]
        """
    )

    assert done is True
