"""Checks environment files against each other.

Two files must not declare the same version, unless their content is equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from yaml.nodes import Node

from envsync.model.declaration import Declaration
from envsync.model.policy import Versions
from envsync.project.environment.draft import Draft


def check_across(drafts: Iterable[Draft], versions: Versions) -> None:
    """Reports each name or version that two files declare, as a problem of the second file."""
    by_name: dict[str, list[Draft]] = {}
    for draft in drafts:
        if draft.name is not None:
            by_name.setdefault(draft.name, []).append(draft)
    for name, group in by_name.items():
        if len(group) > 1:
            _check_name(name, group, versions)


def without_copies(declarations: Iterable[Declaration]) -> list[Declaration]:
    """Returns one declaration for each version, with the other files of the version in `copies`.

    If two declarations without errors declare the same version, their content is the same.
    """
    by_version: dict[tuple[str, str | None], Declaration] = {}
    for item in declarations:
        key = item.name, item.version
        first = by_version.setdefault(key, item)
        if first is not item:
            by_version[key] = replace(first, copies=(*first.copies, item.source))
    return list(by_version.values())


def _check_name(name: str, group: Sequence[Draft], versions: Versions) -> None:
    # A file with an invalid version is treated as a file with a version, because `read_version` has
    # already reported the version.
    versioned = [draft for draft in group if draft.version_key is not None]
    unversioned = [draft for draft in group if draft.version_key is None]
    first: dict[str, Draft] = {}
    for draft in versioned:
        if draft.version is None or draft.version_key is None:
            continue
        # Drafts are in path order, so the report does not depend on the file system.
        known = first.setdefault(draft.version, draft)
        if known is not draft:
            what = f"{name}:{draft.version}"
            fix = "Change the version in one of these files, or remove one of them."
            _report(draft, known, draft.version_key, what=what, fix=fix)
    if versions == "explicit":
        return  # `missing-version` already reports every file without a version
    for draft in unversioned:
        if draft.name_node is None:
            continue
        if versioned:
            message = (
                f"This file declares `{name}` without a version, but {_position(versioned[0])} "
                "declares it with a version."
            )
            fix = "Add a `version:` line here, or keep only one file with this name."
            draft.report.add("mixed-versions", draft.name_node, message, fix=fix)
        elif draft is not unversioned[0]:
            fix = "Change the name in one of these files, or add a version to both."
            _report(draft, unversioned[0], draft.name_node, what=name, fix=fix)


def _report(draft: Draft, known: Draft, node: Node, *, what: str, fix: str) -> None:
    """Reports the second declaration of a version: an error, or a warning if both are equal."""
    # A draft without a spec has errors, so its content cannot be compared.
    if draft.spec and (draft.spec, draft.metadata) == (known.spec, known.metadata):
        message = f"`{what}` is declared with the same content in {_position(known)}."
        fix = "Keep one of these files. envsync reads the first one."
        draft.report.add("duplicate-file", node, message, fix=fix)
        return
    message = f"`{what}` is already declared in {_position(known)}."
    draft.report.add("duplicate-environment", node, message, fix=fix)


def _position(draft: Draft) -> str:
    return f"{draft.report.file}:{draft.line}"
