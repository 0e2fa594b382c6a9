"""Chooses the newest tag of an image among the tags that have the same shape as the present tag.

The shape of a tag is its text without its numbers: `20241215.v1` and `20250601.v2` have the same
shape. `2.1.0-cuda11.8` and `2.2.0-cuda11.8` have the same shape as well. A number that is part of a
word, such as `11.8` in `cuda11.8`, belongs to the text, so it never changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date
from typing import Final, TypeAlias

from envsync.model.image import Image

Numbers: TypeAlias = tuple[int, ...]

# Matches a word with a number, such as `cuda11.8`, `py310`, `python-3.11` or `rc1`. The letter `v`
# alone is not a word.
_WORD: Final = (
    r"(?:(?<![A-Za-z])(?:python|py|cuda|cu|cudnn|ubuntu)[-_]?|(?![vV](?=[0-9]))[A-Za-z]|"
    r"[A-Za-z][vV])[0-9]+(?:\.[0-9]+)*[A-Za-z0-9]*"
)
_PART: Final = re.compile(rf"({_WORD})|([0-9]+)|([^0-9A-Za-z]+|[A-Za-z])")
_TAG: Final = re.compile(r"\w[\w.\-]{0,127}", re.ASCII)

LONG_NUMBER: Final = 6
"""A number with at least this many digits counts as a date or a build number of fixed length."""

SERIES: Final = frozenset(
    {"python", "cuda", "ubuntu", "debian", "alpine", "almalinux", "rockylinux", "fedora", "ubi"}
)
"""Names of images whose tag contains the series of Python, CUDA or the operating system.

In their tags, the first two numbers of each version never change. The tag `1-3.12` has two
versions.
"""


def newest_tag(
    image: Image, tags: Iterable[str], track: Callable[[str], bool] | None
) -> str | None:
    """Returns the newest tag of an image, or None if no tag is newer than the present tag.

    Args:
        image: the image with its tag.
        tags: the tags of the repository. Strings that are not valid tags are ignored.
        track: a function that returns True for a tag that can be used. If None, a tag must have the
            shape and the series of the present tag.
    """
    present = image.tag or ""
    shape, numbers = _shape(present)
    valid = [tag for tag in tags if _TAG.fullmatch(tag)]
    if track is not None:
        found = [tag for tag in valid if track(tag)]
        # If the present tag does not match the pattern, any tag that matches can replace it.
        least = numbers if track(present) else None
    else:
        if not numbers:
            return None
        found = [tag for tag in valid if _shape(tag)[0] == shape]
        if image.repository.rpartition("/")[2] in SERIES:
            found = [tag for tag in found if _series(tag) == _series(present)]
        least = numbers
    ordered = sorted(((_shape(tag)[1], tag) for tag in found), key=lambda item: item)
    if not ordered or (least is not None and ordered[-1][0] <= least):
        return None
    return ordered[-1][1] if ordered[-1][1] != present else None


def date_of(tag: str) -> date | None:
    """Returns the date in a tag such as `20241215.v1`, or None."""
    for found in re.finditer(r"(?<![0-9])(20[0-9]{2})([0-9]{2})([0-9]{2})(?![0-9])", tag):
        try:
            return date(int(found[1]), int(found[2]), int(found[3]))
        except ValueError:
            continue
    return None


def _series(tag: str) -> list[Numbers]:
    """Returns the first two numbers of each version in a tag."""
    found: list[Numbers] = [()]
    for _, number, text in _PART.findall(tag):
        if number:
            found[-1] += (int(number),)
        elif text != ".":
            found.append(())
    return [numbers[:2] for numbers in found]


def _shape(tag: str) -> tuple[tuple[str, ...], Numbers]:
    """Returns two values: the text of a tag with a placeholder for each number, and the numbers."""
    texts: list[str] = []
    numbers: list[int] = []
    for word, number, text in _PART.findall(tag):
        if number:
            numbers.append(int(number))
            texts.append("#" * (len(number) if len(number) >= LONG_NUMBER else 1))
        else:
            texts.append(word or text)
    return tuple(texts), tuple(numbers)
