"""The name that envsync proposes for a project without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from envsync.git.proposal import missing_project, proposed_name, remote_name
from envsync.project.settings.config import load_config
from tests.repository import git, new_repository

REGISTRY = "  shared: {kind: registry, registry: r}\n"


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/contoso/churn-models.git",
        "https://github.com/contoso/churn-models",
        "https://github.com/contoso/churn-models/",
        "git@github.com:contoso/churn-models.git",
        "git@host:churn-models.git",
        "ssh://git@ssh.example.com:22/contoso/churn-models.git",
        "https://user:secret@dev.azure.com/contoso/ml/_git/churn-models",
        "git@ssh.dev.azure.com:v3/contoso/ml/churn-models",
        "https://example.com/churn-models.git?ref=main",
        "/srv/git/churn-models.git",
        "C:\\repositories\\churn-models",
        "../churn-models\n",
    ],
)
def test_the_name_of_a_remote_is_the_last_part_of_its_path(url: str) -> None:
    assert remote_name(url) == "churn-models"


def test_an_escaped_name_is_decoded() -> None:
    assert remote_name("https://dev.azure.com/c/p/_git/Churn%20models") == "Churn models"


@pytest.mark.parametrize("url", ["", "/", "https://", ".git"])
def test_a_url_without_a_path_has_no_name(url: str) -> None:
    assert remote_name(url) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("churn", "churn"),
        ("churn.models_2", "churn.models_2"),
        # Without quotes, YAML would read `On` as a boolean, and `2024` and `1.2` as numbers.
        ("On", '"On"'),
        ("2024", '"2024"'),
        ("1.2", '"1.2"'),
        ("Churn%20models", '"Churn models"'),
    ],
)
def test_a_proposal_is_valid_yaml(name: str, text: str, tmp_path: Path) -> None:
    new_repository(tmp_path)
    git(tmp_path, "remote", "add", "origin", f"https://example.com/{name}.git")
    (tmp_path / "envsync.yaml").write_text(f"project: {text}\n")

    assert proposed_name(tmp_path) == text
    assert load_config(None, tmp_path).policy.project == name.replace("%20", " ")


def test_projects_in_one_repository_get_different_proposals(tmp_path: Path) -> None:
    new_repository(tmp_path)
    git(tmp_path, "remote", "add", "origin", "https://example.com/models.git")
    (tmp_path / "teams" / "a").mkdir(parents=True)

    assert proposed_name(tmp_path / "teams" / "a") == "models/teams/a"


def test_without_a_remote_or_a_repository_there_is_no_proposal(tmp_path: Path) -> None:
    assert proposed_name(tmp_path) is None
    new_repository(tmp_path)
    assert proposed_name(tmp_path) is None


def test_the_problem_of_a_missing_project_is_at_the_first_target_in_azure(tmp_path: Path) -> None:
    new_repository(tmp_path)
    git(tmp_path, "remote", "add", "origin", "https://example.com/models.git")
    (tmp_path / "envsync.yaml").write_text("targets:\n  local: {kind: local}\n" + REGISTRY)
    config = load_config(None, tmp_path)
    (problem,) = missing_project(config)

    assert (problem.file, problem.line, problem.column) == ("envsync.yaml", 3, 3)
    assert "The target `shared` is a registry" in problem.message
    assert "Add the line `project: models`." in problem.fix
    assert "`envsync list -t shared --format json` shows the owner" in problem.fix
    assert missing_project(config, "shared") == (problem,)
    assert missing_project(config, "local") == ()


@pytest.mark.parametrize("target", ["dev", "prod-2", "shared"])
def test_the_fix_for_a_missing_project_contains_the_target_in_the_error(
    target: str, tmp_path: Path
) -> None:
    targets = [
        f"  {name}: {{kind: registry, registry: r}}\n" for name in ("dev", "prod-2", "shared")
    ]
    (tmp_path / "envsync.yaml").write_text("targets:\n" + "".join(targets))
    (problem,) = missing_project(load_config(None, tmp_path), target)

    assert f"`envsync list -t {target} --format json`" in problem.fix


@pytest.mark.parametrize(
    "text",
    ["", "targets: {local: {kind: local}}\n", "project: p\ntargets:\n" + REGISTRY],
)
def test_a_project_with_a_name_or_with_only_local_targets_has_no_problem(
    text: str, tmp_path: Path
) -> None:
    (tmp_path / "envsync.yaml").write_text(text)

    assert missing_project(load_config(None, tmp_path)) == ()
