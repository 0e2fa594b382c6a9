"""Tests of the progress that commands show on standard error."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable

import pytest

from envsync.cli import progress as module
from envsync.cli.progress import progress
from envsync.cli.session import Session


class Stream(io.StringIO):
    """A replacement of standard error, which is a terminal or a log."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal
        self._changed = threading.Condition()

    def isatty(self) -> bool:
        return self._terminal

    def write(self, text: str) -> int:
        with self._changed:
            count = super().write(text)
            self._changed.notify_all()
            return count

    def wait_for(self, text: str) -> None:
        """Waits until a thread has written the text."""
        with self._changed:
            assert self._changed.wait_for(lambda: text in self.getvalue(), timeout=30)


@pytest.fixture
def stderr(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Stream]:
    """Returns a function that replaces standard error."""

    def replace(*, terminal: bool) -> Stream:
        stream = Stream(terminal=terminal)
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    return replace


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removes the delays, so that progress and each new count are shown at once."""
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    monkeypatch.setattr(module, "LOG_INTERVAL", 0.001)


@pytest.mark.usefixtures("impatient")
def test_progress_writes_a_line_to_a_log_if_the_counts_change(
    stderr: Callable[..., Stream],
) -> None:
    stream = stderr(terminal=False)
    with progress("Reading dev", color=False) as advance:
        stream.wait_for("Reading dev…\n")
        advance(120, 300)
        stream.wait_for("Reading dev… 120/300\n")

    assert stream.getvalue() == "Reading dev…\nReading dev… 120/300\n"


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_shows_nothing_if_the_block_ends_before_the_delay(
    stderr: Callable[..., Stream], monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 600.0)
    stream = stderr(terminal=terminal)
    with progress("Reading dev", color=False) as advance:
        advance(1, 2)

    assert stream.getvalue() == ""


@pytest.mark.usefixtures("impatient")
def test_a_terminal_shows_one_line_that_disappears(stderr: Callable[..., Stream]) -> None:
    stream = stderr(terminal=True)
    with progress("Reading dev", color=False) as advance:
        advance(1, 2)
        stream.wait_for("Reading dev… 1/2")

    # rich ends with the control sequence that erases the line.
    assert stream.getvalue().endswith("\x1b[2K")


@pytest.mark.usefixtures("impatient")
def test_progress_inside_progress_updates_the_outer_line(stderr: Callable[..., Stream]) -> None:
    stream = stderr(terminal=False)
    with progress("Verifying", color=False), progress("Reading dev", color=False) as advance:
        advance(3, 9)
        stream.wait_for("Verifying… 3/9\n")

    assert "Reading" not in stream.getvalue()


@pytest.mark.usefixtures("impatient")
def test_progress_ends_if_the_block_fails(stderr: Callable[..., Stream]) -> None:
    stream = stderr(terminal=False)
    with pytest.raises(ValueError, match="x"), progress("Reading dev", color=False):
        raise ValueError("x")
    with progress("Reading prod", color=False):
        stream.wait_for("Reading prod…\n")


@pytest.mark.usefixtures("impatient")
def test_a_closed_standard_error_does_not_stop_the_command(
    stderr: Callable[..., Stream],
) -> None:
    stderr(terminal=False).close()
    with progress("Reading dev", color=False) as advance:
        advance(1, 2)


@pytest.mark.usefixtures("impatient")
def test_a_quiet_session_shows_no_progress(stderr: Callable[..., Stream]) -> None:
    stream = stderr(terminal=False)
    with Session(quiet=True).progress("Reading dev") as quiet:
        quiet(1, 2)
    assert stream.getvalue() == ""

    with Session().progress("Reading dev") as advance:
        advance(1, 2)
        stream.wait_for("Reading dev… 1/2\n")
