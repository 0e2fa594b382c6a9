"""Reads the options in a line of a requirements file, as pip does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

# Matches the start of the options, which follow the requirement. A hyphen before white space is not
# an option, but a list item that YAML reads as part of the string.
_OPTIONS_START: Final = r"(?:^|\s)(?=-\S)"
_SHORT: Final = {
    "-r": "--requirement",
    "-c": "--constraint",
    "-e": "--editable",
    "-f": "--find-links",
    "-i": "--index-url",
    "-C": "--config-settings",
}
INDEXES: Final = ("--find-links", "--index-url", "--extra-index-url")
"""The options whose value is the address of a package index or of a page with links."""

_FILES: Final = ("--requirement", "--constraint", "--editable", *INDEXES)
# Options in a requirements file. These options do not name a file. `_VALUES` are options with a
# value, and `_FLAGS` are options without a value.
_VALUES: Final = (
    "--config-settings",
    "--global-option",
    "--hash",
    "--install-option",
    "--no-binary",
    "--only-binary",
    "--trusted-host",
    "--use-feature",
)
_FLAGS: Final = ("--no-index", "--pre", "--prefer-binary", "--require-hashes")
_OPTIONS: Final = (*_FILES, *_VALUES, *_FLAGS)
_QUOTES: Final = r"['\"\\]"


def split_options(text: str) -> tuple[str, str]:
    """Splits a line of a requirements file into the requirement and its options, as pip does."""
    start = re.search(_OPTIONS_START, text)
    return (text[: start.start()].rstrip(), text[start.end() :]) if start else (text, "")


def file_options(text: str) -> Iterator[tuple[str, str]]:
    """Yields the long name and the value of each option that can name a local file."""
    # In `-e name @ URL`, the text `name @ URL` is treated as one value, although pip requires
    # quotes around it.
    text = re.sub(r"\s?@\s?", "@", text)
    words = iter(_shell_words(text))
    for word in words:
        if word.startswith("--"):
            name, has_value, value = word.partition("=")
            option = _long_option(name)
        else:
            option = _SHORT.get(word[:2], "")
            has_value = value = word[2:].lstrip("=")
        if option in _FLAGS or not option:
            continue
        if not has_value:
            value = next(words, "")
        if option in _FILES and value:
            yield option, value.strip()


def _shell_words(text: str) -> list[str]:
    # `shlex` is slow, and needed only for quotes and backslashes.
    if re.search(_QUOTES, text):
        import shlex

        try:
            return shlex.split(text)
        except ValueError:
            pass
    return text.split()


@lru_cache(maxsize=1000)
def _long_option(name: str) -> str:
    """Completes the name of an option. Returns "" if the name is unknown or not unique."""
    if name in _OPTIONS:
        return name
    found = [option for option in _OPTIONS if option.startswith(name)]
    return found[0] if len(found) == 1 else ""
