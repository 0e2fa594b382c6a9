"""The installation of envsync for the action, and the name of its directory."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from envsync.action import install
from envsync.model import wording

ROOT = Path(__file__).parents[2]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A distribution without dependencies."""
    directory = tmp_path / "source"
    (directory / "envsync").mkdir(parents=True)
    (directory / "envsync" / "module.py").write_text("one = 1\n")
    (directory / "pyproject.toml").write_text("[project]\nname = 'envsync-azureml'\n")
    (directory / "requirements").mkdir()
    for name in ("action", "action-azure"):
        (directory / "requirements" / f"{name}.txt").write_text("one==1\n")
    return directory


def test_the_directory_name_depends_on_everything_that_is_installed(
    source: Path,
) -> None:
    first = install.key(source, "", "action")
    again = install.key(source, "", "action")
    others = {install.key(source, "0.1.0", "action"), install.key(source, "", "action-azure")}
    (source / "envsync" / "module.pyc").write_text("")
    (source / "requirements" / "action-azure.txt").write_text("two==2\n")
    compiled = install.key(source, "", "action")
    (source / "envsync" / "module.py").write_text("one = 2\n")
    changed = install.key(source, "", "action")
    (source / "requirements" / "action.txt").write_text("one==2\n")
    pinned = install.key(source, "", "action")

    assert first == again == compiled
    assert len({first, changed, pinned, *others}) == 5


@pytest.mark.parametrize(("version", "months"), [("", 1), ("0.1.0", 2)])
def test_only_an_installation_without_fixed_versions_is_made_again_each_month(
    source: Path, monkeypatch: pytest.MonkeyPatch, version: str, months: int
) -> None:
    names = set()
    for month in ("2026-01", "2026-02"):
        monkeypatch.setattr("envsync.action.install.time.strftime", lambda *_, month=month: month)
        names.add(install.key(source, version, "action"))

    assert len(names) == months


def test_the_requirement_for_a_release_has_the_name_of_the_distribution(source: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["name"] == wording.DISTRIBUTION == "envsync-azureml"
    assert install.requirements(source, "0.1.0", "action") == [["envsync-azureml[action]==0.1.0"]]


def test_the_action_installs_hashed_requirements_and_then_only_its_own_source(source: Path) -> None:
    pinned = source / "requirements" / "action-azure.txt"

    assert install.requirements(source, "", "action-azure") == [
        ["--require-hashes", "--requirement", str(pinned)],
        ["--no-deps", "--no-build-isolation", str(source)],
    ]


@pytest.mark.parametrize(("command", "azure"), [("validate", False), ("plan", True)])
def test_the_command_locate_writes_the_installation_directory_to_the_outputs(
    source: Path, tmp_path: Path, command: str, azure: bool
) -> None:
    outputs = tmp_path / "outputs"
    variables = {
        "ENVSYNC_ACTION_PATH": str(source),
        "GITHUB_OUTPUT": str(outputs),
        "INPUT_COMMAND": command,
        "LD_LIBRARY_PATH": "/a:/b",
        "RUNNER_TOOL_CACHE": str(tmp_path / "tools"),
    }
    assert install.main("locate", variables) == 0
    key = install.key(source, "", "action-azure" if azure else "action")
    directory = tmp_path / "tools" / "envsync" / key

    assert dict(line.split("=", 1) for line in outputs.read_text().splitlines()) == {
        "directory": str(directory),
        "key": f"envsync-{key}",
        "python": str(install.executable(directory)),
        "installed": "false",
        "library-path": "/a:/b",
    }
    directory.mkdir(parents=True)
    (directory / "installed").touch()
    assert install.main("install", variables) == 0  # returns at once
    install.main("locate", variables)
    assert "installed=true\n" in outputs.read_text()


def test_the_input_version_can_have_the_prefix_v(source: Path, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    variables = {
        "ENVSYNC_ACTION_PATH": str(source),
        "GITHUB_OUTPUT": str(outputs),
        "RUNNER_TOOL_CACHE": str(tmp_path),
    }
    for version in ("0.1.0", "v0.1.0"):
        install.main("locate", {**variables, "INPUT_VERSION": version})
    lines = outputs.read_text().splitlines()

    assert lines[: len(lines) // 2] == lines[len(lines) // 2 :]


def test_a_failed_installation_leaves_no_directory(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    directory = tmp_path / "venv"
    code = install.install([["envsync-azureml==999"]], directory)

    assert code != 0
    assert "::error title=envsync::envsync cannot be installed" in capfd.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_the_installation_of_a_concurrent_job_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "tools" / "venv"

    def meanwhile(_wanted: object, beside: Path) -> int:
        assert (beside.parent, beside.name[:5]) == (directory.parent, "venv-")
        beside.mkdir(parents=True)
        directory.mkdir()
        (directory / "installed").write_text("by another job")
        return 0

    monkeypatch.setattr(install, "_make", meanwhile)

    assert install.install([["envsync"]], directory) == 0
    assert (directory / "installed").read_text() == "by another job"
    assert list(directory.parent.iterdir()) == [directory]


def test_an_incomplete_installation_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "venv"
    (directory / "lib").mkdir(parents=True)
    monkeypatch.setattr(install, "_make", lambda _wanted, beside: beside.mkdir())

    assert install.install([["envsync"]], directory) == 0
    assert list(directory.iterdir()) == []
    assert list(tmp_path.iterdir()) == [directory]


def test_the_script_needs_only_the_standard_library() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", install.__file__, "locate"],
        env={},
        capture_output=True,
        text=True,
    )

    assert done.stderr.splitlines()[-1] == "KeyError: 'ENVSYNC_ACTION_PATH'"
