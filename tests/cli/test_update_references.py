"""Tests of `envsync update --references` with the registries of an emulator."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("azure.ai.ml", reason="azure-ai-ml is not installed")

from envsync.emulator.serve import running
from envsync.emulator.settings import Settings
from envsync.project.project import load_project
from envsync.targets.azure.target import AzureTarget
from envsync.targets.kinds import open_target
from tests.cli.conftest import Run, declare
from tests.targets.azure.on_emulator import FAST, import_sdk, put

SCHEMA = "$schema: https://azuremlschemas.azureedge.net/latest/commandJob.schema.json\n"
ADDRESS = "azureml://registries/azureml/environments"


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs an emulator with the public registry of curated environments."""
    import_sdk()
    log = tmp_path_factory.mktemp("azure") / "requests.jsonl"
    settings = Settings(workspaces=("ws",), registries=("azureml", "shared"), **FAST)
    with pytest.MonkeyPatch.context() as patch, running(settings, log) as emulator:
        for name in [name for name in os.environ if name.startswith("AZURE_")]:
            patch.delenv(name)
        for name, value in emulator.variables.items():
            patch.setenv(name, value)
        yield


def test_references_are_pinned_to_the_newest_version(project: Path, run: Run, azure: None) -> None:
    register(project, "sklearn-1.5", "21", "22")
    declare(project, "a", None, f"127.0.0.1:1/base@sha256:{'a' * 64}")
    job = project / "job.yml"
    job.write_text(
        f"{SCHEMA}environment: {ADDRESS}/sklearn-1.5/labels/latest  # é\r\n"
        f"command: echo {ADDRESS}/sklearn-1.5/labels/latest\n"
    )
    other = project / "other.yml"
    other.write_text(f"{SCHEMA}environment: '{ADDRESS}/sklearn-1.5/versions/21'\n")
    script = project / "train.py"
    call = f'command(environment="{ADDRESS}/sklearn-1.5/versions/22")'
    script.write_text(f"from azure.ai.ml import command\n{call}\n")
    before = script.read_text()
    dry = run("update", "--references", "--dry-run", "--format", "json")
    moves = [(item["file"], item["before"], item["after"]) for item in dry.data["references"]]
    result = run("update", "--references")

    assert moves == [("job.yml", "latest", "22"), ("other.yml", "21", "22")]
    assert result.code == 0
    assert result.out.splitlines() == [
        f"job.yml:2: {ADDRESS}/sklearn-1.5/labels/latest",
        "  pinned: latest -> 22",
        f"other.yml:2: {ADDRESS}/sklearn-1.5/versions/21",
        "  pinned: 21 -> 22",
        "1 image: 1 without a tag.",
    ]
    assert job.read_bytes().decode() == (
        f"{SCHEMA}environment: {ADDRESS}/sklearn-1.5/versions/22  # é\r\n"
        f"command: echo {ADDRESS}/sklearn-1.5/labels/latest\n"
    )
    assert other.read_text() == f"{SCHEMA}environment: '{ADDRESS}/sklearn-1.5/versions/22'\n"
    assert script.read_text() == before


def test_a_registry_that_cannot_be_read_causes_one_warning(
    project: Path, run: Run, azure: None
) -> None:
    declare(project, "a", None, f"127.0.0.1:1/base@sha256:{'a' * 64}")
    (project / "job.yml").write_text(
        f"{SCHEMA}environment: azureml://registries/none/environments/x/labels/latest\n"
    )
    result = run("update", "x", "--references")

    assert result.code == 0
    start = "Warning: The registry none cannot be read, so 1 reference was not checked. "
    assert [line.startswith(start) for line in result.err.splitlines()].count(True) == 1


def register(project: Path, name: str, *versions: str) -> None:
    """Registers versions in the public registry of curated environments."""
    directory = project.parent / "azure"
    directory.mkdir()
    (directory / "envsync.yaml").write_text(
        "project: a\ntargets: {all: {kind: registry, registry: azureml}}\n"
    )
    config = load_project(directory).config
    with closing(open_target(config.target("all"), directory)) as target:
        assert isinstance(target, AzureTarget)
        for version in versions:
            put(target, name, version)
