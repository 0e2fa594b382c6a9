"""Rules of the service that compare what a store holds with what is new."""

from __future__ import annotations

from collections.abc import Iterable

from envsync.targets import refusals
from envsync.targets.refusals import RuleViolation
from envsync.targets.store.rows import NewVersion, VersionRow


def check_same(row: VersionRow, new: NewVersion) -> None:
    """Whether a registered version is the one that is to be registered.

    Raises:
        TargetError: it has another spec, which is fixed (documentation, "Update": only description
            and tags can change), or another owner.
    """
    check_fixed(row, new)
    if row.owner != new.owner:
        raise RuleViolation(
            "owner",
            f"{_key(new)} is already registered, by {_project(row.owner)} and not "
            f"{_project(new.owner)}.",
        )


def check_fixed(row: VersionRow, new: NewVersion) -> None:
    """Whether a registered version has the spec that is to be registered.

    Raises:
        TargetError: it has another one, which is fixed.
    """
    if row.spec != new.spec:
        pairs = zip(new.spec._fields, row.spec, new.spec, strict=True)
        raise fixed(new, (field for field, here, there in pairs if here != there))


def fixed(new: NewVersion, fields: Iterable[str]) -> RuleViolation:
    """A version is registered with other values of these fields, which cannot change."""
    return RuleViolation(
        "fixed",
        f"{_key(new)} is already registered and cannot be changed; it differs in "
        f"{', '.join(fields)}. Register a new version instead.",
    )


def _key(new: NewVersion) -> str:
    return f"Environment {new.name} with version {new.version}"


def _project(owner: str | None) -> str:
    return "no project" if owner is None else f"project {owner}"


def check_new(new: NewVersion) -> None:
    """Whether the service would take this content at all.

    Raises:
        TargetError: a rule forbids it, as `refusals.check_new` has them.
    """
    built = new.spec.build_uri is not None or new.spec.build_context is not None
    refusals.check_new(new.name, new.version, image=new.spec.image is not None, build=built)
