"""Installs envsync for the action into a virtual environment.

`python install.py locate` sets the path of the virtual environment as an output of the step.
`python install.py install` creates the virtual environment, unless it already exists from a cache
or from an earlier job on the same machine.
"""

# Import only the standard library: this file runs before envsync and its dependencies are
# installed.

import hashlib
import os
import secrets
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

_DONE = "installed"
"""The name of an empty file that marks a complete installation. A cancelled job leaves an
installation without this file."""

# The name "envsync" on PyPI belongs to an unrelated project.
_DISTRIBUTION = "envsync-azureml"
# `lock` and `update` need the Azure packages to sign in to container registries of Azure.
_AZURE_COMMANDS = {"plan", "apply", "lock", "update"}

_EXTRAS = {"action": "[action]", "action-azure": "[action,azure]"}
"""Maps the name of a file in `requirements` to the extras whose dependencies the file lists."""


def main(step: str, environ: Mapping[str, str]) -> int:
    """Runs `locate` or `install`, and returns the exit code.

    Args:
        step: `locate` or `install`.
        environ: the variables that GitHub and `action.yml` set.
    """
    source = Path(environ["ENVSYNC_ACTION_PATH"])
    # The input `version` can be a version such as `0.1.0`, or its tag `v0.1.0`.
    version = environ.get("INPUT_VERSION", "").strip().removeprefix("v")
    azure = environ.get("INPUT_COMMAND", "").strip() in _AZURE_COMMANDS
    name = "action-azure" if azure else "action"
    # The tool cache of a self-hosted runner is kept between jobs.
    tools = Path(environ.get("RUNNER_TOOL_CACHE") or environ["RUNNER_TEMP"])
    directory = tools / "envsync" / key(source, version, name)
    if step == "install":
        return install(requirements(source, version, name), directory)
    with Path(environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.write(f"directory={directory}\nkey=envsync-{directory.name}\n")
        outputs.write(f"python={executable(directory)}\n")
        outputs.write(f"installed={str((directory / _DONE).exists()).lower()}\n")
        # `action.yml` sets LD_LIBRARY_PATH only for this step. Later steps need the same value.
        outputs.write(f"library-path={environ.get('LD_LIBRARY_PATH', '')}\n")
    return 0


def requirements(source: Path, version: str, name: str) -> list[list[str]]:
    """Returns the arguments of each `pip install`.

    If `version` is empty, the dependencies have fixed versions, and pip compares each file with its
    hash. If `version` names a release, pip chooses the versions, because that release can have
    different dependencies.

    Args:
        source: the directory of `action.yml`.
        version: the release, without `v`. Empty if the source code is installed.
        name: a key of `_EXTRAS`.
    """
    if version:
        return [[f"{_DISTRIBUTION}{_EXTRAS[name]}=={version}"]]
    pinned = str(_pinned(source, name))
    # Without `--no-build-isolation`, pip would download the build backend without checking its
    # hash.
    own = ["--no-deps", "--no-build-isolation", str(source)]
    return [["--require-hashes", "--requirement", pinned], own]


def _pinned(source: Path, name: str) -> Path:
    return source / "requirements" / f"{name}.txt"


def key(source: Path, version: str, name: str) -> str:
    """Returns the name of an installation.

    The name is a digest of everything that the installation depends on.

    Args:
        source: the directory of `action.yml`.
        version: the release, without `v`. Empty if the source code is installed.
        name: a key of `_EXTRAS`.
    """
    # A virtual environment works only with the Python that created it.
    parts = [version, name, sys.version, sys.base_prefix, sysconfig.get_platform()]
    if version:
        # pip chooses the versions of the dependencies. The name contains the month, so a new
        # installation with newer versions is made each month.
        parts.append(time.strftime("%Y-%m", time.gmtime()))
    digest = hashlib.sha256("\0".join(parts).encode())
    for path in _files(source, name):
        digest.update(b"\0" + path.relative_to(source).as_posix().encode() + b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


def _files(source: Path, name: str) -> Iterator[Path]:
    yield source / "pyproject.toml"
    yield _pinned(source, name)
    yield from sorted(
        # Skip .pyc files. Python writes .pyc files at run time, so they would change the digest.
        path
        for path in (source / "envsync").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    )


def executable(directory: Path) -> Path:
    """Returns the path of a virtual environment's Python."""
    return directory / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install(wanted: list[list[str]], directory: Path) -> int:
    """Creates the virtual environment if it does not exist.

    Args:
        wanted: the arguments of each `pip install`.
        directory: the directory of the virtual environment.

    Returns:
        0, or the exit code of the command that failed.
    """
    if (directory / _DONE).exists():
        return 0
    # Two jobs on one machine can install at the same time. Each job installs into its own directory
    # and renames the directory at the end, because a rename is atomic.
    beside = directory.with_name(f"{directory.name}-{secrets.token_hex(4)}")
    try:
        if code := _make(wanted, beside):
            sys.stdout.write(
                "::error title=envsync::envsync cannot be installed. The log shows the reason.\n"
            )
            return code
        if not (directory / _DONE).exists():
            # A cancelled job can leave an incomplete installation.
            shutil.rmtree(directory, ignore_errors=True)
            beside.rename(directory)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return 0


def _make(wanted: list[list[str]], directory: Path) -> int:
    # Without `-I`, Python would import modules from the working directory.
    python = [sys.executable, "-I", "-m"]
    pip = [*python, "pip", "--python", str(executable(directory)), "--quiet", "--no-input"]
    options = ("--no-compile", "--disable-pip-version-check")
    for command in (
        # The pip of the base Python is used, because installing another pip takes seconds.
        [*python, "venv", "--without-pip", str(directory)],
        *([*pip, "install", *options, *arguments] for arguments in wanted),
    ):
        # No shell interprets the command, and the program is this Python.
        if code := subprocess.run(command, check=False).returncode:  # noqa: S603 - no shell
            return code
    (directory / _DONE).touch()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], os.environ))
