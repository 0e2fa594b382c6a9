"""Finds out which of the given files exist but were not read, and which do not exist."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from envsync.project.files import is_within
from envsync.project.search.globs import Globs
from envsync.project.search.outline import outline
from envsync.project.search.shape import (
    has_shape,
    has_similar_shape,
    is_environment_schema,
    is_similar_schema,
)

if TYPE_CHECKING:
    from envsync.project.project import Project


class Presence(Struct, frozen=True):
    """The files that exist but were not read, and the files that do not exist.

    Neither attribute contains files that were read.

    Attributes:
        unread: the files that exist but were not read, each with a reason that completes the
            sentence "It is not read as an environment: …".
        missing: the files that do not exist.
    """

    unread: Mapping[str, str]
    missing: frozenset[str]


def presence(project: Project, files: Iterable[str]) -> Presence:
    """Finds the files that exist but were not read, and the files that do not exist.

    The result does not contain files that `exclude` matches.

    Args:
        project: the loaded project. Its attributes contain the files that were read and the files
            that were passed over.
        files: paths relative to the project directory, with `/`.
    """
    exclude = Globs.of(project.config.exclude)
    read = {os.path.realpath(path) for path in project.environment_files}
    unread: dict[str, str] = {}
    missing: set[str] = set()
    for file in files:
        path = os.path.join(project.config.root, file)
        if exclude.match(file) or os.path.realpath(path) in read:
            continue
        try:
            mode = os.lstat(path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            reason = _hidden_by_link(path, project) or _in_empty_directory(path, project)
            if reason is None:
                missing.add(file)
            else:
                unread[file] = reason
        except OSError as error:
            unread[file] = f"its directory cannot be read: {error.strerror}"
        except ValueError:  # a null character, so no such file can exist
            missing.add(file)
        else:
            # If the path leads to a directory, the file itself does not exist.
            if stat.S_ISDIR(mode):
                missing.add(file)
            else:
                unread[file] = _reason(path, project)
    return Presence(unread, frozenset(missing))


def _reason(path: str, project: Project) -> str:
    """Returns why a file that exists was not read."""
    known = project.passed_over.get(path)
    if known is not None:
        return known
    for directory, why in project.unreadable.items():
        if is_within(path, directory):
            return f"{project.files.display(directory)} cannot be read: {why}"
    if not is_within(os.path.realpath(path), project.files.real_root):
        return "it is outside of the project, behind a symbolic link"
    real = os.path.realpath(path)
    if not any(is_within(real, os.path.realpath(item)) for item in project.config.directories):
        return "it is outside of the directories that `environments` in envsync.yaml names"
    return "it does not end with .yml or .yaml, or its directory is not searched"


def _hidden_by_link(path: str, project: Project) -> str | None:
    """Returns why a file was not read if a directory above the file is a dangling link."""
    for directory in _above(path, str(project.config.root)):
        if os.path.islink(directory) and not os.path.exists(directory):
            shown = project.files.display(directory)
            return f"{shown} is a symbolic link to a directory that does not exist"
    return None


def _in_empty_directory(path: str, project: Project) -> str | None:
    """Returns why a file was not read if its environments directory contains no environment file.

    Returns None if the project has a single environments directory, because envsync refuses a plan
    without environments anyway.
    """
    directories = [str(directory) for directory in project.config.directories]
    for name, directory in zip(project.config.environments, directories, strict=True):
        empty = not any(is_within(file, directory) for file in project.environment_files)
        if len(directories) > 1 and empty and is_within(path, directory):
            what = "has no environment file" if os.path.isdir(directory) else "does not exist"
            return f"the directory {name} in `environments` of envsync.yaml {what}"
    return None


def may_declare(content: bytes, names: Collection[str]) -> bool:
    """Returns True if a file that was not read looks like an environment with one of the names."""
    seen = outline(content)
    schema = seen.schema
    similar = schema is not None and (is_environment_schema(schema) or is_similar_schema(schema))
    if not (similar or has_shape(seen.keys) or has_similar_shape(seen.keys)):
        return False
    listed = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    pattern = rf"""(?im)^["']?name["']?[ \t]*:[ \t]*["']?(?-i:{listed})["']?[ \t]*(?:#.*)?$"""
    return re.search(pattern.encode(), seen.text) is not None


def _above(path: str, root: str) -> Iterator[str]:
    """Yields the directories above a path. The last directory is the project directory."""
    while path != root and (parent := os.path.dirname(path)) != path:
        yield parent
        path = parent
