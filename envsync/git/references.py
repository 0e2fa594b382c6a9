"""Finds the references of a project: which files of its repository use which environments."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct

from envsync.git.listed import listed
from envsync.model.wording import printable
from envsync.project.references.find import find_references
from envsync.project.references.text import MAX_REFERENCES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from envsync.git.repository import Repository
    from envsync.model.reference import Reference
    from envsync.project.files import Files
    from envsync.project.project import Project


class FoundReferences(Struct, frozen=True):
    """The references of a project.

    Attributes:
        references: the references, sorted by file, line and column.
        files: the number of files that were searched.
        warning: why the list of references may be incomplete, as a sentence. Empty if it is
            complete.
    """

    references: tuple[Reference, ...]
    files: int
    warning: str = ""


def references_of(
    project: Project,
    repository: Repository | None = None,
    *,
    with_specs: bool = False,
    advance: Callable[[int, int], None] = lambda _done, _all: None,
) -> FoundReferences:
    """Returns the references in the repository of a project.

    Without a repository, the files of the project directory are searched.

    Args:
        project: the project, from `load_project`.
        repository: the repository of the project. If None, the function searches for it.
        with_specs: whether inline environments are read completely, so that they can be compared
            with declared environments.
        advance: a function that is called with the number of finished files, and the number of all
            files.
    """
    return references_below(
        project.config.root, project.files, repository, with_specs=with_specs, advance=advance
    )


def references_below(
    root: Path,
    files: Files,
    repository: Repository | None = None,
    *,
    with_specs: bool = False,
    advance: Callable[[int, int], None] = lambda _done, _all: None,
) -> FoundReferences:
    """Returns the references in the repository that contains a project directory.

    Args:
        root: the project directory.
        files: the cache of file contents, which reads each file only once.
        repository: see `references_of`.
        with_specs: see `references_of`.
        advance: see `references_of`.
    """
    found = listed(root, repository)
    count = len(found.paths) + len(found.absent)
    references = find_references(
        found.paths,
        files,
        found.top,
        absent=found.absent,
        with_specs=with_specs,
        advance=lambda done: advance(done, count),
    )
    return FoundReferences(tuple(references), count, found.warning or _left_out(references))


def _left_out(references: Iterable[Reference]) -> str:
    """Returns a sentence that names a file with too many references, or an empty string."""
    for file, number in Counter(item.file for item in references).items():
        if number >= MAX_REFERENCES:
            return (
                f"Only {MAX_REFERENCES:,} references are read from one file, and {printable(file)} "
                "can have more. Split the file."
            )
    return ""
