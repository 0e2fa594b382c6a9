"""Suggests what the user meant by a word that is not the name of an environment."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from envsync.model.declaration import Declaration
from envsync.model.wording import nearest

_MOST_NAMES: Final = 3
"""Maximum number of names in a hint."""

_FILE: Final = re.compile(r".*\.ya?ml", re.IGNORECASE)
_WILDCARD: Final = re.compile(r"[*?\[]")
# Matches a reference to a version, such as `a:1`, `a@latest`, or `azureml:a:1` as in the file of a
# job.
_REFERENCE: Final = re.compile(r"(?:azureml:)?([^:@/]+)[:@](.+)")


def declared_in(declarations: Iterable[Declaration]) -> dict[str, list[str]]:
    """Maps the path of each environment file to the names that the file declares."""
    files: dict[str, list[str]] = {}
    for declaration in declarations:
        for source in (declaration.source, *declaration.copies):
            files.setdefault(source.file, []).append(declaration.declared_name)
    return files


def cannot_be_a_name(word: str) -> bool:
    """Returns True if a word is neither a valid name nor a glob that can match a valid name."""
    return "/" in word or "\\" in word or (_REFERENCE.fullmatch(word) is not None)


def glob_hint(
    glob: str, names: Collection[str], files: Mapping[str, Sequence[str]] | None = None
) -> str | None:
    """Returns a hint for a glob that matches no name, or None if nothing is similar.

    Args:
        glob: the glob.
        names: the known names of environments.
        files: the names that each environment file declares.
    """
    if reference := _REFERENCE.fullmatch(glob):
        name = reference.group(1)
        meant = f"Pass `{name}` instead." if name in names else name_hint(name, names)
        whole = "A GLOB selects an environment with all its versions."
        return f"{whole} {meant}" if meant else whole
    if _WILDCARD.search(glob):
        ignored = [name for name in names if fnmatchcase(name.lower(), glob.lower())]
        if ignored:
            return (
                f"Names are case-sensitive. In another case, the GLOB matches {_listed(ignored)}."
            )
    return name_hint(glob, names, files)


def name_hint(
    word: str, names: Collection[str], files: Mapping[str, Sequence[str]] | None = None
) -> str | None:
    """Returns a hint for a word that is not a known name, or None if nothing is similar.

    Args:
        word: the word on the command line.
        names: the known names of environments.
        files: the names that each environment file declares.
    """
    if path := _path_hint(word, files or {}):
        return path
    near = nearest(word, names)
    if near is None:
        return None
    case = "Names are case-sensitive. " if near.lower() == word.lower() else ""
    return f"{case}Did you mean `{near}`?"


def _path_hint(word: str, files: Mapping[str, Sequence[str]]) -> str | None:
    parts = word.replace("\\", "/").split("/")
    path = "/".join(part for part in parts if part not in ("", ".", ".."))
    found = [name for file, names in files.items() if _is_at(file, path) for name in names]
    if found:
        return f"This is a path. Pass a name that is declared there: {_listed(found)}."
    if word.lower().endswith(".json"):
        return f"To apply a saved plan, run `envsync apply --plan {shlex.quote(word)}`."
    if len(parts) > 1 or (word and not path) or _FILE.fullmatch(word):
        return "This is a path, but environments are selected by name."
    return None


def _is_at(file: str, path: str) -> bool:
    """Returns True if a file is at a path or below it.

    The path can be relative to any directory above or below the project directory, because the user
    can work in any of these directories.
    """
    inside = f"/{file}/"
    return bool(path) and (f"/{path}/" in inside or f"/{path}".endswith(f"/{file}"))


def _listed(names: Iterable[str]) -> str:
    shown = [f"`{name}`" for name in sorted(set(names))]
    more = len(shown) - _MOST_NAMES
    return ", ".join(shown[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
