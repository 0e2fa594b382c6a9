"""Settings and fixtures of all tests."""

import gc
import os
import signal
import sys
import tempfile
from pathlib import Path
from shlex import quote

import pytest
from hypothesis import settings

from tests import forked
from tests.forked.patience import hide_progress
from tests.forked.signatures import read_signatures_once
from tests.repository import ENVIRON, UNSET

if sys.platform != "win32":
    import fcntl

# No deadline, because an example can be slow on a busy machine. pytest-timeout ends a test that
# hangs, and prints the stack of each thread.
settings.register_profile("default", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=20)
settings.load_profile("default")

# Makes failed assertions of shared test code as clear as those of the tests themselves.
pytest.register_assert_rewrite(
    "tests.targets.contract",
    "tests.targets.conflicts",
    "tests.targets.azure.contract",
    "tests.emulator.contract",
)

MEMORY = Path("/dev/shm")
"""A file system in memory, on Linux."""


COMPILING = pytest.StashKey[int]()
"""The lock of the worker that compiles the tests."""


def pytest_configure(config: pytest.Config) -> None:
    """Prepares the process of the tests, and the processes that the tests start."""
    # A pipeline or a git hook that runs the tests sets variables that change what git compares.
    for name in UNSET:
        os.environ.pop(name, None)
    _stop_ignoring_signals()
    _keep_temporary_files_in_memory()
    read_signatures_once()
    # On a busy machine, any command can take long enough to show its progress.
    hide_progress()
    # Collecting the tests makes a million objects, and nearly all are needed until the end.
    gc.disable()
    if not hasattr(config, "workerinput"):
        _fork_workers(config)
    elif sys.platform != "win32":
        _let_one_worker_compile(config)


def pytest_collection_finish(session: pytest.Session) -> None:
    gc.freeze()
    gc.enable()
    if (lock := session.config.stash.get(COMPILING, None)) is not None:
        os.close(lock)


def _fork_workers(config: pytest.Config) -> None:
    # Importing azure-ai-ml takes each worker of xdist as long as the rest of the collection.
    # Coverage does not count what is imported before it starts, so it needs other workers.
    options = vars(config.option)
    if options.get("tx") and not options.get("cov_source"):
        worker = quote(forked.python(*forked.WORKER))
        config.option.tx = [
            f"popen//python={worker}" if spec == "popen" else spec for spec in config.option.tx
        ]


def _let_one_worker_compile(config: pytest.Config) -> None:
    # pytest compiles a module of tests when it collects the module. In a new checkout, that takes
    # as long as everything else in the collection. The first worker of xdist compiles, and the
    # others wait until it has collected its tests. Then they find the compiled modules.
    lock = os.open(Path(__file__).parent, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fcntl.flock(lock, fcntl.LOCK_SH)
        os.close(lock)
    else:
        config.stash[COMPILING] = lock


def _stop_ignoring_signals() -> None:
    # `nohup`, and a shell that starts the tests with `&`, ignore signals. Child processes would
    # inherit this, and tests send them these signals.
    for number, handler in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


def _keep_temporary_files_in_memory() -> None:
    # Syncing databases to a disk is slow.
    # In a container, the file system in memory can be small, or can forbid running programs.
    if "TMPDIR" not in os.environ and MEMORY.is_dir():
        found = os.statvfs(MEMORY)
        room = found.f_bavail * found.f_frsize
        if room >= 4 << 30 and not found.f_flag & os.ST_NOEXEC and os.access(MEMORY, os.W_OK):
            os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


LONGEST = (
    "action/test_act.py",
    "test_precommit.py",
    "cli/test_signals.py",
    "test_site.py",
    "test_wheel.py",
    "targets/azure/http/test_uploads.py",
    "targets/azure/test_workspace.py",
    "targets/azure/test_mixed.py",
    "test_hostile_inputs.py",
    "torture/test_scripts.py",
    "test_requirements.py",
)
"""The modules that take longest. They start first, so that the whole run ends earlier."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    first = {here / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: first.get(item.path, len(first)))


@pytest.fixture
def clean_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hides the git settings of this machine from a test."""
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
