"""Checks environment files against each other.

Two files can declare the same version only if their content is equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from envsync.model.declaration import Declaration
from envsync.model.policy import Versions
from envsync.project.environment.draft import Draft
from envsync.project.yaml.nodes import Mark


def check_across(drafts: Iterable[Draft], versions: Versions) -> None:
    """Reports environment files that conflict with each other.

    Two files conflict if both declare the same version. They also conflict if both declare the same
    name and one of them has no version. Only one of the files gets the problem in its report.
    """
    by_name: dict[str, list[Draft]] = {}
    for draft in drafts:
        if draft.name is not None:
            by_name.setdefault(draft.name, []).append(draft)
    for name, group in by_name.items():
        if len(group) > 1:
            _check_name(name, group, versions)


def without_copies(declarations: Iterable[Declaration]) -> list[Declaration]:
    """Returns one declaration for each version.

    `copies` of a declaration contains the other files that declare the same version. The content of
    these files is the same, because `check_across` reports different content as an error.
    """
    by_version: dict[tuple[str, str | None], Declaration] = {}
    for item in declarations:
        key = item.name, item.version
        first = by_version.setdefault(key, item)
        if first is not item:
            by_version[key] = replace(first, copies=(*first.copies, item.source))
    return list(by_version.values())


def _check_name(name: str, group: Sequence[Draft], versions: Versions) -> None:
    # `read_version` has already reported each invalid version. A file with an invalid version is
    # therefore not reported as a file without a version.
    versioned = [draft for draft in group if draft.version_mark is not None]
    unversioned = [draft for draft in group if draft.version_mark is None]
    first: dict[str, Draft] = {}
    for draft in versioned:
        if draft.version is None or draft.version_mark is None:
            continue
        # The drafts are sorted by path, so the order of the file system does not decide which file
        # has the problem.
        known = first.setdefault(draft.version, draft)
        if known is not draft:
            what = f"{name}:{draft.version}"
            fix = "Change the version in one of these files, or remove one of them."
            _report(draft, known, draft.version_mark, what=what, fix=fix)
    if versions == "explicit":
        return  # `missing-version` already reports every file without a version
    for draft in unversioned:
        if draft.name_mark is None:
            continue
        if versioned:
            message = (
                f"This file declares `{name}` without a version, but {_position(versioned[0])} "
                "declares it with a version."
            )
            fix = "Add a `version:` line here, or keep only one file with this name."
            draft.report.add("mixed-versions", draft.name_mark, message, fix=fix)
        elif draft is not unversioned[0]:
            fix = "Change the name in one of these files, or add a version to both files."
            _report(draft, unversioned[0], draft.name_mark, what=name, fix=fix)


def _report(draft: Draft, known: Draft, mark: Mark, *, what: str, fix: str) -> None:
    """Adds an error to the second declaration, or a warning if both declarations are equal."""
    # If `spec` is None, the file has errors and its content cannot be compared.
    if draft.spec and (draft.spec, draft.metadata) == (known.spec, known.metadata):
        message = f"`{what}` is declared with the same content in {_position(known)}."
        fix = f"Remove one of these files. If both exist, envsync reads {known.report.file}."
        draft.report.add("duplicate-file", mark, message, fix=fix)
        return
    message = f"`{what}` is already declared in {_position(known)}."
    draft.report.add("duplicate-environment", mark, message, fix=fix)


def _position(draft: Draft) -> str:
    return f"{draft.report.file}:{draft.line}"
