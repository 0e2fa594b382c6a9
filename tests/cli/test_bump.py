"""Tests of `envsync bump`, from a rejected edit to a plan that creates the next version."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Run, declare, without_git


def git(directory: Path, *arguments: str) -> None:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *who, *arguments], cwd=directory, check=True, capture_output=True)


def commit(project: Path) -> None:
    """Commits all files, and creates the repository if necessary."""
    git(project, "init", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "As registered")


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_bytes().decode()
    assert before in text
    file.write_bytes(text.replace(before, after).encode())


def versions(project: Path) -> dict[str, str]:
    """Returns a mapping from the name of each environment file to its line with the version."""
    return {
        path.stem: next(line for line in path.read_text().splitlines() if "version" in line)
        for path in sorted((project / "environments").glob("*-*.yml"))
    }


def test_bump_changes_only_the_version(project: Path, run: Run) -> None:
    file = declare(project, "a", "7")
    # A byte order mark, a character outside ASCII, CRLF line ends and comments must survive.
    text = b"\xef\xbb\xbf# About \xc3\xa9\r\n" + file.read_bytes().replace(b"\n", b"  # 7\r\n")
    file.write_bytes(text)
    result = run("bump", "a")

    assert (result.code, result.out) == (0, "environments/a-7.yml:4:  a  7 -> 8\n")
    assert file.read_bytes() == text.replace(b'"7"', b'"8"')


def test_several_bumps_are_printed_as_a_table(project: Path, run: Run) -> None:
    declare(project, "a", "9")
    declare(project, "longer", "1.9")

    assert run("bump", "longer", "a").out.splitlines() == [
        "environments/a-9.yml:3:         a       9   -> 10",
        "environments/longer-1.9.yml:3:  longer  1.9 -> 1.10",
    ]


def test_json_lists_bumps_and_files_without_version(project: Path, run: Run) -> None:
    declare(project, "a", "7")
    declare(project, "b", None)
    result = run("bump", "a", "b", "--format", "json")

    assert result.data == {
        "format_version": 1,
        "bumps": [
            {"name": "a", "before": "7", "after": "8", "file": "environments/a-7.yml", "line": 3}
        ],
        "unversioned": [{"name": "b", "file": "environments/b-None.yml", "line": 2}],
    }


def test_bump_says_that_a_version_is_derived_from_the_content(project: Path, run: Run) -> None:
    declare(project, "b", None)
    with (project / "envsync.yaml").open("a") as settings:
        settings.write("versions: content\n")

    assert run("bump", "b").out == (
        "b has no version in environments/b-None.yml: envsync derives its version from the "
        "content.\n"
    )


def test_a_file_without_version_cannot_be_bumped(project: Path, run: Run) -> None:
    file = declare(project, "a", None)
    before = file.read_bytes()
    result = run("bump", "a")

    assert (result.code, result.out) == (
        0,
        "a has no version in environments/a-None.yml: envsync assigns its versions.\n",
    )
    assert file.read_bytes() == before

    result = run("bump", "a", "--version", "3")
    assert (result.code, result.err) == (
        1,
        "Error: environments/a-None.yml has no version, so envsync assigns the versions. To "
        'choose the version yourself, add the line `version: "3"`.\n',
    )
    assert file.read_bytes() == before


@pytest.mark.parametrize("other", ["v3", "nobody"])
def test_no_file_is_written_if_one_file_cannot_be_bumped(
    other: str, project: Path, run: Run
) -> None:
    declare(project, "a", "7")
    declare(project, "b", "v3")
    result = run("bump", "a", "b" if other == "v3" else "nobody")

    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("Error: ")
    assert versions(project) == {"a-7": 'version: "7"', "b-v3": 'version: "v3"'}


def test_a_version_with_a_yaml_alias_is_not_replaced(project: Path, run: Run) -> None:
    declare(project, "a", "7")
    file = declare(project, "b", "7", tags="{release: *v}")
    edit(file, 'version: "7"', "version: &v 7")
    result = run("bump", "a", "b")

    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "environments/b-7.yml: envsync cannot replace the version by 8" in result.err
    assert versions(project) == {"a-7": 'version: "7"', "b-7": "version: &v 7"}


def test_errors_in_files_prevent_a_bump(project: Path, run: Run) -> None:
    declare(project, "a", "7")
    declare(project, "b", "7", os_type="BeOS")
    result = run("bump", "a")

    assert result.code == 1
    assert "environments/b-7.yml:6:10: error[wrong-type]" in result.err
    assert versions(project)["a-7"] == 'version: "7"'


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("a", "--all-rejected"),
        ("--all-rejected", "--version", "8"),
        ("a", "b", "--version", "8"),
        ("a", "--version", "latest"),
        ("a", "--version", "8 rc"),
        ("a", "--version", ""),
        ("a", "-t", "nowhere"),
    ],
)
def test_wrong_usage_exits_with_64_and_writes_nothing(
    arguments: tuple[str, ...], project: Path, run: Run
) -> None:
    declare(project, "a", "7")
    declare(project, "b", "7")
    result = run("bump", *arguments)

    assert (result.code, result.out) == (64, "")
    assert versions(project) == {"a-7": 'version: "7"', "b-7": 'version: "7"'}


def test_bump_rejects_an_invalid_version(project: Path, run: Run) -> None:
    declare(project, "a", "v3")

    assert run("bump", "a", "--version", "latest").err == (
        "Error: `latest` is a label for the newest version, and cannot be a version. "
        "Choose another version.\n"
    )
    assert run("bump", "a", "--version", "1.10").out == (
        "environments/a-v3.yml:3:  a  v3 -> 1.10\n"
    )
    assert versions(project) == {"a-v3": 'version: "1.10"'}
    assert run("validate", "--strict").code == 0


# Which versions bump skips


def test_bump_skips_versions_in_other_files(project: Path, run: Run) -> None:
    for version in ("1", "2", "4"):
        declare(project, "a", version)

    assert run("bump", "a:1").out == "environments/a-1.yml:3:  a  1 -> 3\n"
    taken = run("bump", "a:2", "--version", "4")
    assert (taken.code, taken.err) == (
        1,
        "Error: a:4 is already used in environments/a-4.yml. Choose another version.\n",
    )


def test_bump_skips_versions_in_git(project: Path, run: Run) -> None:
    file = declare(project, "a", "8")
    commit(project)
    edit(file, '"8"', '"7"')

    taken = run("bump", "a", "--version", "8")
    assert (taken.code, taken.err.splitlines()[-1]) == (
        1,
        "Error: a:8 is already used in git. Choose another version.",
    )
    assert run("bump", "a").out == "environments/a-8.yml:3:  a  7 -> 9\n"


def test_bump_skips_versions_in_older_commits(project: Path, run: Run) -> None:
    file = declare(project, "a", "1")
    commit(project)
    for before, after in (("1", "2"), ("2", "4"), ("4", "1")):
        edit(file, f'"{before}"', f'"{after}"')
        commit(project)

    assert run("bump", "a").out == "environments/a-1.yml:3:  a  1 -> 3\n"
    edit(file, '"3"', '"1"')
    assert run("bump", "a", "--version", "2").out == "environments/a-1.yml:3:  a  1 -> 2\n"


def test_bump_skips_versions_in_a_target_only_with_option_target(project: Path, run: Run) -> None:
    declare(project, "a", "1")
    gone = declare(project, "a", "2")
    (project / "envsync.yaml").write_text("superseded: archive\n")
    run("apply", "--yes")
    gone.unlink()
    run("apply", "--yes")

    taken = run("bump", "a", "--version", "2", "-t", "local")
    assert (
        taken.err == "Error: a:2 is already used in the target 'local'. Choose another version.\n"
    )
    assert run("bump", "a", "-t", "local").out == "environments/a-1.yml:3:  a  1 -> 3\n"
    edit(project / "environments" / "a-1.yml", '"3"', '"1"')
    assert run("bump", "a").out == "environments/a-1.yml:3:  a  1 -> 2\n"


# Git that cannot be used


def unsafe(monkeypatch: pytest.MonkeyPatch) -> None:
    # With this variable of git's own tests, every repository seems to belong to another user.
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")


@pytest.mark.parametrize(
    ("break_git", "reason"),
    [(unsafe, "Git does not trust the repository"), (without_git, "Git cannot be run")],
)
def test_bump_refuses_to_choose_a_version_if_git_cannot_be_used(
    project: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    break_git: Callable[[pytest.MonkeyPatch], None],
    reason: str,
) -> None:
    file = declare(project, "a", "2")
    commit(project)
    edit(file, '"2"', '"1"')
    break_git(monkeypatch)
    refused = run("bump", "a")

    assert (refused.code, refused.out, refused.err.count("\n")) == (1, "", 1)
    assert refused.err.startswith("Error: Cannot choose the next version, because git cannot say")
    assert reason in refused.err
    assert "--version" in refused.err
    assert 'version: "1"' in file.read_text()

    chosen = run("bump", "a", "--version", "3")
    assert (chosen.code, chosen.out) == (0, "environments/a-2.yml:3:  a  1 -> 3\n")
    assert chosen.err.count("Warning: ") == 1
    assert reason in chosen.err


def test_bump_refuses_to_choose_a_version_in_a_work_tree_without_its_repository(
    project: Path, run: Run, tmp_path: Path
) -> None:
    declare(project, "a", "1")
    commit(project)
    git(project, "worktree", "add", "--quiet", str(tmp_path / "linked"))
    # A container often mounts only the linked work tree.
    project.rename(tmp_path / "moved")
    result = run("-C", str(tmp_path / "linked"), "bump", "a")

    assert (result.code, result.out) == (1, "")
    assert f"Git cannot use the repository of {tmp_path / 'linked/.git'}" in result.err


def test_bump_needs_no_git_for_a_file_without_version(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(project, "a", None)
    commit(project)
    unsafe(monkeypatch)

    assert run("bump", "a").code == 0


def test_bump_says_that_a_shallow_clone_lacks_commits(
    project: Path, run: Run, tmp_path: Path
) -> None:
    file = declare(project, "a", "1")
    commit(project)
    edit(file, '"1"', '"2"')
    commit(project)
    edit(file, '"2"', '"1"')
    commit(project)
    git(tmp_path, "clone", "--quiet", "--depth", "1", project.as_uri(), "clone")
    result = run("-C", str(tmp_path / "clone"), "bump", "a")

    assert result.out.endswith("a  1 -> 2\n")
    assert result.err.startswith("Warning: this clone is shallow, so an older commit may")


def test_bump_says_that_a_partial_clone_lacks_contents(
    project: Path, run: Run, tmp_path: Path
) -> None:
    file = declare(project, "a", "1")
    commit(project)
    for before, after in (("1", "2"), ("2", "3"), ("3", "1")):
        edit(file, f'"{before}"', f'"{after}"')
        commit(project)
    git(project, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "--quiet", "--filter=blob:none", project.as_uri(), "partial")
    git(tmp_path, "clone", "--quiet", project.as_uri(), "complete")
    result = run("-C", str(tmp_path / "partial"), "bump", "a")

    assert result.out.endswith("a  1 -> 2\n")
    assert result.err.startswith("Warning: this is a partial clone (`--filter`), so an older")
    complete = run("-C", str(tmp_path / "complete"), "bump", "a")
    assert complete.out.endswith("a  1 -> 4\n")
    assert complete.err == ""


def test_bump_says_that_a_clone_of_a_single_branch_lacks_the_default_branch(
    project: Path, run: Run, tmp_path: Path
) -> None:
    file = declare(project, "a", "1")
    commit(project)
    git(project, "branch", "--move", "main")
    git(project, "branch", "develop")
    edit(file, '"1"', '"2"')
    commit(project)
    single = ("clone", "--quiet", "--single-branch")
    git(tmp_path, *single, "--branch", "develop", project.as_uri(), "narrow")
    git(tmp_path, *single, "--branch", "main", project.as_uri(), "main")
    git(tmp_path, "clone", "--quiet", "--branch", "develop", project.as_uri(), "complete")
    narrow = run("-C", str(tmp_path / "narrow"), "bump", "a")

    assert narrow.out.endswith("a  1 -> 2\n")
    assert narrow.err.startswith("Warning: this clone does not contain the default branch, so")
    for name, version in (("main", 3), ("complete", 3)):
        other = run("-C", str(tmp_path / name), "bump", "a")
        assert other.out.endswith(f"-> {version}\n")
        assert other.err == ""
    # The command of the warning fetches the default branch.
    git(tmp_path / "narrow", "checkout", "--quiet", "--", ".")
    git(tmp_path / "narrow", "fetch", "--quiet", "origin", "+refs/heads/*:refs/remotes/origin/*")
    fetched = run("-C", str(tmp_path / "narrow"), "bump", "a")
    assert fetched.out.endswith("a  1 -> 3\n")
    assert fetched.err == ""


def test_bump_says_that_the_clone_of_a_pipeline_lacks_the_default_branch(
    project: Path, run: Run, tmp_path: Path
) -> None:
    declare(project, "a", "1")
    commit(project)
    git(project, "branch", "--move", "main")
    git(project, "branch", "feature")
    # Pipelines fetch one branch or one commit into a new repository.
    git(tmp_path, "init", "--quiet", "job")
    git(tmp_path / "job", "remote", "add", "origin", project.as_uri())
    git(tmp_path / "job", "fetch", "--quiet", "origin", "feature:refs/remotes/origin/feature")
    git(tmp_path / "job", "checkout", "--quiet", "--detach", "origin/feature")

    assert "not contain the default branch" in run("-C", str(tmp_path / "job"), "bump", "a").err
    assert run("-C", str(tmp_path / "job"), "-q", "bump", "a").err == ""


# Rejected versions


def test_a_rejected_edit_becomes_a_new_version_that_the_plan_creates(
    project: Path, run: Run
) -> None:
    file = declare(project, "a", "7")
    declare(project, "b", "7")
    run("apply", "--yes")
    commit(project)
    edit(file, "core:1", "core:2")

    rejected = run("check")
    assert (rejected.code, "Run `envsync bump a`, or undo" in rejected.out) == (1, True)
    assert run("plan").code == 1

    assert run("bump", "--all-rejected").out == "environments/a-7.yml:3:  a  7 -> 8\n"
    assert run("check").code == 0
    plan = run("plan", "--format", "json")
    assert plan.code == 0
    assert [(item["action"], item["name"], item["version"]) for item in plan.data["changes"]] == [
        ("create", "a", "8")
    ]
    nothing = run("bump", "--all-rejected")
    assert (nothing.code, nothing.out) == (
        0,
        "No version is rejected, so there is nothing to bump.\n",
    )
    assert run("bump", "--all-rejected", "--format", "json").data["bumps"] == []


def test_all_environments_with_an_edited_conda_file_are_bumped(project: Path, run: Run) -> None:
    conda = project / "environments" / "conda.yml"
    conda.write_text("dependencies: [python=3.11]\n")
    declare(project, "a", "1", conda_file="conda.yml")
    declare(project, "a", "2", conda_file="conda.yml")
    declare(project, "b", "1.9", conda_file="conda.yml")
    declare(project, "c", "1")
    commit(project)
    edit(conda, "3.11", "3.12")
    run("bump", "--all-rejected")

    assert versions(project) == {
        "a-1": 'version: "3"',
        "a-2": 'version: "4"',
        "b-1.9": 'version: "1.10"',
        "c-1": 'version: "1"',
    }


def test_only_the_rejected_version_of_a_name_is_bumped(project: Path, run: Run) -> None:
    file = declare(project, "a", "1")
    declare(project, "a", "2")
    commit(project)
    edit(file, "core:1", "core:2")

    assert "Run `envsync bump a:1`, or undo" in run("check").out
    assert run("bump", "--all-rejected").out == "environments/a-1.yml:3:  a  1 -> 3\n"


def test_option_base_selects_the_commit_to_compare_with(project: Path, run: Run) -> None:
    file = declare(project, "a", "1")
    commit(project)
    edit(file, "core:1", "core:2")
    commit(project)
    edit(file, "About", "Other")

    assert run("bump", "--all-rejected").out.startswith("No version is rejected")
    assert run("bump", "--all-rejected", "--base", "HEAD~1").out.endswith("  a  1 -> 2\n")
    assert run("bump", "a", "--base", "nowhere").code == 1


def test_bump_without_git_uses_the_rejections_in_the_plan_for_a_target(
    project: Path, run: Run
) -> None:
    file = declare(project, "a", "1")
    declare(project, "b", "1")
    run("apply", "--yes")
    edit(file, "core:1", "core:2")

    alone = run("bump", "--all-rejected")
    assert (alone.code, alone.err.count("\n")) == (1, 1)
    assert alone.err.startswith("Error: ")
    assert run("bump", "--all-rejected", "-t", "local").out == (
        "environments/a-1.yml:3:  a  1 -> 2\n"
    )
    assert run("apply", "--yes").code == 0
    assert run("bump", "--all-rejected", "-t", "local").out.startswith("No version is rejected")
