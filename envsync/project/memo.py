"""`Memo`: keeps what was made from texts, so that equal texts are not parsed again.

Several loads can share a memo. Most files of two commits are equal, for example.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, Final, TypeVar

Text = TypeVar("Text", bytes, str)
Result = TypeVar("Result")

MAX_BYTES: Final = 32 * 1024 * 1024
"""Default maximum memory of a memo, in bytes. The memory is estimated."""

_ENTRY: Final = 500
"""The memory of an entry without its text and its result, in bytes."""


class Memo:
    """The results of pure functions of texts. The results must never be changed.

    If the memo is full, the results that were not used for the longest time are dropped. Several
    threads can use a memo at the same time.
    """

    def __init__(self, limit: int = MAX_BYTES) -> None:
        """Creates an empty memo.

        Args:
            limit: the maximum memory, in bytes. If 0, the memo keeps nothing.
        """
        self._limit = limit
        self._size = 0
        # A dict keeps the order of insertion, so the first entry was not used for the longest time.
        # Each result has its size.
        self._results: dict[tuple[Hashable, bytes | str], tuple[Any, int]] = {}
        self._lock = Lock()

    def result(
        self,
        function: Callable[[Text], Result],
        text: Text,
        size_of: Callable[[Text], int] = len,
    ) -> Result:
        """Returns `function(text)`.

        Args:
            function: a function whose result depends only on its argument.
            text: the argument.
            size_of: estimates the memory of the result from the argument, in bytes.
        """
        if not self._limit:
            return function(text)
        key = function, text
        with self._lock:
            if key in self._results:
                known = self._results.pop(key)
                self._results[key] = known
                found: Result = known[0]
                return found
        found = function(text)
        size = _ENTRY + len(text) + size_of(text)
        if size <= self._limit:
            with self._lock:
                if key not in self._results:
                    self._results[key] = found, size
                    self._size += size
                while self._size > self._limit:
                    self._size -= self._results.pop(next(iter(self._results)))[1]
        return found


NO_MEMO: Final = Memo(0)
"""A memo that keeps nothing. Files that are loaded once use it."""
