"""Matches paths with the globs of `exclude`.

The globs work as in a `.gitignore` file: https://git-scm.com/docs/gitignore. A glob without `/`
matches a name at every depth, and a glob with `/` matches a path relative to the project directory.
A glob that matches a directory matches everything below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

from msgspec import Struct


class Globs(Struct, frozen=True):
    """A list of globs that match paths of a project.

    Attributes:
        globs: each glob, split into names at `/`. `**` matches any number of names.
    """

    globs: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def of(cls, globs: Sequence[str], project: str = "") -> Globs:
        """Parses the globs of `exclude` in `envsync.yaml`.

        Args:
            globs: the globs, relative to the project directory.
            project: the path of the project directory, with `/`. Every path that is passed to
                `match` must start with this path. If the paths are relative to the project
                directory, `project` is empty.
        """
        above = tuple(map(_escaped, filter(None, project.split("/"))))
        return cls(tuple((*above, *_names(glob)) for glob in globs))

    def match(self, path: str) -> bool:
        """Returns True if a glob matches a path, or a directory above the path.

        Args:
            path: the path, with `/`. If `of` was called with a `project`, the path must start with
                `project`.
        """
        names = path.split("/")
        return any(_match(names, glob) for glob in self.globs)


NO_GLOBS: Final = Globs()
"""The globs of a project whose settings have no `exclude`. They match no path."""


def _escaped(name: str) -> str:
    # Imported only here, because this function is called only if `of` gets a `project`.
    from glob import escape

    return escape(name)


def _names(glob: str) -> tuple[str, ...]:
    text = glob.removeprefix("./").rstrip("/")
    names = [name for name in text.split("/") if name]
    return tuple(names if "/" in text else ["**", *names])


def _match(names: Sequence[str], glob: Sequence[str]) -> bool:
    # A state is an index in `glob`: the parts before this index match the names so far. Trying each
    # number of names for each `**` would take exponential time.
    states = {0}
    for name in names:
        reached: set[int] = set()
        for state in states:
            # `**` matches this name, and possibly more names.
            while state < len(glob) and glob[state] == "**":
                reached.add(state)
                state += 1
            if state == len(glob):
                return True  # the glob matches a directory above the path
            if fnmatchcase(name, glob[state]):
                reached.add(state + 1)
        states = reached
    return len(glob) in states
