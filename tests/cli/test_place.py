"""Paths in text start in the user's directory, and paths in JSON start in the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envsync.cli.place import remember_start, shown_path
from tests.cli.conftest import Run, declare


@pytest.fixture
def broken(project: Path) -> Path:
    """Writes a settings file, a file with an error, and two files that declare one version."""
    (project / "envsync.yaml").write_text("project: churn\n")
    declare(project, "a", versoin="1")
    declare(project, "b")
    (project / "environments" / "b-2.yml").write_text(
        (project / "environments" / "b-1.yml").read_text().replace("core:1", "core:2")
    )
    return project


# Columns: the working directory of the user, the options, and the start of the shown paths.
PLACES = [
    (".", (), "environments/"),
    ("environments", (), ""),
    ("docs/deep", (), "../../environments/"),
    ("..", ("-C", "churn"), "churn/environments/"),
    ("..", ("-C", "churn/environments"), "churn/environments/"),
    ("docs/deep", ("-C", "../.."), "../../environments/"),
    ("docs", ("--config", "../envsync.yaml"), "../environments/"),
]


@pytest.mark.parametrize("command", ["validate", "plan", "apply", "check"])
@pytest.mark.parametrize(("directory", "options", "start"), PLACES)
def test_paths_of_problems_start_in_the_directory_of_the_user(
    broken: Path, run: Run, command: str, directory: str, options: tuple[str, ...], start: str
) -> None:
    (broken / "docs" / "deep").mkdir(parents=True)
    os.chdir(broken / directory)
    result = run(*options, command)

    lines = (result.out + result.err).splitlines()
    assert result.code == 1
    assert lines[0].startswith(f"{start}a-1.yml:6:1: error[unknown-field]")
    assert lines[1].startswith(f"{start}b-2.yml:3:1: error[duplicate-environment]")
    assert f"is already declared in {start}b-1.yml:2." in lines[1]
    # A terminal that opens the path finds the file.
    assert Path(lines[0].partition(":")[0]).is_file()
    assert run(command, *options).out + run(command, *options).err == result.out + result.err


@pytest.mark.parametrize("options", [("-C", "churn"), ("--config", "churn/envsync.yaml")])
def test_paths_in_settings_errors_start_in_the_directory_of_the_user(
    broken: Path, run: Run, options: tuple[str, ...]
) -> None:
    (broken / "envsync.yaml").write_text("prun: x\n")
    os.chdir(broken.parent)

    for command in ("validate", "plan", "list", "targets"):
        result = run(*options, command)
        assert (result.out + result.err).startswith("churn/envsync.yaml:1:1: error[unknown-field]")


def test_json_has_paths_that_start_in_the_project(broken: Path, run: Run) -> None:
    os.chdir(broken / "environments")

    files = {item["file"] for item in run("validate", "--json").data["problems"]}
    assert files == {"environments/a-1.yml", "environments/b-2.yml"}


def test_paths_in_warnings_and_rejections_start_in_the_directory_of_the_user(
    project: Path, run: Run
) -> None:
    (project / "envsync.yaml").write_text("project: churn\n")
    declare(project, "a", image="python")
    run("apply", "--yes")
    declare(project, "a", image="other")
    os.chdir(project / "environments")
    result = run("plan")

    assert result.err.startswith("a-1.yml:4:8: warning[unpinned-image]")
    assert "(a-1.yml:2)" in result.out
    (rejection,) = run("plan", "--json").data["rejections"]
    assert rejection["source"]["file"] == "environments/a-1.yml"


def test_the_path_of_a_local_target_starts_in_the_directory_of_the_user(
    project: Path, run: Run
) -> None:
    (project / "envsync.yaml").write_text(
        "targets:\n  local: {kind: local, path: state/local.db}\n"
    )
    declare(project, "a")
    digest = run("plan", "--json").data["digest"]
    os.chdir(project / "environments")

    for text in (run("plan").out, run("plan", "-v").out):
        assert text.startswith("Target local  local ../state/local.db\n")
        assert f"Digest {digest}\n" in text
    assert run("apply", "--yes").out.startswith("Target local  local ../state/local.db\n")
    assert (project / "state/local.db").is_file()
    assert run("targets").out.endswith("local  ../state/local.db\n")
    assert run("targets", "--json").data["targets"][0]["settings"]["path"] == "state/local.db"
    assert run("plan", "--json").data["target"]["id"] == "state/local.db"


def test_bump_prints_paths_that_start_in_the_directory_of_the_user(project: Path, run: Run) -> None:
    (project / "envsync.yaml").write_text("project: churn\n")
    declare(project, "a")
    declare(project, "b", None)
    os.chdir(project.parent)

    assert run("-C", "churn", "bump", "a", "--version", "1").err == (
        "Error: a:1 is already used in churn/environments/a-1.yml. Choose another version.\n"
    )
    assert run("-C", "churn", "bump", "b", "--version", "1").err.startswith(
        "Error: churn/environments/b-None.yml has no version"
    )
    assert run("-C", "churn", "bump", "b:1").err.endswith(
        "churn/environments/b-None.yml declares no version.\n"
    )
    assert run("-C", "churn", "bump", "a", "b").out == (
        "churn/environments/a-1.yml:3:  a  1 -> 2\n"
        "b has no version in churn/environments/b-None.yml: envsync assigns its versions.\n"
    )


def test_paths_of_skipped_files_start_in_the_directory_of_the_user(project: Path, run: Run) -> None:
    (project / "envsync.yaml").write_text("project: churn\n")
    declare(project, "a")
    (project / "environments" / "job.yml").write_text("jobs: {}\n")
    os.chdir(project / "environments")

    assert run("validate", "-v").out.startswith("job.yml: not an environment file: ")


@pytest.mark.parametrize(
    ("directory", "file", "shown"),
    [
        (".", "e/a.yml", "e/a.yml"),
        ("e", "e/a.yml", "a.yml"),
        ("e", "envsync.yaml", "../envsync.yaml"),
        (".", "../shared/a.yml", "../shared/a.yml"),
        (".", "/elsewhere/a.yml", "/elsewhere/a.yml"),
        ("e", "e/\udcff.yml", "\udcff.yml"),
    ],
)
def test_a_path_is_shown_relative_to_the_start_directory(
    project: Path, directory: str, file: str, shown: str
) -> None:
    (project / "e").mkdir()
    os.chdir(project / directory)
    remember_start()
    # The option -C does not change the directory in which shown paths start.
    os.chdir(project.parent)

    assert shown_path(project, file) == shown


def test_an_absolute_path_below_the_start_directory_is_shown_as_a_relative_path(
    project: Path,
) -> None:
    remember_start()

    assert shown_path(project / "models", str(project / "e" / "a.yml")) == "e/a.yml"
