"""`envsync status` shows which environment is in which target."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from envsync.model.environment import Metadata
from envsync.project.project import load_project
from envsync.targets.kinds import open_target
from tests.cli.conftest import Run, declare
from tests.project.project import write
from tests.repository import new_repository

SETTINGS = """\
project: churn
default_target: dev
targets:
  dev: {kind: local, path: dev.db}
  prod: {kind: local, path: prod.db, suffix: -prod, exclude: ["base*"]}
  cloud: {kind: workspace, subscription_id: "${NOT_SET}", resource_group: r, workspace: w}
"""
BOTH = ("-t", "dev", "-t", "prod")


@pytest.fixture
def applied(project: Path, run: Run) -> Path:
    """A project with `a:1`, `auto` and `base:1` that is applied to `dev` and `prod`."""
    write(project, {"envsync.yaml": SETTINGS})
    for name, version in (("a", "1"), ("auto", None), ("base", "1")):
        declare(project, name, version)
    for target in ("dev", "prod"):
        assert run("apply", "--yes", "-t", target).code == 0
    return project


def states(run: Run, *arguments: str) -> dict[str, dict[str, str]]:
    data = run("status", *BOTH, "--json", *arguments).data
    return {
        f"{row['name']}:{row['version']}": {
            target: f"{cell['state']} {cell['version']}" for target, cell in row["cells"].items()
        }
        for row in data["environments"]
    }


def test_each_target_has_the_state_that_its_plan_finds(applied: Path, run: Run) -> None:
    declare(applied, "auto", None, image="mcr.microsoft.com/azureml/core:2")
    assert run("apply", "--yes", "-t", "dev").code == 0
    declare(applied, "a", "1", description="Changed")
    declare(applied, "a", "2")
    (applied / "environments" / "base-1.yml").unlink()

    assert states(run) == {
        "a:1": {"dev": "pending 1", "prod": "pending 1"},
        "auto:None": {"dev": "in-sync 2", "prod": "pending 2"},
        "a:2": {"dev": "missing 2", "prod": "missing 2"},
        "base:1": {"dev": "undeclared 1"},
        "auto:1": {"dev": "superseded 1", "prod": "superseded 1"},
    }


def test_the_table_shows_all_targets(
    applied: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    declare(applied, "a", "1", image="mcr.microsoft.com/azureml/core:2")
    result = run("status")

    assert result.out == (
        "ENVIRONMENT  VERSION  dev        prod       cloud\n"
        "a            1        ! pending  ! pending  unreachable\n"
        "\n"
        "auto         auto     in-sync 1  in-sync 1  unreachable\n"
        "base         1        in-sync    -          unreachable\n"
        "\n"
        "3 environments in 3 targets: 2 pending, 3 in-sync. 2 rejected (!).\n"
        "Unreachable: cloud.\n"
    )


def test_a_target_that_cannot_be_read_causes_an_error_after_the_table(
    applied: Path, run: Run
) -> None:
    result = run("status", "--json")

    assert result.code == 1
    assert "Error: The target cloud is unreachable: envsync.yaml:6:" in result.err
    assert "`NOT_SET` is not set" in result.data["unreachable"]["cloud"]
    assert {row["cells"]["cloud"]["state"] for row in result.data["environments"]} == {
        "unreachable"
    }
    assert run("status", *BOTH).code == 0


def test_without_a_reachable_target_the_declared_environments_are_shown(
    applied: Path, run: Run
) -> None:
    declare(applied, "a", "2")

    result = run("status", "-t", "cloud")

    assert result.code == 1
    assert result.out == (
        "ENVIRONMENT  VERSION  cloud\n"
        "a            1        unreachable\n"
        "a            2        unreachable\n"
        "auto         auto     unreachable\n"
        "base         1        unreachable\n"
        "\n"
        "3 environments in 1 target. Unreachable: cloud.\n"
    )


def test_a_target_whose_file_is_broken_is_unreachable(applied: Path, run: Run) -> None:
    (applied / "prod.db").write_text("no database")

    result = run("status", *BOTH, "--json")

    assert result.code == 1
    assert [row["cells"]["prod"]["state"] for row in result.data["environments"]] == [
        "unreachable"
    ] * 3
    assert [row["cells"]["dev"]["state"] for row in result.data["environments"]] == ["in-sync"] * 3


def test_a_glob_selects_names_with_and_without_suffix(applied: Path, run: Run) -> None:
    assert list(states(run, "au*")) == list(states(run, "auto-prod")) == ["auto:None"]
    assert run("status", "nothing", *BOTH).code == 1
    assert run("status", "environments/a-1.yml", *BOTH).code == 1


def test_an_unknown_target_is_wrong_usage(applied: Path, run: Run) -> None:
    result = run("status", "-t", "dve")
    assert (result.code, result.out) == (64, "")
    assert "Did you mean `dev`?" in result.err


def test_option_all_adds_archived_environments_and_environments_of_other_projects(
    applied: Path, run: Run
) -> None:
    (applied / "environments" / "base-1.yml").unlink()
    assert run("apply", "--yes", "-t", "dev").code == 0
    settings = {"envsync.yaml": SETTINGS.replace("churn", "other").replace("dev.db", "../dev.db")}
    other = write(applied / "other", settings)
    (other / "environments").mkdir()
    declare(other, "theirs")
    assert run("-C", "other", "apply", "--yes", "-t", "dev").code == 0

    own = {
        "a:1": {"dev": "in-sync 1", "prod": "in-sync 1"},
        "auto:None": {"dev": "in-sync 1", "prod": "in-sync 1"},
    }
    assert states(run) == own
    assert states(run, "--all") == own | {
        "base:1": {"dev": "archived 1"},
        "theirs:1": {"dev": "foreign 1"},
    }


def test_status_shows_the_owned_environments_of_a_project_without_files(
    applied: Path, run: Run
) -> None:
    for path in (applied / "environments").iterdir():
        path.unlink()

    assert states(run) == {
        "a:1": {"dev": "undeclared 1", "prod": "undeclared 1"},
        "auto:1": {"dev": "undeclared 1", "prod": "undeclared 1"},
        "base:1": {"dev": "undeclared 1"},
    }


def test_an_undeclared_version_that_a_job_uses_is_rejected(applied: Path, run: Run) -> None:
    new_repository(applied)
    write(applied, {"job.yml": "environment: azureml:a:1\n"})
    (applied / "environments" / "a-1.yml").unlink()

    (row,) = run("status", "a", "-t", "dev", "--json").data["environments"]

    assert row["cells"]["dev"]["state"] == "undeclared"
    assert row["cells"]["dev"]["rejected"] is True
    assert "job.yml:1 uses it" in row["cells"]["dev"]["reason"]


def test_quiet_prints_only_the_summary(applied: Path, run: Run) -> None:
    assert run("-q", "status", *BOTH).out == "3 environments in 2 targets: 5 in-sync.\n"


def test_verbose_shows_the_reason_of_each_state(applied: Path, run: Run) -> None:
    declare(applied, "a", "1", description="Changed")
    assert "dev  a:1  pending\n  metadata differs (description)\n" in run("status", "-v", *BOTH).out


def test_markdown_has_a_table(applied: Path, run: Run) -> None:
    out = run("status", *BOTH, "--format", "markdown").out
    assert "| environment | version | `dev` | `prod` |\n" in out


def test_status_fails_without_a_project(tmp_path: Path, run: Run) -> None:
    result = run("status", "-C", str(tmp_path))
    assert result.code == 1
    assert "envsync init" in result.err


def test_an_edit_in_the_target_is_drift(applied: Path, run: Run) -> None:
    config = load_project(applied).config.target("dev")
    with closing(open_target(config, applied)) as target:
        item = target.read(["a"])["a"].versions[0].environment
        target.update(item.key, Metadata("Edited by hand"), item.provenance)

    assert states(run, "a")["a:1"] == {"dev": "drifted 1", "prod": "in-sync 1"}
    assert "metadata differs (description); drifted: description was changed" in (
        " ".join(run("status", "-v", *BOTH).out.split())
    )
    (row,) = run("status", "a", "-t", "dev", "--json").data["environments"]
    assert row["cells"]["dev"]["drifted"]["fields"] == ["description"]
