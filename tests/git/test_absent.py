"""No version is archived while its file exists on disk or in git, even if the file was not read."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.api import apply_plan, make_plan
from envsync.git.check import check
from envsync.git.checked_out import checkout_problems
from envsync.model.errors import InvalidProject
from envsync.plan.plan import Plan
from envsync.project.project import load_project
from envsync.project.settings.config import load_config
from tests.privileges import as_nobody, unprivileged
from tests.project.project import write
from tests.repository import commit, git, new_repository

pytestmark = pytest.mark.usefixtures("clean_git")

SCHEMA = "$schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json\n"
FILE = "environments/team/a.yml"


def environment(name: str) -> str:
    return f"{SCHEMA}name: {name}\nversion: 1\nimage: mcr.microsoft.com/azureml/core:1\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with three registered environments: `a`, `b` and `keep`."""
    directory = new_repository(tmp_path / "project")
    write(
        directory,
        {
            "envsync.yaml": "project: churn\n",
            FILE: environment("a"),
            "environments/team/b.yml": environment("b"),
            "environments/keep.yml": environment("keep"),
            ".gitignore": ".envsync/\n",
        },
    )
    commit(directory)
    loaded = load_project(directory)
    assert apply_plan(loaded, make_plan(loaded)).ok
    return directory


def planned(directory: Path) -> Plan:
    return make_plan(load_project(directory))


def rejected(made: Plan) -> dict[str, str]:
    """Returns the message of each rejection, by address. Checks that the plan has no changes."""
    assert made.changes == ()
    assert {item.code for item in made.rejections} <= {"still-there"}
    return {item.address: item.message for item in made.rejections}


def hide_in_context(directory: Path) -> None:
    """Makes `team/` the build context of an environment in another directory."""
    for name in ("a", "b"):
        path = directory / "environments" / "team" / f"{name}.yml"
        path.write_text(path.read_text().removeprefix(SCHEMA))
    write(
        directory,
        {
            "environments/team/Dockerfile": "FROM python:3.12\n",
            "environments/outer/env.yml": (
                f"{SCHEMA}name: keep\nversion: 1\nbuild: {{path: ../team}}\n"
            ),
        },
    )
    (directory / "environments/keep.yml").unlink()


def link_to_nowhere(directory: Path) -> None:
    (directory / FILE).unlink()
    (directory / FILE).symlink_to("gone.yml")


def directory_link_to_nowhere(directory: Path) -> None:
    (directory / "environments/team").rename(directory / "environments/moved")
    (directory / "environments/team").symlink_to("elsewhere")
    for name in ("a", "b"):
        (directory / "environments/moved" / f"{name}.yml").unlink()


def link_out_of_the_project(directory: Path) -> None:
    (directory / "environments/team").rename(directory.parent / "elsewhere")
    (directory / "environments/team").symlink_to("../../elsewhere")


def rewrite(text: str) -> Callable[[Path], object]:
    return lambda directory: (directory / FILE).write_text(text)


def setting(text: str) -> Callable[[Path], object]:
    return lambda directory: (directory / "envsync.yaml").write_text(f"project: churn\n{text}")


def sparse(directory: Path) -> None:
    git(directory, "sparse-checkout", "set", "--no-cone", "/*", "!/environments/team/")
    assert not (directory / FILE).exists()


def skip_worktree(directory: Path) -> None:
    git(directory, "update-index", "--skip-worktree", FILE)
    (directory / FILE).unlink()


# Edits after which the file of `a` exists but is not read, each with words from the message.
UNREAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "a typo in the schema": (
        rewrite(environment("a").replace("environment.", "enviroment.")),
        "schema",
    ),
    "the schema of a job": (
        rewrite(environment("a").replace("environment.", "commandJob.")),
        "schema",
    ),
    "a schema that is a path": (rewrite(environment("a").replace("https://", "./")), "schema"),
    "a typo in a key": (
        rewrite(environment("a").removeprefix(SCHEMA).replace("image:", "imgae:")),
        "imgae",
    ),
    "a key in upper case": (
        rewrite(environment("a").removeprefix(SCHEMA).replace("name:", "Name:")),
        "Name",
    ),
    "an emptied file": (rewrite(""), "no content"),
    "a commented file": (rewrite("# later\n"), "no content"),
    "a build context": (hide_in_context, "build context"),
    "a dangling link": (link_to_nowhere, "symbolic link"),
    "a dangling link to the directory": (directory_link_to_nowhere, "symbolic link"),
    "other environments directories": (setting("environments: [environments/other]\n"), "outside"),
    "a sparse checkout": (sparse, "sparse checkout"),
    "a file that git skips": (skip_worktree, "sparse checkout"),
}


@pytest.mark.parametrize(("hide", "reason"), UNREAD.values(), ids=UNREAD.keys())
def test_an_environment_whose_file_is_not_read_is_not_archived(
    project: Path, hide: Callable[[Path], object], reason: str
) -> None:
    if "other" in reason or reason == "outside":
        write(project, {"environments/other/keep.yml": environment("keep")})
    hide(project)
    made = planned(project)
    messages = {item.address: item.message for item in made.rejections}

    assert made.summary["archive"] == 0
    assert "a" in messages
    assert FILE in messages["a"]
    assert reason in messages["a"]


def test_a_project_with_a_link_out_of_the_project_is_not_planned(project: Path) -> None:
    link_out_of_the_project(project)

    with pytest.raises(InvalidProject, match="path-escape"):
        planned(project)


def test_an_environment_in_an_unreadable_directory_is_not_archived() -> None:
    with unprivileged() as directory:
        write(
            directory,
            {
                "envsync.yaml": "project: churn\n",
                FILE: environment("a"),
                "environments/keep.yml": environment("keep"),
                ".envsync/.keep": "",
            },
        )
        loaded = load_project(directory)
        assert apply_plan(loaded, make_plan(loaded)).ok
        for path in (directory / ".envsync").rglob("*"):
            path.chmod(0o666)
        (directory / ".envsync").chmod(0o777)
        (directory / "environments/team").chmod(0o000)
        with as_nobody():
            made = planned(directory)

    assert made.changes == ()
    assert "cannot be read" in rejected(made)["a"]


def test_an_environment_in_a_submodule_that_was_not_fetched_is_not_archived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = new_repository(tmp_path / "inner")
    write(inner, {"a.yml": environment("a")})
    commit(inner)
    outer = new_repository(tmp_path / "outer")
    write(outer, {"envsync.yaml": "project: churn\n", "environments/keep.yml": environment("keep")})
    git(
        outer,
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        str(inner),
        "environments/shared",
    )
    commit(outer)
    loaded = load_project(outer)
    assert apply_plan(loaded, make_plan(loaded)).ok
    git(outer, "submodule", "deinit", "--force", "environments/shared")

    assert rejected(planned(outer)) == {
        "a": "No file declares a, but environments/shared/a.yml, which declared it, is still "
        "there. It is not read as an environment: the submodule environments/shared is not checked "
        "out."
    }
    problems = [
        (item.file, item.message) for item in checkout_problems(load_config(start=outer), [])
    ]
    assert problems == [("environments/shared", "The submodule is not checked out.")]


def replaced_by_a_directory(directory: Path) -> None:
    (directory / FILE).unlink()
    (directory / FILE).mkdir()


def excluded_and_skipped(directory: Path) -> None:
    setting("exclude: ['environments/team/a.yml']\n")(directory)
    skip_worktree(directory)


def moved(directory: Path, to: str = "environments/gpu/a.yml") -> Path:
    """Moves the file of `a`. A plan without changes does not write the new path to the target."""
    (directory / to).parent.mkdir(exist_ok=True)
    git(directory, "mv", FILE, to)
    commit(directory)
    loaded = load_project(directory)
    made = make_plan(loaded)
    assert made.is_empty
    assert apply_plan(loaded, made).ok
    return directory / to


def test_the_rejection_names_a_moved_file_that_a_sparse_checkout_leaves_out(project: Path) -> None:
    moved(project)
    git(project, "sparse-checkout", "set", "--no-cone", "/*", "!/environments/gpu/")

    assert rejected(planned(project)) == {
        "a": "No file declares a, but environments/gpu/a.yml seems to declare it, and is not read "
        "as an environment: it is in git, but this sparse checkout leaves it out."
    }


@pytest.mark.parametrize(
    "edit",
    [
        lambda file: file.write_text(file.read_text().replace("environment.", "enviroment.")),
        lambda file: file.write_text(
            file.read_text().removeprefix(SCHEMA).replace("image:", "imgae:")
        ),
        lambda file: file.write_text(
            file.read_text().removeprefix(SCHEMA).replace("name: a", "Name: 'a' # x")
        ),
        lambda file: file.parent.rename(file.parent.with_name(".gpu")),
    ],
)
def test_an_environment_is_not_archived_if_a_moved_file_that_is_not_read_declares_it(
    project: Path, edit: Callable[[Path], object]
) -> None:
    edit(moved(project))

    assert list(rejected(planned(project))) == ["a"]


def test_an_environment_is_archived_although_a_file_of_another_kind_has_its_name(
    project: Path,
) -> None:
    write(
        project,
        {
            "environments/job.yml": "$schema: https://azuremlschemas.azureedge.net/latest/"
            "commandComponent.schema.json\nname: a\ncommand: ls\n",
            "environments/other.yml": "name: a\nkind: ConfigMap\n",
        },
    )
    (project / FILE).unlink()

    assert [change.address for change in planned(project).changes] == ["a"]


def with_submodule(tmp_path: Path, place: str = "environments/mod") -> Path:
    """Returns a project with a submodule that has a submodule: `outer`, `mid` and `inner`."""
    inner, mid, outer = (new_repository(tmp_path / name) for name in ("inner", "mid", "outer"))
    write(inner, {"i.yml": environment("inner")})
    commit(inner)
    write(mid, {"m.yml": environment("mid")})
    git(mid, "submodule", "--quiet", "add", str(inner), "nested")
    commit(mid)
    write(
        outer,
        {"envsync.yaml": "project: churn\n", "environments/keep.yml": environment("keep")},
    )
    git(outer, "submodule", "--quiet", "add", str(mid), place)
    git(outer, "submodule", "--quiet", "update", "--init", "--recursive")
    commit(outer)
    loaded = load_project(outer)
    assert apply_plan(loaded, make_plan(loaded)).ok
    return outer


def test_plan_searches_nested_submodules(tmp_path: Path) -> None:
    outer = with_submodule(tmp_path)
    git(outer / "environments/mod", "submodule", "deinit", "--force", "nested")

    assert list(rejected(planned(outer))) == ["inner"]
    (problem,) = checkout_problems(load_config(start=outer), [])
    assert problem.file == "environments/mod/nested"
    assert f"{os.path.relpath(outer)}/environments/mod submodule update" in problem.fix


def test_plan_searches_sparse_checkouts_of_submodules(tmp_path: Path) -> None:
    outer = with_submodule(tmp_path)
    git(outer / "environments/mod", "sparse-checkout", "set", "--no-cone", "/*", "!m.yml")

    assert list(rejected(planned(outer))) == ["mid"]
    assert [item.file for item in checkout_problems(load_config(start=outer), [])] == [
        "environments/mod"
    ]


def test_the_rejection_names_a_submodule_to_which_the_file_may_have_been_moved(
    tmp_path: Path,
) -> None:
    outer = with_submodule(tmp_path)
    write(outer, {"environments/a.yml": environment("a")})
    loaded = load_project(outer)
    assert apply_plan(loaded, make_plan(loaded)).ok
    (outer / "environments/a.yml").unlink()
    git(outer, "submodule", "deinit", "--force", "environments/mod")

    messages = rejected(planned(outer))
    assert sorted(messages) == ["a", "inner", "mid"]
    assert messages["a"] == (
        "No file declares a, but environments/a.yml may have been moved to environments/mod: the "
        "submodule is not checked out."
    )


def test_no_environment_is_archived_if_git_fails(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_worktree(project)
    # With this variable of git's own tests, every repository seems to belong to another user.
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    made = planned(project)
    (problem,) = checkout_problems(load_config(start=project), [])

    assert "git cannot say whether" in rejected(made)["a"]
    assert "safe.directory" in problem.message


@pytest.mark.parametrize("empty", [True, False])
def test_no_environment_is_archived_if_a_directory_is_empty_or_missing(
    project: Path, empty: bool
) -> None:
    setting("environments: [environments/team, environments]\n")(project)
    (project / "environments/team").rename(project.parent / "team")
    if empty:
        (project / "environments/team").mkdir()
    messages = rejected(planned(project))

    assert sorted(messages) == ["a", "b"]
    assert ("has no environment file" if empty else "does not exist") in messages["a"]


def build_project(directory: Path) -> Path:
    new_repository(directory)
    write(
        directory,
        {
            "envsync.yaml": "project: churn\n",
            "environments/s.yml": f"{SCHEMA}name: s\nversion: 1\ndescription: d\n"
            "build: {path: ctx}\n",
            "environments/ctx/Dockerfile": "FROM python:3.12\n",
            "environments/ctx/data/a b.csv": "1\n",
            "environments/ctx/keep.txt": "1\n",
        },
    )
    commit(directory)
    return directory


def test_a_build_context_that_is_not_completely_checked_out_is_an_error(tmp_path: Path) -> None:
    project = build_project(tmp_path / "project")
    git(project, "sparse-checkout", "set", "--no-cone", "/*", "!/environments/ctx/data/")
    loaded = load_project(project)
    (problem,) = checkout_problems(loaded.config, loaded.declarations)

    assert (problem.severity, problem.file, problem.line) == ("error", "environments/s.yml", 5)
    assert problem.message == (
        "The build context is not complete: `data/a b.csv` is in git, but not checked out. The "
        "environment would be registered without it."
    )
    command = problem.fix.split("`")[1].split()
    assert command[0] == "git"
    for run in (make_plan, check):
        with pytest.raises(InvalidProject, match="not complete"):
            run(loaded)
    # The printed command repairs the checkout.
    subprocess.run(["/bin/sh", "-c", problem.fix.split("`")[1]], check=True)
    assert make_plan(load_project(project)).summary["create"] == 1


def test_a_plan_with_a_build_context_fails_if_git_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = build_project(tmp_path / "project")
    git(project, "sparse-checkout", "set", "--no-cone", "/*", "!/environments/ctx/data/")
    # With this variable of git's own tests, every repository seems to belong to another user.
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

    with pytest.raises(InvalidProject, match="Git cannot say whether all files are checked out"):
        make_plan(load_project(project))


def test_a_file_that_the_context_ignores_need_not_be_checked_out(tmp_path: Path) -> None:
    project = build_project(tmp_path / "project")
    write(project, {"environments/ctx/.amlignore": "data/\n"})
    commit(project)
    git(project, "sparse-checkout", "set", "--no-cone", "/*", "!/environments/ctx/data/")
    loaded = load_project(project)

    assert checkout_problems(loaded.config, loaded.declarations) == []


def test_a_submodule_in_a_build_context_must_be_checked_out(tmp_path: Path) -> None:
    project = build_project(tmp_path / "project")
    library = new_repository(tmp_path / "library")
    write(library, {"lib.py": "1\n"})
    commit(library)
    git(project, "submodule", "--quiet", "add", str(library), "environments/ctx/lib")
    commit(project)
    assert make_plan(load_project(project)).summary["create"] == 1
    git(project, "submodule", "deinit", "--force", "environments/ctx/lib")

    with pytest.raises(InvalidProject, match="`lib` is in git, but not checked out"):
        make_plan(load_project(project))


def test_a_file_with_the_skip_worktree_bit_is_a_problem(project: Path) -> None:
    skip_worktree(project)

    (problem,) = checkout_problems(load_config(start=project), [])
    assert problem.message == "This sparse checkout leaves out `a.yml`."


GONE: dict[str, Callable[[Path], object]] = {
    "deleted": lambda directory: (directory / FILE).unlink(),
    "deleted in git": lambda directory: git(directory, "rm", "--quiet", FILE),
    "another file name": lambda directory: (directory / FILE).rename(
        directory / "environments/team/a.yml.bak"
    ),
    "replaced by a directory": replaced_by_a_directory,
    "excluded": setting("exclude: [team/a.yml, 'environments/team/a.yml']\n"),
    "excluded and left out by a sparse checkout": excluded_and_skipped,
    "declares another environment": rewrite(environment("new")),
}


@pytest.mark.parametrize("remove", GONE.values(), ids=GONE.keys())
def test_an_environment_whose_file_is_gone_is_archived(
    project: Path, remove: Callable[[Path], object]
) -> None:
    remove(project)
    made = planned(project)

    assert [f"{item.action} {item.address}" for item in made.changes][:1] == ["archive a"]
    assert made.rejections == ()


def test_an_environment_outside_of_a_repository_is_archived_if_its_file_is_gone(
    tmp_path: Path,
) -> None:
    write(tmp_path, {FILE: environment("a"), "environments/keep.yml": environment("keep")})
    loaded = load_project(tmp_path)
    assert apply_plan(loaded, make_plan(loaded)).ok
    (tmp_path / FILE).unlink()

    assert [change.address for change in planned(tmp_path).changes] == ["a"]


def test_plan_since_a_commit_does_not_archive_an_environment_whose_file_is_not_read(
    project: Path,
) -> None:
    rewrite("")(project)
    made = make_plan(load_project(project), since="HEAD")

    assert list(rejected(made)) == ["a"]


def test_a_directory_that_the_sparse_checkout_leaves_out_is_a_problem(project: Path) -> None:
    sparse(project)
    (problem,) = checkout_problems(load_config(start=project), [])

    assert (problem.rule, problem.severity) == ("not-checked-out", "warning")
    assert (problem.file, problem.line, problem.column) == ("environments/team", 1, 1)
    assert problem.message == "This sparse checkout leaves out `a.yml`, `b.yml`."
    assert problem.fix == (
        f"Run `git -C {os.path.relpath(project)} sparse-checkout add environments/team`, or list "
        "the path in `exclude` in envsync.yaml."
    )


@pytest.mark.parametrize(
    "text", ["exclude: [team]\n", "rules: {not-checked-out: off}\n", "environments: docs\n"]
)
def test_a_directory_that_the_settings_leave_out_is_not_a_problem(project: Path, text: str) -> None:
    sparse(project)
    setting(text)(project)

    assert checkout_problems(load_config(start=project), []) == []


def test_a_complete_checkout_has_no_problem(project: Path) -> None:
    assert checkout_problems(load_config(start=project), []) == []
    git(project, "sparse-checkout", "set", "--no-cone", "/*")
    assert checkout_problems(load_config(start=project), []) == []


def test_the_paths_in_checkout_problems_start_in_the_project(tmp_path: Path) -> None:
    top = new_repository(tmp_path / "top")
    write(
        top,
        {
            "models/envsync.yaml": "project: churn\n",
            "models/environments/team/a.yml": environment("a"),
            "other/environments/team/a.yml": environment("a"),
        },
    )
    commit(top)
    git(top, "sparse-checkout", "set", "--no-cone", "/*", "!team/")

    assert [item.file for item in checkout_problems(load_config(start=top / "models"), [])] == [
        "environments/team"
    ]


def test_a_linked_work_tree_has_its_own_sparse_checkout(project: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    git(project, "worktree", "add", "--quiet", "--no-checkout", str(linked))
    git(linked, "sparse-checkout", "set", "--no-cone", "/*", "!/environments/team/")
    git(linked, "checkout", "--quiet")

    assert checkout_problems(load_config(start=project), []) == []
    assert [item.file for item in checkout_problems(load_config(start=linked), [])] == [
        "environments/team"
    ]
