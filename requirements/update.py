"""Writes the files of this directory: exact versions with the hashes of their files.

    python requirements/update.py            the newest versions that pyproject.toml allows
    python requirements/update.py --keep     only what pyproject.toml needs

Each file is for every supported Python and platform, and has the hashes of all files of each
release. The files contain no address of a package registry, so pip uses the registry that is
configured where it runs.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent

EXTRAS: Final = {"action": ["action"], "action-azure": ["action", "azure"]}
"""By the name of a file, the extras of this package whose dependencies are in it."""

RELEASE: Final = ["build", "cyclonedx-bom", "pip-audit", "twine"]
"""The programs of the release workflow."""


def project() -> Any:
    """Returns the content of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def wanted(name: str) -> list[str]:
    """Returns the direct requirements of a file."""
    content = project()
    # The action builds this package from its source, without downloading anything else.
    build: list[str] = content["build-system"]["requires"]
    if name == "release":
        return sorted([*RELEASE, *build])
    extras = content["project"]["optional-dependencies"]
    needed = {item for extra in EXTRAS[name] for item in extras[extra]}
    return sorted({*content["project"]["dependencies"], *build, *needed})


def write(name: str, directory: Path, *, keep: bool) -> None:
    """Writes a file.

    Args:
        name: the name of the file without its suffix.
        directory: the directory of the file.
        keep: whether versions of the present file are kept if they still fit.

    Raises:
        subprocess.CalledProcessError: the registry cannot be reached, or has no fitting versions.
    """
    lowest = project()["project"]["requires-python"].removeprefix(">=")
    options = ["--quiet", "--no-config", "--universal", "--generate-hashes", "--no-emit-index-url"]
    options += [f"--python-version={lowest}", "--custom-compile-command=make requirements"]
    options += [f"--output-file={directory / name}.txt", *([] if keep else ["--upgrade"])]
    # No shell reads the command, and the program is in the virtual environment of this Python.
    subprocess.run(  # noqa: S603
        [Path(sys.executable).with_name("uv"), "pip", "compile", "-", *options],
        input="\n".join(wanted(name)),
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )


def main() -> int:
    """Writes every file."""
    for name in (*EXTRAS, "release"):
        try:
            write(name, HERE, keep="--keep" in sys.argv[1:])
        except subprocess.CalledProcessError as error:
            sys.stderr.write(error.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
