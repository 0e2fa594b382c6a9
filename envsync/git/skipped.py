"""Reads the index of git, to see whether files can be missing in the work tree."""

from __future__ import annotations

import os
from pathlib import Path


def may_skip(root: Path) -> bool:
    """Returns True if files or submodules can be missing in the work tree.

    Reads the index without git, because git takes time to start, and may not be installed.
    """
    if os.environ.get("GIT_DIR"):
        return True
    root = root.resolve()
    for directory in (root, *root.parents):
        git = directory / ".git"
        if os.path.lexists(git):
            try:
                if not git.is_dir():
                    git = directory / git.read_text("utf-8").partition("gitdir:")[2].strip()
                index = (git / "index").read_bytes()
                names = os.listdir(git)  # noqa: PTH208 - names are enough, and paths are slow
                split = any(name.startswith("sharedindex.") for name in names)
            except FileNotFoundError:
                return False  # nothing was ever added to the index
            except (OSError, ValueError):
                return True
            # An index of version 2 cannot store the skip-worktree bit. The mode of a submodule is
            # 0xe000: https://git-scm.com/docs/index-format
            return split or index[:8] != b"DIRC\0\0\0\2" or b"\0\0\xe0\0" in index
    return False
