"""Checks a new version by the rules of the service, also against the registered version."""

from __future__ import annotations

import json
from collections.abc import Iterable

from envsync.targets import refusals
from envsync.targets.refusals import RuleViolation
from envsync.targets.store.rows import FIXED_EXTRA, NewVersion, VersionRecord, VersionRow


def check_same(row: VersionRow, new: NewVersion) -> None:
    """Checks that a registered version has the same spec and owner as the new version.

    Raises:
        RuleViolation: the registered version has another owner or another spec. The spec of a
            registered version cannot change (documentation, "Update": only description and tags can
            change).
    """
    check_fixed(row, new)
    # The service has no owners. This rule of envsync prevents two projects from sharing a version.
    if row.owner != new.owner:
        raise RuleViolation(
            "owner",
            f"{_key(new)} is already registered by {_project(row.owner)}, not by "
            f"{_project(new.owner)}. Register a new version instead.",
        )


def check_fixed(row: VersionRow, new: NewVersion) -> None:
    """Checks that a registered version has the same spec as the new version.

    Raises:
        RuleViolation: the registered version has another spec.
    """
    if row.spec != new.spec:
        pairs = zip(new.spec._fields, row.spec, new.spec, strict=True)
        raise fixed(new, (field for field, here, there in pairs if here != there))


def check_fixed_extra(found: VersionRecord, new: NewVersion) -> None:
    """Checks that a write does not change the fields in `FIXED_EXTRA`.

    Raises:
        RuleViolation: the registered version has other values in fields of `FIXED_EXTRA`.
    """
    held = {**FIXED_EXTRA, **json.loads(found.extra)}
    requested = {**FIXED_EXTRA, **new.extra}
    if differing := [key for key in FIXED_EXTRA if held[key] != requested[key]]:
        raise fixed(new, differing)


def fixed(new: NewVersion, fields: Iterable[str]) -> RuleViolation:
    """Returns the error for a version that is already registered with other values of `fields`."""
    return RuleViolation(
        "fixed",
        # The text before the semicolon is the service's own message, because the emulator also
        # returns this text.
        f"{_key(new)} is already registered and cannot be changed; it differs in "
        f"{', '.join(fields)}. Register a new version instead.",
    )


def _key(new: NewVersion) -> str:
    return f"Environment {new.name} with version {new.version}"


def _project(owner: str | None) -> str:
    return "no project" if owner is None else f"project {owner}"


def check_new(new: NewVersion) -> None:
    """Checks that the service would accept the name, version and content of a new version.

    Raises:
        RuleViolation: a rule of `refusals.check_new` forbids the version.
    """
    built = new.spec.build_uri is not None or new.spec.build_context is not None
    refusals.check_new(new.name, new.version, image=new.spec.image is not None, build=built)
