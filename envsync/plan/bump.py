"""`Bump`: a declaration that gets another version, and which one that is."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from envsync.model.declaration import Declaration, Source
from envsync.model.errors import EnvsyncError
from envsync.model.naming import natural_order
from envsync.model.wording import nearest

Used: TypeAlias = Mapping[str, Mapping[str, str]]
"""The versions of each name that are taken, each with where: `in git`, `in environments/a.yml`."""

_COUNTED: Final = re.compile(r"((?:[0-9]+\.)*)([0-9]+)")


@dataclass(frozen=True, slots=True)
class Bump:
    """One file that gets another version.

    Attributes:
        before: the version that it declares.
        after: the version that it is to declare.
        source: the file, and the line of the name; once it is written, that of the version.
    """

    name: str
    before: str
    after: str
    source: Source


def bump_command(name: str, version: str, *, alone: bool) -> str:
    """The command that bumps a declared version; `alone`: no other one of the name is declared."""
    return f"envsync bump {name}" if alone else f"envsync bump {name}:{version}"


def choose(declarations: Iterable[Declaration], references: Iterable[str]) -> list[Declaration]:
    """The declarations that references mean, each once, lower versions of a name first.

    Args:
        declarations: the desired state.
        references: `NAME:VERSION`, or `NAME` for the highest version of a name.

    Raises:
        EnvsyncError: a reference means nothing.
    """
    by_name: dict[str, list[Declaration]] = {}
    for declaration in declarations:
        by_name.setdefault(declaration.name, []).append(declaration)
    for group in by_name.values():
        group.sort(key=_order)
    chosen = {item.source: item for item in (_find(by_name, each) for each in references)}
    return sorted(chosen.values(), key=lambda item: (item.name, _order(item)))


def _order(declaration: Declaration) -> tuple[object, ...]:
    return natural_order(declaration.version or "")


def _find(by_name: Mapping[str, Sequence[Declaration]], reference: str) -> Declaration:
    name, colon, version = reference.partition(":")
    if name not in by_name:
        near = nearest(name, by_name)
        hint = f"Did you mean '{near}'?" if near else "`envsync validate` shows what is read."
        raise EnvsyncError(f"No file declares an environment '{name}'. {hint}")
    group = by_name[name]
    if not colon:
        return group[-1]
    for declaration in group:
        if declaration.version == version:
            return declaration
    known = [item.version for item in group if item.version is not None]
    has = f"It has: {', '.join(known)}." if known else f"{group[0].source.file} names no version."
    raise EnvsyncError(f"No file declares version '{version}' of {name}. {has}")


def decide(
    declarations: Iterable[Declaration], used: Used, version: str | None = None
) -> list[Bump]:
    """The next version of each declaration that has one.

    Args:
        declarations: as `choose` returned them.
        used: versions that are taken.
        version: this one instead of the next.

    Raises:
        EnvsyncError: nothing says what comes next, or `version` is taken.
    """
    bumps: list[Bump] = []
    for declaration in declarations:
        name, before = declaration.name, declaration.version
        if before is None:
            continue
        taken = used.get(name, {})
        given = {bump.after for bump in bumps if bump.name == name}
        if version is None:
            after = _next(name, before, {*taken, *given})
        elif version in taken:
            raise EnvsyncError(
                f"{name}:{version} is taken, {taken[version]}. Choose another version."
            )
        else:
            after = version
        bumps.append(Bump(name, before, after, declaration.source))
    return bumps


def _next(name: str, version: str, taken: Collection[str]) -> str:
    """The next version that is free: an integer counts up, and so does the last part of `1.2.3`."""
    counted = _COUNTED.fullmatch(version)
    if counted is None:
        raise EnvsyncError(
            f"{name}: nothing says what comes after version {version}. Name it: "
            f"`envsync bump {name}:{version} --version V`."
        )
    start, last = counted.groups()
    number = int(last)
    while True:
        number += 1
        # `007` is followed by `008`: what was written with a width, keeps it.
        after = f"{start}{number:0{len(last)}}"
        if after not in taken:
            return after
