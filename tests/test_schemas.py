"""The JSON Schemas for editors accept the same files as the loaders."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from envsync.model.errors import InvalidProject
from envsync.project.environment.fields import ENVIRONMENT_FIELDS
from envsync.project.rules import FIXED, RULES
from envsync.project.settings.config import load_config
from tests.project.project import DATA, load_files

# The JSON Schema that Microsoft publishes for environment files.
CONTRACT = DATA / "contract" / "environment.schema.json"


def schema(name: str) -> Any:
    return json.loads((files("envsync") / "schemas" / f"{name}.json").read_text("utf-8"))


def accepts(name: str, text: str) -> bool:
    data = yaml.safe_load(text)
    return not list(jsonschema.Draft202012Validator(schema(name)).iter_errors(data))


@pytest.mark.parametrize("name", ["config", "environment"])
def test_schemas_are_valid_and_describe_every_property(name: str) -> None:
    content = schema(name)
    jsonschema.Draft202012Validator.check_schema(content)

    assert [key for key, item in content["properties"].items() if "description" not in item] == []


BASE = "name: e\nimage: i:1\n"
ROUTE = "{path: /, port: 80}"
# Each file, and whether both the schema and the loader accept it.
ENVIRONMENTS = {
    BASE: True,
    "name: e\nbuild: {path: .}\n": True,
    "name: e\nbuild: {path: ., dockerfile_path: Dockerfile}\n": True,
    "name: e\nbuild: {path: 'https://github.com/a/b.git#main:dir'}\n": True,
    BASE + "version: '1.10'\n": True,
    BASE + "version: 3\n": True,
    BASE + "description: d\ntags: {a: b, c: 1.5, d: true}\nos_type: Linux\n": True,
    BASE + "conda_file: {name: x, channels: [y], dependencies: [z=1, {pip: [a]}]}\n": True,
    BASE + "conda_file: {dependencies: [a], variables: {A: b}, prefix: /x, _b: c}\n": True,
    BASE + "conda_file: {dependencies: [a], channels: }\n": True,
    "name: e\nimage: localhost:5000/a/b_c:T.1-x\n": True,
    f"name: e\nimage: My-Registry.azurecr.io/a--b@sha256:{'0' * 64}\n": True,
    BASE
    + f"inference_config: {{liveness_route: {ROUTE}, readiness_route: {ROUTE},"
    + f" scoring_route: {ROUTE}}}\n": True,
    BASE + "datastore: d\nauto_delete_setting: {condition: created_greater_than}\n": True,
    BASE + "id: azureml:e:1\nlatest_version: 3\ncreation_context: {created_by: me}\n": True,
    BASE + "$schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json\n": True,
    "image: i:1\n": False,
    "name: e\n": False,
    "name: 1\nimage: i:1\n": False,
    "name: a b\nimage: i:1\n": False,
    "name: azureml-x\nimage: i:1\n": False,
    BASE + "build: {path: .}\n": False,
    "name: e\nbuild: {}\n": False,
    "name: e\nbuild: {path: ., local_path: x}\n": False,
    "name: e\nbuild: {path: .}\nconda_file: {dependencies: []}\n": False,
    BASE + "version: latest\n": False,
    BASE + "version: true\n": False,
    BASE + "version:\n": False,
    BASE + "tags: [a]\n": False,
    BASE + "tags: {a: }\n": False,
    BASE + "tags: {a: [b]}\n": False,
    BASE + "tags: {envsync.owner: a}\n": False,
    BASE + "tasg: {}\n": False,
    BASE + "os_type: macos\n": False,
    BASE + "conda_file: {dependencies: x}\n": False,
    BASE + "conda_file: {dependencies: [1]}\n": False,
    BASE + "conda_file: {dependencies: [{conda: []}]}\n": False,
    BASE + "conda_file: 3\n": False,
    BASE + "conda_file: {}\n": False,
    BASE + "conda_file: {dependencies: []}\n": False,
    BASE + "conda_file: {dependencies: }\n": False,
    BASE + "conda_file: {dependencies: ['']}\n": False,
    BASE + "conda_file: {dependecies: [a], dependencies: [b]}\n": False,
    BASE + "conda_file: {dependencies: [a], channels: b}\n": False,
    BASE + "conda_file: {dependencies: [a], channels: [~]}\n": False,
    BASE + "conda_file: {dependencies: [a], variables: [b]}\n": False,
    "name: e\nimage: ${ACR}.azurecr.io/x:1\n": False,
    "name: e\nimage: https://mcr.microsoft.com/x:1\n": False,
    "name: e\nimage: mcr.microsoft.com/X:1\n": False,
    "name: e\nimage: 'x:1 '\n": False,
    BASE + f"inference_config: {{liveness_route: {ROUTE}}}\n": False,
    BASE + "id: e\n": False,
    BASE + "latest_version:\n": False,
    BASE + "auto_delete_setting: {condition: x}\n": False,
    BASE + "datastore: 1\n": False,
    "- a\n": False,
}


@pytest.mark.parametrize(("text", "expected"), ENVIRONMENTS.items())
def test_the_environment_schema_agrees_with_the_loader(
    text: str, expected: bool, tmp_path: Path
) -> None:
    path = tmp_path / "environments" / "e.yml"
    others = {"environments/Dockerfile": "FROM scratch\n"}
    loaded = load_files(tmp_path, {"environments/e.yml": text, **others}, paths=[path])

    assert (len(loaded.declarations) == 1) == expected
    assert accepts("environment", text) == expected


TARGET = "{kind: workspace, subscription_id: s, resource_group: g, workspace: '${W}'}"
# Each settings file, and whether both the schema and the loader accept it.
CONFIGS = {
    "{}": True,
    "project: p\nenvironments: e\nprune: none\nsuperseded: archive\nadopt: never\n": True,
    "versions: explicit\nignore_tags: [a*]\nmax_archive_percent: 100\n": True,
    f"targets: {{a: {TARGET}, b: {{kind: local}}, c: {{kind: registry, registry: r}}}}\n": True,
    "targets: {a: {kind: registry, registry: r, credential: cli, cloud: AzureCloud}}\n": True,
    "rules: {unpinned-image: off, missing-description: error, missing-file: error}\n": True,
    "rules: {unpinned-image: 'off'}\n": True,
    "versions: content\npolicy: {images: [], channels: [], require_tags: [], names: ''}\n": True,
    "policy: {images: ['a/*'], channels: [c], require_tags: [t], names: '[a-z]+'}\n": True,
    "policy: {}\n": True,
    "policy: {images: a}\n": False,
    "policy: {images: ['']}\n": False,
    "policy: {names: [a]}\n": False,
    "policy: {name: a}\n": False,
    "policy: [a]\n": False,
    "policy:\n": False,
    "rules: {policy-images: warning}\n": True,
    "defaults: {}\n": True,
    "defaults: {tags: {a: b, c: 1.5, d: true}, description: d}\n": True,
    "defaults: {tags: {envsync.owner: b}}\n": False,
    "defaults: {tags: {a: [b]}}\n": False,
    "defaults: {tags: [a]}\n": False,
    "defaults: {description: ' '}\n": False,
    "defaults: {name: a}\n": False,
    "targets: {a: {kind: local, include: ['a-*'], exclude: [], tags: {a: 1}, suffix: ''}}\n": True,
    "targets: {a: {kind: registry, registry: r, suffix: '-${W}', tags: {a: '${W}'}}}\n": True,
    "targets: {a: {kind: local, include: []}}\n": False,
    "targets: {a: {kind: local, include: a}}\n": False,
    "targets: {a: {kind: local, exclude: [1]}}\n": False,
    "targets: {a: {kind: local, suffix: a b}}\n": False,
    "targets: {a: {kind: local, tags: {envsync.x: a}}}\n": False,
    "rules: {duplicate-file: error}\n": True,
    "rules: {missing-project: off}\n": False,
    "projct: p\n": False,
    "project: 1\n": False,
    "project: ''\n": False,
    "prune: all\n": False,
    "versions: 1\n": False,
    "ignore_tags: a\n": False,
    "ignore_tags: [1]\n": False,
    "max_archive_percent: 101\n": False,
    "max_archive_percent: '30'\n": False,
    "targets: {}\n": False,
    "targets: {a: {}}\n": False,
    "targets: {a: {kind: cluster}}\n": False,
    "targets: {a b: {kind: local}}\n": False,
    "targets: {a: {kind: local, registry: r}}\n": False,
    "targets: {a: {kind: registry}}\n": False,
    "targets: {a: {kind: registry, registry: a/b}}\n": False,
    "targets: {a: {kind: registry, registry: r, credential: password}}\n": False,
    "rules: {unpinned-image: warn}\n": False,
    "rules: {no-rule: off}\n": False,
    "rules: {missing-file: off}\n": False,
    "- a\n": False,
}


@pytest.mark.parametrize(("text", "expected"), CONFIGS.items())
def test_the_config_schema_agrees_with_the_loader(
    text: str, expected: bool, tmp_path: Path
) -> None:
    (tmp_path / "envsync.yaml").write_text(text)
    try:
        load_config(None, tmp_path, {})
    except InvalidProject:
        accepted = False
    else:
        accepted = True

    assert accepted == expected
    assert accepts("config", text) == expected


def test_the_config_schema_has_every_rule_and_its_default() -> None:
    rules = schema("config")["properties"]["rules"]["properties"]

    assert {rule: item.get("default", "error") for rule, item in rules.items()} == RULES
    assert {rule for rule, item in rules.items() if item.get("const") == "error"} == FIXED


def test_the_environment_schema_has_the_fields_of_the_loader() -> None:
    assert set(schema("environment")["properties"]) == ENVIRONMENT_FIELDS


@pytest.mark.skipif(not CONTRACT.is_file(), reason=f"there is no {CONTRACT}")
def test_the_environment_schema_has_the_fields_of_azure_ai_ml() -> None:
    definitions = json.loads(CONTRACT.read_text())["definitions"]
    ours = schema("environment")

    def names(part: Any) -> set[str]:
        return set(part["properties"])

    assert names(ours) == names(definitions["EnvironmentSchema"])
    below = ours["properties"]
    assert names(below["build"]) == names(definitions["BuildContextSchema"])
    assert names(below["inference_config"]) == names(definitions["InferenceConfigSchema"])
    assert names(below["auto_delete_setting"]) == names(definitions["AutoDeleteSettingSchema"])
    assert names(ours["$defs"]["route"]) == names(definitions["RouteSchema"])
    for name, theirs in definitions["EnvironmentSchema"]["properties"].items():
        if "type" in theirs and "readOnly" not in theirs:
            assert below[name].get("type", theirs["type"]) == theirs["type"]
