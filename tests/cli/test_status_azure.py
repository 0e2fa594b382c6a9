"""`envsync status` over two workspaces and a registry of an emulator."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("azure.ai.ml", reason="azure-ai-ml is not installed")

from envsync.model.state import State
from envsync.targets.azure.target import AzureTarget
from tests.command import envsync
from tests.project.project import write
from tests.targets.azure.contract import one_creator
from tests.targets.azure.in_process import in_process
from tests.targets.azure.on_emulator import Azure

WORKSPACE = "{kind: workspace, subscription_id: '${AZURE_SUBSCRIPTION_ID}', resource_group: ml, "
SETTINGS = f"""\
project: churn
targets:
  dev: {WORKSPACE}workspace: ws-0}}
  prod: {WORKSPACE}workspace: ws-1}}
  shared: {{kind: registry, registry: registry-0, include: ["base*"]}}
  gone: {WORKSPACE}workspace: ws-gone}}
"""
FILE = "name: {name}\nversion: '1'\ndescription: d\nimage: contoso.azurecr.io/base:1\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    directory = tmp_path_factory.mktemp("azure")
    with in_process(directory, workspaces=2) as service, service.reached(), one_creator():
        yield service


@pytest.fixture(scope="module")
def project(service: Azure, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was applied to each target, and whose files were edited afterwards."""
    directory = write(tmp_path_factory.mktemp("churn"), {"envsync.yaml": SETTINGS})
    for name in ("base", "old", "train"):
        write(directory, {f"environments/{name}.yml": FILE.format(name=name)})
    for target in ("dev", "prod", "shared"):
        done = envsync("apply", "--yes", "-t", target, cwd=directory)
        assert done.returncode == 0, done.stderr
    (directory / "environments" / "old.yml").unlink()
    write(directory, {"environments/new.yml": FILE.format(name="new")})
    assert envsync("apply", "--yes", "-t", "dev", cwd=directory).returncode == 0
    write(directory, {"environments/base.yml": FILE.format(name="base").replace("d\n", "e\n")})
    return directory


def test_all_targets_are_shown_and_an_unreachable_target_causes_an_error(project: Path) -> None:
    done = envsync("status", cwd=project, COLUMNS="120")

    assert done.returncode == 1
    assert done.stdout == (
        "ENVIRONMENT  VERSION  dev       prod        shared   gone\n"
        "base         1        pending   pending     pending  unreachable\n"
        "new          1        in-sync   missing     -        unreachable\n"
        "old          1        archived  undeclared  -        unreachable\n"
        "\n"
        "train        1        in-sync   in-sync     -        unreachable\n"
        "\n"
        "4 environments in 4 targets: 3 pending, 1 missing, 1 archived, 1 undeclared, 3 in-sync. "
        "Unreachable: gone.\n"
    )
    assert done.stderr.count("Error: The target gone is unreachable: There is no workspace") == 1


def test_the_states_in_a_target_follow_from_its_plan(project: Path) -> None:
    targets = ("dev", "prod", "shared")
    selected = [word for target in targets for word in ("-t", target)]
    done = envsync("status", "--json", *selected, cwd=project)
    assert done.returncode == 0
    rows = json.loads(done.stdout)["environments"]

    for target in targets:
        plan = json.loads(envsync("plan", "--json", "-t", target, cwd=project).stdout)
        cells = [(row["name"], row["cells"][target]) for row in rows if target in row["cells"]]
        states = {"update": "pending", "create": "missing", "archive": "undeclared"}
        assert sorted((item["name"], states[item["action"]]) for item in plan["changes"]) == [
            (name, cell["state"])
            for name, cell in sorted(cells, key=lambda pair: pair[0])
            if cell["state"] in states.values()
        ]
        in_sync = [name for name, cell in cells if cell["state"] == "in-sync"]
        assert len(in_sync) == plan["summary"]["unchanged"]


def test_status_sends_only_read_requests(project: Path, service: Azure) -> None:
    before = len(service.requests())

    envsync("status", "--all", cwd=project)

    methods = {request["method"] for request in service.requests()[before:]}
    assert methods == {"GET"}


def test_the_targets_are_read_at_the_same_time(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A target that waits for another one would wait for ever if they were read one by one.
    together = threading.Barrier(3, timeout=60)
    read = AzureTarget.read

    def waiting(target: AzureTarget, names: set[str] | None, owner: str | None = None) -> State:
        together.wait()
        return read(target, names, owner)

    monkeypatch.setattr(AzureTarget, "read", waiting)

    done = envsync("status", "-t", "dev", "-t", "prod", "-t", "shared", cwd=project)

    assert done.returncode == 0, done.stderr
