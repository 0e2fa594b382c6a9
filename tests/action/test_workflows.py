"""`action.yml` and the documented workflows: schemas, security and documentation."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from envsync._version import __version__
from envsync.cli import init
from envsync.cli.session import Session
from tests.action.documented import ROOT, pipeline, workflows

ACTION = ROOT / "action.yml"
PAGE = ROOT / "docs" / "reference" / "action.md"
HOW_TO = ROOT / "docs" / "how-to" / "github-actions.md"
TEMPLATES = "https://github.com/envsync/envsync/blob/main/envsync/cli/templates/"


@pytest.fixture
def initialised(tmp_path: Path) -> Path:
    """A project that `envsync init` made."""
    init.write_project(Session(quiet=True), tmp_path)
    return tmp_path


def run(program: str, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments], capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


def action() -> Any:
    return yaml.safe_load(ACTION.read_text(encoding="utf-8"))


def test_the_documentation_links_to_every_workflow_that_init_writes(initialised: Path) -> None:
    linked = re.findall(re.escape(TEMPLATES) + r"([\w.-]+)\)", HOW_TO.read_text(encoding="utf-8"))

    assert sorted(linked) == sorted(path.name for path in (initialised / ".github").rglob("*.yml"))


def test_init_writes_the_documented_workflows(initialised: Path) -> None:
    written = {
        path.relative_to(initialised).as_posix(): path.read_text(encoding="utf-8")
        for path in (initialised / ".github").rglob("*.yml")
    }

    assert written == workflows()


@pytest.mark.parametrize(
    ("workflow", "job", "client"),
    [
        ("envsync-plan", "plan", "AZURE_READER_CLIENT_ID"),
        ("envsync-apply", "apply", "AZURE_CLIENT_ID"),
        ("envsync-nightly", "plan", "AZURE_CLIENT_ID"),
    ],
)
def test_only_the_job_that_signs_in_to_azure_has_the_permission_id_token(
    workflow: str, job: str, client: str
) -> None:
    text = workflows()[f".github/workflows/{workflow}.yml"]
    content = yaml.safe_load(text)
    permitted = [
        name
        for name, found in content["jobs"].items()
        if found["permissions"].get("id-token") == "write"
    ]

    assert content["env"]["AZURE_CLIENT_ID"] == f"${{{{ vars.{client} }}}}"
    assert content["env"]["AZURE_TENANT_ID"] == "${{ vars.AZURE_TENANT_ID }}"
    assert permitted == [job]
    assert "azure/login" not in text


def test_zizmor_finds_no_security_problem(initialised: Path) -> None:
    config = ROOT / "tests" / "action" / "zizmor.yml"
    workflows_directory = initialised / ".github" / "workflows"
    files = [str(ACTION), str(workflows_directory)]
    code, output = run("zizmor", "--offline", "--quiet", f"--config={config}", *files)

    assert code == 0, output


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("github-actions", "action"),
        ("github-workflows", "workflows"),
        ("azure-pipelines", "pipeline"),
    ],
)
def test_workflows_match_the_schemas_of_their_vendors(
    schema: str, files: str, initialised: Path
) -> None:
    (initialised / "azure-pipelines.yml").write_text(pipeline(), encoding="utf-8")
    paths = {
        "action": [ACTION],
        "workflows": sorted((initialised / ".github" / "workflows").glob("*.yml")),
        "pipeline": [initialised / "azure-pipelines.yml"],
    }[files]
    # The schema of Azure's pipelines has patterns that are invalid in Unicode mode.
    options = ["--regex-variant=nonunicode", f"--builtin-schema=vendor.{schema}"]
    code, output = run("check-jsonschema", *options, *map(str, paths))

    assert code == 0, output


def test_no_script_of_the_action_contains_an_expression() -> None:
    steps = action()["runs"]["steps"]
    texts = [step["run"] for step in steps if "run" in step]

    assert texts
    assert [text for text in texts if "${{" in text] == []


def test_every_input_of_the_action_is_used() -> None:
    text = ACTION.read_text(encoding="utf-8")

    assert set(re.findall(r"inputs\.([a-z-]+)", text)) == set(action()["inputs"])


def test_every_output_of_the_action_has_the_same_name_in_its_step() -> None:
    outputs = action()["outputs"]

    assert {name: item["value"] for name, item in outputs.items()} == {
        name: f"${{{{ steps.run.outputs.{name} }}}}" for name in outputs
    }


@pytest.mark.parametrize("part", ["inputs", "outputs"])
def test_inputs_and_outputs_are_documented(part: str) -> None:
    header = f"| {part.removesuffix('s')} |"
    table = PAGE.read_text(encoding="utf-8").partition(header)[2].partition("\n\n")[0]
    documented = [
        name
        for line in table.splitlines()
        for name in re.findall(r"`([a-z-]+)`", line.split("|")[1] if "|" in line else "")
    ]

    assert sorted(documented) == sorted(action()[part])


def test_defaults_of_inputs_are_documented() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (?:`([^`]*)`|) *\| ", page, re.MULTILINE))

    assert {name: rows[name] for name in rows if name in action()["inputs"]} == {
        name: item["default"] for name, item in action()["inputs"].items() if name != "token"
    }


def test_the_workflows_use_this_version_of_the_action() -> None:
    used = {
        reference
        for text in workflows().values()
        for reference in re.findall(r"uses: envsync/envsync@(\S+)", text)
    }

    assert used == {f"v{__version__}"}


def test_each_third_party_action_is_used_in_one_version() -> None:
    used = {
        match
        for text in (ACTION.read_text(encoding="utf-8"), *workflows().values())
        for match in re.findall(r"uses: ((?!envsync/)\S+)@([0-9a-f]{40} # v[\d.]+)\n", text)
    }

    assert len({name for name, _ in used}) == len(used) == 3
