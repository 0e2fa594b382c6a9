"""What is wrong between environment files, though each is right by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from envsync.model.policy import Versions
from envsync.project.environment.draft import Draft


def check_across(drafts: Iterable[Draft], versions: Versions) -> None:
    """Reports names and versions that two files declare, in the second of them."""
    by_name: dict[str, list[Draft]] = {}
    for draft in drafts:
        if draft.name is not None:
            by_name.setdefault(draft.name, []).append(draft)
    for name, group in by_name.items():
        if len(group) > 1:
            _check_name(name, group, versions)


def _check_name(name: str, group: Sequence[Draft], versions: Versions) -> None:
    versioned = [draft for draft in group if draft.version_key is not None]
    unversioned = [draft for draft in group if draft.version_key is None]
    first: dict[str, Draft] = {}
    for draft in versioned:
        if draft.version is None or draft.version_key is None:
            continue
        known = first.setdefault(draft.version, draft)
        if known is not draft:
            message = f"`{name}:{draft.version}` is declared in {_where(known)} already."
            fix = "Give one of the two another version, or remove one."
            draft.report.add("duplicate-environment", draft.version_key, message, fix)
    if versions == "explicit":
        return  # a missing version is an error there already
    for draft in unversioned:
        if draft.name_node is None:
            continue
        if versioned:
            message = f"`{name}` is declared with a version in {_where(versioned[0])}."
            fix = "Give this file a version too, or keep a single file without one."
            draft.report.add("mixed-versions", draft.name_node, message, fix)
        elif draft is not unversioned[0]:
            message = f"`{name}` is declared in {_where(unversioned[0])} already."
            fix = "Rename one of the two, or give both a version."
            draft.report.add("duplicate-environment", draft.name_node, message, fix)


def _where(draft: Draft) -> str:
    return f"{draft.report.file}:{draft.line}"
