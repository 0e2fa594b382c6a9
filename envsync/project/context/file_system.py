"""Finds out whether every change of a file on a file system changes the times of the file."""

from __future__ import annotations

import os
import re
from typing import Final

_MOUNTS: Final = "/proc/self/mountinfo"
_TRUSTED: Final = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs"})
"""File systems of Linux on which every write sets `ctime`, and no program can set it.

Missing on purpose:

- tmpfs: a write to memory that a program has mapped changes no time.
- network file systems: a client sees the times of the server late.
- FUSE, 9p and FAT: `ctime` is often only a copy of `mtime`, which every program can set.
- overlay: its files are on another file system, which can be any of these.
"""


def trusted_device(directory: str) -> int | None:
    """Returns the device of a directory, or None if times on its file system are not reliable.

    Files below the directory on another device are on another file system.

    Args:
        directory: an absolute path, with symbolic links resolved.
    """
    try:
        with open(_MOUNTS, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().split("\n")
        device = os.stat(directory).st_dev
    except OSError:
        return None  # not Linux, for example
    longest, trusted = "", False
    for line in lines:
        # https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")
        if len(fields) < 6 or len(kind) < 3:
            continue
        place = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), fields[4])
        # A later mount hides an earlier mount at the same place.
        if len(place) >= len(longest) and _is_below(directory, place):
            # With `lazytime`, a crash can lose the times of a file, but not the written bytes.
            lazy = "lazytime" in (*fields[5].split(","), *kind[2].split(","))
            longest, trusted = place, kind[0] in _TRUSTED and not lazy
    return device if trusted else None


def _is_below(directory: str, place: str) -> bool:
    return directory == place or directory.startswith(place.rstrip("/") + "/")
