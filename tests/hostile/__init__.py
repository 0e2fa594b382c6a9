"""Inputs that are hostile to one command, by the part of envsync that reads them.

Each module has a function `inputs`, because all texts together have hundreds of megabytes.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from tests.forked import program
from tests.hostile_inputs import BASE, SETTINGS, write_files


class HostileInput(NamedTuple):
    """A project, and the commands to run in it."""

    write: Callable[[Path], None]
    commands: tuple[tuple[str, ...], ...]


FILE: Final = "environments/e.yml"
BUILD: Final = "name: e\nversion: '1'\ndescription: d\nbuild: {path: c}\n"
CONDA: Final = BASE + "conda_file: conda.yml\n"


def filled(part: str, size: int = 900_000) -> str:
    """Returns as many repetitions of a text as fit into a number of bytes."""
    return part * (size // len(part.encode()))


def project(files: Mapping[str, str], root: Path) -> None:
    """Writes the files of a project that has at least one environment and settings."""
    write_files(root, {FILE: BASE, "envsync.yaml": SETTINGS, **files})


def in_project(commands: tuple[str, ...], files: Mapping[str, str]) -> HostileInput:
    """Returns an input of files, and of commands that are split at blanks."""
    return HostileInput(partial(project, files), tuple(tuple(item.split()) for item in commands))


def run(root: Path, *arguments: str) -> None:
    """Runs envsync to prepare an input."""
    command = (program(), "-C", str(root), *arguments)
    subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL)


def git(root: Path, *arguments: str) -> None:
    """Runs git to prepare an input."""
    command = ("git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(root), *arguments)
    subprocess.run(command, check=True, capture_output=True)


def packages(version: int, form: str = "- package{0}={1}\n", count: int = 20_000) -> str:
    """Returns a conda specification with many packages."""
    return "dependencies:\n" + "".join(form.format(n, version) for n in range(count))


def tags(value: str, count: int = 20_000) -> str:
    """Returns an environment file with many tags."""
    return BASE + "tags:\n" + "".join(f"  tag{n}: '{value}'\n" for n in range(count))


def described(text: str) -> str:
    """Returns an environment file with a description."""
    return BASE.replace("description: d", f"description: '{text}'")


def numbered(form: str, image: str, count: int = 500) -> dict[str, str]:
    """Returns many environment files."""
    base = BASE.replace("i:1", image)
    return {form.format(n): base.replace(": e", f": e{n}", 1) for n in range(count)}
