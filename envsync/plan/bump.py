"""`Bump`: a declaration that gets a new version, and the functions that choose the new version.

Registered versions cannot change. To change a spec, the file must declare a version that is not in
use yet. `choose` finds the declarations, and `decide` chooses their new versions.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from envsync.model.canonical import JSON
from envsync.model.declaration import Declaration, Source
from envsync.model.errors import EnvsyncError
from envsync.model.naming import natural_order
from envsync.plan.hints import declared_in, name_hint
from envsync.plan.next_version import next_version, proposed_version

Used: TypeAlias = Mapping[str, Mapping[str, str]]
"""Maps a name to its used versions, and a version to where it is used, such as `in git`."""


class Bump(Struct, frozen=True):
    """A declaration that gets a new version.

    Attributes:
        before: the old version.
        after: the new version.
        source: the line that declares the name or, once the file is written, the line that declares
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
        bumps: one bump for each file that changed.
        unversioned: the chosen declarations without a version. envsync assigns their versions.
    """
    return {
        "format_version": 1,
        "bumps": [bump.to_json() for bump in bumps],
        "unversioned": [{"name": item.name, **item.source.to_json()} for item in unversioned],
    }


def bump_command(
    name: str,
    version: str,
    *,
    alone: bool,
    taken: Collection[str] = (),
    in_target: Collection[str] = (),
) -> str:
    """Returns the shell command that bumps a declared version.

    The command contains the new version if the declared version has no obvious next version, or if
    the next version is already in the target. `envsync bump` without `-t` reads no target, so it
    would choose the version that is already in the target.

    Args:
        name: the environment.
        version: the declared version.
        alone: True if no file declares another version of this name. In this case, the command
            needs only the name.
        taken: the versions of the name that files or commits declare.
        in_target: the versions of the name in the target.
    """
    words = ["envsync", "bump", name if alone else f"{name}:{version}"]
    after = next_version(version, taken)
    if after is None or after in in_target:
        words += ["--version", proposed_version(version, {*taken, *in_target})]
    return shlex.join(words)


def choose(
    declarations: Iterable[Declaration],
    references: Iterable[str],
    place: Callable[[str], str] = str,
) -> list[Declaration]:
    """Returns the declarations that `references` refer to, sorted by name and version.

    Args:
        declarations: all declarations of the project.
        references: `NAME:VERSION`, or `NAME` for the highest version of a name.
        place: a function that returns the path of a file as messages show it.

    Raises:
        EnvsyncError: no file declares a referenced name or version.
    """
    by_name: dict[str, list[Declaration]] = {}
    for declaration in declarations:
        by_name.setdefault(declaration.name, []).append(declaration)
    for group in by_name.values():
        group.sort(key=_order)
    # `a` and `a:2` can refer to the same file. A dict with the source as its key drops duplicates.
    chosen = {item.source: item for item in (_find(by_name, each, place) for each in references)}
    return sorted(chosen.values(), key=lambda item: (item.name, _order(item)))


def _order(declaration: Declaration) -> tuple[object, ...]:
    return natural_order(declaration.version or "")


def _find(
    by_name: Mapping[str, Sequence[Declaration]], reference: str, place: Callable[[str], str]
) -> Declaration:
    name, colon, version = reference.partition(":")
    if name not in by_name:
        files = declared_in(item for group in by_name.values() for item in group)
        setting = "Check the name, and `environments` in envsync.yaml."
        hint = name_hint(name, by_name, files) or setting
        if name.partition("@")[0] in by_name:
            hint = f"Pass `{name.partition('@')[0]}` instead, for the highest declared version."
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
        hint = f"{place(group[0].source.file)} declares no version."
    raise EnvsyncError(f"No file declares version '{version}' of {name}. {hint}")


def decide(
    declarations: Iterable[Declaration],
    used: Used,
    version: str | None = None,
    *,
    alone: Collection[str] = (),
) -> list[Bump]:
    """Chooses the new version of each declaration that has a version.

    Args:
        declarations: the declarations, from `choose`.
        used: the versions that are already used; see `Used`.
        version: the new version. If None, the next free version is chosen.
        alone: the names with a single declared version. For these names, the command in an error
            message contains only the name.

    Raises:
        EnvsyncError: a declared version has no next version, or `version` is already used.
    """
    bumps: list[Bump] = []
    commands: list[str] = []
    for declaration in declarations:
        name, before = declaration.name, declaration.version
        if before is None:
            # A file without a version needs no edit, because every plan assigns a version.
            continue
        taken = used.get(name, {})
        # Two files that declare the same name must not get the same new version.
        given = {bump.after for bump in bumps if bump.name == name}
        after = next_version(before, {*taken, *given}) if version is None else version
        if after is None:
            commands.append(bump_command(name, before, alone=name in alone, taken=taken))
            continue
        if version is not None and version in taken:
            raise EnvsyncError(
                f"{name}:{version} is already used {taken[version]}. Choose another version."
            )
        # Copies of the file are bumped too, because otherwise the copies would still declare the
        # old version.
        sources = (declaration.source, *declaration.copies)
        bumps += [Bump(name=name, before=before, after=after, source=source) for source in sources]
    if commands:
        raise EnvsyncError(_no_next_version(commands))
    return bumps


def _no_next_version(commands: Sequence[str]) -> str:
    if len(commands) == 1:
        return (
            "envsync cannot choose the next version, because the declared version is not a number "
            f"such as 7 or 1.2.7. Pass the new version, for example: `{commands[0]}`."
        )
    lines = "".join(f"\n  {command}" for command in commands)
    return (
        "envsync cannot choose these next versions, because the declared versions are not numbers "
        f"such as 7 or 1.2.7. No file was changed. Pass each new version, for example:{lines}"
    )
