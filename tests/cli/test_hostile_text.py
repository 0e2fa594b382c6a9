"""Credentials, control characters and commands of pipelines in files and in the target."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from envsync.plan.plan import Plan
from tests.command import envsync

SECRET = "s3cr3t-"
SETTINGS = "project: demo\nrules: {secret-in-file: off, secret-in-tag: off}\n"
DESCRIPTION = (
    "x ##vso[task.setvariable variable=a]b ##[add-mask]c\\n::error::d \\x1b[31m\\u202e "
    f"https://u:{SECRET}1@h.example/x"
)
FILE = f"""\
name: a
version: "1"
description: "{DESCRIPTION}"
image: contoso.azurecr.io/base:1
tags: {{url: "https://a.blob.core.windows.net/c?sv=1&sig={SECRET}2", "##vso[a]": "::b::", i: "https://u:{SECRET}6@h.example"}}
conda_file:
  channels: ["https://conda.example/t/{SECRET}3/ml"]
  dependencies: [python=3.11, pip=24, {{pip: ["-i https://u:{SECRET}4@h.example/simple", "x==1"]}}]
"""
BUILD = f"""\
name: b
version: "1"
description: b
build: {{path: "https://{SECRET}5@github.com/contoso/models.git#main"}}
"""
OUTPUTS = {
    "plan as text": ("plan", "-v"),
    "plan in narrow lines": ("plan",),
    "plan as JSON": ("plan", "--json"),
    "plan as Markdown": ("plan", "--format", "markdown"),
    "a new environment": ("apply", "--yes", "--json"),
    "an environment": ("show", "a"),
    "a version": ("show", "a:1"),
    "a version as JSON": ("show", "a:1", "--json"),
    "a git URL": ("show", "b:1"),
    "a history": ("show", "a", "--history", "--json"),
    "a list": ("list",),
    "a status": ("status", "-v"),
    "a status in narrow lines": ("status",),
    "a status as JSON": ("status", "--json"),
    "a status as Markdown": ("status", "--format", "markdown"),
    "problems as text": ("validate",),
    "problems as JSON": ("validate", "--json"),
    "problems as SARIF": ("validate", "--format", "sarif"),
    "problems as annotations": ("validate", "--format", "github"),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "envsync.yaml").write_text(SETTINGS)
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "a.yml").write_text(FILE)
    (tmp_path / "environments" / "b.yml").write_text(BUILD)
    return tmp_path


def executed(text: str) -> Iterator[str]:
    """Yields the commands that Azure Pipelines or GitHub Actions would find in a log."""
    for line in text.splitlines():
        yield from re.findall(r"##(?:vso)?\[.*", line, re.IGNORECASE)
        if line.lstrip().startswith("::"):
            yield line


@pytest.mark.parametrize("arguments", OUTPUTS.values(), ids=OUTPUTS.keys())
def test_no_output_shows_credentials_control_characters_or_commands(
    project: Path, arguments: tuple[str, ...]
) -> None:
    if arguments[0] in {"show", "list"}:
        assert envsync("apply", "--yes", cwd=project).returncode == 0

    done = envsync(*arguments, cwd=project, merged=True, COLUMNS="40")

    assert done.returncode == 0
    assert SECRET not in done.stdout
    assert [c for c in done.stdout if c != "\n" and not c.isprintable()] == []
    is_annotations = "github" in arguments
    assert [c for c in executed(done.stdout) if not is_annotations] == []


def test_rules_report_credentials_without_showing_them(project: Path) -> None:
    (project / "envsync.yaml").write_text("project: demo\n")

    for output in ("text", "json", "github", "sarif"):
        done = envsync("validate", "--format", output, cwd=project, merged=True)
        assert done.returncode == 1
        assert "secret-in-file" in done.stdout
        assert "secret-in-tag" in done.stdout
        assert SECRET not in done.stdout


def test_json_contains_the_unchanged_text_of_a_workflow_command(project: Path) -> None:
    done = envsync("plan", "--json", cwd=project)

    fields = json.loads(done.stdout)["changes"][0]["fields"]
    (description,) = (field["after"] for field in fields if field["path"] == "description")
    assert description.startswith("x ##vso[task.setvariable variable=a]b ##[add-mask]c\n::error::d")


def test_a_saved_plan_with_hidden_credentials_is_applied(project: Path) -> None:
    saved = project / "plan.json"
    planned = envsync("plan", "--out", "plan.json", cwd=project)
    assert SECRET not in saved.read_text()
    digest = Plan.from_json(json.loads(saved.read_text())).digest
    assert digest in planned.stdout

    done = envsync("apply", "--plan", "plan.json", "--approve", digest, "--yes", cwd=project)

    assert done.returncode == 0
    assert envsync("plan", "--detailed-exitcode", cwd=project).returncode == 0


def test_a_saved_plan_does_not_approve_another_credential(project: Path) -> None:
    envsync("plan", "--out", "plan.json", cwd=project)
    file = project / "environments" / "a.yml"
    file.write_text(file.read_text().replace(f"{SECRET}4", f"{SECRET}other"))

    done = envsync("apply", "--plan", "plan.json", "--yes", cwd=project)

    assert done.returncode == 1
    assert "plan-stale" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "x\x1b[31m\u202e##vso[a]"),
        ("show", "x\x1b[31m\n::error::y"),
        ("show", "a\x9b\u2066:1"),
        ("plan", "--target", "t\x1b[31m"),
        ("plan", "--no-such\x1b[31m"),
        ("plan", "--plan\u202e"),
        ("validate", "p\x1b[31m\n::error::y"),
        ("apply", "--plan", "p\x1b[31m\n::error::y", "--yes"),
        ("--config", "c\x1b[31m\n::error::y", "plan"),
        ("-C", "d\x1b[31m\n::error::y", "plan"),
        ("plan", "--out", "no\x1b[31m\n::error::y/plan.json"),
        ("init", "d\x1b[31m\n::error::y/e"),
        ("nothing\x1b[31m",),
    ],
)
def test_messages_escape_control_characters_in_quoted_text(
    project: Path, arguments: tuple[str, ...]
) -> None:
    done = envsync(*arguments, cwd=project, merged=True)

    assert [c for c in done.stdout if c != "\n" and not c.isprintable()] == []
    assert list(executed(done.stdout)) == []
    assert re.search(r"\\x1b|\\u202e|\\x9b", done.stdout)


def test_control_characters_in_the_path_of_a_local_target_are_escaped(project: Path) -> None:
    (project / "envsync.yaml").write_text(
        f'{SETTINGS}targets: {{t: {{kind: local, path: "no\\x1b[31m\\n::error::x/y.db"}}}}\n'
    )

    for arguments in (("plan",), ("targets",), ("list",), ("apply", "--yes")):
        done = envsync(*arguments, cwd=project, merged=True)
        assert [c for c in done.stdout if c != "\n" and not c.isprintable()] == []
        assert list(executed(done.stdout)) == []
