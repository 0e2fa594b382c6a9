"""Finds out whether a file system updates the times of a file at every change of the file."""

from __future__ import annotations

import os
import re
from typing import Final

_MOUNTS: Final = "/proc/self/mountinfo"
_TRUSTED: Final = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs"})
"""File systems of Linux on which every write sets `ctime`, and programs cannot choose `ctime`.

Missing on purpose:

- tmpfs: a change through mapped memory changes no time.
- network file systems: a client sees the times of the server late.
- FUSE, 9p and FAT: `ctime` is often only a copy of `mtime`, which every program can set.
- overlay: the files are on another file system, which can be of any kind.
"""


def trusted_device(directory: str) -> int | None:
    """Returns the device of a directory, or None if times on its file system are not reliable.

    If a file below the directory has another device, the file is on another file system.

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
        # If several file systems are mounted on one directory, the last mount hides the others.
        if len(place) >= len(longest) and _is_below(directory, place):
            # With `lazytime`, a crash can lose the times of a file, but not the written bytes.
            lazy = "lazytime" in (*fields[5].split(","), *kind[2].split(","))
            longest, trusted = place, kind[0] in _TRUSTED and not lazy
    return device if trusted else None


def _is_below(directory: str, place: str) -> bool:
    return directory == place or directory.startswith(place.rstrip("/") + "/")
