"""Tests of the targets that the files of a repository use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envsync.project.settings.guesses import guess_targets


def guessed(root: Path, file: str, text: str) -> list[tuple[str, dict[str, str]]]:
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return [(guess.name, dict(guess.settings)) for guess in guess_targets(root, root)]


WORKSPACE = {
    "subscription_id": "${AZURE_SUBSCRIPTION_ID}",
    "resource_group": "rg",
    "workspace": "ws",
}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("run.sh", "az ml job create -f j.yml -g rg -w ws"),
        ("run.sh", "az ml job create --resource-group=rg --workspace-name=ws"),
        ("scripts/run.sh", "az ml job create \\\n    --resource-group 'rg' \\\n  -w \"ws\""),
        ("Makefile", "job:\n\taz configure --defaults group=rg workspace=ws location=eu"),
        ("azure-pipelines.yml", "- script: az ml job create -w ws -g rg && echo -w other"),
        (".github/workflows/ci.yaml", "run: az ml environment create -w ws -g rg"),
        (".azure/config", "[defaults]\ngroup = rg\nworkspace = ws\n"),
        ("config.json", '{"resource_group": "rg", "workspace_name": "ws"}'),
        (".azureml/config.json", '{"resource_group": "rg", "workspace_name": "ws"}'),
    ],
)
def test_the_workspace_that_a_file_names_is_a_target(tmp_path: Path, file: str, text: str) -> None:
    assert guessed(tmp_path, file, text) == [("ws", WORKSPACE)]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("run.sh", "az ml job create -g $GROUP -w ${WORKSPACE}"),
        ("run.sh", "az ml job create -g <group> -w <workspace>"),
        (".github/workflows/ci.yml", "run: az ml job create -g ${{ vars.G }} -w ${{ vars.W }}"),
        ("run.sh", "az ml workspace create -n ws -g rg"),
        ("run.sh", "az ml job create -w ws"),
        ("run.sh", "git -g rg -w ws"),
        ("run.sh", "az ml job create -g rg -w local"),
        ("config.json", "{"),
        ("config.json", "[1]"),
        ("config.json", '{"resource_group": 1, "workspace_name": null}'),
        (".azure/config", "[core]\noutput = table\n"),
        (".azure/config", "no section"),
        ("deep/run.sh", "az ml job create -g rg -w ws"),
    ],
)
def test_a_file_without_literal_names_gives_no_target(tmp_path: Path, file: str, text: str) -> None:
    assert guessed(tmp_path, file, text) == []


def test_a_registry_is_a_target(tmp_path: Path) -> None:
    text = "az ml environment create -f e.yml --registry-name contoso-ml -g rg"

    assert guessed(tmp_path, "run.sh", text) == [("contoso-ml", {"registry": "contoso-ml"})]


def test_the_subscription_that_a_file_names_is_part_of_the_target(tmp_path: Path) -> None:
    text = "az ml job create -g rg -w ws --subscription 00000000-0000-4000-8000-000000000000"
    ((_, settings),) = guessed(tmp_path, "run.sh", text)

    assert settings["subscription_id"] == "00000000-0000-4000-8000-000000000000"


def test_files_above_the_project_are_read_up_to_the_top_of_the_repository(tmp_path: Path) -> None:
    top = tmp_path / "repository"
    root = top / "ml" / "churn"
    root.mkdir(parents=True)
    for directory, name in ((root, "a"), (top / "ml", "b"), (top, "c"), (tmp_path, "d")):
        data = {"resource_group": "rg", "workspace_name": name}
        (directory / "config.json").write_text(json.dumps(data))

    assert [guess.name for guess in guess_targets(root, top)] == ["a", "b", "c"]


def test_one_workspace_in_several_files_is_one_target(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        '{"subscription_id": "s", "resource_group": "rg", "workspace_name": "ws"}'
    )
    found = guessed(tmp_path, "run.sh", "az ml job create -g rg -w ws\naz ml job list -g RG -w WS")

    assert found == [("ws", {**WORKSPACE, "subscription_id": "s"})]
