"""Checks, just before a write, that the target has not changed since the plan was made.

Each function compares the current state of a container in the target with the state that the plan
expects. If a container already has the new state, there is no conflict: an earlier attempt possibly
wrote this state, but its response was lost.
"""

from __future__ import annotations

from collections.abc import Iterable

from envsync.model.before import Before, has_same_spec, metadata_differences
from envsync.model.environment import Environment, EnvironmentKey, Metadata
from envsync.model.errors import Conflict
from envsync.model.provenance import Provenance
from envsync.model.state import Container, RegisteredVersion
from envsync.plan.compare import match_spec, spec_fields


def ensure_creatable(environment: Environment, before: Before | None, found: Container) -> bool:
    """Returns True if the version is already registered, exactly as declared.

    Raises:
        Conflict: the version is registered with another spec, owner or metadata, or the container
            is not in the expected state.
    """
    held = found.version(environment.key.version)
    if held is not None:
        ensure_same(environment, held)
        here, there = environment.metadata, held.environment.metadata
        differences = list(metadata_differences(here, there))
        # In an archived environment, a new version is archived from the start, so its archived
        # state is not a difference.
        if before is not None and held.archived and not found.archived:
            differences.insert(0, "the version is archived")
        if differences:
            raise _conflict(str(environment.key), ("somebody has registered it", *differences))
    _ensure(str(environment.key), before, found)
    return held is not None


def ensure_same(environment: Environment, held: RegisteredVersion) -> None:
    """Checks that a registered version has the same spec and owner as an environment.

    Raises:
        Conflict: the spec or owner differs, or the build contexts cannot be compared.
    """
    key = f"Environment {environment.key.name} with version {environment.key.version}"
    match = match_spec(environment.spec, held)
    if match == "other":
        fields = spec_fields(held.environment.spec, environment.spec)
        where = ", ".join(field.path for field in fields) or "build.context"
        # The text before the semicolon is the service's own message.
        raise Conflict(
            f"{key} is already registered and cannot be changed; it differs in {where}. Register a "
            "new version instead."
        )
    if held.owner != environment.provenance.owner:
        raise Conflict(
            f"{key} is already registered by {_project(held.owner)}, not by "
            f"{_project(environment.provenance.owner)}. Register a new version instead."
        )
    if match == "unknown":
        raise Conflict(
            f"{key} is already registered, and its build context cannot be compared with the "
            "declared build context. Register a new version instead."
        )


def ensure_updatable(
    key: EnvironmentKey,
    metadata: Metadata,
    provenance: Provenance,
    before: Before | None,
    found: Container,
) -> None:
    """Checks that a version and the archived state of its container are as the plan expects.

    Raises:
        Conflict: the state differs.
    """
    held = found.version(key.version)
    written = held is not None and (
        held.environment.metadata == metadata
        and held.owner == provenance.owner
        and not held.archived
        and (before is None or before.version is None or has_same_spec(before.version, held))
    )
    if before is None or (written and found.archived == before.hidden):
        return
    _ensure(str(key), before, found)


def ensure_archivable(
    name: str, version: str | None, before: Before | None, found: Container, *, archived: bool
) -> None:
    """Checks that a version, or a container with its versions, is as the plan expects.

    Raises:
        Conflict: the state differs.
    """
    if version is None:
        if found.archived != archived:
            _ensure(name, before, found)
        return
    held = found.version(version)
    if held is None or held.archived != archived:
        _ensure(f"{name}:{version}", before, found)


def ensure_ownable(name: str, before: Before | None, found: Container) -> None:
    """Checks, before an owner is added to a container, that the container is as the plan expects.

    Raises:
        Conflict: the container was archived or restored since the plan was made.
    """
    _ensure(name, before, found)


def _ensure(address: str, before: Before | None, found: Container) -> None:
    if before is not None and (differences := before.differences(found)):
        raise _conflict(address, differences)


def _conflict(address: str, differences: Iterable[str]) -> Conflict:
    return Conflict(
        f"{address} has changed since the plan was made: {'; '.join(differences)}. Nothing was "
        "written. Make the plan again."
    )


def _project(owner: str | None) -> str:
    return "no project" if owner is None else f"project {owner}"
