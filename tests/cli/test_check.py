"""Tests of `envsync check` and `envsync plan --since` in real git repositories."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run, declare, without_git
from tests.forked import program
from tests.repository import commit, git, new_repository

pytestmark = pytest.mark.usefixtures("clean_git")

OTHER = "mcr.microsoft.com/azureml/core:2"


@pytest.fixture
def repository(project: Path) -> Path:
    """Creates a project in a repository with two committed environments."""
    new_repository(project)
    declare(project, "a")
    declare(project, "b")
    (project / ".gitignore").write_text(".envsync/\n")
    commit(project)
    return project


# check


def test_check_without_edits_exits_with_zero_and_prints_the_commit(
    repository: Path, run: Run
) -> None:
    head = git(repository, "rev-parse", "--short=7", "HEAD")
    commit(repository, "Nothing of an environment")
    result = run("check")

    assert (result.code, result.err) == (0, "")
    assert result.out == f"2 environments compared with {head} (HEAD~1): none rejected.\n"
    assert run("-q", "check").out == ""


def test_check_exits_with_one_after_a_rejection_and_prints_old_and_new_values(
    repository: Path, run: Run
) -> None:
    declare(repository, "a", image=OTHER)
    result = run("check")

    assert result.code == 1
    line, summary = result.out.splitlines()
    assert line.startswith("environments/a-1.yml:4:1: error[immutable] a:1 differs from commit")
    assert line.endswith(
        '`image` "mcr.microsoft.com/azureml/core:1" → "mcr.microsoft.com/azureml/core:2". '
        "Registered versions cannot change. Run `envsync bump a`, or undo the edit."
    )
    assert summary.endswith("(HEAD): 1 rejected.")


def test_check_exits_with_zero_after_a_warning(repository: Path, run: Run) -> None:
    (repository / "environments" / "b-1.yml").unlink()
    declare(repository, "b", version="0")
    result = run("check")

    assert result.code == 0
    assert "warning[version-goes-back]" in result.out


def test_json_contains_the_keys_of_validate_and_the_changed_fields(
    repository: Path, run: Run
) -> None:
    declare(repository, "a", image=OTHER)
    data = run("check", "--format", "json").data

    assert {key: data[key] for key in ("format_version", "files", "environments")} == {
        "format_version": 1,
        "files": 2,
        "environments": 2,
    }
    (problem,) = data["problems"]
    assert (problem["rule"], problem["file"], problem["line"], problem["column"]) == (
        "immutable",
        "environments/a-1.yml",
        4,
        1,
    )
    assert problem["fields"] == [
        {"path": "image", "before": "mcr.microsoft.com/azureml/core:1", "after": OTHER}
    ]


def test_paths_in_annotations_are_relative_to_the_root_of_the_repository(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_repository(project.parent)
    declare(project, "a")
    commit(project.parent)
    declare(project, "a", image=OTHER)
    result = run("check", "--format", "github")

    assert result.code == 1
    assert result.out.startswith("::error file=churn/environments/a-1.yml,line=4,col=1,")


def test_sarif_contains_the_rejection(repository: Path, run: Run) -> None:
    declare(repository, "a", image=OTHER)
    (sarif,) = run("check", "--format", "sarif").data["runs"]

    assert [item["ruleId"] for item in sarif["results"]] == ["immutable"]


@pytest.mark.parametrize("output", ["text", "json", "github", "sarif"])
def test_check_prints_errors_in_files_like_validate(
    repository: Path, run: Run, output: str
) -> None:
    declare(repository, "c", version="latest")
    checked = run("check", "--format", output)

    assert checked.code == 1
    assert checked == run("validate", "--format", output)
    assert "invalid-version" in checked.out


def test_option_base_selects_the_commit_to_compare_with(repository: Path, run: Run) -> None:
    declare(repository, "a", image=OTHER)
    commit(repository)
    declare(repository, "a", image=OTHER, description="Changed")

    assert run("check").code == 0
    result = run("check", "--base", "HEAD~1")
    assert result.code == 1
    assert "(HEAD~1): 1 rejected." in result.out


@pytest.mark.parametrize("ref", ["nowhere", "--output=owned"])
def test_an_unknown_base_is_reported_on_one_line(repository: Path, run: Run, ref: str) -> None:
    result = run("check", f"--base={ref}")

    assert (result.code, result.out) == (1, "")
    assert result.err == (
        f"Error: The commit `{ref}` does not exist in {repository}. "
        "Correct the name, or run `git fetch`.\n"
    )
    assert not (repository / "owned").exists()


def test_a_project_outside_a_repository_is_an_error(project: Path, run: Run) -> None:
    declare(project, "a")
    result = run("check")

    assert (result.code, result.out) == (1, "")
    assert "is not in a git repository" in result.err


def test_check_rejects_nothing_before_the_first_commit(project: Path, run: Run) -> None:
    new_repository(project)
    declare(project, "a")

    assert run("check").out == "1 environment not compared: there is no earlier commit.\n"


def test_a_shallow_checkout_of_a_pushed_branch_is_an_error(
    repository: Path, run: Run, tmp_path: Path
) -> None:
    """The steps of actions/checkout. Comparing HEAD with itself would accept the edit."""
    git(repository, "checkout", "--quiet", "-b", "feat")
    declare(repository, "a", image=OTHER)
    pushed = commit(repository)
    fetched = new_repository(tmp_path / "fetched")
    git(fetched, "remote", "add", "origin", repository.as_uri())
    refspec = f"+{pushed}:refs/remotes/origin/feat"
    git(fetched, "fetch", "--quiet", "--no-tags", "--depth=1", "origin", refspec)
    git(fetched, "checkout", "--quiet", "-B", "feat", "refs/remotes/origin/feat")
    # Files that a pipeline writes do not count as edits.
    (fetched / "environments" / "report.json").write_text("{}")
    result = run("-C", str(fetched), "check")

    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("Error: There is nothing to compare")
    assert "`fetch-depth: 0`" in result.err
    git(fetched, "fetch", "--quiet", "--unshallow", "origin", "+refs/heads/*:refs/remotes/origin/*")
    assert "(origin/main): 1 rejected." in run("-C", str(fetched), "check").out


def test_check_on_the_default_branch_rejects_an_edit_of_the_last_commit(
    repository: Path, run: Run
) -> None:
    declare(repository, "a", image=OTHER)
    commit(repository)

    result = run("check")
    assert (result.code, "(HEAD~1): 1 rejected." in result.out) == (1, True)
    assert "error[immutable] a:1 differs" in result.out


@pytest.mark.parametrize("branch", ["main", "feat"])
def test_check_rejects_a_merge_that_keeps_only_our_edit_of_a_version(
    repository: Path, run: Run, branch: str
) -> None:
    conflict(repository)
    git(repository, "checkout", "--quiet", branch)
    other = "feat" if branch == "main" else "main"
    with pytest.raises(subprocess.CalledProcessError):
        git(repository, "merge", "--quiet", other)
    git(repository, "checkout", "--ours", "environments")
    git(repository, "add", "--all")
    result = run("check")

    assert result.code == 1
    assert (
        f"error[immutable] a:2 differs from commit {git(repository, 'rev-parse', other)[:7]}"
        in (result.out)
    )
    # The next version is in neither branch.
    assert "Run `envsync bump a`" in result.out
    assert run("bump", "a").out.endswith("a  2 -> 3\n")
    assert run("check").code == 0


def test_check_accepts_a_merge_that_keeps_the_edit_of_the_default_branch(
    repository: Path, run: Run
) -> None:
    conflict(repository)
    with pytest.raises(subprocess.CalledProcessError):
        git(repository, "merge", "--quiet", "main")
    git(repository, "checkout", "--theirs", "environments")
    git(repository, "add", "--all")

    assert run("check").code == 0


def conflict(repository: Path) -> None:
    """Declares version 2 of `a` with different images on `main` and on `feat`."""
    file = repository / "environments" / "a-1.yml"
    git(repository, "checkout", "--quiet", "-b", "feat")
    for branch, image in (("feat", "base:feat"), ("main", "base:main")):
        git(repository, "checkout", "--quiet", branch)
        text = file.read_text().replace('version: "1"', 'version: "2"')
        file.write_text(text.replace("core:1", image))
        commit(repository)
    git(repository, "checkout", "--quiet", "feat")


def test_a_merge_without_conflict_is_rejected_in_the_hook_pre_merge_commit(
    repository: Path,
) -> None:
    """Both branches raise the same version. Git merges the equal lines without a conflict."""
    file = declare(repository, "c")
    file.write_text(file.read_text().replace("image: ", "build: {path: docker}\n# "))
    docker = repository / "environments" / "docker"
    docker.mkdir()
    for name in ("Dockerfile", "run.sh"):
        (docker / name).write_text("FROM scratch\n")
    commit(repository)
    git(repository, "branch", "feat")
    for branch, name in (("main", "Dockerfile"), ("feat", "run.sh")):
        git(repository, "checkout", "--quiet", branch)
        file.write_text(file.read_text().replace('version: "1"', 'version: "2"'))
        (docker / name).write_text("FROM other\n")
        commit(repository)
    hook = repository / ".git" / "hooks" / "pre-merge-commit"
    hook.write_text(f"#!/bin/sh\nexec '{program()}' check\n")
    hook.chmod(0o755)
    for branch, other in (("main", "feat"), ("feat", "main")):
        git(repository, "checkout", "--quiet", branch)
        done = subprocess.run(
            ["git", "merge", other],
            cwd=repository,
            capture_output=True,
            text=True,
        )
        assert done.returncode != 0
        assert "error[immutable] c:2 differs from commit" in done.stdout + done.stderr
        git(repository, "reset", "--quiet", "--hard")


def test_check_without_an_environment_file_is_an_error(repository: Path, run: Run) -> None:
    (repository / "envsync.yaml").write_text("environments: enviroments\n")
    result = run("check")

    assert result.code == 1
    assert "There is no environment file below `enviroments`" in result.out


@pytest.mark.parametrize("content", [b"\xff", None])
def test_a_list_of_merged_commits_that_cannot_be_read_is_an_error(
    repository: Path, run: Run, content: bytes | None
) -> None:
    file = repository / ".git" / "MERGE_HEAD"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    result = run("check")

    assert (result.code, result.err.count("\n")) == (1, 1)
    assert result.err.startswith(f"Error: The file {file} cannot be read")


def test_check_of_a_linked_directory_outside_of_the_repository_is_an_error(
    repository: Path, run: Run
) -> None:
    (repository / "environments").rename(repository.parent / "elsewhere")
    (repository / "environments").symlink_to(repository.parent / "elsewhere")
    commit(repository)
    result = run("check")

    assert result.code == 1
    assert "error[path-escape]" in result.out


@pytest.mark.parametrize("is_ignored", [False, True])
def test_check_of_another_repository_that_is_not_a_submodule_is_an_error(
    repository: Path, run: Run, is_ignored: bool
) -> None:
    inner = repository / "environments"
    git(repository, "rm", "-r", "--quiet", "--cached", "environments")
    if is_ignored:
        (repository / ".gitignore").write_text("environments/\n")
    git(repository, "commit", "--quiet", "--all", "--allow-empty", "--message", "Moved")
    commit(new_repository(inner))
    result = run("check")

    assert (result.code, result.out) == (1, "")
    assert f"the directory {inner} is another git repository" in result.err
    assert "`git submodule add`" in result.err


def test_check_of_an_untracked_file_and_of_a_link_inside_the_repository_is_no_error(
    repository: Path, run: Run
) -> None:
    (repository / "environments").rename(repository / "elsewhere")
    (repository / "environments").symlink_to("elsewhere")
    declare(repository, "c")

    assert run("check").code == 0


def test_check_works_in_a_git_hook_under_locale_c(repository: Path) -> None:
    declare(repository, "a", image=OTHER)
    (repository / "environments" / "ünïcode.txt").write_text("1")
    hook = repository / ".git" / "hooks" / "pre-commit"
    # In a hook, git sets variables such as GIT_INDEX_FILE, which must not mislead envsync.
    hook.write_text(f"#!/bin/sh\nexec '{sys.executable}' -m envsync check\n")
    hook.chmod(0o755)
    git(repository, "add", "--all")
    done = subprocess.run(
        ["git", "commit", "--quiet", "-m", "Edit"],
        cwd=repository,
        env={**os.environ, "LC_ALL": "C", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
    )

    assert done.returncode == 1
    assert b"error[immutable] a:1" in done.stdout + done.stderr
    assert git(repository, "diff", "--cached", "--name-only").count("\n") == 1

    declare(repository, "a", image="mcr.microsoft.com/azureml/core:1")
    git(repository, "commit", "--quiet", "--all", "-m", "No edit")


# plan --since


def test_plan_since_a_commit_contains_only_changed_and_deleted_environments(
    repository: Path, run: Run
) -> None:
    declare(repository, "c")
    assert run("apply", "--yes").code == 0
    commit(repository)
    declare(repository, "a", description="Other")
    (repository / "environments" / "b-1.yml").unlink()
    declare(repository, "d")
    declare(repository, "c", description="Not in the target").touch()
    commit(repository)
    declare(repository, "c", description="Other")
    result = run("plan", "--since", "HEAD", "--format", "json")
    assert [item["name"] for item in result.data["changes"]] == ["c"]

    result = run("plan", "--since", "HEAD~1", "--format", "json")
    changes = [(item["action"], item["name"]) for item in result.data["changes"]]
    assert changes == [("update", "a"), ("archive", "b"), ("update", "c"), ("create", "d")]
    assert result.data["digest"] == run("plan", "--format", "json").data["digest"]


def test_option_since_and_globs_both_limit_the_plan(repository: Path, run: Run) -> None:
    declare(repository, "a", description="Other")
    declare(repository, "c")
    both = run("plan", "c", "--since", "HEAD", "--format", "json").data
    alone = run("plan", "c", "--format", "json").data

    assert [item["name"] for item in both["changes"]] == ["c"]
    assert both["digest"] == alone["digest"]
    assert run("plan", "zzz", "--since", "HEAD").code == 1


def test_plan_since_a_commit_finds_changed_conda_files_and_build_contexts(
    repository: Path, run: Run
) -> None:
    conda = repository / "conda.yml"
    conda.write_text("dependencies: [python=3.11]\n")
    docker = repository / "docker"
    docker.mkdir()
    (docker / "Dockerfile").write_text("FROM scratch\n")
    declare(repository, "a", conda_file="../conda.yml")
    built = declare(repository, "b")
    built.write_text(built.read_text().replace("image: ", "build: {path: ../docker}\n# "))
    commit(repository)

    conda.write_text("# a comment\ndependencies: [python=3.11]\n")
    assert names(run) == ["a"]
    (docker / "new").write_text("1")
    assert names(run) == ["a", "b"]


def names(run: Run) -> list[str]:
    data = run("plan", "--since", "HEAD", "--format", "json").data
    return [item["name"] for item in data["changes"]]


def test_plan_since_a_commit_reads_no_target_if_nothing_has_changed(
    repository: Path, run: Run
) -> None:
    (repository / "envsync.yaml").write_text(
        "targets:\n  far: {kind: local, path: /proc/nowhere/local.db}\ndefault_target: far\n"
    )
    result = run("plan", "--since", "HEAD", "--detailed-exitcode")

    assert (result.code, result.err) == (0, "")
    assert result.out == "No changes. No declared environment has changed since HEAD.\n"
    data = run("plan", "--since", "HEAD", "--format", "json").data
    assert (data["changes"], data["rejections"]) == ([], [])


def test_plan_since_a_commit_fails_outside_a_repository(project: Path, run: Run) -> None:
    declare(project, "a")

    assert "is not in a git repository" in run("plan", "--since", "HEAD").err


# envsync.commit


def commit_of(run: Run, reference: str = "a:1") -> str | None:
    found: str | None = run("show", reference, "--format", "json").data["commit"]
    return found


def test_apply_stores_the_current_commit_in_each_version(repository: Path, run: Run) -> None:
    assert run("apply", "--yes").code == 0

    assert commit_of(run) == git(repository, "rev-parse", "HEAD")


def test_the_stored_commit_ends_with_dirty_if_there_are_uncommitted_changes(
    repository: Path, run: Run
) -> None:
    (repository / "notes.txt").write_text("not of the project's environments")
    assert run("apply", "a", "--yes").code == 0
    assert commit_of(run) == git(repository, "rev-parse", "HEAD")

    declare(repository, "c")
    assert run("apply", "--yes").code == 0
    assert commit_of(run, "c:1") == git(repository, "rev-parse", "HEAD") + "-dirty"


def test_a_commit_that_changes_no_environment_changes_no_version(
    repository: Path, run: Run
) -> None:
    plan = run("plan", "--format", "json").data
    commit(repository, "Nothing of ours")
    assert run("apply", "--approve", plan["digest"]).code == 0
    first = commit_of(run)
    commit(repository, "Nothing of ours again")

    assert run("plan", "--detailed-exitcode").code == 0
    assert run("apply", "--yes").code == 0
    assert commit_of(run) == first

    declare(repository, "a", description="Other")
    head = commit(repository)
    assert run("apply", "--yes").code == 0
    assert (commit_of(run), commit_of(run, "b:1")) == (head, first)


def test_a_version_has_no_commit_tag_before_the_first_commit(project: Path, run: Run) -> None:
    declare(project, "a")
    applied = run("apply", "--yes")
    assert (applied.code, applied.err) == (0, "")
    assert commit_of(run) is None

    new_repository(project)
    declare(project, "b")
    assert run("apply", "--yes").code == 0
    assert commit_of(run, "b:1") is None


def test_a_version_has_no_commit_tag_if_git_ignores_the_project(project: Path, run: Run) -> None:
    new_repository(project.parent)
    (project.parent / ".gitignore").write_text("*\n")
    commit(project.parent)
    declare(project, "a")

    assert run("apply", "--yes").code == 0
    assert commit_of(run) is None


def test_apply_says_once_that_git_cannot_name_the_commit(
    repository: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With this variable of git's own tests, every repository seems to belong to another user.
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    result = run("apply", "--yes")

    assert result.code == 0
    assert result.err.count("Warning: the applied versions will not have the tag") == 1
    assert f"`git config --global --add safe.directory {repository}`" in result.err
    assert commit_of(run) is None


def test_apply_says_that_git_is_missing(
    repository: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_git(monkeypatch)
    result = run("apply", "--yes")

    assert result.code == 0
    assert "`envsync.commit`" in result.err
    assert "Git cannot be run. Install git" in result.err


def test_apply_outside_a_repository_needs_no_git(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(project, "a")
    without_git(monkeypatch)

    assert (run("apply", "--yes").code, run("bump", "a").err) == (0, "")


def test_the_python_api_stores_the_commit_and_has_the_argument_since(
    repository: Path, run: Run
) -> None:
    from envsync import apply_plan, load_project, make_plan

    declare(repository, "c")
    project = load_project(repository)
    plan = make_plan(project, since="HEAD")
    assert [change.name for change in plan.changes] == ["c"]
    assert apply_plan(project, make_plan(project)).ok
    head = commit(repository)

    assert commit_of(run) == git(repository, "rev-parse", "HEAD~1") + "-dirty"
    assert json.loads(json.dumps(make_plan(project, since=head).to_json()))["changes"] == []


def test_plan_since_a_commit_finds_changes_in_a_submodule(
    repository: Path, run: Run, tmp_path: Path
) -> None:
    inner = new_repository(tmp_path / "inner")
    (inner / "docker").mkdir()
    (inner / "docker" / "Dockerfile").write_text("FROM scratch\n")
    commit(inner)
    git(repository, "submodule", "--quiet", "add", str(inner), "modules/inner")
    built = declare(repository, "b")
    context = "build: {path: ../modules/inner/docker}\n# "
    built.write_text(built.read_text().replace("image: ", context))
    commit(repository)
    assert names(run) == []

    (repository / "modules" / "inner" / "docker" / "Dockerfile").write_text("FROM other\n")
    assert names(run) == ["b"]
