"""`Memo`: keeps what was made from texts, so that equal texts are not parsed again.

Several loads can share a memo. Most files of two commits are equal, for example.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, Final, TypeVar

Text = TypeVar("Text", bytes, str)
Result = TypeVar("Result")

MAX_TEXT: Final = 4 * 1024 * 1024
"""Default maximum size of all texts. YAML nodes need ten times the memory of their text."""

_ENTRY: Final = 500
"""The size of an entry without its text, so that many small texts have a limit as well."""


class Memo:
    """The results of pure functions of texts. The results must never be changed.

    If the memo is full, the results that were not used for the longest time are dropped. Several
    threads can use a memo at the same time.
    """

    def __init__(self, limit: int = MAX_TEXT) -> None:
        """Creates an empty memo.

        Args:
            limit: maximum size of all texts, in bytes or characters. If 0, the memo keeps nothing.
        """
        self._limit = limit
        self._size = 0
        # A dict keeps the order of insertion, so the first entry was not used for the longest time.
        self._results: dict[tuple[Hashable, bytes | str], Any] = {}
        self._lock = Lock()

    def result(self, function: Callable[[Text], Result], text: Text) -> Result:
        """Returns `function(text)`.

        Args:
            function: a function whose result depends only on its argument.
            text: the argument.
        """
        key = function, text
        size = _ENTRY + len(text)
        if size > self._limit:
            return function(text)
        with self._lock:
            if key in self._results:
                known: Result = self._results.pop(key)
                self._results[key] = known
                return known
        found = function(text)
        with self._lock:
            if key not in self._results:
                self._results[key] = found
                self._size += size
            while self._size > self._limit:
                oldest = next(iter(self._results))
                del self._results[oldest]
                self._size -= _ENTRY + len(oldest[1])
        return found


NO_MEMO: Final = Memo(0)
"""A memo that keeps nothing. Files that are loaded once use it."""
