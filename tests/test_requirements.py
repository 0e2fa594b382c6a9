"""The files in `requirements`: what they contain, and that pip and uv accept them."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envsync.action import install
from requirements import update

NAMES = [*update.EXTRAS, "release"]
HERE = update.HERE
UNREACHABLE = re.compile(r"error sending request|dns error|Connection refused|Could not connect")

OFFLINE = ("1", "0")
"""The values of `UV_OFFLINE` in the order in which they are tried, until uv succeeds.

What a released version needs does not change, so the answers of the registry in the cache of uv are
enough. Most of the CPU time of uv is the time to ask the registry for them again.
"""


def pinned(name: str) -> dict[str, tuple[str, list[str]]]:
    """Returns version and hashes of each package in a file."""
    text = (HERE / f"{name}.txt").read_text(encoding="utf-8").replace(" \\\n", " ")
    lines = [
        line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]
    found: dict[str, tuple[str, list[str]]] = {}
    for line in lines:
        head, *hashes = re.split(r"\s+--hash=", line)
        requirement = Requirement(head)
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", line
        found[canonicalize_name(requirement.name)] = (specifier.version, hashes)
    return found


def uv(*arguments: str) -> subprocess.CompletedProcess[str]:
    for offline in OFFLINE:
        done = subprocess.run(
            [Path(sys.executable).with_name("uv"), *arguments],
            env={**os.environ, "UV_OFFLINE": offline},
            capture_output=True,
            text=True,
        )
        if done.returncode == 0:
            return done
    if UNREACHABLE.search(done.stderr):
        pytest.skip("no package registry can be reached")
    return done


@pytest.mark.parametrize("name", NAMES)
def test_every_direct_requirement_is_pinned_to_a_version_that_satisfies_it(name: str) -> None:
    found = pinned(name)
    wanted = [Requirement(text) for text in update.wanted(name)]

    assert wanted
    assert [
        item for item in wanted if found[canonicalize_name(item.name)][0] not in item.specifier
    ] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_version_has_hashes_and_no_line_names_a_registry(name: str) -> None:
    text = (HERE / f"{name}.txt").read_text(encoding="utf-8")
    hashes = [hashes for _, hashes in pinned(name).values()]

    assert [item for item in hashes if not item] == []
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", item) for each in hashes for item in each)
    assert re.search(r"://|index|find-links", re.sub("(?m)#.*$", "", text)) is None


def test_the_requirements_files_have_the_extras_that_the_action_installs() -> None:
    assert list(update.EXTRAS) == list(install._EXTRAS)
    assert [f"[{','.join(extras)}]" for extras in update.EXTRAS.values()] == list(
        install._EXTRAS.values()
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_file_is_what_the_script_writes_from_pyproject(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails after a change of dependencies, run `python requirements/update.py --keep`."""
    expected = (HERE / f"{name}.txt").read_text()

    def written(offline: str) -> str:
        monkeypatch.setenv("UV_OFFLINE", offline)
        file = tmp_path / f"{name}.txt"
        file.write_text(expected)
        update.write(name, tmp_path, keep=True)
        return file.read_text()

    with suppress(subprocess.CalledProcessError):
        if written(OFFLINE[0]) == expected:
            return
    try:
        found = written(OFFLINE[1])
    except subprocess.CalledProcessError as error:
        if UNREACHABLE.search(error.stderr):
            pytest.skip("no package registry can be reached")
        raise

    assert found == expected


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("platform", ["linux", "macos", "windows"])
def test_no_requirement_is_missing_on_any_platform(
    python: str, platform: str, tmp_path: Path
) -> None:
    options = ["--dry-run", "--require-hashes", "--no-config", "--no-build", f"--target={tmp_path}"]
    options += [f"--python-version={python}", f"--python-platform={platform}"]
    done = uv("pip", "install", *options, "-r", str(HERE / "action-azure.txt"))

    # With `--require-hashes`, uv refuses a dependency that is not in the file.
    assert done.returncode == 0, done.stderr
    assert "Would install" in done.stderr


@pytest.mark.parametrize("right", [True, False])
def test_a_package_with_a_wrong_hash_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: bool
) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel = wheels / "one-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("one.py", "")
        archive.writestr(
            "one-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: one\nVersion: 1\n"
        )
        archive.writestr("one-1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("one-1.dist-info/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest() if right else "0" * 64
    file = tmp_path / "action.txt"
    file.write_text(f"one==1 --hash=sha256:{digest}\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    directory = tmp_path / "venv"

    code = install.install([["--require-hashes", "--requirement", str(file)]], directory)

    assert (code == 0, directory.exists()) == (right, right)
    assert bool(list(tmp_path.rglob("site-packages/one.py"))) is right
