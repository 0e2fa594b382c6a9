"""`plan` and `apply` do not archive what files of the repository use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.project.project import write
from tests.repository import commit, git, new_repository

JOB = "$schema: https://azuremlschemas.azureedge.net/latest/commandJob.schema.json\n"


def declare(project: Path, *names: str, version: str = "1") -> None:
    for name in names:
        text = f"name: {name}\nversion: '{version}'\ndescription: d\nimage: i:{version}\n"
        (project / "environments" / f"{name}.yml").write_text(text)


@pytest.fixture
def applied(project: Path, run: Run) -> Path:
    """A project with applied environments `a` and `b`, whose file of `a` was deleted afterwards."""
    declare(project, "a", "b")
    assert run("apply", "--yes").code == 0
    (project / "environments/a.yml").unlink()
    return project


def test_an_environment_that_a_job_uses_is_not_archived(applied: Path, run: Run) -> None:
    write(applied, {"jobs/train.yml": JOB + "environment: azureml:a:1\n"})
    result = run("plan")

    assert result.code == 1
    assert "! reject   a  in-use" in result.out
    assert "jobs/train.yml:2 uses it" in result.out
    assert run("apply", "--yes").code == 1
    assert '"archived": false' in run("show", "a", "--json").out


def test_a_comment_allows_the_archive_of_the_environment_that_its_line_uses(
    applied: Path, run: Run
) -> None:
    job = JOB + "environment: azureml:a:1  # envsync: ignore[in-use]\n"
    write(applied, {"tests/job.yml": job})

    assert run("plan").code == 0


def test_option_allow_in_use_archives_what_a_job_uses(applied: Path, run: Run) -> None:
    write(applied, {"jobs/train.yml": JOB + "environment: azureml:a:1\n"})
    planned = run("plan", "--allow-in-use")

    assert planned.code == 0
    assert "Warning: a: the plan archives it, and jobs/train.yml:2 uses it." in planned.out
    assert run("apply", "--yes", "--allow-in-use").code == 0
    assert run("list", "--json").data[0]["name"] == "b"


def test_apply_of_a_saved_plan_uses_option_allow_in_use_of_the_plan(
    applied: Path, run: Run
) -> None:
    write(applied, {"jobs/train.yml": JOB + "environment: azureml:a:1\n"})
    assert run("plan", "--allow-in-use", "--out", "plan.json").code == 0

    assert run("apply", "--plan", "plan.json").code == 0


def test_apply_is_refused_if_a_reference_was_added_after_the_plan(applied: Path, run: Run) -> None:
    assert run("plan", "--out", "plan.json").code == 0
    write(applied, {"jobs/train.yml": JOB + "environment: azureml:a@latest\n"})

    assert run("apply", "--plan", "plan.json").code == 1
    assert '"archived": false' in run("show", "a", "--json").out


def test_a_probable_use_in_python_code_causes_only_a_warning(applied: Path, run: Run) -> None:
    write(applied, {"train.py": "job = command(environment='azureml:a:1')\n"})
    result = run("plan")

    assert result.code == 0
    assert "Warning: a: the plan archives it, and train.py:1 probably uses it." in result.out


def test_the_setting_protect_refuses_an_archive(applied: Path, run: Run) -> None:
    (applied / "envsync.yaml").write_text("protect: ['a*']\n")
    result = run("plan", "--allow-in-use", "--json")

    assert result.code == 1
    assert [item["code"] for item in result.data["rejections"]] == ["protected"]


@pytest.mark.usefixtures("clean_git")
def test_files_of_the_whole_repository_are_searched(
    tmp_path: Path, applied: Path, run: Run
) -> None:
    write(
        tmp_path,
        {
            "mlops/job.yml": JOB + "environment: azureml:a:1\n",
            "build/job.yml": JOB + "environment: azureml:a:1\n",
            ".gitignore": "build/\n",
        },
    )
    new_repository(tmp_path)
    (rejection,) = run("plan", "--json").data["rejections"]

    assert rejection["source"] == {"file": "../mlops/job.yml", "line": 2}
    assert "but ../mlops/job.yml:2 uses it" in rejection["message"]


@pytest.mark.usefixtures("clean_git")
def test_files_that_a_sparse_checkout_leaves_out_are_searched(
    tmp_path: Path, applied: Path, run: Run
) -> None:
    write(tmp_path, {"mlops/job.yml": JOB + "environment: azureml:a:1\n"})
    commit(new_repository(tmp_path))
    git(tmp_path, "sparse-checkout", "set", applied.name)
    assert not (tmp_path / "mlops").exists()

    assert [item["code"] for item in run("plan", "--json").data["rejections"]] == ["in-use"]


def test_a_plan_without_archives_searches_no_files(
    applied: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(applied, "a", "c")
    searched: list[Path] = []
    monkeypatch.setattr("envsync.git.references.listed", searched.append)

    assert run("plan").code == 0
    assert searched == []


def test_a_plan_that_moves_latest_lists_the_uses_of_latest(project: Path, run: Run) -> None:
    declare(project, "a")
    assert run("apply", "--yes").code == 0
    declare(project, "a", version="2")
    jobs = {f"jobs/{n}.yml": JOB + "environment: azureml:a@latest\n" for n in range(7)}
    write(project, {**jobs, "jobs/pinned.yml": JOB + "environment: azureml:a:1\n"})
    text, full, markdown = run("plan"), run("plan", "-v"), run("plan", "--format", "markdown")
    (latest,) = run("plan", "--json").data["latest"]

    assert "  a  1 → 2\n      reaches jobs/0.yml:2 (job)\n" in text.out
    assert "      reaches 2 more\n" in text.out
    assert full.out.count("reaches jobs/") == 7
    assert "a  1 → 2\n    reaches jobs/0.yml:2 (job)\n" in markdown.out
    assert latest["uses"][0] == {
        "file": "jobs/0.yml",
        "line": 2,
        "user": "job",
        "certainty": "exact",
    }
    assert len(latest["uses"]) == 7
