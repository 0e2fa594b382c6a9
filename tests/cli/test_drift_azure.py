"""Tests of `envsync drift` with workspaces and registries of an emulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

pytest.importorskip("azure.ai.ml", reason="azure-ai-ml is not installed")

from envsync.model.canonical import JSON
from envsync.model.environment import EnvironmentKey, all_tags
from envsync.targets.azure.target import AzureTarget
from envsync.targets.kinds import open_target
from tests.command import envsync
from tests.project.project import write
from tests.targets.azure.contract import one_creator
from tests.targets.azure.in_process import in_process
from tests.targets.azure.on_emulator import Azure

SETTINGS = """\
project: churn
default_target: dev
targets:
  dev:
    kind: workspace
    subscription_id: "${AZURE_SUBSCRIPTION_ID}"
    resource_group: ml-dev
    workspace: ws-%s
  shared: {kind: registry, registry: registry-%s}
"""
ENVIRONMENT = """\
name: train
version: "1"
image: mcr.microsoft.com/azureml/base:1
description: About
tags: {owner: ours, team: x}
"""
COUNT = 12
NUMBERS = iter(range(COUNT))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    directory = tmp_path_factory.mktemp("azure")
    places = {"workspaces": COUNT, "registries": COUNT}
    with (
        in_process(directory, **places, system_data="updated") as service,
        service.reached(),
        one_creator(),
    ):
        yield service


@pytest.fixture
def project(tmp_path: Path, service: Azure) -> Path:
    """A project whose environment is in a workspace and a registry that no other test uses."""
    number = next(NUMBERS)
    directory = write(
        tmp_path,
        {"envsync.yaml": SETTINGS % (number, number), "environments/train.yml": ENVIRONMENT},
    )
    for target in ("dev", "shared"):
        assert envsync("apply", "--yes", "-t", target, cwd=directory).returncode == 0
    return directory


@contextmanager
def opened(project: Path, name: str) -> Iterator[AzureTarget]:
    from envsync.project.settings.config import load_config

    config = load_config(None, project)
    target = open_target(config.target(name), project)
    assert isinstance(target, AzureTarget)
    try:
        yield target
    finally:
        target.close()


def drift(project: Path, target: str, *arguments: str) -> tuple[int, Any]:
    result = envsync("drift", "-t", target, "--json", *arguments, cwd=project)
    return result.returncode, json.loads(result.stdout)["targets"][0]


@pytest.mark.parametrize("target", ["dev", "shared"])
def test_drift_reports_an_edit_and_writes_nothing(
    project: Path, service: Azure, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = EnvironmentKey("train", "1")
    before = drift(project, target)
    with opened(project, target) as place:
        item = place.read(["train"])["train"].versions[0].environment
        metadata = replace(item.metadata, tags={"owner": "theirs", "team": "x"})
        place.update(key, metadata, item.provenance)
    # Otherwise, a write right after the creation would count as part of the creation.
    monkeypatch.setattr("envsync.targets.azure.wire._CREATING", 0)
    written = len(service.requests())
    code, report = drift(project, target)
    plan = envsync("plan", "-t", target, cwd=project).stdout

    assert (before[0], before[1]["drift"]) == (0, [])
    assert code == 2
    (found,) = report["drift"]
    assert found["fields"] == [
        {"path": "tags.owner", "target": "theirs", "file": "ours", "origin": "target"}
    ]
    assert report["pending"] == []
    assert f"drifted: tags.owner was changed by {found['by']} at 20" in " ".join(plan.split())
    methods = {request["method"] for request in service.requests()[written:]}
    assert methods == {"GET"}


def test_an_edit_with_azure_ai_ml_is_drift(project: Path) -> None:
    with opened(project, "dev") as place:
        client = place.endpoint.creator._client()
        item = client.environments.get("train", "1")
        item.tags["owner"] = "theirs"
        client.environments.create_or_update(item)
    code, report = drift(project, "dev")

    assert code == 2
    assert [(item["edited"], item["fields"]) for item in report["drift"]] == [
        (
            True,
            [{"path": "tags.owner", "target": "theirs", "file": "ours", "origin": "target"}],
        )
    ]


@pytest.mark.parametrize("target", ["dev", "shared"])
@pytest.mark.parametrize("scope", ["1", None])
def test_an_archive_in_the_target_is_drift(project: Path, target: str, scope: str | None) -> None:
    with opened(project, target) as place:
        place.set_archived("train", scope, True)
    code, report = drift(project, target)

    assert code == 2
    assert [(item["version"], item["fields"]) for item in report["drift"]] == [
        (scope, [{"path": "archived", "target": True, "file": False, "origin": "target"}])
    ]
    assert report["pending"] == []


@pytest.mark.parametrize("target", ["dev", "shared"])
def test_the_origin_of_an_edit_is_unknown_if_the_version_lacks_the_applied_tag(
    project: Path, target: str
) -> None:
    with opened(project, target) as place:
        resources = place.endpoint.resources
        held = resources.version("train", "1")
        assert held is not None
        tags: dict[str, JSON] = {**held.tags, "owner": "old"}
        del tags["envsync.applied"]
        body: dict[str, JSON] = {"properties": {**held.properties, "tags": tags}}
        resources.put_version("train", "1", body)
    code, report = drift(project, target)
    applied = envsync("apply", "--yes", "-t", target, cwd=project).returncode
    with opened(project, target) as place:
        after = place.read(["train"])["train"].versions[0].environment

    assert (code, report["drift"]) == (0, [])
    assert [item["edited"] for item in report["unknown"]] == [None]
    assert applied == 0
    assert all_tags(after.metadata, after.provenance)["envsync.applied"] == after.metadata.digest


def test_an_edit_is_drift_although_its_author_is_unknown(tmp_path: Path) -> None:
    """In recorded responses, `systemData` shows only the creation."""
    (tmp_path / "azure").mkdir()
    with in_process(tmp_path / "azure") as service, service.reached():
        directory = write(
            tmp_path / "project",
            {"envsync.yaml": SETTINGS % (0, 0), "environments/train.yml": ENVIRONMENT},
        )
        assert envsync("apply", "--yes", cwd=directory).returncode == 0
        with opened(directory, "dev") as place:
            item = place.read(["train"])["train"].versions[0].environment
            metadata = replace(item.metadata, description="Mine.")
            place.update(EnvironmentKey("train", "1"), metadata, item.provenance)
        code, report = drift(directory, "dev")
        plan = envsync("plan", cwd=directory).stdout

    assert code == 2
    assert [(item["by"], item["at"]) for item in report["drift"]] == [(None, None)]
    assert "drifted: description was changed in the target\n" in plan
