"""Runs the documented configurations of pre-commit as installed git hooks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.forked import path_with_program, python
from tests.repository import UNSET
from tests.wheels import offline

ROOT = Path(__file__).parents[1]
BLOCKS: list[str] = re.findall(
    r"^```yaml\n(.*?)^```",
    (ROOT / "docs/how-to/pre-commit.md").read_text(),
    re.MULTILINE | re.DOTALL,
)
(SUBDIRECTORY,) = (block for block in BLOCKS if " -C " in block)
(LOCAL,) = (block for block in BLOCKS if "repo: local" in block)
(REMOTE,) = (block for block in BLOCKS if "repo: https:" in block and block != SUBDIRECTORY)
"""The documented configurations of pre-commit, as text."""

(DRAFTS,) = (block for block in BLOCKS if block.startswith("exclude:"))
"""The documented setting for drafts."""

PRE_COMMIT = (sys.executable, "-m", "pre_commit")

FORKED = "pre_commit.main"
"""The modules that the server of forks imports, so that pre-commit starts fast."""


def run(
    directory: Path, *command: str, hooks: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command without the git settings of this machine and without git's variables.

    Args:
        directory: the working directory.
        command: the command.
        hooks: a repository of hooks. Git uses it instead of the URL in the documentation.
    """
    # git sets variables such as GIT_INDEX_FILE for its hooks, and a hook can run these tests.
    foreign = ("PYTHON", "COV", "GIT_", "PRE_COMMIT", *UNSET)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    for role in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{role}_NAME": "A", f"GIT_{role}_EMAIL": "a@example.org"}
    owner = hooks or directory
    return subprocess.run(
        command,
        cwd=directory,
        env={
            **environment,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
            "NO_COLOR": "1",
            "PRE_COMMIT_COLOR": "never",
            # Compiling all installed modules would take half of the time of the installation. With
            # PIP_NO_COMPILE=1, pip compiles: it reads the value as that of `compile`.
            "PIP_COMPILE": "0",
            "PRE_COMMIT_HOME": str(owner.with_name(f"{owner.name}-home")),
            **({**url_of(hooks), **offline()} if hooks else {}),
            "PATH": path_with_program(FORKED),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )


def forked_pre_commit() -> tuple[str, str]:
    """Returns a command for pre-commit, which it also writes into the git hooks that it installs.

    It cannot create virtual environments: these need Python.
    """
    return python(FORKED), "-mpre_commit"


def url_of(hooks: Path) -> dict[str, str]:
    """Returns the environment variables that replace the documented URL of the hooks."""
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{hooks.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": str(yaml.safe_load(REMOTE)["repos"][0]["repo"]),
    }


def succeed(directory: Path, *command: str, hooks: Path | None = None) -> str:
    done = run(directory, *command, hooks=hooks)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}"
    return done.stdout


def commit_all(directory: Path) -> None:
    succeed(directory, "git", "init", "--quiet")
    succeed(directory, "git", "add", "--all")
    succeed(directory, "git", "commit", "--quiet", "--message", "Start")


def head(directory: Path) -> str:
    return succeed(directory, "git", "rev-parse", "HEAD").strip()


def replace(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def results(output: str) -> dict[str, str]:
    """Returns the result of each hook in the output of pre-commit."""
    return dict(re.findall(r"^(envsync \w+)\.+(\w+)$", output, re.MULTILINE))


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the examples, with the files of `envsync init` and an installed git hook."""
    directory = tmp_path_factory.mktemp("committed") / "project"
    shutil.copytree(ROOT / "environments", directory / "environments")
    shutil.copy(ROOT / "envsync.yaml", directory)
    succeed(directory, "envsync", "init")
    commit_all(directory)
    succeed(directory, *forked_pre_commit(), "install")
    return directory


@pytest.fixture
def project(committed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(committed, tmp_path / "project", symlinks=True)


def commit(project: Path, hooks: Path | None = None) -> subprocess.CompletedProcess[str]:
    succeed(project, "git", "add", "--all")
    return run(project, "git", "commit", "--message", "Edit", hooks=hooks)


def test_the_hook_stops_an_edit_of_an_immutable_field_and_allows_it_after_a_bump(
    project: Path,
) -> None:
    before = head(project)
    replace(project / "environments/base/cpu-base.yml", ":20241215.v1", ":20250101.v1")

    stopped = commit(project)
    assert stopped.returncode == 1
    assert results(stopped.stdout) == {"envsync validate": "Passed", "envsync check": "Failed"}
    assert "environments/base/cpu-base.yml:6:" in stopped.stdout
    assert "envsync bump cpu-base" in stopped.stdout
    assert head(project) == before

    succeed(project, "envsync", "bump", "--all-rejected")
    passed = commit(project)
    assert passed.returncode == 0, passed.stdout
    changed = succeed(project, "git", "diff", "--numstat", before, "HEAD")
    # The commit changes two lines: the image and the version.
    assert changed.split() == ["2", "2", "environments/base/cpu-base.yml"]


def test_the_hook_stops_an_edit_of_a_conda_file_without_a_bump(project: Path) -> None:
    replace(project / "environments/conda/tabular.yml", "scikit-learn=1.5.2", "scikit-learn=1.6.1")

    stopped = commit(project)
    assert stopped.returncode == 1
    assert "envsync bump churn-score" in stopped.stdout


def test_the_hook_stops_a_commit_that_only_removes_a_file(project: Path) -> None:
    (project / "environments/gpu/image-classifier/requirements.txt").unlink()

    stopped = commit(project)
    assert stopped.returncode == 1
    assert "envsync bump image-classifier" in stopped.stdout


def test_the_hook_stops_a_file_that_breaks_a_rule(project: Path) -> None:
    replace(project / "environments/base/cpu-base.yml", "image:", "imgae:")

    stopped = commit(project)
    assert stopped.returncode == 1
    assert "error[unknown-field]" in stopped.stdout


def test_the_hook_allows_changes_of_metadata_and_other_files(project: Path) -> None:
    replace(project / "environments/base/cpu-base.yml", "description: ", "description: The ")
    (project / "notes.md").write_text("Nothing of an environment.\n")

    passed = commit(project)
    assert passed.returncode == 0, passed.stdout
    assert results(passed.stdout) == {"envsync validate": "Passed", "envsync check": "Passed"}


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the hooks of this project, and the documented tag."""
    directory = tmp_path_factory.mktemp("hooks") / "hooks"
    shutil.copytree(
        ROOT / "envsync", directory / "envsync", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in (".pre-commit-hooks.yaml", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, directory)
    # pre-commit clones the repository of a hook, so the files must be committed. Compressing them
    # for the clone, and looking for similar files, would take longer than all else in the clone.
    succeed(directory, "git", "init", "--quiet")
    for setting in ("core.compression", "pack.window"):
        succeed(directory, "git", "config", setting, "0")
    commit_all(directory)
    succeed(directory, "git", "tag", str(yaml.safe_load(REMOTE)["repos"][0]["rev"]))
    return directory


def configured(directory: Path, configuration: str, hooks: Path | None = None) -> Path:
    """Commits the examples with a documented configuration, and installs the hooks."""
    top = directory / "repository"
    project = top / "models" if configuration is SUBDIRECTORY else top
    shutil.copytree(ROOT / "environments", project / "environments")
    shutil.copy(ROOT / "envsync.yaml", project)
    (top / ".pre-commit-config.yaml").write_text(configuration)
    commit_all(top)
    succeed(top, *(PRE_COMMIT if hooks else forked_pre_commit()), "install", hooks=hooks)
    return project


@pytest.fixture(scope="module")
def committed_locally(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return configured(tmp_path_factory.mktemp("local"), LOCAL)


@pytest.fixture
def local(committed_locally: Path, tmp_path: Path) -> Path:
    """A repository with the hooks of the documentation that run the installed envsync."""
    return shutil.copytree(committed_locally, tmp_path / "repository", symlinks=True)


@pytest.fixture(scope="module")
def committed_below(tmp_path_factory: pytest.TempPathFactory, hooks: Path) -> Path:
    return configured(tmp_path_factory.mktemp("below"), SUBDIRECTORY, hooks).parent


@pytest.fixture
def below(committed_below: Path, tmp_path: Path) -> Path:
    """A project in a directory of a repository, with the documented hooks for it."""
    top = shutil.copytree(committed_below, tmp_path / "repository", symlinks=True)
    return top / "models"


def test_the_documented_hooks_are_installed_and_run(tmp_path: Path, hooks: Path) -> None:
    project = configured(tmp_path, REMOTE, hooks)
    replace(project / "environments/base/cpu-base.yml", ":20241215.v1", ":20250101.v1")

    by_hand = run(project, *PRE_COMMIT, "run", "--all-files", hooks=hooks)
    for stopped in (by_hand, commit(project, hooks)):
        assert results(stopped.stdout) == {"envsync validate": "Passed", "envsync check": "Failed"}
        assert "envsync bump cpu-base" in stopped.stdout
        assert stopped.returncode == 1
    succeed(project, "envsync", "bump", "--all-rejected")
    assert commit(project, hooks).returncode == 0


@pytest.mark.parametrize(
    ("path", "fix"),
    [
        ("gpu/image-classifier/requirements.txt", "envsync bump image-classifier"),
        ("conda/tabular.yml", "error[missing-file]"),
    ],
)
def test_the_hooks_of_a_subdirectory_stop_a_commit_that_only_removes_a_file(
    below: Path, hooks: Path, path: str, fix: str
) -> None:
    (below / "environments" / path).unlink()

    stopped = commit(below.parent, hooks)
    assert stopped.returncode == 1
    assert fix in stopped.stdout
    assert "Skipped" not in stopped.stdout


def test_the_hooks_of_a_subdirectory_allow_a_commit_of_other_files(
    below: Path, hooks: Path
) -> None:
    (below.parent / "notes.md").write_text("About something else.\n")

    passed = commit(below.parent, hooks)
    assert passed.returncode == 0, passed.stdout
    assert results(passed.stdout) == {"envsync validate": "Passed", "envsync check": "Passed"}


@pytest.mark.parametrize("name", ["new.yml", "new.draft.yml"])
def test_an_untracked_draft_blocks_a_commit_unless_it_is_excluded(local: Path, name: str) -> None:
    settings = local / "envsync.yaml"
    settings.write_text(settings.read_text() + DRAFTS)
    succeed(local, "git", "add", "--all")
    (local / "environments" / name).write_text("name: new\nimage: [\n")
    done = run(local, "git", "commit", "--message", "Exclude drafts")

    assert done.returncode == (1 if name == "new.yml" else 0), done.stdout
    assert ("environments/new.yml:" in done.stdout) == (name == "new.yml")


def test_changes_that_are_not_staged_do_not_block_a_commit(local: Path) -> None:
    (local / "notes.md").write_text("Staged.\n")
    succeed(local, "git", "add", "--all")
    replace(local / "environments/base/cpu-base.yml", "image:", "imgae:")
    done = run(local, "git", "commit", "--message", "Notes")

    assert done.returncode == 0, done.stdout
    assert results(done.stdout) == {"envsync validate": "Passed", "envsync check": "Passed"}


# Merges


def raised_on_two_branches(project: Path) -> None:
    """Two branches change different files of a build context, and raise the same version."""
    environment = project / "environments/gpu/image-classifier.yml"
    context = project / "environments/gpu/image-classifier"
    version = re.search(r"^version: .*$", environment.read_text(), re.MULTILINE)
    assert version
    succeed(project, "git", "branch", "feature")
    for branch, name in (("HEAD", "requirements.txt"), ("feature", "Dockerfile")):
        succeed(project, "git", "checkout", "--quiet", branch)
        replace(environment, version[0], "version: 99")
        with (context / name).open("a") as file:
            file.write("# changed\n")
        succeed(project, "git", "commit", "--quiet", "--all", "--message", "Raise")


def test_the_hook_stops_a_merge_without_conflict_that_changes_a_version(local: Path) -> None:
    succeed(local, "git", "checkout", "--quiet", "-B", "main")
    raised_on_two_branches(local)
    succeed(local, "git", "checkout", "--quiet", "main")
    before = head(local)

    stopped = run(local, "git", "merge", "--no-edit", "feature")
    assert stopped.returncode == 1, stopped.stdout
    assert results(stopped.stdout) == {"envsync validate": "Passed", "envsync check": "Failed"}
    assert "error[immutable] image-classifier:99 differs from commit" in stopped.stdout
    assert head(local) == before

    succeed(local, "envsync", "bump", "image-classifier")
    succeed(local, "git", "add", "--all")
    assert run(local, "git", "commit", "--no-edit").returncode == 0
    assert len(succeed(local, "git", "rev-list", "--parents", "-1", "HEAD").split()) == 3


def test_the_hook_stops_a_merge_conflict_that_is_resolved_without_a_new_version(
    local: Path,
) -> None:
    succeed(local, "git", "checkout", "--quiet", "-B", "main")
    succeed(local, "git", "branch", "feature")
    file = local / "environments/base/cpu-base.yml"
    for branch in ("main", "feature"):
        succeed(local, "git", "checkout", "--quiet", branch)
        replace(file, ":20241215.v1", f":{branch}")
        succeed(local, "envsync", "bump", "cpu-base", "--version", "2")
        assert commit(local).returncode == 0
    assert run(local, "git", "merge", "main").returncode == 1
    succeed(local, "git", "checkout", "--ours", "environments")

    stopped = commit(local)
    assert stopped.returncode == 1
    assert "error[immutable] cpu-base:2 differs from commit" in stopped.stdout
    succeed(local, "git", "checkout", "main", "--", "environments")
    assert commit(local).returncode == 0


def test_the_hooks_require_no_azure_package() -> None:
    core = [name for name in requires("envsync-azureml") or () if "extra ==" not in name]

    assert [name for name in core if "azure" in name] == []


def test_the_documented_hooks_exist() -> None:
    there = {hook["id"]: hook for hook in read(".pre-commit-hooks.yaml")}

    assert hooks_of(yaml.safe_load(REMOTE)).keys() == there.keys()
    assert hooks_of(yaml.safe_load(SUBDIRECTORY)).keys() == there.keys()
    for name, hook in hooks_of(yaml.safe_load(SUBDIRECTORY)).items():
        assert hook["entry"] == there[name]["entry"].replace("envsync", "envsync -C models")


def test_the_docs_contain_the_configuration_that_init_writes() -> None:
    assert read("envsync/cli/templates/pre-commit.yaml") == yaml.safe_load(LOCAL)


def test_this_repository_runs_both_hooks_on_its_examples() -> None:
    own = hooks_of(read(".pre-commit-config.yaml"))

    assert own["envsync-validate"]["entry"] == ".venv/bin/envsync validate --strict environments/"
    assert own["envsync-check"]["entry"] == ".venv/bin/envsync check"


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def hooks_of(config: Any) -> dict[str, dict[str, Any]]:
    return {hook["id"]: hook for repo in config["repos"] for hook in repo["hooks"]}
