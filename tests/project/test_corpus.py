"""envsync and azure-ai-ml read public environment files with the same result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from envsync.model.declaration import Declaration
from envsync.model.environment import Build, BuildContext
from envsync.project.load import Loaded, load
from tests.project.project import DATA

VERDICTS = DATA / "corpus" / "sdk-verdicts.jsonl"

if not VERDICTS.is_file():
    pytest.skip(
        f"there are no public environment files in {DATA} (set ENVSYNC_TEST_DATA)",
        allow_module_level=True,
    )

FILES = [json.loads(line) for line in VERDICTS.read_text().splitlines()]

DIFFERENCES = {
    # The version is a placeholder, which a script replaces before the file is used.
    "cli/jobs/pipelines-with-components/nyc_taxi_data_regression/env_train.yml": "invalid-version",
}
"""Files that azure-ai-ml loads and envsync refuses on purpose, with the rule."""


def load_one(verdict: dict[str, Any]) -> Loaded:
    root = DATA / "corpus" / verdict["repo"]
    return load(root, [root], rules={}, versions="auto", paths=[root / verdict["path"]])


@pytest.mark.parametrize("verdict", FILES, ids=lambda verdict: verdict["path"])
def test_a_file_that_azure_ai_ml_accepts_is_accepted(verdict: dict[str, Any]) -> None:
    loaded = load_one(verdict)
    errors = {problem.rule for problem in loaded.problems if problem.severity == "error"}

    if verdict["path"] in DIFFERENCES:
        assert errors == {DIFFERENCES[verdict["path"]]}
    elif verdict["load"] == "ok":
        assert errors == set()
        assert len(loaded.declarations) == 1
    else:
        # The corpus lacks the files that this environment file names.
        assert errors == {"missing-file"}
        assert "No such file" in verdict["message"]


@pytest.mark.parametrize(
    "verdict",
    [v for v in FILES if v["load"] == "ok" and v["path"] not in DIFFERENCES],
    ids=lambda verdict: verdict["path"],
)
def test_a_declaration_has_the_values_that_azure_ai_ml_would_send(verdict: dict[str, Any]) -> None:
    declaration = load_one(verdict).declarations[0]
    wire = verdict["wire"]

    assert (declaration.name, declaration.version) == (verdict["name"], verdict["version"])
    assert declaration.spec.image == wire.get("image")
    assert declaration.metadata.description == wire.get("description")
    assert declaration.spec.os_type.lower() == wire.get("osType", "linux")
    conda = yaml.safe_load(wire["condaFile"]) if "condaFile" in wire else None
    assert json.loads(declaration.spec.conda_file or "null") == conda
    assert_same_build(declaration, wire.get("build"), verdict)
    # For the tag value 1.10, azure-ai-ml sends the number 1.1. envsync keeps the text of the file.
    tags = {key: yaml.safe_load(text) for key, text in declaration.metadata.tags.items()}
    assert {key: str(value) for key, value in tags.items()} == {
        key: str(value) for key, value in wire.get("tags", {}).items()
    }


def assert_same_build(
    declaration: Declaration, build: dict[str, str] | None, verdict: dict[str, Any]
) -> None:
    if build is None:
        assert declaration.spec.build is None
        return
    assert isinstance(declaration.spec.build, Build)
    context = declaration.spec.build.context
    assert isinstance(context, BuildContext)
    file = DATA / "corpus" / verdict["repo"] / verdict["path"]
    assert Path(context.directory or "") == (file.parent / build["contextUri"]).resolve()
    assert declaration.spec.build.dockerfile_path == build.get("dockerfilePath", "Dockerfile")


@pytest.mark.parametrize("repo", ["azureml-examples", "mlops-project-template"])
def test_exactly_the_environment_files_are_found(repo: str) -> None:
    root = DATA / "corpus" / repo
    loaded = load(root, [root], rules={}, versions="auto")
    reported = {p.file for p in loaded.problems if p.rule != "invalid-conda"}
    expected = {verdict["path"] for verdict in FILES if verdict["repo"] == repo}

    assert loaded.files == len(expected)
    assert {d.source.file for d in loaded.declarations} <= expected
    assert {file for file in reported if file.endswith("env.yml")} <= expected
