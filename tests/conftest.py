"""Settings and fixtures of all tests."""

import functools
import gc
import os
import signal
import tempfile
from pathlib import Path

import pytest
import typer.main
from hypothesis import settings
from typer.utils import get_params_from_function

from tests.repository import ENVIRON, UNSET

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


def pytest_configure() -> None:
    """Prepares the process of the tests, and the processes that the tests start."""
    # A pipeline or a git hook that runs the tests sets variables that change what git compares.
    for name in UNSET:
        os.environ.pop(name, None)
    _stop_ignoring_signals()
    _keep_temporary_files_in_memory()
    _read_signatures_once()
    # Collecting the tests makes a million objects, and nearly all are needed until the end.
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


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


def _read_signatures_once() -> None:
    # A command line reads the options of one command once, but the tests run hundreds of commands
    # in one process.
    once = functools.cache(get_params_from_function)
    setattr(typer.main, "get_params_from_function", once)  # noqa: B010 - mypy knows no such name


LONGEST = (
    "action/test_act.py",
    "targets/azure/test_mixed.py",
    "targets/azure/http/test_uploads.py",
    "test_wheel.py",
    "test_precommit.py",
    "test_site.py",
    "cli/test_signals.py",
    "test_hostile_inputs.py",
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
