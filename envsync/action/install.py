"""Installs envsync for the action, with nothing but Python's own modules: it runs before the rest.

`python install.py locate` says where the virtual environment belongs, `python install.py install`
makes it there, unless a cache or an earlier job on the same machine has brought it already.
"""

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
_RELEASES = "git+https://github.com/envsync/envsync"
_AZURE_COMMANDS = {"plan", "apply"}


def main(step: str, environ: Mapping[str, str]) -> int:
    """Runs one step: `locate` or `install`."""
    source = Path(environ["ENVSYNC_ACTION_PATH"])
    version = environ.get("INPUT_VERSION", "").strip().removeprefix("v")
    azure = environ.get("INPUT_COMMAND", "").strip() in _AZURE_COMMANDS
    extras = "[action,azure]" if azure else "[action]"
    tools = Path(environ.get("RUNNER_TOOL_CACHE") or environ["RUNNER_TEMP"])
    directory = tools / "envsync" / key(source, version, extras)
    if step == "install":
        return install(requirement(source, version, extras), directory)
    with Path(environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.write(f"directory={directory}\nkey=envsync-{directory.name}\n")
        outputs.write(f"python={executable(directory)}\n")
        outputs.write(f"installed={str((directory / _DONE).exists()).lower()}\n")
        outputs.write(f"library-path={environ.get('LD_LIBRARY_PATH', '')}\n")
    return 0


def requirement(source: Path, version: str, extras: str) -> str:
    """What pip is asked for: a released version, or the code that lies beside `action.yml`.

    A release is a tag of the repository: the index that pip asks by itself knows another project
    by this name.
    """
    return f"envsync{extras} @ {_RELEASES}@v{version}" if version else f"{source}{extras}"


def key(source: Path, version: str, extras: str) -> str:
    """A name for everything that an installation depends on.

    Dependencies are not pinned, so the month is one of them: fixes arrive by themselves.
    """
    parts = [version, extras, sys.version, sys.base_prefix, sysconfig.get_platform()]
    parts.append(time.strftime("%Y-%m", time.gmtime()))
    digest = hashlib.sha256("\0".join(parts).encode())
    for path in _files(source):
        digest.update(b"\0" + path.relative_to(source).as_posix().encode() + b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


def _files(source: Path) -> Iterator[Path]:
    yield source / "pyproject.toml"
    yield from sorted(
        path for path in (source / "envsync").rglob("*") if path.is_file() and path.suffix != ".pyc"
    )


def executable(directory: Path) -> Path:
    """The Python of a virtual environment."""
    return directory / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install(wanted: str, directory: Path) -> int:
    """Makes the virtual environment, unless it is there; the exit code of what failed."""
    if (directory / _DONE).exists():
        return 0
    # Made beside its place: another job of the same machine may be making it, too.
    beside = directory.with_name(f"{directory.name}-{secrets.token_hex(4)}")
    try:
        if code := _make(wanted, beside):
            sys.stdout.write("::error title=envsync::It cannot be installed; the log says why.\n")
            return code
        if not (directory / _DONE).exists():
            shutil.rmtree(directory, ignore_errors=True)
            beside.rename(directory)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return 0


def _make(wanted: str, directory: Path) -> int:
    # Isolated: the working directory may have files that are called like Python's modules.
    python = [sys.executable, "-I", "-m"]
    pip = [*python, "pip", "--python", str(executable(directory)), "--quiet", "--no-input"]
    options = ("--no-compile", "--disable-pip-version-check")
    for command in (
        [*python, "venv", "--without-pip", str(directory)],
        [*pip, "install", *options, wanted],
    ):
        if code := subprocess.run(command, check=False).returncode:
            return code
    (directory / _DONE).touch()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], os.environ))
