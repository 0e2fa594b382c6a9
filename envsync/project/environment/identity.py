"""Reads the name and version of an environment, and checks that they are valid."""

from __future__ import annotations

import re
from typing import Final

from yaml.nodes import Node, ScalarNode

from envsync.model.naming import is_reserved, is_valid_name
from envsync.project.environment.fields import read_string
from envsync.project.files import fields, parse
from envsync.project.problems import Report
from envsync.project.yaml.nodes import BOOL, DATE, FLOAT, INT, STR, value

# Matches texts such as `1e3`, which are numbers in YAML 1.2 and strings in YAML 1.1. PyYAML
# implements YAML 1.1.
_YAML_1_2_NUMBER: Final = r"[-+]?(?:\.\d+|\d+(?:\.\d*)?)[eE][-+]?\d+"

_ALLOWED: Final = (
    "Use up to 255 letters, digits, `.`, `_` and `-`, starting with a letter or digit."
)


def read_name(report: Report, node: Node) -> str | None:
    """Reports problems of the name. Returns the name, or None if it is empty or not a string."""
    name = read_string(report, node, "name")
    if name is None:
        return None
    if not name:
        report.add("missing-name", node, "The name is empty.", fix="Give the environment a name.")
        return None
    if is_reserved(name):
        message, fix = _reserved(name)
        report.add("reserved-name", node, message, fix=fix)
    if not is_valid_name(name):
        message, fix = _invalid(name)
        report.add("invalid-name", node, message, fix=fix)
    return name


def name_problem(name: str) -> tuple[str, str] | None:
    """Returns a message and a fix if a string is not a valid name, otherwise None."""
    if is_reserved(name):
        return _reserved(name)
    return None if is_valid_name(name) else _invalid(name)


def _reserved(name: str) -> tuple[str, str]:
    message = f"The name `{name}` is reserved for Microsoft."
    return message, "Choose a name that does not start with `AzureML` or `Microsoft`."


def _invalid(name: str) -> tuple[str, str]:
    return f"`{name}` is not a valid environment name.", _ALLOWED


def read_version(report: Report, node: Node) -> str | None:
    """Returns the version that azure-ai-ml would register.

    Reports all problems of the version. Returns None if the version is empty or has a wrong type.
    """
    if not isinstance(node, ScalarNode) or node.tag not in (STR, INT, FLOAT, BOOL, DATE):
        message = "`version` must be a string or a number."
        report.add("wrong-type", node, message, fix='Put it in quotes: `version: "1"`.')
        return None
    written: str = node.value
    version = written if node.tag == DATE else str(value(node))
    if not version:
        message = "`version` is empty."
        report.add("wrong-type", node, message, fix="Write a value, or remove the line.")
        return None
    # Quotes are suggested only if the quoted version is valid. For example, `"1:30"` is not valid.
    valid = is_valid_name(written)
    fix = f'Put it in quotes: `version: "{written}"`.' if valid else _ALLOWED
    if node.tag == DATE:
        message = f"YAML reads the version `{written}` as a date, and azure-ai-ml refuses dates."
        report.add("ambiguous-version", node, message, fix=fix)
    elif version != written:
        message = (
            f"YAML reads the version `{written}` as `{version}`, so Azure would register "
            f"`{version}`."
        )
        report.add("ambiguous-version", node, message, fix=fix)
    elif node.tag == STR and not node.style and re.fullmatch(_YAML_1_2_NUMBER, written):
        message = f"The version `{written}` is a number in YAML 1.2 and a string in azure-ai-ml."
        report.add("ambiguous-version", node, message, fix=fix)
    elif problem := version_problem(written):
        message, fix = problem
        report.add("invalid-version", node, message, fix=fix)
    return version


def version_problem(version: str) -> tuple[str, str] | None:
    """Returns a message and a fix if a string is not a valid version, otherwise None."""
    if not is_valid_name(version):
        return f"`{version}` is not a valid environment version.", _ALLOWED
    # `name@latest` refers to the newest version, so a version called `latest` would be ambiguous.
    if version == "latest":
        message = "`latest` is a label for the newest version, and cannot be a version."
        return message, "Choose another version."
    return None


def written_identity(data: bytes) -> tuple[str, str] | None:
    """Returns the name and the version of an environment file, as they are written in the file.

    Returns:
        The text of the name and the text of the version. None if the name or the version is
        missing, or if the file is not valid YAML. Problems are not reported.
    """
    top = fields(parse(data))
    name, version = top.get("name"), top.get("version")
    if isinstance(name, ScalarNode) and isinstance(version, ScalarNode):
        return name.value, version.value
    return None
