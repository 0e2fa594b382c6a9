"""Runs parts of a test without the privileges of root, because root can read every file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NOBODY = 65534  # on most systems


@contextmanager
def unprivileged() -> Iterator[Path]:
    """Yields a directory that a user without privileges can reach."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name).resolve()


@contextmanager
def as_nobody() -> Iterator[None]:
    """Runs the block as the user `nobody` if the tests run as root."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
