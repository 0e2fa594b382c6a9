"""Finds out whether a file that is not an environment file exists, and why it was not read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envsync.project.files import is_within
from envsync.project.search.globs import Globs

if TYPE_CHECKING:
    from envsync.project.project import Project


@dataclass(frozen=True, slots=True)
class Presence:
    """Which of the given files exist unread in the work tree, and which do not exist.

    Files that were read are in neither attribute.

    Attributes:
        unread: the files that exist. Maps each file to a reason that completes the sentence "It is
            not read as an environment: …".
        missing: the files that do not exist.
    """

    unread: Mapping[str, str]
    missing: frozenset[str]


def presence(project: Project, files: Iterable[str]) -> Presence:
    """Finds out which files exist in the work tree without being read, and which do not exist.

    The result does not contain files that `exclude` matches.

    Args:
        project: the loaded project. Its attributes list the files that were read and passed over.
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
            reason = _hidden_by_link(path, project)
            if reason is None:
                missing.add(file)
            else:
                unread[file] = reason
        except OSError as error:
            unread[file] = f"its directory cannot be read: {error.strerror}"
        except ValueError:  # a null character, so no such file can exist
            missing.add(file)
        else:
            # A directory with the name of the file is not the file.
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
    """Returns why a file is hidden if a directory above it is a dangling link, otherwise None."""
    for directory in _above(path, str(project.config.root)):
        if os.path.islink(directory) and not os.path.exists(directory):
            shown = project.files.display(directory)
            return f"{shown} is a symbolic link to a directory that does not exist"
    return None


def _above(path: str, root: str) -> Iterator[str]:
    """Yields the directories above a path, up to the project directory."""
    while path != root and (parent := os.path.dirname(path)) != path:
        yield parent
        path = parent
