"""Tests of finding repositories, commits and changes, in real repositories."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from envsync.git.repository import find_repository
from envsync.model.errors import GitError
from tests.project.project import write
from tests.repository import commit, git, new_repository

pytestmark = pytest.mark.usefixtures("clean_git")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit."""
    directory = new_repository(tmp_path / "repository")
    write(directory, {"a.txt": "one\n", "sub/b.txt": "one\n"})
    commit(directory)
    return directory


def message(call: Callable[[], object]) -> str:
    with pytest.raises(GitError) as caught:
        call()
    assert caught.value.exit_code == 1
    return str(caught.value)


# Finding the repository


def test_a_repository_is_found_from_a_subdirectory(repository: Path) -> None:
    found = find_repository(repository / "sub")

    assert (found.top, found.git_dir) == (repository, repository / ".git")
    assert found.relative(repository / "sub" / "b.txt") == "sub/b.txt"
    assert found.relative(repository) == ""
    assert found.relative(repository.parent) is None


def test_a_repository_is_found_through_a_symbolic_link(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(repository)

    assert find_repository(tmp_path / "link" / "sub").top == repository


def test_a_directory_outside_a_repository_is_an_error(tmp_path: Path) -> None:
    assert message(lambda: find_repository(tmp_path)) == (
        f"{tmp_path} is not in a git repository, so there is no commit to compare with. "
        "Run envsync in a clone."
    )


def test_a_bare_repository_is_an_error(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(repository), "bare.git")

    assert "without a work tree" in message(lambda: find_repository(tmp_path / "bare.git"))


def test_a_directory_with_the_layout_of_a_git_directory_is_an_error(
    repository: Path, tmp_path: Path
) -> None:
    inner = repository / "ml"
    inner.mkdir()
    git(tmp_path, "clone", "--quiet", "--bare", str(repository), str(inner / "bare"))
    for path in (inner / "bare").iterdir():
        path.rename(inner / path.name)
    with (inner / "config").open("a") as config:
        config.write("[core]\n\tbare = false\n\tworktree = ..\n")

    assert "without a work tree" in message(lambda: find_repository(inner))
    assert "without a work tree" in message(lambda: find_repository(repository / ".git"))


def test_a_worktree_is_a_separate_repository(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "--quiet", "-b", "other", str(tmp_path / "other"))
    write(tmp_path / "other", {"sub/b.txt": "two\n"})
    found = find_repository(tmp_path / "other" / "sub")

    assert found.top == tmp_path / "other"
    assert found.changed(found.commit("HEAD"), [""]) == {"sub/b.txt"}
    assert found.commit("main") == git(repository, "rev-parse", "main")


def test_a_submodule_is_a_separate_repository(repository: Path, tmp_path: Path) -> None:
    outer = new_repository(tmp_path / "outer")
    git(outer, "submodule", "--quiet", "add", str(repository), "modules/inner")
    commit(outer)
    found = find_repository(outer / "modules" / "inner" / "sub")

    assert found.top == outer / "modules" / "inner"
    assert found.head == git(repository, "rev-parse", "HEAD")


def test_the_error_for_a_repository_of_another_user_contains_the_git_setting(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With this variable of git's own tests, every repository seems to belong to another user.
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

    told = message(lambda: find_repository(repository))
    assert told.startswith("Git does not trust the repository")
    assert f"`git config --global --add safe.directory {repository}`" in told


def test_the_suggested_git_setting_contains_the_quoted_path_of_the_top_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = new_repository(tmp_path / "my team's models")
    write(directory, {"sub/deep/a.txt": "1"})
    commit(directory)
    linked = tmp_path / "linked tree"
    git(directory, "worktree", "add", "--quiet", "--detach", str(linked))
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

    for top in (directory, linked):
        told = message(partial(find_repository, top / "sub" / "deep"))
        advice = told.split("`")[1]
        assert shlex.split(advice) == [*advice.split()[:5], str(top)]


def test_the_error_for_content_that_a_partial_clone_lacks_says_what_to_do(
    repository: Path, tmp_path: Path
) -> None:
    write(repository, {"a.txt": "two\n"})
    before = commit(repository)
    write(repository, {"a.txt": "three\n"})
    commit(repository)
    git(repository, "config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--filter=blob:none", repository.as_uri(), str(clone))
    git(clone, "remote", "set-url", "origin", str(tmp_path / "gone"))

    told = message(lambda: find_repository(clone).run("show", f"{before}:a.txt"))
    assert told == (
        "This is a partial clone (`--filter`), and git cannot fetch the content that it needs. "
        "Check the connection to the remote, or clone the repository without `--filter`."
    )


def test_the_error_for_a_missing_filter_contains_the_name_of_the_filter(repository: Path) -> None:
    write(repository, {".gitattributes": "*.txt filter=large\n", "a.txt": "changed\n"})
    git(repository, "config", "filter.large.required", "true")
    git(repository, "config", "filter.large.clean", "no-such-filter")

    told = message(lambda: find_repository(repository).changed("HEAD", [""]))
    assert told.startswith("Git cannot run a filter of .gitattributes: cannot run no-such-filter")
    assert told.endswith(". Install the program of the filter, such as Git LFS.")


def test_a_missing_git_executable_is_an_error(repository: Path, tmp_path: Path) -> None:
    script = (
        "from pathlib import Path; from envsync.git.repository import find_repository; "
        "from envsync.model.errors import GitError\n"
        "try: find_repository(Path('.'))\n"
        "except GitError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=repository,
        env={"PATH": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
    )

    assert (done.stdout, done.stderr) == (
        "Git cannot be run. Install git, and check that `git --version` works.\n",
        "",
    )


def test_a_path_with_a_line_break_is_an_error(tmp_path: Path) -> None:
    directory = new_repository(tmp_path / "two\nlines")

    assert "contains a line break" in message(lambda: find_repository(directory))


@pytest.mark.parametrize(
    "name", ["with blank", "ünïcode-環境", "-dash", "$HOME", "~", "a'b\"c", "%x"]
)
def test_special_characters_in_a_directory_name_have_no_effect(tmp_path: Path, name: str) -> None:
    directory = new_repository(tmp_path / name)
    write(directory, {"a": "1"})
    commit(directory)

    assert find_repository(directory).top == directory
    assert find_repository(directory).untracked([""]) == frozenset()


# In a hook


def in_hook(directory: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Sets and returns the variables that git sets for a hook of this repository."""
    hooks = Path(git(directory, "rev-parse", "--git-common-dir"))
    hook = (directory / hooks).resolve() / "hooks" / kind
    hook.parent.mkdir(exist_ok=True)
    seen = directory.parent / "seen"
    hook.write_text(f"#!/bin/sh\nenv -0 > '{seen}'\n")
    hook.chmod(0o755)
    git(directory, "commit", "--quiet", "--allow-empty", "--all", "--message", "Hooked")
    pairs = (pair.partition("=")[::2] for pair in seen.read_text().split("\0"))
    found = {
        name: value for name, value in pairs if name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX")
    }
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


def test_a_hook_finds_its_repository_from_any_subdirectory(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "GIT_INDEX_FILE" in in_hook(repository, "pre-commit", monkeypatch)
    found = find_repository(repository / "sub")

    assert (found.top, found.index) == (repository, repository / ".git" / "index")
    assert found.changed(found.commit("HEAD"), [""]) == frozenset()


def test_a_hook_in_a_worktree_finds_its_worktree(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    git(repository, "worktree", "add", "--quiet", "-b", "other", str(other))
    assert "GIT_DIR" in in_hook(other, "pre-commit", monkeypatch)
    found = find_repository(other / "sub")

    assert (found.top, found.git_dir) == (other, repository / ".git" / "worktrees" / "other")
    assert found.changed(found.commit("HEAD"), [""]) == frozenset()


def test_find_repository_ignores_the_index_that_git_passes_to_a_hook_in_another_repository(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = new_repository(tmp_path / "other")
    commit(other)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    found = find_repository(repository / "sub")

    assert (found.top, found.index) == (repository, repository / ".git" / "index")
    assert found.changed(found.commit("HEAD"), [""]) == frozenset()


def test_a_commit_hook_uses_the_index_that_is_being_committed(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(repository, {"new.txt": "new\n"})
    partial = repository / ".git" / "next-index-1.lock"
    shutil.copy(repository / ".git" / "index", partial)
    git(repository, "add", "new.txt", GIT_INDEX_FILE=str(partial))
    assert find_repository(repository).untracked([""]) == {"new.txt"}

    monkeypatch.setenv("GIT_INDEX_FILE", ".git/next-index-1.lock")
    assert find_repository(repository / "sub").untracked([""]) == frozenset()


def test_a_git_directory_outside_of_its_work_tree_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    git(tmp_path, "init", "--quiet", "--bare", "dotfiles.git")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "dotfiles.git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "home"))

    assert find_repository(tmp_path / "home").top == tmp_path / "home"


# Commits


@pytest.mark.parametrize("ref", ["HEAD", "main", "v1", "HEAD^{commit}", "main@{0}"])
def test_every_kind_of_git_revision_is_accepted(repository: Path, ref: str) -> None:
    git(repository, "tag", "--annotate", "-m", "One", "v1")

    assert find_repository(repository).commit(ref) == git(repository, "rev-parse", "HEAD")


@pytest.mark.parametrize(
    "ref",
    ["nowhere", "", "--output=owned", "-h", "^HEAD", "HEAD:a.txt", "HEAD..main", "a\0b", "f" * 40],
)
def test_an_invalid_revision_is_an_error_and_not_passed_to_git_as_an_option(
    repository: Path, ref: str
) -> None:
    told = message(lambda: find_repository(repository).commit(ref))

    assert told == (
        f"The commit `{ref}` does not exist in {repository}. Correct the name, or run `git fetch`."
    )
    assert sorted(path.name for path in repository.iterdir()) == [".git", "a.txt", "sub"]


def test_an_unborn_branch_has_no_commit(tmp_path: Path) -> None:
    found = find_repository(new_repository(tmp_path / "new"))

    assert found.head is None
    assert "commit `HEAD` does not exist" in message(lambda: found.commit("HEAD"))


# What changed


def test_changed_files_with_any_name_are_returned(repository: Path) -> None:
    names = ["with blank", "line\nbreak", "ünïcode", "-dash", "tab\t", 'quo"te', "[glob]*", "sub/x"]
    write(repository, dict.fromkeys(names, "1\n"))
    head = commit(repository)
    write(repository, dict.fromkeys(names, "2\n"))

    assert find_repository(repository).changed(head, [""]) == set(names)
    assert find_repository(repository).changed(head, ["[glob]*"]) == {"[glob]*"}
    assert find_repository(repository).changed(head, ["-dash", "sub"]) == {"-dash", "sub/x"}


def test_paths_are_literal_with_any_git_settings(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GLOB", "NOGLOB", "ICASE"):
        monkeypatch.setenv(f"GIT_{name}_PATHSPECS", "1")
    write(repository, {"a.txt": "2\n", "sub/b.txt": "2\n"})

    assert find_repository(repository).changed("HEAD", ["a.txt", "SUB"]) == {"a.txt"}


def test_file_names_that_are_not_utf8_are_returned(repository: Path) -> None:
    (repository / os.fsdecode(b"latin-\xe9")).write_text("1")

    assert find_repository(repository).untracked([""]) == {os.fsdecode(b"latin-\xe9")}


def test_git_settings_for_output_have_no_effect(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    for name, value in {
        "diff.relative": "true",
        "diff.noprefix": "true",
        "diff.external": "false",
        "diff.renames": "copies",
        "color.ui": "always",
        "core.quotePath": "true",
        "diff.ignoreSubmodules": "all",
    }.items():
        git(repository, "config", name, value)
    git(repository, "mv", "a.txt", "ä.txt")

    assert find_repository(repository).changed(head, [""]) == {"a.txt", "ä.txt"}


def test_ignored_and_untracked_files_are_distinguished(repository: Path) -> None:
    write(repository, {".gitignore": "*.pyc\n", "sub/x.pyc": "", "sub/y.py": ""})
    found = find_repository(repository)

    assert found.untracked(["sub"]) == {"sub/y.py"}
    assert found.untracked(["sub"], ignored=True) == {"sub/x.pyc"}


def test_reading_writes_nothing_to_the_repository(repository: Path) -> None:
    os.utime(repository / "a.txt", (1, 1))  # git would rewrite its index after this change
    git(repository, "config", "core.splitIndex", "true")
    hook = write(repository, {".git/hooks/post-index-change": "#!/bin/sh\ntouch ran\n"})
    (hook / ".git" / "hooks" / "post-index-change").chmod(0o755)
    before = contents(repository)
    found = find_repository(repository)

    assert found.changed(found.commit("HEAD"), [""]) == frozenset()
    assert contents(repository) == before


def contents(directory: Path) -> dict[str, bytes]:
    """Returns the content of every file below a directory, including `.git`."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
