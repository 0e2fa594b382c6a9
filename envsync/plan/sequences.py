"""Gives a name to each item of a list, so that an inserted package is a single difference."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from envsync.model.canonical import JSON, canonical_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

# Matches the optional channel and the name of a conda match specification, or the name of a pip
# requirement: `conda-forge::numpy >=1.2`, `Flask[async]==3.0`.
_PACKAGE: Final = re.compile(
    r"\s*(?:[^\s=<>!~\[]*::)?([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?![A-Za-z0-9:+/])"
)
# Matches a requirement from a repository, without its revision:
# `git+https://host/path@revision#egg=name`.
_REPOSITORY: Final = re.compile(r"\w+\+[^@#]+(?:@[^/@#]*/[^@#]+)?")
_SEPARATORS: Final = re.compile(r"[-_.]+")


def item_names(before: Sequence[JSON], after: Sequence[JSON]) -> tuple[list[str], list[str]]:
    """Returns a name for each item of two lists. Within a list, every name is unique.

    The name is the package name. If a package occurs more than once in one of the two lists, the
    whole item is used as the name. Items with the same name are compared with each other.
    """
    old, new = [_name(item) for item in before], [_name(item) for item in after]
    repeated = {name for names in (old, new) for name, count in Counter(names).items() if count > 1}
    return _unique(before, old, repeated), _unique(after, new, repeated)


def _unique(items: Sequence[JSON], names: Iterable[str], repeated: Collection[str]) -> list[str]:
    seen: Counter[str] = Counter()
    found = []
    for item, name in zip(items, names, strict=True):
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
        name = match[1].lower()
        is_plain = "_" not in name and "." not in name and "--" not in name
        return name if is_plain else _SEPARATORS.sub("-", name)
    if isinstance(item, str) and (match := _REPOSITORY.match(item)):
        return match.group()
    return canonical_json(item)
