"""`Bump`: a declaration that gets a new version, and the functions that choose the new version.

Registered versions cannot change. To change a spec, a file has to declare a version that is not
used yet. `choose` finds the declarations, and `decide` chooses their new versions.
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
"""The used versions of each name. Maps a version to its place, such as `in git` or `in a.yml`."""

# In `7` and `1.2.7`, the last number can be increased. `1.2-rc` and `2024-05-01` do not match: they
# have no obvious next version.
_COUNTED: Final = re.compile(r"((?:[0-9]+\.)*)([0-9]+)")


@dataclass(frozen=True, slots=True)
class Bump:
    """A file that gets a new version.

    Attributes:
        before: the version that the file declares.
        after: the version that it will declare.
        source: the line that declares the name. After the file is written, the line that declares
            the version.
    """

    name: str
    before: str
    after: str
    source: Source

    def to_json(self) -> dict[str, JSON]:
        """Returns the bump as JSON data."""
        return {
            "name": self.name,
            "before": self.before,
            "after": self.after,
            **self.source.to_json(),
        }


def bumps_json(bumps: Iterable[Bump], unversioned: Iterable[Declaration]) -> dict[str, JSON]:
    """Returns the document that `bump --format json` prints.

    Args:
        bumps: the files that changed.
        unversioned: the chosen declarations without a version. envsync assigns their versions.
    """
    return {
        "format_version": 1,
        "bumps": [bump.to_json() for bump in bumps],
        "unversioned": [{"name": item.name, **item.source.to_json()} for item in unversioned],
    }


def bump_command(name: str, version: str, *, alone: bool) -> str:
    """Returns the command that bumps a declared version.

    Args:
        name: the environment.
        version: the declared version.
        alone: True if no file declares another version of this name. Then the command needs only
            the name.
    """
    return f"envsync bump {name}" if alone else f"envsync bump {name}:{version}"


def choose(declarations: Iterable[Declaration], references: Iterable[str]) -> list[Declaration]:
    """Returns the referenced declarations without duplicates, sorted by name and version.

    Args:
        declarations: all declarations of the project.
        references: `NAME:VERSION`, or `NAME` for the highest version of a name.

    Raises:
        EnvsyncError: no file declares a referenced name or version.
    """
    by_name: dict[str, list[Declaration]] = {}
    for declaration in declarations:
        by_name.setdefault(declaration.name, []).append(declaration)
    for group in by_name.values():
        group.sort(key=_order)
    # `a` and `a:2` can refer to the same file. A dict with the source as its key drops duplicates.
    chosen = {item.source: item for item in (_find(by_name, each) for each in references)}
    return sorted(chosen.values(), key=lambda item: (item.name, _order(item)))


def _order(declaration: Declaration) -> tuple[object, ...]:
    return natural_order(declaration.version or "")


def _find(by_name: Mapping[str, Sequence[Declaration]], reference: str) -> Declaration:
    name, colon, version = reference.partition(":")
    if name not in by_name:
        near = nearest(name, by_name)
        setting = "Check the name, and `environments` in envsync.yaml."
        hint = f"Did you mean '{near}'?" if near else setting
        raise EnvsyncError(f"No file declares an environment '{name}'. {hint}")
    group = by_name[name]
    if not colon:
        # `choose` has sorted the group, so the last declaration has the highest version.
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
    """Chooses the new version of each declaration that has a version.

    Args:
        declarations: the declarations, from `choose`.
        used: the versions that are already used.
        version: the new version. If None, the next free version is chosen.

    Raises:
        EnvsyncError: the declared version has no next version, or `version` is already used.
    """
    bumps: list[Bump] = []
    for declaration in declarations:
        name, before = declaration.name, declaration.version
        if before is None:
            # envsync assigns this version when it makes a plan, so the file needs no edit.
            continue
        taken = used.get(name, {})
        # Two files with the same name must not get the same new version.
        given = {bump.after for bump in bumps if bump.name == name}
        if version is None:
            after = _next(name, before, {*taken, *given})
        elif version in taken:
            raise EnvsyncError(
                f"{name}:{version} is already used {taken[version]}. Choose another version."
            )
        else:
            after = version
        bumps.append(Bump(name=name, before=before, after=after, source=declaration.source))
    return bumps


def _next(name: str, version: str, taken: Collection[str]) -> str:
    """Returns the next free version: increases the last number of a version like `7` or `1.2.3`."""
    counted = _COUNTED.fullmatch(version)
    if counted is None:
        raise EnvsyncError(
            f"{name}: envsync cannot increase the version {version}, because it is not a number "
            "such as 7 or 1.2.7. "
            f"Pass the new version: `envsync bump {name}:{version} --version V`."
        )
    start, last = counted.groups()
    number = int(last)
    while True:
        number += 1
        # Leading zeros are kept: `007` is followed by `008`.
        after = f"{start}{number:0{len(last)}}"
        if after not in taken:
            return after
