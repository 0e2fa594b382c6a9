"""Tests of the commits that a project is compared with, in clones as pipelines make them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.git.base import Base, find_bases
from envsync.git.repository import find_repository
from envsync.model.errors import GitError
from tests.project.project import write
from tests.repository import ENVIRON, commit, git, new_repository

pytestmark = pytest.mark.usefixtures("clean_git")

VARIABLES = (
    "GITHUB_BASE_REF",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
    "SYSTEM_PULLREQUEST_TARGETBRANCH",
    "BITBUCKET_PR_DESTINATION_BRANCH",
    "CHANGE_TARGET",
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with `repository` and `clone`, which the tests copy: git is slower."""
    top = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRON.items():
            patch.setenv(name, value)
        directory = new_repository(top / "repository")
        for text, message in (("one", "First"), ("two", "Second")):
            write(directory, {"a.txt": text})
            commit(directory, message)
        git(directory, "checkout", "--quiet", "-b", "feat")
        write(directory, {"a.txt": "three"})
        commit(directory, "Third")
        git(directory, "checkout", "--quiet", "main")
        git(top, "clone", "--quiet", directory.as_uri(), str(top / "clone"))
        git(top / "clone", "checkout", "--quiet", "feat")
    return top


@pytest.fixture
def repository(prepared: Path, tmp_path: Path) -> Path:
    """A repository with three commits: two on `main`, then one on `feat`."""
    return shutil.copytree(prepared / "repository", tmp_path / "repository")


@pytest.fixture
def clone(prepared: Path, repository: Path, tmp_path: Path) -> Path:
    """A complete clone of `repository`, on the branch `feat`."""
    directory = shutil.copytree(prepared / "clone", tmp_path / "clone")
    config = directory / ".git" / "config"
    origin = (prepared / "repository").as_uri()
    config.write_text(config.read_text().replace(origin, repository.as_uri()))
    return directory


def bases(directory: Path, ref: str | None = None, *, changed: bool = False) -> list[Base]:
    """Returns the bases. `changed` says whether an environment differs from HEAD."""
    return list(find_bases(find_repository(directory), ref, lambda _: changed))


def message(directory: Path, ref: str | None = None, *, changed: bool = False) -> str:
    """Returns the message of the error."""
    with pytest.raises(GitError) as caught:
        bases(directory, ref, changed=changed)
    assert caught.value.exit_code == 1
    return str(caught.value)


def stop(directory: Path, *arguments: str) -> None:
    """Runs a git command that stops, for example because of a conflict."""
    with pytest.raises(subprocess.CalledProcessError):
        git(directory, *arguments)


def rev(directory: Path, ref: str) -> str:
    return git(directory, "rev-parse", ref)


# A revision


@pytest.mark.parametrize("ref", ["main", "HEAD~1", "origin/main"])
def test_the_base_is_the_revision_that_is_given(clone: Path, ref: str) -> None:
    assert bases(clone, ref) == [Base(rev(clone, "origin/main"), ref)]


def test_a_given_base_that_is_a_descendant_of_head_is_used(clone: Path) -> None:
    git(clone, "checkout", "--quiet", "--detach", "origin/main")

    assert bases(clone, "origin/feat") == [Base(rev(clone, "origin/feat"), "origin/feat")]


@pytest.mark.parametrize("ref", ["HEAD", "feat", "origin/feat"])
def test_a_given_base_equal_to_head_is_an_error_if_nothing_has_changed(
    clone: Path, ref: str
) -> None:
    text = message(clone, ref)

    assert text.startswith(f"The base `{ref}` is the checked-out commit {rev(clone, 'HEAD')[:7]}")
    assert "Leave out `--base`" in text
    assert "`--base HEAD~1`" in text
    assert "`fetch-depth: 0`" in text
    assert bases(clone, ref, changed=True) == [Base(rev(clone, "HEAD"), ref)]


def test_a_given_base_equal_to_head_is_an_error_on_the_default_branch(clone: Path) -> None:
    git(clone, "checkout", "--quiet", "--detach", "origin/main")

    assert "Leave out `--base`" in message(clone, "origin/main")
    # The advice works: without a base, the commit is compared with its first parent.
    assert [base.name for base in bases(clone)] == ["HEAD~1"]


@pytest.mark.parametrize("zeros", ["0" * 40, "0" * 64])
def test_a_given_base_of_zeros_selects_the_automatic_base(clone: Path, zeros: str) -> None:
    assert bases(clone, zeros) == bases(clone)


@pytest.mark.parametrize("ref", ["", "0", "nowhere"])
def test_a_given_base_that_does_not_exist_is_an_error(clone: Path, ref: str) -> None:
    assert message(clone, ref).startswith(f"The commit `{ref}` does not exist in {clone}.")


def test_a_repository_without_commits_has_no_base(tmp_path: Path) -> None:
    assert bases(new_repository(tmp_path / "new")) == []


# The commit at which the current branch began


def test_a_branch_is_compared_with_its_merge_base_with_the_default_branch(
    repository: Path, clone: Path
) -> None:
    began = rev(clone, "origin/main")
    commit(repository)
    git(clone, "fetch", "--quiet")

    assert rev(clone, "origin/main") != began
    assert bases(clone) == [Base(began, "origin/main")]
    git(clone, "checkout", "--quiet", "--detach")
    assert bases(clone) == [Base(began, "origin/main")]


def test_unpushed_commits_on_the_default_branch_are_compared_with_the_pushed_commit(
    clone: Path,
) -> None:
    git(clone, "checkout", "--quiet", "main")
    pushed = rev(clone, "HEAD")
    commit(clone)

    assert bases(clone) == [Base(pushed, "origin/main")]


@pytest.mark.parametrize("branch", ["main", "master", "trunk", "develop"])
def test_usual_branch_names_are_tried_if_the_remote_has_no_head(clone: Path, branch: str) -> None:
    began = rev(clone, "origin/main")
    git(clone, "update-ref", "-d", "refs/remotes/origin/HEAD", "--no-deref")
    git(clone, "update-ref", "-d", "refs/remotes/origin/main")
    git(clone, "update-ref", f"refs/remotes/origin/{branch}", began)

    assert bases(clone) == [Base(began, f"origin/{branch}")]


@pytest.mark.parametrize("upstream", ["origin/live", "live"])
def test_the_upstream_branch_is_used_if_no_branch_has_a_usual_name(
    clone: Path, upstream: str
) -> None:
    began = rev(clone, "origin/main")
    git(clone, "remote", "set-head", "origin", "--delete")
    git(clone, "update-ref", "-d", "refs/remotes/origin/main")
    git(clone, "update-ref", "refs/remotes/origin/live", began)
    git(clone, "branch", "--no-track", "live", began)
    git(clone, "branch", "--quiet", "--set-upstream-to", upstream)

    assert bases(clone) == [Base(began, upstream)]


def test_the_default_branch_of_gitlab_is_used(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(clone, "update-ref", "refs/remotes/origin/live", "origin/main~1")
    monkeypatch.setenv("CI_DEFAULT_BRANCH", "live")

    assert bases(clone) == [Base(rev(clone, "origin/live"), "origin/live")]


def test_the_local_default_branch_is_used_without_a_remote(repository: Path) -> None:
    git(repository, "checkout", "--quiet", "feat")

    assert bases(repository) == [Base(rev(repository, "main"), "main")]


def test_the_error_for_unrelated_histories_suggests_option_base(clone: Path) -> None:
    git(clone, "checkout", "--quiet", "--orphan", "alone")
    commit(clone)

    assert message(clone) == (
        "HEAD and origin/main have no commit in common. "
        "Pass the commit to compare with as `--base`."
    )


def test_a_linked_work_tree_has_its_own_base(clone: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(clone, "worktree", "add", "--quiet", "-b", "other", str(other), "origin/main")
    commit(other)

    assert bases(other) == [Base(rev(clone, "origin/main"), "origin/main")]


# Forks


@pytest.fixture
def fork(clone: Path, tmp_path: Path) -> Path:
    """The clone of a fork whose `main` is stale. `upstream` is the remote of the project."""
    git(clone, "remote", "add", "upstream", (tmp_path / "repository").as_uri())
    git(clone, "fetch", "--quiet", "upstream")
    git(clone, "update-ref", "refs/remotes/origin/main", "upstream/main~1")
    return clone


def test_the_remote_of_the_upstream_branch_is_preferred_to_origin(fork: Path) -> None:
    git(fork, "branch", "--quiet", "--set-upstream-to=upstream/main", "feat")

    assert bases(fork) == [Base(rev(fork, "upstream/main"), "upstream/main")]


def test_the_remote_that_a_branch_follows_is_used_during_a_rebase(fork: Path) -> None:
    git(fork, "branch", "--quiet", "--set-upstream-to=upstream/main", "feat")
    stop(fork, "rebase", "--quiet", "--exec", "false", "--force-rebase", "upstream/main")
    assert git(fork, "rev-parse", "--abbrev-ref", "HEAD") == "HEAD"

    assert bases(fork) == [Base(rev(fork, "upstream/main"), "upstream/main")]


def test_origin_is_preferred_for_a_branch_without_an_upstream_branch(fork: Path) -> None:
    git(fork, "branch", "--unset-upstream", "feat")

    assert bases(fork) == [Base(rev(fork, "origin/main"), "origin/main")]


def test_a_remote_can_have_a_slash_in_its_name(fork: Path) -> None:
    git(fork, "remote", "rename", "upstream", "team/ml")
    git(fork, "branch", "--quiet", "--set-upstream-to=team/ml/main", "feat")

    assert bases(fork) == [Base(rev(fork, "team/ml/main"), "team/ml/main")]


def test_the_name_of_the_default_branch_comes_from_any_remote(fork: Path) -> None:
    began = rev(fork, "upstream/main")
    for remote in ("origin", "upstream"):
        git(fork, "update-ref", f"refs/remotes/{remote}/live", began)
        git(fork, "update-ref", "-d", f"refs/remotes/{remote}/main")
    git(fork, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/live")
    git(fork, "branch", "--quiet", "--set-upstream-to=upstream/feat", "feat")

    assert bases(fork) == [Base(began, "upstream/live")]


# The target branch of a pull request


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("value", ["release/1", "refs/heads/release/1"])
def test_a_pull_request_is_compared_with_its_target_branch(
    clone: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    git(clone, "update-ref", "refs/remotes/origin/release/1", "HEAD")
    began = rev(clone, "HEAD")
    commit(clone)
    monkeypatch.setenv(variable, value)

    assert bases(clone) == [Base(began, "origin/release/1")]


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_target_branch_that_the_clone_does_not_contain_is_an_error(
    clone: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "gone")

    for changed in (False, True):
        text = message(clone, changed=changed)
        assert text.startswith(f"{variable} is `gone`, but this clone does not contain the branch")
        assert "`fetch-depth: 0`" in text
        assert "`GIT_DEPTH: 0`" in text
    # The option overrides the pipeline.
    assert bases(clone, "origin/main") == [Base(rev(clone, "origin/main"), "origin/main")]


def test_the_target_branch_of_a_pull_request_can_be_a_local_branch(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(repository, "checkout", "--quiet", "feat")
    monkeypatch.setenv("GITHUB_BASE_REF", "main")

    assert bases(repository) == [Base(rev(repository, "main"), "main")]


def test_a_pull_request_job_that_checks_out_the_target_branch_is_an_error(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event `pull_request_target` of GitHub checks out the target branch."""
    git(clone, "checkout", "--quiet", "--detach", "origin/main")
    monkeypatch.setenv("GITHUB_BASE_REF", "main")

    text = message(clone)
    assert "already in origin/main, the target branch of the pull request" in text
    assert "Check out the commit of the pull request." in text


def test_a_merge_train_is_compared_with_the_target_branch(
    repository: Path, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitLab checks out a merge of the target branch, the requests before, and this request."""
    commit(repository)
    git(clone, "fetch", "--quiet")
    git(clone, "checkout", "--quiet", "--detach", "origin/main")
    commit(clone, "The request before")
    git(clone, "merge", "--quiet", "--no-ff", "-m", "Train", "feat")
    monkeypatch.setenv("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main")

    assert bases(clone) == [Base(rev(clone, "origin/main"), "origin/main")]


# The default branch itself


def test_the_newest_commit_of_the_default_branch_is_compared_with_its_parent(clone: Path) -> None:
    git(clone, "checkout", "--quiet", "main")

    assert bases(clone) == [Base(rev(clone, "HEAD~1"), "HEAD~1")]
    assert bases(clone, changed=True) == [Base(rev(clone, "HEAD"), "HEAD")]


@pytest.mark.parametrize("checkout", ["main", "origin/main", "v1"])
def test_a_detached_commit_of_the_default_branch_is_compared_with_its_parent(
    repository: Path, clone: Path, checkout: str
) -> None:
    """A pipeline can start after the next push, or check out a tag."""
    git(clone, "tag", "v1", "origin/main")
    git(clone, "checkout", "--quiet", "--detach", checkout)
    commit(repository, "The next push")
    git(clone, "fetch", "--quiet")

    assert bases(clone) == [Base(rev(clone, "HEAD~1"), "HEAD~1")]


def test_a_merge_commit_of_the_default_branch_is_compared_with_its_first_parent(
    clone: Path,
) -> None:
    git(clone, "checkout", "--quiet", "main")
    before = rev(clone, "HEAD")
    git(clone, "merge", "--quiet", "--no-ff", "-m", "Merge", "feat")
    git(clone, "push", "--quiet", "origin", "HEAD:refs/heads/other")
    git(clone, "update-ref", "refs/remotes/origin/main", "HEAD")

    assert bases(clone) == [Base(before, "HEAD~1")]


def test_the_first_commit_has_no_base(tmp_path: Path) -> None:
    directory = new_repository(tmp_path / "new")
    commit(directory)

    assert bases(directory) == []


@pytest.mark.parametrize("name", ["main", "live"])
def test_without_a_remote_the_only_branch_is_the_default_branch(tmp_path: Path, name: str) -> None:
    directory = new_repository(tmp_path / "new")
    git(directory, "symbolic-ref", "HEAD", f"refs/heads/{name}")
    first = commit(directory)
    commit(directory)

    assert bases(directory) == [Base(first, "HEAD~1")]


# Checkouts of a pushed branch, as pipelines make them


def fetched(tmp_path: Path, *refspecs: str, depth: int = 1) -> Path:
    """Returns an empty repository into which `git fetch` wrote some refs."""
    directory = new_repository(tmp_path / "fetched")
    git(directory, "remote", "add", "origin", (tmp_path / "repository").as_uri())
    options = [f"--depth={depth}"] if depth else []
    git(directory, "fetch", "--quiet", "--no-tags", *options, "origin", *refspecs)
    return directory


def github(tmp_path: Path, commit_id: str) -> Path:
    directory = fetched(tmp_path, f"+{commit_id}:refs/remotes/origin/feat")
    git(directory, "checkout", "--quiet", "-B", "feat", "refs/remotes/origin/feat")
    return directory


def github_tag(tmp_path: Path, commit_id: str) -> Path:
    directory = fetched(tmp_path, f"+{commit_id}:refs/tags/v1")
    git(directory, "checkout", "--quiet", "refs/tags/v1")
    return directory


def gitlab(tmp_path: Path, commit_id: str, depth: int = 1) -> Path:
    directory = fetched(
        tmp_path,
        f"+{commit_id}:refs/pipelines/7",
        "+refs/heads/feat:refs/remotes/origin/feat",
        depth=depth,
    )
    git(directory, "checkout", "--quiet", "--force", "--detach", commit_id)
    return directory


def gitlab_complete(tmp_path: Path, commit_id: str) -> Path:
    return gitlab(tmp_path, commit_id, depth=0)


def azure(tmp_path: Path, commit_id: str) -> Path:
    directory = fetched(tmp_path, f"+{commit_id}:refs/remotes/origin/{commit_id}")
    git(directory, "checkout", "--quiet", "--force", commit_id)
    return directory


def shallow_clone(tmp_path: Path, commit_id: str) -> Path:
    directory = tmp_path / "fetched"
    url = (tmp_path / "repository").as_uri()
    git(tmp_path, "clone", "--quiet", "--depth", "1", "-b", "feat", url, str(directory))
    return directory


def single_branch(tmp_path: Path, commit_id: str) -> Path:
    directory = tmp_path / "fetched"
    url = (tmp_path / "repository").as_uri()
    git(tmp_path, "clone", "--quiet", "--single-branch", "-b", "feat", url, str(directory))
    return directory


def renamed_branch(tmp_path: Path, commit_id: str) -> Path:
    directory = single_branch(tmp_path, commit_id)
    git(directory, "checkout", "--quiet", "-B", "build", "refs/remotes/origin/feat")
    return directory


@pytest.mark.parametrize(
    "check_out",
    [
        github,
        github_tag,
        gitlab,
        gitlab_complete,
        azure,
        shallow_clone,
        single_branch,
        renamed_branch,
    ],
)
def test_the_base_of_a_pushed_branch_is_an_error_if_the_clone_lacks_the_default_branch(
    repository: Path, tmp_path: Path, check_out: Callable[[Path, str], Path]
) -> None:
    directory = check_out(tmp_path, rev(repository, "feat"))
    assert rev(directory, "HEAD") == rev(repository, "feat")

    text = message(directory)
    for advice in ("`fetch-depth: 0`", "`GIT_DEPTH: 0`", "`fetchDepth: 0`", "--unshallow"):
        assert advice in text
    # The last command of the advice repairs the clone.
    unshallow = ["--unshallow"] if find_repository(directory).is_shallow else []
    git(directory, "fetch", "--quiet", *unshallow, "origin", "+refs/heads/*:refs/remotes/origin/*")
    assert bases(directory) == [Base(rev(repository, "main"), "origin/main")]


@pytest.mark.parametrize("variable", VARIABLES)
def test_the_base_of_a_pull_request_is_an_error_if_the_clone_lacks_the_target_branch(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    directory = fetched(tmp_path, "+refs/heads/feat:refs/remotes/pull/1/merge")
    git(directory, "checkout", "--quiet", "--detach", "refs/remotes/pull/1/merge")
    monkeypatch.setenv(variable, "main")

    assert message(directory).startswith(f"{variable} is `main`, but this clone does not contain")


def test_the_base_of_the_default_branch_is_an_error_if_the_clone_has_only_one_commit(
    repository: Path, tmp_path: Path
) -> None:
    directory = fetched(tmp_path, "+refs/heads/main:refs/remotes/origin/main")
    git(directory, "checkout", "--quiet", "-B", "main", "refs/remotes/origin/main")

    text = message(directory)
    assert "does not contain the parent of the checked-out commit" in text
    assert "`fetch-depth: 0`" in text
    assert bases(directory, changed=True) == [Base(rev(directory, "HEAD"), "HEAD")]


def test_the_default_branch_with_two_commits_is_compared_with_the_parent(
    repository: Path, tmp_path: Path
) -> None:
    directory = fetched(tmp_path, "+refs/heads/main:refs/remotes/origin/main", depth=2)
    git(directory, "checkout", "--quiet", "-B", "main", "refs/remotes/origin/main")

    assert bases(directory) == [Base(rev(repository, "main~1"), "HEAD~1")]


def test_a_shallow_clone_without_the_merge_base_is_an_error(
    repository: Path, tmp_path: Path
) -> None:
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "Fourth")
    branches = [f"+refs/heads/{name}:refs/remotes/origin/{name}" for name in ("main", "feat")]
    directory = fetched(tmp_path, *branches)
    git(directory, "checkout", "--quiet", "feat")

    text = message(directory)
    assert text.startswith("HEAD and origin/main have no commit in common. This clone is shallow.")
    git(directory, "fetch", "--quiet", "--depth=2", "origin", *branches)
    assert bases(directory) == [Base(rev(repository, "main~1"), "origin/main")]


def test_a_shallow_clone_without_a_known_branch_is_an_error_if_files_have_changed(
    repository: Path, tmp_path: Path
) -> None:
    directory = azure(tmp_path, rev(repository, "feat"))

    assert "at which this branch began" in message(directory, changed=True)


def test_changes_are_compared_with_the_pushed_branch_if_no_default_branch_is_known(
    repository: Path, tmp_path: Path
) -> None:
    directory = shallow_clone(tmp_path, "")
    head = rev(directory, "HEAD")
    assert bases(directory, changed=True) == [Base(head, "HEAD")]

    commit(directory)
    assert bases(directory) == [Base(head, "origin/feat")]


@pytest.mark.parametrize("variable", ["CI", "TF_BUILD", "JENKINS_URL"])
def test_a_generated_file_in_a_pipeline_does_not_change_the_base(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    directory = shallow_clone(tmp_path, "")
    monkeypatch.setenv(variable, "true")
    assert "would be compared with itself" in message(directory, changed=True)

    git(
        directory,
        "fetch",
        "--quiet",
        "--unshallow",
        "origin",
        "+refs/heads/*:refs/remotes/origin/*",
    )
    assert [base.name for base in bases(directory, changed=True)] == ["origin/main"]


def test_a_pipeline_compares_an_edited_default_branch_with_the_parent(
    repository: Path, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = rev(repository, "main")
    commit(repository, "On main")
    git(clone, "fetch", "--quiet")
    git(clone, "checkout", "--quiet", "-B", "main", "origin/main")
    monkeypatch.setenv("CI", "1")

    assert bases(clone, changed=True) == [Base(parent, "HEAD~1")]


def test_a_pipeline_compares_an_edit_with_the_first_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = new_repository(tmp_path / "new")
    first = commit(directory)
    monkeypatch.setenv("CI", "true")

    assert bases(directory, changed=True) == [Base(first, "HEAD")]
    assert bases(directory) == []


# Merges


def test_both_parents_of_a_merge_are_bases(repository: Path, clone: Path) -> None:
    commit(repository, "On main")
    git(clone, "fetch", "--quiet")
    git(clone, "merge", "--quiet", "--no-commit", "--no-ff", "origin/main")
    assert bases(clone) == [Base(rev(clone, "origin/main"), "origin/main")]

    git(clone, "merge", "--abort")
    git(clone, "checkout", "--quiet", "-B", "main", "origin/main")
    commit(clone, "On main")
    git(clone, "merge", "--quiet", "--no-commit", "--no-ff", "feat")
    assert bases(clone) == [
        Base(rev(clone, "HEAD~1"), "origin/main"),
        Base(rev(clone, "feat"), "MERGE_HEAD"),
    ]


def test_a_merge_of_an_unpushed_branch_has_two_bases(clone: Path) -> None:
    git(clone, "checkout", "--quiet", "-b", "other", "origin/main")
    commit(clone, "On the other branch")
    git(clone, "checkout", "--quiet", "feat")
    git(clone, "merge", "--quiet", "--no-commit", "other")

    assert bases(clone) == [
        Base(rev(clone, "origin/main"), "origin/main"),
        Base(rev(clone, "other"), "MERGE_HEAD"),
    ]


def test_every_branch_of_an_octopus_merge_is_a_base(clone: Path) -> None:
    for name in ("one", "two"):
        git(clone, "checkout", "--quiet", "-b", name, "origin/main")
        write(clone, {f"{name}.txt": name})
        commit(clone, name)
    git(clone, "checkout", "--quiet", "feat")
    git(clone, "merge", "--quiet", "--no-commit", "one", "two")

    assert bases(clone)[1:] == [
        Base(rev(clone, "one"), "MERGE_HEAD"),
        Base(rev(clone, "two"), "MERGE_HEAD"),
    ]


def test_every_merge_base_of_a_criss_cross_merge_is_a_base(clone: Path) -> None:
    git(clone, "checkout", "--quiet", "main")
    one = commit(clone, "On main")
    git(clone, "checkout", "--quiet", "feat")
    two = rev(clone, "HEAD")
    git(clone, "merge", "--quiet", "-m", "Main into feat", one)
    git(clone, "checkout", "--quiet", "main")
    git(clone, "merge", "--quiet", "-m", "Feat into main", two)
    git(clone, "update-ref", "refs/remotes/origin/main", "main")
    git(clone, "checkout", "--quiet", "feat")

    assert {item.commit for item in bases(clone)} == {one, two}


def test_a_merge_in_another_work_tree_is_not_a_base(clone: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(clone, "worktree", "add", "--quiet", "-b", "other", str(other), "origin/main")
    commit(other)
    git(other, "merge", "--quiet", "--no-commit", "feat")

    assert [item.name for item in bases(other)] == ["origin/main", "MERGE_HEAD"]
    assert [item.name for item in bases(clone)] == ["origin/main"]


@pytest.mark.parametrize("command", ["cherry-pick", "revert", "rebase"])
def test_a_git_command_that_stopped_at_a_conflict_does_not_change_the_base(
    clone: Path, command: str
) -> None:
    write(clone, {"a.txt": "conflict"})
    commit(clone)
    arguments = {
        "cherry-pick": ["origin/main"],
        "revert": ["HEAD~1"],
        "rebase": ["--onto", "origin/main", "HEAD~1"],
    }
    stop(clone, command, *arguments[command])
    assert git(clone, "status", "--porcelain") == "UU a.txt"

    expected = "HEAD" if command == "rebase" else "origin/main"
    assert bases(clone, changed=True) == [Base(rev(clone, "origin/main"), expected)]
