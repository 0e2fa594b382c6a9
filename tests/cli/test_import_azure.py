"""Tests of `envsync import` with workspaces and registries of an emulator."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

pytest.importorskip("azure.ai.ml", reason="azure-ai-ml is not installed")

from envsync.emulator.settings import Settings
from envsync.model.environment import Build, Environment, EnvironmentKey, EnvironmentSpec
from envsync.model.provenance import Provenance
from envsync.project.context.scan import scan_context
from envsync.project.project import load_project
from envsync.targets.azure.target import AzureTarget
from envsync.targets.kinds import open_target
from tests.command import envsync
from tests.emulator.shared import running
from tests.project.project import write
from tests.targets.azure.on_emulator import FAST, import_sdk, put, require_azurite
from tests.targets.contract import IMAGE

SETTINGS = """\
project: churn
default_target: dev
targets:
  dev:
    kind: workspace
    subscription_id: "${AZURE_SUBSCRIPTION_ID}"
    resource_group: ml-dev
    workspace: ws-%s
  shared: {kind: registry, registry: shared-%s}
"""
NUMBERS = iter(range(100))

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module", autouse=True)
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs an emulator whose registries include the public registry of curated environments."""
    import_sdk()
    names = {
        "workspaces": tuple(f"ws-{number}" for number in range(12)),
        "registries": ("azureml", *(f"shared-{number}" for number in range(12))),
    }
    log = tmp_path_factory.mktemp("azure") / "requests.jsonl"
    with (
        pytest.MonkeyPatch.context() as patch,
        running(Settings(**{**names, **FAST}), log) as emulator,
    ):
        for name in [name for name in os.environ if name.startswith("AZURE_")]:
            patch.delenv(name)
        for name, value in emulator.variables.items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project whose workspace and registry no other test uses."""
    number = next(NUMBERS)
    directory = tmp_path / "churn"
    directory.mkdir()
    (directory / "envsync.yaml").write_text(SETTINGS % (number, number))
    return directory


@pytest.fixture
def run(project: Path) -> Run:
    def call(*arguments: str, code: int = 0) -> CompletedProcess[str]:
        result = envsync(*arguments, cwd=project)
        assert result.returncode == code, result.stderr
        return result

    return call


@contextmanager
def opened(project: Path, name: str = "dev") -> Iterator[AzureTarget]:
    config = load_project(project).config
    with closing(open_target(config.target(name), project)) as target:
        assert isinstance(target, AzureTarget)
        yield target


def built(directory: Path) -> EnvironmentSpec:
    directory.mkdir(parents=True)
    (directory / "Dockerfile").write_text("FROM x:1\n")
    (directory / "empty.txt").write_text("")
    return EnvironmentSpec(build=Build(scan_context(directory, directory).context))


def changes(run: Run, target: str) -> list[str]:
    data = json.loads(run("plan", "-t", target, "--json").stdout)
    assert data["rejections"] == []
    return [f"{item['action']} {item['name']} {item['reason']}" for item in data["changes"]]


def file(project: Path, name: str) -> str:
    return (project / "environments" / name).read_text()


ADOPT = "new owner: the version belongs to no project"


def test_a_version_of_another_client_is_imported_and_adopted(project: Path, run: Run) -> None:
    conda = "dependencies:\n- python=3.10\n- pip:\n  - numpy\nname: c\n"
    with opened(project) as target:
        put(target, "py.data", "2024-01-01", condaFile=conda, tags={"n": 1.5, "none": None})
    run("import")

    assert file(project, "py.data/env.yml").splitlines()[1:] == [
        "name: py.data",
        'version: "2024-01-01"',
        f"image: {IMAGE}",
        "conda_file: environment.yml",
        "tags:",
        '  n: "1.5"',
    ]
    assert file(project, "py.data/environment.yml") == (
        "name: c\ndependencies:\n  - python=3.10\n  - pip:\n      - numpy\n"
    )
    assert changes(run, "dev") == [f"update py.data {ADOPT}"]
    run("apply", "--yes")
    assert changes(run, "dev") == []


def test_import_names_the_fields_that_a_file_cannot_declare(project: Path, run: Run) -> None:
    with opened(project) as target:
        put(target, "a", properties={"team": "x\ny"}, autoRebuild="OnBaseImageUpdate")
        put(target, "b", properties={})
        put(target, "c", isAnonymous=True)
    result = run("import")

    note = (
        "The registered version has fields that a file cannot declare: autoRebuild "
        '("OnBaseImageUpdate"), properties.team ("x\\ny").'
    )
    assert f"Note: {note}" in result.stdout
    comment = [line for line in file(project, "a/env.yml").splitlines() if line.startswith("# ")]
    assert " ".join(line.removeprefix("# ") for line in comment) == note
    assert "#" not in file(project, "b/env.yml")
    assert not (project / "environments/c").exists()
    assert changes(run, "dev") == [f"update a {ADOPT}", f"update b {ADOPT}"]


def test_a_build_context_is_downloaded_and_verified(
    project: Path, run: Run, tmp_path: Path
) -> None:
    require_azurite()
    with opened(project) as target:
        spec = built(tmp_path / "docker")
        target.create(Environment(EnvironmentKey("a", "1"), spec))
    run("import", "--adopt")

    context = project / "environments/a/context"
    assert {path.name for path in context.iterdir()} == {"Dockerfile", "empty.txt"}
    assert file(project, "a/env.yml").endswith("build:\n  path: context\n")
    assert changes(run, "dev") == []


def test_files_without_the_registered_hash_are_not_written(
    project: Path, run: Run, tmp_path: Path
) -> None:
    require_azurite()
    with opened(project) as target:
        target.create(Environment(EnvironmentKey("a", "1"), built(tmp_path / "docker")))
        contexts = target.endpoint.contexts
        assert contexts is not None
        storage = contexts._storage()
        item = target.read(["a"])["a"].versions[0]
    from azure.storage.blob import ContainerClient

    url = f"https://{storage.host}"
    path = str(item.context_uri).removeprefix(f"{url}/{storage.container}/")
    with ContainerClient(url, storage.container, credential=storage.secret) as client:
        client.upload_blob(f"{path}Dockerfile", b"FROM evil:1\n", overwrite=True)
    result = run("import")

    assert "because the hash of the stored files is not the registered hash" in result.stdout
    assert not (project / "environments/a/context").exists()
    assert f"build:\n  path: {item.context_uri}\n" in file(project, "a/env.yml")
    assert changes(run, "dev") == [f"update a {ADOPT}"]
    run("apply", "--yes")
    assert changes(run, "dev") == []


def test_a_file_contains_the_address_of_a_build_context_in_a_registry(
    project: Path, run: Run, tmp_path: Path
) -> None:
    require_azurite()
    with opened(project, "shared") as target:
        spec = built(tmp_path / "docker")
        digest = Provenance(digest=spec.digest)
        target.create(Environment(EnvironmentKey("a", "1"), spec, provenance=digest))
        uri = target.read(["a"])["a"].versions[0].context_uri
    dry = run("import", "-t", "shared", "--dry-run", "--json").stdout
    result = run("import", "-t", "shared", "--json").stdout

    assert json.loads(result)["imported"] == json.loads(dry)["imported"]
    assert "cannot read the storage of a registry" in result
    text = file(project, "a/env.yml")
    assert text.startswith("# The files of the build context were not downloaded, because ")
    assert f"build:\n  path: {uri}\n" in text
    assert changes(run, "shared") == [f"update a {ADOPT}"]
    run("apply", "-t", "shared", "--yes")
    assert changes(run, "shared") == []


ROUTE = "{path: /x, port: 80}"
DECLARED = {
    "image.yml": "name: image\nversion: '1.10'\nimage: x.io/a:1\ntags: {a: '', b: 'yes'}\n",
    "conda.yml": "name: conda\nversion: v2\nimage: x.io/a:1\nconda_file: conda.yaml\n"
    "description: |\n  Two\n  lines: #1\n",
    "conda.yaml": "name: c\ndependencies:\n- python=3.11\n- pip:\n  - 'a[b] @ https://x.y/z'\n",
    "triton.yml": "name: triton\nversion: 2024-01\nimage: x.io/a:1\nos_type: windows\n"
    f"inference_config: {{liveness_route: {ROUTE}, readiness_route: {ROUTE}, "
    f"scoring_route: {ROUTE}}}\n",
    "built.yml": "name: built\nversion: 7\nbuild: {path: ctx, dockerfile_path: d/Dockerfile}\n",
    "ctx/d/Dockerfile": "FROM x:1\n",
    "ctx/größe.txt": "1",
    "ctx/.amlignore": "*.log\n",
    "remote.yml": "name: remote\nversion: 1\nbuild: {path: 'https://x.io/z.git#main:d'}\n",
}


def test_an_import_declares_what_was_applied_to_a_workspace(
    project: Path, run: Run, tmp_path: Path
) -> None:
    require_azurite()
    write(project, {f"environments/{path}": text for path, text in DECLARED.items()})
    run("apply", "--yes")
    elsewhere = tmp_path / "elsewhere"
    write(elsewhere, {"envsync.yaml": (project / "envsync.yaml").read_text()})
    result = envsync("import", cwd=elsewhere)

    assert result.stdout.endswith("Imported: 5 versions.\n"), result.stderr
    there, here = load_project(project).declarations, load_project(elsewhere).declarations
    assert [(item.name, item.version, item.spec, item.metadata) for item in here] == [
        (item.name, item.version, item.spec, item.metadata) for item in there
    ]
    plan = json.loads(envsync("plan", "--json", cwd=elsewhere).stdout)
    assert (plan["changes"], plan["rejections"]) == ([], [])


def test_curated_environments_are_not_imported(project: Path, run: Run) -> None:
    assert run("import").stdout.startswith("Nothing to import")
    assert "--as MY-NAME" in run("import", "AzureML-*", code=1).stderr


def test_a_new_environment_starts_from_a_curated_environment_of_a_workspace(
    project: Path, run: Run
) -> None:
    run("import", "AzureML-lightgbm-3.3@latest", "--as", "my-name")

    assert file(project, "my-name/env.yml").splitlines()[1:] == [
        "name: my-name",
        'version: "1"',
        "description: Started as a copy of AzureML-lightgbm-3.3:1 in the workspace "
        + load_project(project).config.targets["dev"].settings["workspace"]
        + ".",
        "image: mcr.microsoft.com/azureml/curated/lightgbm-3.3:1",
    ]
    assert run("validate").stdout.startswith("Valid.")
    assert [item.split()[0] for item in changes(run, "dev")] == ["create"]


def curated(project: Path, name: str, version: str, **properties: Any) -> None:
    """Registers a version in the public registry of curated environments."""
    settings = "project: a\ntargets: {all: {kind: registry, registry: azureml}}\n"
    (project / "azureml.yaml").write_text(settings)
    config = load_project(project, project / "azureml.yaml").config
    with closing(open_target(config.target("all"), project)) as target:
        assert isinstance(target, AzureTarget)
        put(target, name, version, **properties)


BLOBS = "https://contoso.blob.core.windows.net/azureml-1/context/"


@pytest.mark.parametrize("path", ["labels/latest", "versions/22"])
def test_a_new_environment_uses_the_image_of_a_curated_environment_in_a_registry(
    project: Path, run: Run, path: str
) -> None:
    name = f"image-1.5-{path.partition('/')[0]}"
    curated(project, name, "22", image="mcr.microsoft.com/azureml/x:22", tags={"GPU": ""})
    address = f"azureml://registries/azureml/environments/{name}/{path}"
    run("import", address, "--as", "my-name")

    assert file(project, "my-name/env.yml").splitlines()[1:] == [
        "name: my-name",
        'version: "1"',
        "description: >-",
        "  Started as a copy of",
        f"  azureml://registries/azureml/environments/{name}/versions/22.",
        "image: mcr.microsoft.com/azureml/x:22",
    ]


def test_a_new_environment_has_a_dockerfile_if_the_curated_environment_has_one(
    project: Path, run: Run
) -> None:
    build = {"contextUri": BLOBS, "dockerfilePath": "docker/Dockerfile"}
    curated(project, "built-1.5", "7", image=None, build=build)
    address = "azureml://registries/azureml/environments/built-1.5/labels/latest"
    result = run("import", address, "--as", "my-name")

    assert "The original Dockerfile was not downloaded, because clients cannot" in result.stdout
    assert file(project, "my-name/context/Dockerfile") == (
        "FROM mcr.microsoft.com/azureml/curated/built-1.5:7\n"
    )
    assert file(project, "my-name/env.yml").endswith("build:\n  path: context\n")
    assert run("validate").stdout.startswith("Valid.")


def test_a_missing_curated_environment_is_reported(project: Path, run: Run) -> None:
    curated(project, "known-1.5", "1")
    address = "azureml://registries/azureml/environments/%s"

    for path, message in (
        ("knwon-1.5/labels/latest", "has no environment 'knwon-1.5'. Did you mean `known-1.5`?"),
        ("known-1.5/versions/2", "known-1.5 has no version '2'."),
        ("known-1.5/labels/beta", "Unknown label 'beta'."),
    ):
        assert message in run("import", address % path, "--as", "x", code=1).stderr
