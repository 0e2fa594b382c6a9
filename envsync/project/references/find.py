"""Finds the references in the files of a repository."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from envsync.project.files import is_within
from envsync.project.references.in_notebook import references_in_notebook
from envsync.project.references.in_python import references_in_python
from envsync.project.references.in_yaml import references_in_yaml
from envsync.project.references.inline import Place

if TYPE_CHECKING:
    from envsync.model.reference import Reference
    from envsync.project.files import Files

_YAML: Final = (".yml", ".yaml")
_PYTHON: Final = ".py"
_NOTEBOOK: Final = ".ipynb"
_SEARCHED: Final = (*_YAML, _PYTHON, _NOTEBOOK)

# Python code with a reference contains at least one of these words. They are parts of prefixes,
# package names, calls or paths of Azure ML.
_WORDS: Final = (b"azureml", b"azure.ai", b"mldesigner", b"environments.get", b"/environments/")

# These directories contain files of other tools. Without git, only the name of a directory shows
# that it is not part of the repository.
_GENERATED: Final = frozenset({"node_modules", "site-packages", "__pycache__", "venv"})
_MARKS: Final = ("CACHEDIR.TAG", "pyvenv.cfg")


def is_searched(path: str) -> bool:
    """Returns True if files with the extension of this file are searched for references."""
    return path.lower().endswith(_SEARCHED)


def files_below(top: str) -> list[str]:
    """Searches a directory for files that can contain references, and returns their absolute paths.

    Hidden directories and directories of installed packages are left out. Links are not followed.
    """
    found = []
    for directory, directories, names in os.walk(top):
        if any(mark in names for mark in _MARKS):
            directories.clear()
            continue
        directories[:] = sorted(
            name for name in directories if not name.startswith(".") and name not in _GENERATED
        )
        found += [os.path.join(directory, name) for name in sorted(names) if is_searched(name)]
    return found


def find_references(
    paths: Iterable[str],
    files: Files,
    top: str,
    *,
    absent: Mapping[str, bytes] | None = None,
    with_specs: bool = False,
    advance: Callable[[int], None] = lambda _done: None,
) -> list[Reference]:
    """Returns the references in files, sorted by file, line and column.

    Files that cannot be read have no references.

    Args:
        paths: the absolute paths of the files.
        files: the cache of the project, through which the files of inline environments are read.
        top: the directory that must contain the files of inline environments, such as the top of
            the repository.
        absent: the content of files that are not on disk, by absolute path.
        with_specs: True if inline environments are read completely, so that they can be compared
            with declared environments.
        advance: a function that is called with the number of finished files.
    """
    found: list[Reference] = []
    boundary = os.path.realpath(top)
    for done, (path, data) in enumerate(_contents(paths, absent or {}), start=1):
        place = Place(files, os.path.dirname(path), boundary, with_specs)
        found += references_in(path, shown(path, files), data, place)
        advance(done)
    return sorted(found, key=lambda item: item.order)


def references_in(path: str, file: str, data: bytes, place: Place) -> list[Reference]:
    """Returns the references in one file.

    Args:
        path: the path of the file. Its suffix decides how the file is read.
        file: the value of `Reference.file`.
        data: the content.
        place: the file to which paths in inline environments are relative.
    """
    lower = path.lower()
    # Most files use no environment, and parsing a file takes far longer than this check.
    if not _may_contain(lower, data):
        return []
    if lower.endswith(_YAML):
        return references_in_yaml(file, data, place)
    if lower.endswith(_NOTEBOOK):
        return references_in_notebook(file, data)
    return references_in_python(file, data.decode("utf-8-sig", "replace"))


def shown(path: str, files: Files) -> str:
    """Returns the path of a file relative to the project directory, with `/`."""
    for root in (files.root, files.real_root):
        if is_within(path, root):
            return files.display(path)
    try:
        return os.path.relpath(path, files.real_root).replace(os.sep, "/")
    except ValueError:  # another drive of Windows
        return path.replace(os.sep, "/")


def _may_contain(lower: str, data: bytes) -> bool:
    """Returns False if a file certainly has no references.

    Args:
        lower: the path of the file, in lower case.
        data: the content.
    """
    if lower.endswith(_YAML):
        # In UTF-16, `environment` consists of other bytes, so a file in UTF-16 is always parsed.
        return b"environment" in data or data[:2] in (b"\xff\xfe", b"\xfe\xff")
    return any(word in data for word in _WORDS)


def _contents(paths: Iterable[str], absent: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        # Links are skipped: the target of a link is in `paths` as well, or is outside of the
        # repository.
        if not is_searched(path) or os.path.islink(path):
            continue
        try:
            with open(path, "rb") as file:
                yield path, file.read()
        except (OSError, ValueError):
            continue
    yield from absent.items()
