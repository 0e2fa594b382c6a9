"""Gives a name to each item of a list, so that an inserted package is a single difference."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from envsync.model.canonical import JSON, canonical_json

if TYPE_CHECKING:
    from collections.abc import Sequence

# Matches the optional channel and the name of a conda match specification, or the name of a pip
# requirement: `conda-forge::numpy >=1.2`, `Flask[async]==3.0`.
_PACKAGE: Final = re.compile(
    r"\s*(?:[^\s=<>!~\[]*::)?([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?![A-Za-z0-9:+/])"
)
# Matches a requirement from a repository, without its revision:
# `git+https://host/path@revision#egg=name`.
_REPOSITORY: Final = re.compile(r"\w+\+[^@#]+(?:@[^/@#]*/[^@#]+)?")
_SEPARATORS: Final = re.compile(r"[-_.]+")


def item_names(items: Sequence[JSON], other: Sequence[JSON]) -> list[str]:
    """Returns a name for each item of a list, unique within the list.

    The name is the package name. If a package occurs more than once in one of the two lists, the
    whole item is used as the name.

    Args:
        items: the list.
        other: the list that `items` is compared with. Items with the same name are compared.
    """
    repeated = {
        name
        for names in (map(_name, items), map(_name, other))
        for name, count in Counter(names).items()
        if count > 1
    }
    seen: Counter[str] = Counter()
    found = []
    for item in items:
        name = _name(item)
        if name in repeated:
            name = canonical_json(item)
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return found


def _name(item: JSON) -> str:
    if isinstance(item, dict) and len(item) == 1:
        return f"{next(iter(item))}:"  # `pip:` and the list below it
    if isinstance(item, str) and (match := _PACKAGE.match(item)):
        # For pip, `Flask_Login`, `flask-login` and `flask.login` are one package (PEP 503).
        return _SEPARATORS.sub("-", match.group(1)).lower()
    if isinstance(item, str) and (match := _REPOSITORY.match(item)):
        return match.group()
    return canonical_json(item)
