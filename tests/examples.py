"""The number of examples in tests with Hypothesis."""

from __future__ import annotations

from hypothesis import settings

DEFAULT = 100
"""The number in a profile that sets no number."""


def examples(number: int) -> int:
    """Returns the number for a test, or the number of the profile if that is below the default.

    A number in the settings of a test would otherwise be used in the profile `quick` as well.
    """
    profile = settings().max_examples
    return min(number, profile) if profile < DEFAULT else number
