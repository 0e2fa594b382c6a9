"""Plans a new version. Checks who owns the name, and compares the version with its predecessor."""

from __future__ import annotations

from envsync.model.declaration import Declaration
from envsync.model.environment import Environment, EnvironmentKey, EnvironmentSpec, Metadata
from envsync.model.naming import natural_order
from envsync.model.policy import Policy
from envsync.model.provenance import Provenance
from envsync.model.state import Container, RegisteredVersion
from envsync.plan.change import Action, Change, FieldChange, Rejection
from envsync.plan.compare import match_spec, metadata_fields, spec_fields, without_ignored
from envsync.plan.ownership import owner_phrase
from envsync.plan.versions import newest


def create(
    version: str, declaration: Declaration, container: Container, policy: Policy
) -> Change | Rejection:
    """Returns the change that creates a version, or a rejection if another project owns the name.

    Args:
        version: the declared version, or the version that envsync assigned.
        declaration: the declaration of this version.
        container: the container of this name.
        policy: what the plan is allowed to do.
    """
    foreign = _foreign_owner(declaration, container, policy)
    if foreign is not None and not policy.take_over:
        return Rejection(
            code="foreign-owner",
            name=declaration.name,
            version=version,
            message=f"{foreign} A new version would change what @latest means for that project.",
            fix="Declare another name, or pass --take-over.",
            source=declaration.source,
        )
    before = _predecessor(version, declaration, container)
    return Change(
        action=Action.CREATE,
        scope="version",
        name=declaration.name,
        version=version,
        reason=_reason(declaration, container, before),
        fields=(
            *spec_fields(EnvironmentSpec(), declaration.spec),
            *metadata_fields(Metadata(), declaration.metadata),
        ),
        source=declaration.source,
        predecessor=before.version if before else None,
        differs=_differs(declaration, before) if before else (),
        desired=Environment(
            key=EnvironmentKey(declaration.name, version),
            spec=declaration.spec,
            metadata=declaration.metadata,
            provenance=provenance(declaration, policy, declaration.spec.digest),
        ),
    )


def _foreign_owner(declaration: Declaration, container: Container, policy: Policy) -> str | None:
    """Returns a sentence if another project owns the name or its newest version, otherwise None."""
    foreign = [item for item in container.active if item.owner not in (None, policy.project)]
    if foreign and len(foreign) == len(container.active):
        owners = ", ".join(sorted({f"'{item.owner}'" for item in foreign}))
        return f"Every active version of {container.name} belongs to another project: {owners}."
    # If this project and the owner of the newest version both have a file without `version`, each
    # of them would create a new version in every plan.
    is_numbered = declaration.version is None and policy.versions != "content"
    if foreign and is_numbered and foreign[-1] is container.active[-1]:
        latest = foreign[-1]
        return (
            f"The newest version of {container.name}, {latest.version}, "
            f"{owner_phrase(latest.owner)}, and the file has no `version`."
        )
    return None


def provenance(declaration: Declaration, policy: Policy, digest: str | None) -> Provenance:
    """Returns the reserved tags that are written to a version.

    Args:
        declaration: the declaration of the version.
        policy: contains the project and the commit.
        digest: the digest of the spec. None if the content could not be verified.
    """
    return Provenance(
        owner=policy.project,
        digest=digest,
        source=declaration.source.file,
        commit=policy.commit,
        # Other tools can change ignored tags at any time, so the digest does not cover these tags.
        applied=without_ignored(declaration.metadata, policy.ignore_tags).digest,
    )


def _predecessor(
    version: str, declaration: Declaration, container: Container
) -> RegisteredVersion | None:
    """Returns the registered version that a reviewer compares a new version with.

    If the file has no `version`, the predecessor is the newest version. Otherwise, the predecessor
    is the highest version below the new version. Archived versions are ignored.
    """
    if declaration.version is None:
        return newest(container)
    order = natural_order(version)
    below = [
        item
        for item in container.versions
        if not item.archived and natural_order(item.version) < order
    ]
    return max(below, key=lambda item: natural_order(item.version), default=None)


def _differs(declaration: Declaration, before: RegisteredVersion) -> tuple[FieldChange, ...]:
    same = match_spec(declaration.spec, before) == "same"
    spec = () if same else spec_fields(before.environment.spec, declaration.spec)
    return (*spec, *metadata_fields(before.environment.metadata, declaration.metadata))


def _reason(
    declaration: Declaration, container: Container, before: RegisteredVersion | None
) -> str:
    if before is None:
        # This reason shows that somebody archived the version that was in use.
        if declaration.version is None and container.versions:
            return "new version, because every registered version is archived"
        return "not in the target"
    if declaration.version is None:
        for item in reversed(container.versions):
            if match_spec(declaration.spec, item) == "same":
                # After a revert in git, the old content becomes a new version. The old version
                # cannot become @latest again, because @latest is the version that was created last.
                again = f"with the content of {item.version} again"
                return f"new version after {before.version}, {again}"
    return f"new version after {before.version}"
