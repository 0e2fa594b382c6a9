"""Name and version of an environment: what the service takes, and what YAML makes of them."""

from __future__ import annotations

import re
from typing import Final

from yaml.nodes import Node, ScalarNode

from envsync.model.naming import is_reserved, is_valid_name
from envsync.project.environment.fields import read_text
from envsync.project.problems import Report
from envsync.project.yaml.nodes import BOOL, DATE, FLOAT, INT, STR, value

_YAML_1_2_NUMBER: Final = re.compile(r"[-+]?(?:\.\d+|\d+(?:\.\d*)?)[eE][-+]?\d+")


def read_name(report: Report, node: Node) -> str | None:
    """The name; None where there is none that could be planned with, which is reported."""
    name = read_text(report, node, "name")
    if name is None:
        return None
    if not name:
        report.add("missing-name", node, "The name is empty.", "Give the environment a name.")
        return None
    if is_reserved(name):
        message = f"The name `{name}` belongs to Microsoft: `AzureML` and `Microsoft` are reserved."
        report.add("reserved-name", node, message, "Choose a name that starts otherwise.")
    if not is_valid_name(name):
        message = f"The service does not take the name `{name}`."
        report.add("invalid-name", node, message, f"{_ALLOWED} letter or digit.")
    return name


_ALLOWED: Final = "Use up to 255 letters, digits, `.`, `_` and `-`, starting with a"


def read_version(report: Report, node: Node) -> str | None:
    """The version as azure-ai-ml would register it; None where there is none, which is reported."""
    if not isinstance(node, ScalarNode) or node.tag not in (STR, INT, FLOAT, BOOL, DATE):
        message, fix = "`version` must be a text or a number.", 'Put it in quotes: `version: "1"`.'
        report.add("wrong-type", node, message, fix)
        return None
    written: str = node.value
    version = written if node.tag == DATE else str(value(node))
    if not version:
        message, fix = "`version` is empty.", "Give it a value, or remove the line."
        report.add("wrong-type", node, message, fix)
        return None
    valid = is_valid_name(written)
    fix = f'Put it in quotes: `version: "{written}"`.' if valid else f"{_ALLOWED} letter or digit."
    if node.tag == DATE:
        message = f"YAML reads the version `{written}` as a date, which azure-ai-ml refuses."
        report.add("ambiguous-version", node, message, fix)
    elif version != written:
        message = f"YAML reads the version `{written}` as `{version}`; Azure would register that."
        report.add("ambiguous-version", node, message, fix)
    elif node.tag == STR and not node.style and _YAML_1_2_NUMBER.fullmatch(written):
        message = f"The version `{written}` is a number to YAML 1.2 and a text to azure-ai-ml."
        report.add("ambiguous-version", node, message, fix)
    elif fault := version_fault(written):
        report.add("invalid-version", node, *fault)
    return version


def version_fault(version: str) -> tuple[str, str] | None:
    """Why a text cannot be a version, and what to do about it; None where it can."""
    if not is_valid_name(version):
        message = f"The version `{version}` is not one that envsync takes."
        return message, f"{_ALLOWED} letter or digit."
    if version == "latest":
        message = "`latest` is a label, not a version: `@latest` is the newest version."
        return message, "Name a version of its own."
    return None
