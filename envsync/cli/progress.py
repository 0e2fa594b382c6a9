"""Shows the progress of a slow operation, such as `Reading dev… 120/300`, on standard error.

Progress appears if the operation takes longer than one second. In a terminal, progress is one line
that is updated and that is removed at the end. Otherwise, for example in the log of a pipeline,
envsync writes a line after one second. Then envsync writes a line every 30 seconds if the counts
have changed.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final, TypeAlias

from envsync.cli.streams import understands_escapes

Advance: TypeAlias = Callable[[int, int], None]
"""`advance(done, total)` sets the number of finished items and the number of all items.

If the number of all items is unknown, `total` is 0.
"""

PATIENCE: Final = 1.0
"""Progress is shown if an operation takes longer than this number of seconds."""

LOG_INTERVAL: Final = 30.0
"""The minimum number of seconds between two lines of progress in a log."""

# Contains the activity that is shown now. rich cannot show two live lines at the same time, so a
# nested activity updates the line of the outer activity.
_running: list[_Activity] = []


class _Activity:
    """A slow operation. A daemon thread writes the progress, so that the caller never waits."""

    def __init__(self, label: str, *, color: bool) -> None:
        self._label = label
        self._color = color
        self._counts = (0, 0)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def advance(self, done: int, total: int) -> None:
        self._counts = (done, total)

    def end(self) -> None:
        """Removes the line from the terminal, and stops the thread that writes the progress."""
        self._ended.set()
        self._thread.join()

    def text(self) -> str:
        done, total = self._counts
        return f"{self._label}… {done}/{total}" if total else f"{self._label}…"

    def _run(self) -> None:
        # If the reader of standard error closes the pipe, the command continues without progress.
        with suppress(OSError, ValueError):
            self._show()

    def _show(self) -> None:
        if self._ended.wait(PATIENCE):
            return
        if understands_escapes(sys.stderr):
            self._show_live()
            return
        shown = None
        while True:
            # Do not write the same line twice, because a log should be short.
            if (text := self.text()) != shown:
                sys.stderr.write(f"{text}\n")
                sys.stderr.flush()
                shown = text
            if self._ended.wait(LOG_INTERVAL):
                return

    def _show_live(self) -> None:
        # Import rich only here, because the import takes longer than most commands.
        from rich.console import Console
        from rich.live import Live
        from rich.spinner import Spinner
        from rich.text import Text

        color = self._color
        spinner = Spinner("dots", Text(self.text()), style="cyan" if color else "")
        with Live(
            spinner,
            console=Console(stderr=True, no_color=not color),
            transient=True,
            # If standard output is also a terminal, rich must print the output of the command above
            # the line. rich replaces `sys.stdout` to do this.
            redirect_stdout=sys.stdout.isatty(),
        ):
            while not self._ended.wait(0.1):
                spinner.update(text=Text(self.text()))


@contextmanager
def progress(label: str, *, color: bool) -> Iterator[Advance]:
    """Shows a label such as `Reading dev` during a block.

    If blocks are nested, the label of the outer block is shown with the counts of the inner block.

    Args:
        label: what the command is doing.
        color: whether the line on a terminal is coloured.

    Yields:
        A function that the block calls with the number of finished items and the number of all
        items.
    """
    if _running:
        yield _running[-1].advance
        return
    activity = _Activity(label, color=color)
    with ExitStack() as stack:
        activity.start()
        stack.callback(activity.end)
        _running.append(activity)
        stack.callback(_running.remove, activity)
        yield activity.advance
