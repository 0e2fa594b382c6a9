"""`Pattern`: a regular expression that a user wrote, with a time limit.

Python's `re` takes years to compare `(a+)+b` with forty letters. The package `regex` reads the same
expressions and stops at a time limit.
"""

from __future__ import annotations

import warnings
from typing import Final

from envsync.model.errors import EnvsyncError
from envsync.model.wording import printable

MAX_LENGTH: Final = 1000
"""Maximum number of characters of a pattern. Longer patterns take seconds to compile."""

TIME_LIMIT: Final = 1.0
"""Maximum number of seconds for one match. A usual pattern takes some microseconds."""


class Pattern:
    """A compiled regular expression."""

    def __init__(self, text: str, place: str) -> None:
        """Compiles a regular expression.

        Args:
            text: the regular expression.
            place: where the user wrote the expression. The error of a slow match contains `place`.

        Raises:
            ValueError: the text is not a valid regular expression, or is too long. The message says
                what is wrong, without a full stop.
        """
        import regex

        if len(text) > MAX_LENGTH:
            raise ValueError(f"it has more than {MAX_LENGTH:,} characters")
        self._text, self._place = text, place
        try:
            with warnings.catch_warnings():
                # `regex` warns about patterns that a later release may read differently: `[[`.
                warnings.simplefilter("ignore", FutureWarning)
                self._compiled = regex.compile(text)
        except (regex.error, RecursionError, OverflowError) as error:
            raise ValueError(str(error)) from error

    def matches(self, text: str) -> bool:
        """Returns True if the expression matches the whole text.

        Raises:
            EnvsyncError: the match takes longer than `TIME_LIMIT`.
        """
        try:
            return self._compiled.fullmatch(text, timeout=TIME_LIMIT) is not None
        except TimeoutError:
            raise self._slow(text) from None

    def is_in(self, text: str) -> bool:
        """Returns True if the expression matches a part of the text.

        Raises:
            EnvsyncError: the match takes longer than `TIME_LIMIT`.
        """
        try:
            return self._compiled.search(text, timeout=TIME_LIMIT) is not None
        except TimeoutError:
            raise self._slow(text) from None

    def _slow(self, text: str) -> EnvsyncError:
        return EnvsyncError(
            f"{self._place}: the regular expression `{printable(self._text, 100)}` takes longer "
            f"than {TIME_LIMIT:g} second for `{printable(text, 100)}`. Write a simpler one, "
            "without a repetition inside a repetition."
        )
