"""Runs the examples of Microsoft's documentation with Microsoft's libraries and the emulator.

The examples are in the articles `how-to-manage-environments-v2` and
`how-to-share-models-pipelines-across-workspaces-with-registries` below
https://learn.microsoft.com/azure/machine-learning/. Each test starts a new emulator.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from envsync.emulator.settings import Settings
from tests.emulator.conftest import require_blobs

for extra in ("starlette", "uvicorn", "trustme", "azure.ai.ml", "azure.identity"):
    pytest.importorskip(extra, reason=f"the examples need {extra}")

if TYPE_CHECKING:
    from azure.ai.ml import MLClient


PYDATA = """\
name: pydata-example
channels:
  - conda-forge
dependencies:
  - python=3.12
  - pip=24.0
  - pip:
      - numpy
      - pandas==2.2.2
"""


@pytest.fixture(autouse=True)
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A new emulator, and a working directory with the files of the examples."""
    from tests.emulator.shared import running

    context = tmp_path / "docker-contexts" / "python-and-pip"
    context.mkdir(parents=True)
    (context / "Dockerfile").write_text("FROM python:3.12\nCOPY requirements.txt .\n")
    (context / "requirements.txt").write_text("numpy\n")
    (tmp_path / "conda-yamls").mkdir()
    (tmp_path / "conda-yamls" / "pydata.yml").write_text(PYDATA)
    monkeypatch.chdir(tmp_path)
    with running(Settings()) as emulator, monkeypatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AZURE_")]:
            patch.delenv(name)
        for name, value in emulator.variables.items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def ml_client() -> MLClient:
    """A client for the workspace, created as in the documentation."""
    from azure.ai.ml import MLClient
    from azure.identity import DefaultAzureCredential

    subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
    resource_group = os.environ["AZURE_RESOURCE_GROUP"]
    workspace = os.environ["AZUREML_WORKSPACE_NAME"]
    return MLClient(
        DefaultAzureCredential(),
        subscription_id=subscription_id,
        resource_group_name=resource_group,
        workspace_name=workspace,
    )


@pytest.fixture
def registry_client() -> MLClient:
    """A client for the registry."""
    from azure.ai.ml import MLClient
    from azure.identity import DefaultAzureCredential

    return MLClient(
        credential=DefaultAzureCredential(), registry_name=os.environ["AZUREML_REGISTRY_NAME"]
    )


def create_from_image(ml_client: MLClient) -> None:
    from azure.ai.ml.entities import Environment

    env_docker_image = Environment(
        image="pytorch/pytorch:latest",
        name="docker-image-example",
        description="Environment created from a Docker image.",
    )
    ml_client.environments.create_or_update(env_docker_image)


def test_an_environment_is_created_from_an_image(ml_client: MLClient) -> None:
    create_from_image(ml_client)
    env = ml_client.environments.get("docker-image-example", "1")

    assert (env.name, env.version) == ("docker-image-example", "1")
    assert env.image == "pytorch/pytorch:latest"
    assert env.description == "Environment created from a Docker image."


def test_an_environment_is_created_from_a_build_context(ml_client: MLClient) -> None:
    require_blobs()
    from azure.ai.ml.entities import BuildContext, Environment

    env_docker_context = Environment(
        build=BuildContext(path="docker-contexts/python-and-pip"),
        name="docker-context-example",
        description="Environment created from a Docker context.",
    )
    created = ml_client.environments.create_or_update(env_docker_context)
    env = ml_client.environments.get("docker-context-example", "1")

    assert created.build is not None
    assert env.build is not None
    assert str(env.build.path).startswith("https://envsyncemulator.blob.core.windows.net/")
    assert str(env.build.path).endswith("/python-and-pip/")
    assert blobs_below(str(env.build.path)) == {
        "Dockerfile": b"FROM python:3.12\nCOPY requirements.txt .\n",
        "requirements.txt": b"numpy\n",
    }


def blobs_below(uri: str) -> dict[str, bytes]:
    """Returns the content of each blob below a URL, read with the key of the account."""
    from azure.storage.blob import ContainerClient

    settings = Settings()
    container, _, prefix = uri.removeprefix(settings.blob_endpoint + "/").partition("/")
    with ContainerClient(settings.blob_endpoint, container, credential=settings.blob_key) as client:
        return {
            name.removeprefix(prefix): client.download_blob(name).readall()
            for name in client.list_blob_names(name_starts_with=prefix)
            if not name.endswith("/")
        }


def test_an_environment_is_created_from_an_image_with_conda(ml_client: MLClient) -> None:
    from azure.ai.ml.entities import Environment

    env_docker_conda = Environment(
        image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04",
        conda_file="conda-yamls/pydata.yml",
        name="docker-image-plus-conda-example",
        description="Environment created from a Docker image plus Conda environment.",
    )
    ml_client.environments.create_or_update(env_docker_conda)
    env = ml_client.environments.get("docker-image-plus-conda-example", "1")

    assert env.image == "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04"
    assert env.conda_file == {
        "name": "pydata-example",
        "channels": ["conda-forge"],
        "dependencies": ["python=3.12", "pip=24.0", {"pip": ["numpy", "pandas==2.2.2"]}],
    }


def test_environments_are_listed(ml_client: MLClient) -> None:
    create_from_image(ml_client)
    names = {env.name for env in ml_client.environments.list()}

    assert {"docker-image-example", "AzureML-sklearn-1.0-ubuntu20.04-py38-cpu"} <= names


def test_the_versions_of_a_name_are_listed(ml_client: MLClient) -> None:
    create_from_image(ml_client)

    assert [
        (env.name, env.version) for env in ml_client.environments.list(name="docker-image-example")
    ] == [("docker-image-example", "1")]


def test_the_description_is_updated(ml_client: MLClient) -> None:
    create_from_image(ml_client)
    env = ml_client.environments.get(name="docker-image-example", version="1")
    env.description = "This is an updated description."
    ml_client.environments.create_or_update(environment=env)
    env = ml_client.environments.get(name="docker-image-example", version="1")

    assert env.description == "This is an updated description."
    assert env.image == "pytorch/pytorch:latest"


def active(ml_client: MLClient) -> list[str]:
    return [env.name for env in ml_client.environments.list() if env.name.startswith("docker-")]


def test_a_container_is_archived_and_restored(ml_client: MLClient) -> None:
    create_from_image(ml_client)
    ml_client.environments.archive(name="docker-image-example")
    assert active(ml_client) == []

    ml_client.environments.restore(name="docker-image-example")
    assert active(ml_client) == ["docker-image-example"]


def test_a_version_is_archived_and_restored(ml_client: MLClient) -> None:
    create_from_image(ml_client)
    ml_client.environments.archive(name="docker-image-example", version="1")
    assert list(ml_client.environments.list(name="docker-image-example")) == []
    assert ml_client.environments.get("docker-image-example", "1").version == "1"

    ml_client.environments.restore(name="docker-image-example", version="1")
    listed = ml_client.environments.list(name="docker-image-example")
    assert [env.version for env in listed] == ["1"]


def test_latest_is_the_version_created_last(ml_client: MLClient) -> None:
    from azure.ai.ml.entities import Environment

    # "2" is created last, and is neither the highest number nor the last in alphabetical order.
    for version in ("9", "10", "2"):
        ml_client.environments.create_or_update(
            Environment(name="latest-example", version=version, image="python:3.12")
        )

    assert ml_client.environments.get(name="latest-example", label="latest").version == "2"


def test_an_environment_without_a_version_gets_the_next_number(ml_client: MLClient) -> None:
    from azure.ai.ml.entities import Environment

    versions = [
        ml_client.environments.create_or_update(
            Environment(name="counted-example", image=f"python:3.{minor}")
        ).version
        for minor in (11, 12, 13)
    ]

    assert versions == ["1", "2", "3"]


def test_an_environment_is_created_in_a_registry(registry_client: MLClient) -> None:
    from azure.ai.ml.entities import Environment

    env_docker_conda = Environment(
        image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04",
        conda_file="conda-yamls/pydata.yml",
        name="SKLearnEnv",
        version="1",
        description="scikit-learn environment",
    )
    registry_client.environments.create_or_update(env_docker_conda)
    env = registry_client.environments.get(name="SKLearnEnv", version="1")

    assert env.id == "azureml://registries/shared/environments/SKLearnEnv/versions/1"
    assert env.description == "scikit-learn environment"
    assert [listed.name for listed in registry_client.environments.list()] == ["SKLearnEnv"]


def test_a_build_context_is_uploaded_to_a_registry(registry_client: MLClient) -> None:
    require_blobs()
    from azure.ai.ml.entities import BuildContext, Environment

    registry_client.environments.create_or_update(
        Environment(
            build=BuildContext(path="docker-contexts/python-and-pip"),
            name="docker-context-example",
            version="1",
        )
    )
    env = registry_client.environments.get("docker-context-example", "1")

    assert env.build is not None
    assert set(blobs_below(str(env.build.path))) >= {"Dockerfile", "requirements.txt"}


def test_an_environment_is_shared_from_a_workspace_to_a_registry(ml_client: MLClient) -> None:
    create_from_image(ml_client)
    ml_client.environments.share(
        name="docker-image-example",
        version="1",
        registry_name=os.environ["AZUREML_REGISTRY_NAME"],
        share_with_name="shared-example",
        share_with_version="7",
    )
    from azure.ai.ml import MLClient
    from azure.identity import DefaultAzureCredential

    registry_client = MLClient(
        credential=DefaultAzureCredential(), registry_name=os.environ["AZUREML_REGISTRY_NAME"]
    )
    assert registry_client.environments.get("shared-example", "7").image == "pytorch/pytorch:latest"
