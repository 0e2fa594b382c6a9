"""The forms in which a reference is written, and their parts."""

from __future__ import annotations

import pytest

from envsync.project.references.text import Text, read_text

ARM = "/subscriptions/S/resourceGroups/G/providers/Microsoft.MachineLearningServices"

CASES = {
    "azureml:a:1": Text("version", "a", "1"),
    "azureml:a.b-c_d:2024-01.x": Text("version", "a.b-c_d", "2024-01.x"),
    "azureml:a:latest": Text("version", "a", "latest"),
    "azureml:a@latest": Text("label", "a", label="latest"),
    "azureml:a@prod": Text("label", "a", label="prod"),
    "azureml:a": Text("name", "a"),
    "a:1": Text("version", "a", "1", has_prefix=False),
    "a@latest": Text("label", "a", label="latest", has_prefix=False),
    "azureml://registries/Shared/environments/a/versions/1": Text(
        "registry-version", "a", "1", registry="shared"
    ),
    "azureml://registries/azureml/environments/a/labels/latest": Text(
        "registry-label", "a", label="latest", registry="azureml"
    ),
    f"azureml:{ARM}/workspaces/W/environments/a/versions/1": Text(
        "arm-version", "a", "1", workspace=f"{ARM}/workspaces/W".lower()
    ),
    f"azureml:{ARM}/workspaces/W/environments/a/labels/latest": Text(
        "arm-label", "a", label="latest", workspace=f"{ARM}/workspaces/W".lower()
    ),
    f"azureml:{ARM}/registries/R/environments/a/versions/1": Text(
        "registry-version", "a", "1", registry="r"
    ),
    f"{ARM}/workspaces/W/environments/a/versions/1": Text(
        "arm-version", "a", "1", workspace=f"{ARM}/workspaces/W".lower(), has_prefix=False
    ),
    "azureml://locations/westeurope/workspaces/x/environments/a/versions/1": Text(
        "arm-version", "a", "1"
    ),
    "azureml:": Text("invalid"),
    "azureml:a:": Text("invalid"),
    "azureml:a@": Text("invalid"),
    "azureml:a b:1": Text("invalid"),
    "azureml:a:1:2": Text("invalid"),
    "azureml:azureml:a:1": Text("invalid"),
    "azureml://registries/azureml/environments/a": Text("invalid"),
    "azureml://registries/azureml/models/a/versions/1": Text("invalid"),
    "dev environment": Text("invalid", has_prefix=False),
    "": Text("invalid", has_prefix=False),
    "azureml:a:${{ inputs.version }}": Text("version", "a", has_placeholder=True),
    "azureml:a:$(VERSION)": Text("version", "a", has_placeholder=True),
    "azureml:a:{{ version }}": Text("version", "a", has_placeholder=True),
    "azureml:a:<VERSION>": Text("version", "a", has_placeholder=True),
    "azureml:a:__VERSION__": Text("version", "a", has_placeholder=True),
    "azureml:a:1-$(BUILD)": Text("version", "a", has_placeholder=True),
    "azureml:a@${LABEL}": Text("label", "a", has_placeholder=True),
    "azureml:$(NAME):1": Text("template", has_placeholder=True),
    "azureml:train-$(STAGE):1": Text("template", has_placeholder=True),
    "azureml://registries/$(R)/environments/a/versions/1": Text("template", has_placeholder=True),
    "${{ parent.inputs.environment }}": Text("template", has_prefix=False, has_placeholder=True),
    "< your environment name >": Text("template", has_prefix=False, has_placeholder=True),
}


@pytest.mark.parametrize(("text", "expected"), CASES.items())
def test_a_reference_is_split_into_its_parts(text: str, expected: Text) -> None:
    assert read_text(text) == expected
