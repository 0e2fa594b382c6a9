"""`decisions`: plans the changes of one environment name.

`decisions` calls the private functions of this module. Each function implements one or more rows of
the table in docs/reference/plan.md, and returns or yields changes, rejections and warnings.

Three questions have their own modules:

- `versions`: which version does a file without `version` get?
- `compare`: is the registered spec equal to the declared spec?
- `ownership`: may this project change the version?
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import TypeAlias

from envsync.model.declaration import Declaration
from envsync.model.environment import Environment
from envsync.model.policy import Policy
from envsync.model.state import Container, RegisteredVersion
from envsync.plan.archives import LeftOut, StillThere, archive, superseded, undeclared
from envsync.plan.bump import bump_command
from envsync.plan.change import Action, Change, Rejection
from envsync.plan.compare import (
    field_names,
    match_spec,
    merge_ignored,
    metadata_fields,
    spec_fields,
)
from envsync.plan.creates import create, provenance
from envsync.plan.drift import compare_metadata, lost_owner
from envsync.plan.ownership import belongs_to_service, owner_phrase, ownership_rejection
from envsync.plan.versions import registered

Decision: TypeAlias = Change | Rejection | str
"""A change, a rejection or a warning (a string) for one name."""


def decisions(
    container: Container,
    versions: Mapping[str, Declaration],
    policy: Policy,
    still_there: StillThere,
    left_out: LeftOut,
) -> Iterator[Decision]:
    """Plans one name. Yields the changes in the order in which they are applied.

    Args:
        container: the container of this name. If the name is not in the target, the container has
            no versions.
        versions: maps each version of this name to its declaration. Empty if no file declares the
            name.
        policy: what the plan is allowed to do.
        still_there: files that exist, but were not read as environment files.
        left_out: see `LeftOut`.
    """
    if belongs_to_service(container):
        for version, declaration in versions.items():
            yield _curated(container.name, version, declaration)
        return
    if not versions:
        yield from undeclared(container, policy, still_there, left_out)
        return
    if container.archived:
        # Restore the container before its versions: the service refuses to restore a version while
        # its container is archived.
        yield from _restore_environment(container, versions, policy, still_there)
    found = registered(container, versions)
    for version, declaration in versions.items():
        if version in found:
            fix = partial(_fix, declaration, version, taken=versions.keys(), container=container)
            yield from _existing(found[version], declaration, policy, fix=fix)
        else:
            yield create(version, declaration, container, policy)
    yield from superseded(container, versions.keys(), policy, still_there, left_out)


def _fix(
    declaration: Declaration, version: str, *, taken: Collection[str], container: Container
) -> str:
    """Returns the advice for a version that is already registered with another spec."""
    if declaration.version is None:
        # The version is derived from the content, and somebody else registered the version with
        # other content.
        return "Add a `version:` line to the file, with a version that is not registered."
    return bump_command(
        declaration.declared_name,
        version,
        alone=len(taken) == 1,
        taken=taken,
        in_target={item.version for item in container.versions},
    )


def _curated(name: str, version: str, declaration: Declaration) -> Rejection:
    """Returns the rejection of a declared name that belongs to the service."""
    return Rejection(
        code="curated",
        name=name,
        version=version,
        message=f"{name} belongs to the service, and only the service can change it.",
        fix="Declare the environment under another name.",
        source=declaration.source,
    )


def _restore_environment(
    container: Container,
    versions: Mapping[str, Declaration],
    policy: Policy,
    still_there: StillThere,
) -> Iterator[Decision]:
    """Yields the changes that restore the archived container of a declared name.

    Restoring a container makes its versions visible again, except the versions that are archived
    individually. The plan first archives the undeclared versions, so that only declared versions
    reappear. If such a version belongs to another owner, the project is not allowed to archive it
    first, and the name is rejected.
    """
    undeclared = [item for item in container.versions if item.version not in versions]
    for item in undeclared:
        allowed = item.owner == policy.project or policy.take_over
        # If `may_echo` is set, `item.archived` may be the state of the container, and not of the
        # version. The restore would show a version that is not archived individually. If the
        # project is allowed to archive the version, the applier archives it after the restore,
        # because `keep_archived` below contains it. Otherwise, the name is rejected.
        if item.archived and (allowed or not container.may_echo):
            continue
        if allowed:
            # Do not look for a version of another project in `still_there`: its tag
            # `envsync.source` contains a path in that project.
            known = still_there if item.owner == policy.project else {}
            yield from archive(item, "stays hidden when the name is restored", known)
        else:
            yield Rejection(
                code="foreign-owner",
                name=container.name,
                version=item.version,
                message=f"Restoring {container.name} would show version {item.version}, which "
                f"{owner_phrase(item.owner)}.",
                fix="Declare another name, or pass --take-over to archive that version.",
            )
    yield Change(
        action=Action.RESTORE,
        scope="environment",
        name=container.name,
        version=None,
        reason="archived, although a file declares it",
        source=next(iter(versions.values())).source,
        # Azure's documentation does not say whether the service restores archived versions together
        # with their container. So the applier archives these versions again after the restore.
        keep_archived=tuple(item.version for item in undeclared),
    )


def _existing(
    item: RegisteredVersion, declaration: Declaration, policy: Policy, *, fix: Callable[[], str]
) -> Iterator[Decision]:
    """Yields the change or the rejection for a declared version that is already registered.

    A version that equals its declaration needs no change.

    The spec is checked before the owner, because no owner can change a spec.

    Args:
        item: the registered version.
        declaration: the declaration of this version.
        policy: what the plan is allowed to do.
        fix: a function that returns the advice if the version is registered with another spec.
    """
    key, spec = item.environment.key, item.environment.spec
    match = match_spec(declaration.spec, item)
    if match == "other":
        fields = spec_fields(spec, declaration.spec)
        yield Rejection(
            code="immutable",
            name=key.name,
            version=key.version,
            message=f"{key} is already registered with a different {field_names(fields)}. "
            "Registered versions cannot change.",
            fix=fix(),
            fields=fields,
            source=declaration.source,
        )
        return
    ours = item.owner == policy.project
    if not ours:
        rejection = ownership_rejection(item, declaration, match=match, policy=policy)
        if rejection is not None:
            yield rejection
            return
    if match == "unknown":
        yield _unverified(item)

    before = item.environment.metadata
    metadata = merge_ignored(before, declaration.metadata, policy.ignore_tags)
    fields = metadata_fields(before, metadata)
    if not fields and ours and not item.archived:
        # The version equals its declaration. A missing digest tag is no reason for a change,
        # because the next update writes the tag again.
        return
    reasons = (
        "archived, although a file declares it" if item.archived else "",
        "metadata differs" if fields else "",
        "" if ours else f"new owner: the version {owner_phrase(item.owner)}",
    )
    yield Change(
        # A restore that also changes metadata is one change with one write, because the second of
        # two writes could fail.
        action=Action.RESTORE if item.archived else Action.UPDATE,
        scope="version",
        name=key.name,
        version=key.version,
        reason="; ".join(filter(None, reasons)),
        fields=fields,
        source=declaration.source,
        owner=item.owner,
        drifted=compare_metadata(item, declaration.metadata, policy.ignore_tags).overwritten(
            owner_lost=lost_owner(item)
        ),
        desired=Environment(
            key=key,
            spec=declaration.spec,
            metadata=metadata,
            # Later plans trust the digest, so the digest is written only if the content could be
            # compared. Otherwise, the tag stays as it is.
            provenance=provenance(
                declaration,
                policy,
                declaration.spec.digest if match == "same" else item.environment.provenance.digest,
            ),
        ),
    )


def _unverified(item: RegisteredVersion) -> str:
    """Returns the warning about a version whose build context cannot be compared."""
    key = item.environment.key
    if item.environment.provenance.digest is None:
        return (
            f"{key}: envsync cannot verify that the registered build context is the declared one."
        )
    return (
        f"{key}: the tag envsync.digest says that the registered build context is the declared "
        "one, but the address of the upload contains the hash of other content. Somebody changed "
        "the tag, or the uploaded context had other empty directories. If in doubt, declare a new "
        "version."
    )
