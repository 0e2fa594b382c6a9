"""Keys and schemas of environment files are recognised, even if they are misspelt."""

from __future__ import annotations

import pytest

from envsync.project.search.shape import is_environment_schema, is_similar_schema, similar_field

BASE = "https://azuremlschemas.azureedge.net/latest/"
# The schemas that Microsoft publishes for other kinds of files.
OTHERS = [
    "commandJob",
    "sweepJob",
    "pipelineJob",
    "sparkJob",
    "parallelJob",
    "importJob",
    "automlJob",
    "commandComponent",
    "pipelineComponent",
    "managedOnlineEndpoint",
    "managedOnlineDeployment",
    "kubernetesOnlineEndpoint",
    "kubernetesOnlineDeployment",
    "batchEndpoint",
    "batchDeployment",
    "modelBatchDeployment",
    "model",
    "data",
    "amlCompute",
    "computeInstance",
    "workspace",
    "hub",
    "project",
    "registry",
    "schedule",
    "monitorSchedule",
    "featureSet",
    "featureStore",
    "featureStoreEntity",
    "azureBlob",
    "azureDataLakeGen2",
    "deploymentTemplate",
    "mltable",
]


@pytest.mark.parametrize("kind", OTHERS)
def test_the_schema_of_another_kind_of_file_is_not_similar(kind: str) -> None:
    schema = f"{BASE}{kind}.schema.json"

    assert (is_environment_schema(schema), is_similar_schema(schema)) == (False, False)


@pytest.mark.parametrize(
    "schema",
    [
        f"{BASE}enviroment.schema.json",
        f"{BASE}environments.schema.json",
        f"{BASE}Environment.schma.json",
        f"{BASE}environment.json",
        "https://example.com/environment.schema.json",
        "./environment.schema.json",
        r"..\schemas\environment.schema.json",
        "environment.schema.yaml",
    ],
)
def test_a_misspelt_environment_schema_is_similar(schema: str) -> None:
    assert (is_environment_schema(schema), is_similar_schema(schema)) == (False, True)


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("imgae", "image"),
        ("IMAGE", "image"),
        ("nmae", "name"),
        ("biuld", "build"),
        ("condaFile", "conda_file"),
        ("conda-file", "conda_file"),
        ("steps", None),
        ("services", None),
        ("package", None),
    ],
)
def test_similar_field_returns_the_field_for_a_misspelt_key(key: str, field: str | None) -> None:
    assert similar_field(key) == field
