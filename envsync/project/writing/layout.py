"""Chooses the directory of each new environment file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Final

from envsync.project.files import is_within
from envsync.project.project import Project
from envsync.project.search.globs import Globs

ENVIRONMENT_FILE: Final = "env.yml"
CONDA_FILE: Final = "environment.yml"
"""The name of new conda files. Dependabot and many editors recognise only this name."""

_TRIES: Final = 1000
"""The highest number in the name of a directory. If `NAME-1000` cannot be used, the search ends."""


class Layout:
    """Chooses new directories below the first environments directory of a project.

    A directory is never used twice, and an existing directory is never used. A directory inside a
    build context is not used, because a new file would change the content of the context.
    """

    def __init__(self, project: Project) -> None:
        """Collects the build contexts of a project.

        Args:
            project: the project, from `load_project`.
        """
        self.directory = project.config.directories[0]
        self._root = project.config.root
        self._exclude = Globs.of(project.config.exclude)
        self._contexts = [
            str(references["build.path"])
            for item in project.declarations
            for source in (item.source, *item.copies)
            if "build.path" in (references := project.references(source))
        ]
        self._taken: set[str] = set()

    def place(self, name: str, version: str | None, *, nested: bool) -> Path | None:
        """Returns a new directory for the files of one version.

        No other call returns the same directory.

        Args:
            name: the declared name.
            version: the declared version. None for a file without `version`.
            nested: True if each version has its own directory: `NAME/VERSION`.

        Returns:
            The directory, or None if no possible directory can be used.
        """
        for parts in _candidates(name, version, nested=nested):
            place = self.directory.joinpath(*parts)
            # On macOS and Windows, two paths that differ only in case are the same directory.
            key = "/".join(parts).casefold()
            if key not in self._taken and self._is_free(place):
                self._taken.add(key)
                return place
        return None

    def _is_free(self, place: Path) -> bool:
        if os.path.lexists(place):
            return False
        real = os.path.realpath(place)
        file = os.path.relpath(place / ENVIRONMENT_FILE, self._root).replace(os.sep, "/")
        # If the parent is a file, the directory cannot be created.
        return (
            not any(is_within(real, context) for context in self._contexts)
            and not self._exclude.match(file)
            and not (place.parent.exists() and not place.parent.is_dir())
        )


def _candidates(name: str, version: str | None, *, nested: bool) -> Iterator[tuple[str, ...]]:
    if version is None:
        yield (name,)
        yield from _numbered(name)
        return
    if not nested:
        yield (name,)
    yield name, version
    yield (f"{name}-{version}",)
    yield from _numbered(f"{name}-{version}")


def _numbered(name: str) -> Iterable[tuple[str]]:
    for number in count(2):
        if number > _TRIES:
            return
        yield (f"{name}-{number}",)
