"""Looks for the files of versions that a plan would archive.

A version is archived only if its file is proven to be gone. The tag `envsync.source` contains the
path of the file that declared the version at the last apply. Since then, the file may have been
moved. Parts of the repository may be unreadable or not checked out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from envsync.git.absent import Absent, find_absent, is_searched, read_sparse
from envsync.model.errors import GitError
from envsync.plan.archives import Evidence
from envsync.project.discovery import EXCLUDED
from envsync.project.presence import may_declare, presence
from envsync.project.search.globs import Globs
from envsync.project.search.walk import is_yaml

if TYPE_CHECKING:
    from envsync.model.state import RegisteredVersion
    from envsync.project.project import Project

_SPARSE = "it is in git, but this sparse checkout leaves it out"


def still_there(
    project: Project, versions: Iterable[RegisteredVersion], suffix: str = ""
) -> dict[str, Evidence]:
    """Finds files that declared these versions and may still exist, but were not read.

    Args:
        project: the loaded project.
        versions: versions that the project owns.
        suffix: the text that the target adds to every declared name.

    Returns:
        Maps each file that may exist to the evidence. Paths are relative to the project directory.
    """
    # A file declares the name without the suffix.
    names: dict[str, set[str]] = {}
    for item in versions:
        if source := item.environment.provenance.source:
            name = item.environment.key.name
            names.setdefault(source, set()).update({name, name.removesuffix(suffix)})
    found = presence(project, names)
    evidence = {file: _is_there(file, reason) for file, reason in found.unread.items()}
    # Search in git only for files that are not in the work tree, because starting git is slow.
    if found.missing:
        search = _Search(project)
        for file in sorted(found.missing):
            if known := search.find(file, names[file]):
                evidence[file] = known
    return evidence


def _is_there(file: str, reason: str) -> Evidence:
    sentence = f"{file}, which declared it, is still there. It is not read as an environment: "
    return Evidence(file, sentence + reason)


class _Search:
    """Looks for missing files of a project, in git and at other paths of the work tree."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._failure: str | None = None
        self._absent = Absent()
        try:
            self._absent = find_absent(project.config.root)
        except GitError as error:
            self._failure = str(error).rstrip(".")
        self._moved: list[tuple[str, str, bytes]] | None = None

    def find(self, file: str, names: set[str]) -> Evidence | None:
        """Returns evidence that a file may exist, or None if the file is gone.

        Args:
            file: the path of the missing file, relative to the project directory.
            names: the names that the file may declare.
        """
        path = Path(os.path.realpath(self._project.config.root / file))
        if path in self._absent.files:
            return _is_there(file, _SPARSE)
        if submodule := self._absent.submodule_of(path):
            return _is_there(file, f"the submodule {self._shown(submodule)} is not checked out")
        for other, reason, content in self._unread():
            if may_declare(content, names):
                return Evidence(
                    other,
                    f"{other} seems to declare it, and is not read as an environment: {reason}",
                )
        if self._failure is not None:
            return Evidence(
                file,
                f"git cannot say whether {file} exists but is not checked out: {self._failure}",
            )
        for place, reason in self._unknown():
            return Evidence(place, f"{file} may have been moved to {place}: {reason}")
        return None

    def _unread(self) -> list[tuple[str, str, bytes]]:
        """Returns path, reason and content of each YAML file that is not read as an environment."""
        if self._moved is None:
            self._moved = [*self._passed_over(), *self._sparse()]
        return self._moved

    def _passed_over(self) -> Iterator[tuple[str, str, bytes]]:
        for path, reason in self._project.passed_over.items():
            content = self._project.files.content(path)
            if reason != EXCLUDED and isinstance(content, bytes):
                yield self._project.files.display(path), reason, content

    def _sparse(self) -> Iterator[tuple[str, str, bytes]]:
        exclude = Globs.of(self._project.config.exclude)
        files = {
            item: self._shown(path)
            for path, item in self._absent.files.items()
            if is_yaml(item.path) and is_searched(path, self._project.config.directories)
        }
        files = {item: shown for item, shown in files.items() if not exclude.match(shown)}
        try:
            for item, content in read_sparse(files):
                yield files[item], _SPARSE, content
        except GitError as error:
            self._failure = str(error).rstrip(".")

    def _unknown(self) -> Iterator[tuple[str, str]]:
        """Yields the path of each directory that was not searched, and the reason."""
        exclude = Globs.of(self._project.config.exclude)
        for path in self._absent.submodules:
            shown = self._shown(path)
            if is_searched(path, self._project.config.directories) and not exclude.match(shown):
                yield shown, "the submodule is not checked out"
        for directory, reason in self._project.unreadable.items():
            shown = self._project.files.display(directory)
            if not exclude.match(shown):
                yield shown, f"the directory cannot be read: {reason}"

    def _shown(self, path: Path) -> str:
        return self._project.files.display(str(path))
