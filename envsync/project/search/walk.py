"""Lists the YAML files below directories, and the directories and links that were not read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct, field

from envsync.project.files import Files, is_within

OUTSIDE: Final = "it is a symbolic link to a directory outside of the project"
"""`Walk.links` contains this reason for each link that leads out of the project."""

_SUFFIXES: Final = (".yml", ".yaml")
# These files mark caches (https://bford.info/cachedir/) and Python's virtual environments. Such a
# directory can contain tens of thousands of files, and none of them belongs to the project.
_GENERATED: Final = ("CACHEDIR.TAG", "pyvenv.cfg")


class YamlFile(Struct, frozen=True):
    """A YAML file that was found.

    Attributes:
        path: the absolute path. Its symbolic links are not resolved.
        directory: the directory of the file, with symbolic links resolved.
        real: the path, with symbolic links resolved.
    """

    path: str
    directory: str
    real: str


class Walk(Struct):
    """The result of `walk`. Every path is absolute, and its symbolic links are not resolved.

    Attributes:
        files: the YAML files.
        hidden: the YAML files in hidden directories.
        unreadable: the directories that cannot be read, each with the reason.
        links: the symbolic links that were not followed, each with the reason.
    """

    files: list[YamlFile] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)


def is_yaml(path: str) -> bool:
    """Returns True if a name or path ends in `.yml` or `.yaml`, in lower or upper case."""
    return path.lower().endswith(_SUFFIXES)


def walk(directories: Iterable[str], files: Files) -> Walk:
    """Lists the YAML files below directories.

    Each directory is read once. A link to a directory is followed if its target is in the project.
    Links are followed last, so that a directory below one of `directories` has its own path, not
    the path of a link. The files of a hidden directory are in `Walk.hidden`, unless `directories`
    contains the hidden directory.

    Args:
        directories: absolute paths.
        files: the cache to which the resolved paths of the directories and YAML files are added.
    """
    found = Walk()
    seen: set[str] = set()
    waiting = [(path, os.path.realpath(path)) for path in directories]
    waiting.reverse()
    links: list[tuple[str, str]] = []
    hidden: list[tuple[str, str]] = []
    while waiting or links:
        directory, real = waiting.pop() if waiting else links.pop(0)
        if real in seen:
            continue
        seen.add(real)
        files.directories[directory] = real
        for item in _items(directory, found):
            if is_yaml(item.name) and not _is_directory(item):
                _add_file(item, real, found, files)
            elif item.is_dir(follow_symlinks=False):
                below = (item.path, os.path.join(real, item.name))
                files.subdirectories.add(below[1])
                (hidden if item.name.startswith(".") else waiting).append(below)
            elif item.is_symlink() and not item.name.startswith("."):
                link = _follow(item, files, found)
                if link is not None:
                    links.append(link)
    found.hidden += [path for directory, real in hidden for path in _hidden(directory, real, seen)]
    return found


def _items(directory: str, found: Walk) -> list[os.DirEntry[str]]:
    """Lists a directory, sorted by name. If listing fails, adds the reason to `found`."""
    try:
        with os.scandir(directory) as items:
            return sorted(items, key=lambda item: item.name)
    except OSError as error:
        found.unreadable[directory] = error.strerror or str(error)
    except ValueError:
        found.unreadable[directory] = "The path contains a null character"
    return []


def _add_file(item: os.DirEntry[str], directory: str, found: Walk, files: Files) -> None:
    # For links, `os.path` is used, because `DirEntry` raises an OSError if a link leads to itself.
    if not item.is_symlink():
        if item.is_file():
            real = os.path.join(directory, item.name)
            found.files.append(YamlFile(item.path, directory, real))
            files.regular.add(real)
    elif os.path.isfile(item.path):
        found.files.append(YamlFile(item.path, directory, os.path.realpath(item.path)))
    elif not item.name.startswith(".#"):  # Emacs creates a link without a target as a lock
        found.links[item.path] = "it is a symbolic link to a file that does not exist"


def _is_directory(item: os.DirEntry[str]) -> bool:
    return os.path.isdir(item.path) if item.is_symlink() else item.is_dir()


def _follow(item: os.DirEntry[str], files: Files, found: Walk) -> tuple[str, str] | None:
    """Returns a link and its target directory, or None if the link is not followed."""
    target = os.path.realpath(item.path)
    if not os.path.isdir(target):
        # If the target does not exist and has no suffix, it is probably a directory that this
        # machine lacks, such as another repository.
        if not os.path.lexists(target) and not os.path.splitext(target)[1]:
            found.links[item.path] = "it is a symbolic link to a directory that does not exist"
        return None
    if not is_within(target, files.real_root):
        found.links[item.path] = OUTSIDE
        return None
    return item.path, target


def _hidden(directory: str, real: str, seen: set[str]) -> Iterator[str]:
    """Yields the YAML files in a hidden directory. Links are not followed."""
    if os.path.basename(directory) == ".git":
        return
    for parent, directories, names in os.walk(directory):
        # `normpath` is needed, because `relpath` is `.` for the hidden directory itself.
        resolved = os.path.normpath(os.path.join(real, os.path.relpath(parent, directory)))
        if resolved in seen or any(name in names for name in _GENERATED):
            directories.clear()
            continue
        yield from (os.path.join(parent, name) for name in names if is_yaml(name))
