"""Wheels of the packages that envsync depends on, for tests that install envsync.

`make test` downloads the wheels to `.venv` before the tests. An installation from a package index
would spend most of its time on pages of the index.
"""

from __future__ import annotations

import atexit
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[1] / "requirements" / "action.txt"
"""Names the dependencies of envsync, and the packages that build envsync."""

DOWNLOADED = Path(sys.prefix) / "wheels"


@cache
def wheels() -> Path:
    """Returns the directory of the wheels. If `make test` has not made it, pip downloads them."""
    if DOWNLOADED.is_dir():
        return DOWNLOADED
    directory = Path(tempfile.mkdtemp(prefix="wheels-"))
    atexit.register(shutil.rmtree, directory)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--wheel-dir", str(directory)]
    subprocess.run([*pip, "--requirement", str(REQUIREMENTS)], check=True)
    return directory


def offline() -> dict[str, str]:
    """Returns the environment variables with which pip installs only these wheels."""
    return {"PIP_FIND_LINKS": wheels().as_uri(), "PIP_NO_INDEX": "1"}
