"""A list is handled in several processes only if that is safe."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
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

def together(work, processes=3):
    # Each process waits for the others at its first batch, so that each gets a batch.
    from multiprocessing import Barrier
    barrier, taken = Barrier(processes, timeout=60), []
    def started(batch):
        if not taken:
            barrier.wait()
        taken.append(batch)
        return work(batch)
    return started
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


def test_each_batch_is_handled_once_and_a_slow_process_takes_fewer() -> None:
    done = run(
        """
        from multiprocessing import Value
        left = Value("i", 9)
        def work(batch):
            with left.get_lock():
                left.value -= 1
            while os.getpid() == parent and left.value:
                time.sleep(0.01)
            return list(batch), os.getpid()
        show(together(work))
        """
    )

    assert sorted(item for batch, _ in done for item in batch) == [*range(9)]
    processes = Counter(process for _, process in done)
    assert len(processes) == 3
    assert processes[done[0][1]] == 1


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
            os.set_blocking(ends[1], False)  # a full pipe is an error
            return ends
        os.pipe = small
        with forks._Batches(range({items})) as batches:
            taken = list(batches)
        assert [item for batch in taken for item in batch] == [*range({items})]
        print(len(taken))
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
def test_the_results_of_a_fork_that_fails_are_missing(failure: str) -> None:
    done = run(
        f"""
        def work(batch):
            if os.getpid() != parent:
                {failure}
            return list(batch)
        show(together(work))
        """
    )

    # Each of the two forks has taken one batch.
    assert [len(batch) for batch in done] == [1] * 7


@pytest.mark.parametrize(("free", "processes"), [(0, 1), (1, 1), (2, 1), (3, 2), (4, 3)])
def test_this_process_handles_what_remains_if_the_system_refuses_a_fork(
    free: int, processes: int
) -> None:
    done = run(
        f"""
        import resource
        work = together(lambda batch: (os.getpid(), list(batch)), {processes})
        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + {free}, lowest + {free}))
        show(work)
        """
    )

    assert sorted(item for _, batch in done for item in batch) == [*range(9)]
    assert len({process for process, _ in done}) == processes


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
        def work(batch):
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


def test_a_fork_that_is_not_killed_takes_no_batch_after_an_error() -> None:
    # Ctrl-C can come after the fork and before this process knows the fork.
    done = run(
        """
        from multiprocessing import Event, Value
        failed, taken = Event(), Value("i", 0)
        forks.Fork.__exit__ = lambda self, *_: self._reader.close()
        def work(batch):
            with taken.get_lock():
                taken.value += 1
            if os.getpid() == parent:
                raise RuntimeError
            failed.wait(60)
        try:
            in_forks(together(work))
        except RuntimeError:
            failed.set()
        os.waitpid(-1, 0)
        os.waitpid(-1, 0)
        print(taken.value)
        """
    )

    assert done == 3


def test_a_fork_ends_if_this_process_ends() -> None:
    # The fork inherits standard output, so `run` waits until the fork has ended.
    done = run(
        """
        taken = []
        def work(batch):
            taken.append(batch)
            if len(taken) > 1:
                print("A fork has taken a second batch.", flush=True)
            if os.getpid() == parent:
                print('"ended"', flush=True)
                os.kill(parent, signal.SIGKILL)
            while os.getppid() == parent:
                time.sleep(0.01)
            return "x" * 1_000_000
        show(together(work))
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
        def work(batch):
            blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
            handlers = [signal.getsignal(item) for item in (signal.SIGTERM, signal.SIGHUP)]
            found = [item if isinstance(item, int) else -1 for item in handlers]
            inherited = os.getpid() == parent or signal.set_wakeup_fd(-1) >= 0
            return [*found, len(blocked), inherited, os.getpid()]
        show(together(work))
        """
    )

    default, ignored = 0, 1
    here, *forks = {result[-1]: result[:-1] for result in done}.values()
    assert here == [-1, ignored, 0, True]
    assert forks == [[default, ignored, 0, False]] * 2


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


def test_a_system_without_forks_handles_the_list_in_one_process() -> None:
    assert run("del os.fork, signal.SIGCHLD\ncount()") == 1


@pytest.mark.parametrize(("items", "processes"), [(0, 1), (5, 1), (6, 2), (9, 3), (90, 3)])
def test_a_short_list_is_handled_in_fewer_processes(items: int, processes: int) -> None:
    assert run(f"count({items})") == processes


def test_other_work_is_done_in_this_process_while_forks_work() -> None:
    done = run(
        """
        source, sink = os.pipe()
        def work(batch):
            if os.getpid() != parent:
                os.write(sink, b"x")
            return list(batch)
        def other_work():
            os.read(source, 1)  # waits for a fork
            print(json.dumps(os.getpid() == parent), end=" ")
        results = in_forks(work, other_work)
        assert sorted(item for batch in results for item in batch) == [*range(9)]
        """
    )

    assert done is True
