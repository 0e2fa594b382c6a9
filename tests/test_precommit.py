"""Runs the hooks with pre-commit: as an installed git hook, and with `try-repo`."""

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

ROOT = Path(__file__).parents[1]
DOCUMENTED = [
    yaml.safe_load(block)
    for block in re.findall(
        r"^```yaml\n(.*?)^```",
        (ROOT / "docs/how-to/pre-commit.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
]
PRE_COMMIT = (sys.executable, "-m", "pre_commit")
ENVSYNC = (sys.executable, "-m", "envsync")


def run(directory: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Runs a command without the git settings of this machine and without git's variables."""
    # git sets variables such as GIT_INDEX_FILE for its hooks, and a hook can run these tests.
    foreign = ("PYTHON", "COV", "GIT_", "PRE_COMMIT")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    for role in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{role}_NAME": "A", f"GIT_{role}_EMAIL": "a@example.org"}
    return subprocess.run(
        command,
        cwd=directory,
        env={
            **environment,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
            "NO_COLOR": "1",
            "PRE_COMMIT_COLOR": "never",
            "PIP_NO_COMPILE": "1",
            "PRE_COMMIT_HOME": str(directory.with_name(f"{directory.name}-home")),
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )


def succeed(directory: Path, *command: str) -> str:
    done = run(directory, *command)
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
    succeed(directory, *ENVSYNC, "init")
    commit_all(directory)
    succeed(directory, *PRE_COMMIT, "install")
    return directory


@pytest.fixture
def project(committed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(committed, tmp_path / "project", symlinks=True)


def commit(project: Path) -> subprocess.CompletedProcess[str]:
    succeed(project, "git", "add", "--all")
    return run(project, "git", "commit", "--message", "Edit")


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

    succeed(project, *ENVSYNC, "bump", "--all-rejected")
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


def test_try_repo_installs_the_hooks_and_runs_them(project: Path, tmp_path: Path) -> None:
    hooks = tmp_path / "hooks"
    shutil.copytree(
        ROOT / "envsync", hooks / "envsync", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in (".pre-commit-hooks.yaml", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, hooks)
    # pre-commit clones the repository of a hook, so the files must be committed.
    commit_all(hooks)
    replace(project / "environments/base/cpu-base.yml", ":20241215.v1", ":20250101.v1")

    tried = run(project, *PRE_COMMIT, "try-repo", str(hooks), "--all-files")
    assert results(tried.stdout) == {"envsync validate": "Passed", "envsync check": "Failed"}
    assert "envsync bump cpu-base" in tried.stdout
    assert tried.returncode == 1


def test_the_hooks_require_no_azure_package() -> None:
    core = [name for name in requires("envsync-azureml") or () if "extra ==" not in name]

    assert [name for name in core if "azure" in name] == []


def test_the_documented_hooks_exist() -> None:
    there = {hook["id"]: hook for hook in read(".pre-commit-hooks.yaml")}

    assert hooks_of(DOCUMENTED[0]).keys() == there.keys()
    assert hooks_of(DOCUMENTED[2]).keys() == there.keys()
    for name, hook in hooks_of(DOCUMENTED[2]).items():
        assert hook["entry"] == there[name]["entry"].replace("envsync", "envsync -C models")


def test_the_docs_contain_the_configuration_that_init_writes() -> None:
    assert read("envsync/cli/templates/pre-commit.yaml") == DOCUMENTED[1]


def test_this_repository_runs_both_hooks_on_its_examples() -> None:
    own = hooks_of(read(".pre-commit-config.yaml"))

    assert own["envsync-validate"]["entry"] == ".venv/bin/envsync validate --strict environments/"
    assert own["envsync-check"]["entry"] == ".venv/bin/envsync check"


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def hooks_of(config: Any) -> dict[str, dict[str, Any]]:
    return {hook["id"]: hook for repo in config["repos"] for hook in repo["hooks"]}
