"""The settings of Renovate and Dependabot in the documentation: schemas, and what they match."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "how-to" / "bots.md"
DIGEST = "sha256:" + "0a" * 32


def block(name: str) -> str:
    pattern = rf"^<!-- {name} -->\n```\w+\n(.*?)^```$"
    (text,) = re.findall(pattern, PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return str(text)


@pytest.mark.parametrize(("name", "file"), [("renovate", "a.json"), ("dependabot", "a.yml")])
def test_the_settings_match_the_schemas_of_their_vendors(
    name: str, file: str, tmp_path: Path
) -> None:
    (tmp_path / file).write_text(block(name))
    program = Path(sys.executable).with_name("check-jsonschema")
    command = [str(program), f"--builtin-schema=vendor.{name}", str(tmp_path / file)]
    done = subprocess.run(command, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def python(pattern: str) -> re.Pattern[str]:
    """Returns a pattern of Renovate (RE2) as a pattern of Python."""
    return re.compile(pattern.replace("(?<", "(?P<"))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "image: mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20241215.v1",
            ("mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04", "20241215.v1", None),
        ),
        (f"image: 'r:5000/a/b:1@{DIGEST}'  # base", ("r:5000/a/b", "1", DIGEST)),
        (f"image: a@{DIGEST}", ("a", None, DIGEST)),
        ("image: python:3.11-slim", ("python", "3.11-slim", None)),
    ],
)
def test_renovate_finds_the_parts_of_an_image(
    line: str, expected: tuple[str, str | None, str | None]
) -> None:
    (manager,) = json.loads(block("renovate"))["customManagers"]
    found = python(manager["matchStrings"][0]).search(f"name: a\n{line}\ntags: {{}}\n")

    assert found
    assert found.group("depName", "currentValue", "currentDigest") == expected


def test_renovate_reads_every_environment_of_the_examples() -> None:
    (manager,) = json.loads(block("renovate"))["customManagers"]
    files = python(manager["managerFilePatterns"][0].strip("/"))
    image = python(manager["matchStrings"][0])
    texts = {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
        for path in (ROOT / "environments").rglob("*.yml")
    }
    with_image = {path for path, text in texts.items() if re.search("^image:", text, re.MULTILINE)}

    assert with_image
    assert {path for path in with_image if files.search(path) and image.search(texts[path])} == (
        with_image
    )


def test_renovate_orders_the_dated_tags_of_microsoft() -> None:
    rule = json.loads(block("renovate"))["packageRules"][0]
    found = python(rule["versioning"].removeprefix("regex:")).search("20241215.v1")

    assert found
    assert found.groupdict() == {"major": "20241215", "minor": "1"}
