"""Checks the name and the tags of an environment against `policy` in the settings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from yaml.nodes import Node

from envsync.model.environment import Metadata
from envsync.project.environment.paths import EnvironmentFile
from envsync.project.pattern import Pattern
from envsync.project.yaml.nodes import Entry


def check_policy(
    file: EnvironmentFile,
    fields: Mapping[str, Entry],
    *,
    name: str | None,
    metadata: Metadata,
    root: Node,
) -> None:
    """Reports a name that the policy does not allow, and required tags that are missing.

    Args:
        file: the environment file.
        fields: the fields of the file.
        name: the name, or None if the file has no usable name.
        metadata: the tags of the file.
        root: the node to report missing tags at if the file has no `tags`.

    Raises:
        EnvsyncError: `policy.names` takes too long for the name.
    """
    policy = file.policy
    place = policy.place("names")
    if name is not None and policy.names and not _pattern(policy.names, place).matches(name):
        message = f"The name `{name}` does not match {place}."
        fix = f"Choose a name that matches `{policy.names}` as a whole."
        file.report.add("policy-names", fields["name"].value, message, fix=fix)
    missing = [key for key in policy.require_tags if key not in metadata.tags]
    if missing:
        shown = ", ".join(f"`{key}`" for key in missing)
        message = f"{policy.place('require_tags')} requires tags that the file does not have: "
        node = fields["tags"].key if "tags" in fields else root
        fix = "Add the tags below `tags:`."
        file.report.add("policy-tags", node, f"{message}{shown}.", fix=fix)


@lru_cache(maxsize=8)
def _pattern(text: str, place: str) -> Pattern:
    return Pattern(text, place)
