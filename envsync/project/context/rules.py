"""Decides which paths of a build context its ignore file drops."""

from __future__ import annotations

import os
from typing import Final

from envsync.project.context.ignore import IgnoreRules, parse_ignore_file
from envsync.project.disk import read_regular_file

IGNORE_FILES: Final = (".amlignore", ".gitignore")
"""azure-ai-ml uses the first of these files that exists in the root of the context. If both files
exist, azure-ai-ml treats the second file like any other file.
"""


class ContextRules:
    """The ignore file that azure-ai-ml would use for a build context.

    Attributes:
        name: the name of the ignore file, or an empty string if there is none.
        base: the directory that the patterns are relative to.
        re_includes: True if a file in a dropped directory can be included again.
    """

    def __init__(self, top: str) -> None:
        """Prepares the rules of a context without an ignore file.

        Args:
            top: the build context, with symbolic links resolved.
        """
        self.name = ""
        self.base = top
        self.re_includes = False
        self._rules: IgnoreRules | None = None

    def read(self, path: str, name: str) -> str | None:
        """Reads the ignore file at a path. Returns why the file cannot be used, or None.

        Args:
            path: the absolute path, with symbolic links resolved.
            name: the name of the ignore file.
        """
        try:
            rules = parse_ignore_file(_text(read_regular_file(path)))
        except OSError as error:
            return error.strerror or str(error)
        except UnicodeDecodeError:
            return "not UTF-8"
        except ValueError as error:
            return str(error)
        self.name = name
        self._rules = None if rules.is_empty else rules
        self.re_includes = rules.re_includes
        # If the ignore file is a link, azure-ai-ml matches paths relative to the directory of the
        # link's target.
        self.base = os.path.dirname(path)
        return None

    def drop(self, path: str) -> bool:
        """Returns True if the ignore file drops a path that `relative` has returned.

        Raises:
            TooManySteps: matching takes too long.
        """
        return self._rules is not None and self._rules.drops(path)

    def relative(self, path: str) -> str:
        """Converts a resolved path to the path relative to `base` that `drop` expects."""
        if self._rules is None:
            return ""
        return os.path.relpath(path, self.base).replace(os.sep, "/")


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig")
