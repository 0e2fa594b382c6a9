"""Guesses the targets of a new project from the files of its repository.

Three kinds of files say which workspace or registry a repository uses: the `config.json` that the
studio offers for download, the defaults of `az configure --scope local`, and `az ml` commands in
workflows and scripts.
"""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from envsync.project.settings.targets import TargetKind

_SUBSCRIPTION: Final = "${AZURE_SUBSCRIPTION_ID}"
_LARGEST: Final = 1 << 20
"""Maximum size in bytes of a file that is read. Scripts and workflows are smaller."""

_SCRIPTS: Final = (
    ".github/workflows/*.yml",
    ".github/workflows/*.yaml",
    ".gitlab-ci.yml",
    "azure-pipelines*.yml",
    ".azure-pipelines/*.yml",
    "Makefile",
    "*.sh",
    "scripts/*.sh",
)
_COMMAND: Final = re.compile(r"\baz (?:ml|configure)\b[^\n;|&]*")
_OPTIONS: Final[Mapping[str, re.Pattern[str]]] = {
    # `az configure --defaults` takes `workspace=NAME` and `group=NAME`.
    "workspace": re.compile(r" (?:--workspace-name[ =]|-w |workspace=)\s*(\S+)"),
    "resource_group": re.compile(r" (?:--resource-group[ =]|-g |group=)\s*(\S+)"),
    "registry": re.compile(r" --registry-name[ =]\s*(\S+)"),
    "subscription_id": re.compile(r" --subscription[ =]\s*(\S+)"),
}
# Matches the names of Azure resources, but not variables and placeholders such as `$WORKSPACE` or
# `<name>`. Source:
# https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_GROUP: Final = re.compile(r"[A-Za-z0-9_(][A-Za-z0-9._()-]{0,89}")


class Guess(Struct, frozen=True):
    """A target that a file of the repository uses.

    Attributes:
        name: the name of the target, which is also the name of the workspace or registry.
        kind: the kind of target.
        settings: the settings of the target, in the order of the documentation.
        source: the absolute path of the file.
    """

    name: str
    kind: TargetKind
    settings: Mapping[str, str]
    source: Path


def guess_targets(root: Path, top: Path) -> tuple[Guess, ...]:
    """Returns the workspaces and registries that the files of a repository use.

    Args:
        root: the project directory.
        top: the top of the repository. Files above `top` are not read.
    """
    # Two workspaces in different resource groups can have the same name. Only the first is kept,
    # because the name of a target must be unique. Every new project already has a target `local`.
    found: dict[str, Guess | None] = {"local": None}
    for path, values in _values(root, top):
        if guess := _guess(values, path):
            found.setdefault(guess.name.lower(), guess)
    return tuple(guess for guess in found.values() if guess)


def _values(root: Path, top: Path) -> Iterator[tuple[Path, Mapping[str, str]]]:
    """Yields each file that names a workspace or registry, with the settings in the file."""
    above = [path for path in (root, *root.parents) if path.is_relative_to(top)]
    for directory in above:
        for name in ("config.json", ".azureml/config.json"):
            yield directory / name, _from_json(directory / name)
        yield directory / ".azure/config", _from_defaults(directory / ".azure/config")
    for directory in dict.fromkeys((root, top)):
        for pattern in _SCRIPTS:
            for path in sorted(directory.glob(pattern)):
                # A backslash at the end of a line continues the command.
                text = re.sub(r"\\\r?\n\s*", " ", _text(path))
                for command in _COMMAND.findall(text):
                    yield path, _from_command(command)


def _guess(values: Mapping[str, str], source: Path) -> Guess | None:
    """Returns the target that some settings describe, or None if they describe no target."""
    values = {
        key: value
        for key, value in values.items()
        if (_GROUP if key == "resource_group" else _NAME).fullmatch(value)
    }
    if registry := values.get("registry"):
        return Guess(registry, "registry", {"registry": registry}, source)
    workspace, group = values.get("workspace"), values.get("resource_group")
    if not workspace or not group:
        return None
    settings = {
        "subscription_id": values.get("subscription_id", _SUBSCRIPTION),
        "resource_group": group,
        "workspace": workspace,
    }
    return Guess(workspace, "workspace", settings, source)


def _from_json(path: Path) -> dict[str, str]:
    try:
        data = json.loads(_text(path) or "{}")
    except (ValueError, RecursionError):
        return {}
    keys = {
        "workspace_name": "workspace",
        "resource_group": "resource_group",
        "subscription_id": "subscription_id",
    }
    found = {name: data.get(key) for key, name in keys.items()} if isinstance(data, dict) else {}
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _from_defaults(path: Path) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(_text(path))
    except configparser.Error:
        return {}
    defaults = parser["defaults"] if parser.has_section("defaults") else {}
    keys = {"workspace": "workspace", "group": "resource_group"}
    return {name: defaults[key] for key, name in keys.items() if key in defaults}


def _from_command(command: str) -> dict[str, str]:
    found = {name: pattern.search(command) for name, pattern in _OPTIONS.items()}
    return {name: match[1].strip("\"'") for name, match in found.items() if match}


def _text(path: Path) -> str:
    """Returns the text of a file, or an empty text if the file is missing or cannot be read."""
    try:
        if path.stat().st_size > _LARGEST:
            return ""
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""
