"""`Bump`: a declaration that gets a new version, and the choice of that version.

Registered versions cannot change. To change a spec, a file has to declare a version that is not
used yet. `choose` finds the declarations, and `decide` their new versions.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from envsync.model.canonical import JSON
from envsync.model.declaration import Declaration, Source
from envsync.model.errors import EnvsyncError
from envsync.model.naming import natural_order
from envsync.model.wording import nearest

Used: TypeAlias = Mapping[str, Mapping[str, str]]
"""The versions that are taken, by name: version to where, such as `in git` or `in a.yml`."""

# `7` and `1.2.7`: the last number can be counted up. `1.2-rc` or a date have no obvious successor.
_COUNTED: Final = re.compile(r"((?:[0-9]+\.)*)([0-9]+)")


@dataclass(frozen=True, slots=True)
class Bump:
    """A file that gets a new version.

    Attributes:
        before: the version that the file declares.
        after: the version that it will declare.
        source: the line of the name; after the file was written, the line of the version.
    """

    name: str
    before: str
    after: str
    source: Source

    def to_json(self) -> dict[str, JSON]:
        """The bump as JSON data."""
        return {
            "name": self.name,
            "before": self.before,
            "after": self.after,
            **self.source.to_json(),
        }


def bumps_json(bumps: Iterable[Bump], unversioned: Iterable[Declaration]) -> dict[str, JSON]:
    """The document that `bump --format json` prints.

    Args:
        bumps: the files that changed.
        unversioned: the chosen declarations without a version, which envsync numbers itself.
    """
    return {
        "format_version": 1,
        "bumps": [bump.to_json() for bump in bumps],
        "unversioned": [{"name": item.name, **item.source.to_json()} for item in unversioned],
    }


def bump_command(name: str, version: str, *, alone: bool) -> str:
    """The command that bumps a declared version.

    Args:
        name: the environment.
        version: the declared version.
        alone: whether no file declares another version of this name. The name is enough then.
    """
    return f"envsync bump {name}" if alone else f"envsync bump {name}:{version}"


def choose(declarations: Iterable[Declaration], references: Iterable[str]) -> list[Declaration]:
    """The declarations that are referenced, each once, sorted by name and version.

    Args:
        declarations: the desired state.
        references: `NAME:VERSION`, or `NAME` for the highest version of a name.

    Raises:
        EnvsyncError: no file declares a referenced name or version.
    """
    by_name: dict[str, list[Declaration]] = {}
    for declaration in declarations:
        by_name.setdefault(declaration.name, []).append(declaration)
    for group in by_name.values():
        group.sort(key=_order)
    # By source, because a dict drops duplicates: `a` and `a:2` can mean the same file.
    chosen = {item.source: item for item in (_find(by_name, each) for each in references)}
    return sorted(chosen.values(), key=lambda item: (item.name, _order(item)))


def _order(declaration: Declaration) -> tuple[object, ...]:
    return natural_order(declaration.version or "")


def _find(by_name: Mapping[str, Sequence[Declaration]], reference: str) -> Declaration:
    name, colon, version = reference.partition(":")
    if name not in by_name:
        near = nearest(name, by_name)
        hint = f"Did you mean '{near}'?" if near else "`envsync validate` shows which files count."
        raise EnvsyncError(f"No file declares an environment '{name}'. {hint}")
    group = by_name[name]
    if not colon:
        # Sorted by `choose`: the last one is the highest.
        return group[-1]
    for declaration in group:
        if declaration.version == version:
            return declaration
    known = [item.version for item in group if item.version is not None]
    if known:
        hint = f"Declared versions: {', '.join(known)}."
    else:
        hint = f"{group[0].source.file} declares no version."
    raise EnvsyncError(f"No file declares version '{version}' of {name}. {hint}")


def decide(
    declarations: Iterable[Declaration], used: Used, version: str | None = None
) -> list[Bump]:
    """The new version of each declaration that has a version.

    Args:
        declarations: as `choose` returned them.
        used: the versions that are taken.
        version: the new version, instead of the next free one.

    Raises:
        EnvsyncError: the declared version has no successor, or `version` is taken.
    """
    bumps: list[Bump] = []
    for declaration in declarations:
        name, before = declaration.name, declaration.version
        if before is None:
            # envsync numbers these versions when it plans. The file needs no edit.
            continue
        taken = used.get(name, {})
        # Two files of one name must not get the same new version.
        given = {bump.after for bump in bumps if bump.name == name}
        if version is None:
            after = _next(name, before, {*taken, *given})
        elif version in taken:
            raise EnvsyncError(
                f"{name}:{version} is taken, {taken[version]}. Choose another version."
            )
        else:
            after = version
        bumps.append(Bump(name=name, before=before, after=after, source=declaration.source))
    return bumps


def _next(name: str, version: str, taken: Collection[str]) -> str:
    """The next free version: counts up an integer, or the last part of a version like `1.2.3`."""
    counted = _COUNTED.fullmatch(version)
    if counted is None:
        raise EnvsyncError(
            f"{name}: envsync cannot tell which version follows {version}: it is not a number such "
            f"as 7 or 1.2.7. Name the new version: `envsync bump {name}:{version} --version V`."
        )
    start, last = counted.groups()
    number = int(last)
    while True:
        number += 1
        # Leading zeros are kept: `007` is followed by `008`.
        after = f"{start}{number:0{len(last)}}"
        if after not in taken:
            return after
