"""Decides whether the project is allowed to take over a version that it does not own.

The owner of a version is the project in its tag `envsync.owner`.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Final

from envsync.model.declaration import Declaration
from envsync.model.naming import is_reserved
from envsync.model.policy import Policy
from envsync.model.state import Container, RegisteredVersion
from envsync.plan.change import Action, Change, Rejection
from envsync.plan.compare import Match

_CURATED: Final = attrgetter("curated")  # faster than a loop over all versions of every name


def belongs_to_service(container: Container) -> bool:
    """Returns True if an environment is curated or has a reserved name.

    Only the service can change such an environment.
    """
    return is_reserved(container.name) or any(map(_CURATED, container.versions))


def owner_phrase(owner: str | None) -> str:
    """Returns a phrase about the owner of a version, such as `belongs to project 'churn'`."""
    return f"belongs to project '{owner}'" if owner else "belongs to no project"


def unmarked(container: Container, changes: Iterable[Change], policy: Policy) -> Change | None:
    """Returns the change that adds the project to the owners that a container lists.

    A create that is interrupted between its two writes leaves a version whose container does not
    list the project. A later plan would not find this version if no file declares it.

    Args:
        container: the container of one name.
        changes: the other changes of the name.
        policy: what the plan is allowed to do.

    Returns:
        The change, or None if no such change is necessary.
    """
    if container.marks is None or policy.project in container.marks:
        return None
    changes = list(changes)
    # Each change that writes a declared version also adds the project to the owners of the
    # container, so no separate change is necessary.
    if any(change.desired is not None for change in changes):
        return None
    archived = {change.version for change in changes if change.action is Action.ARCHIVE}
    kept = [
        item
        for item in container.active
        if item.owner == policy.project and item.version not in archived
    ]
    if None in archived or not kept:
        return None
    return Change(
        action=Action.UPDATE,
        scope="environment",
        name=container.name,
        version=None,
        reason="the environment does not list the project as an owner",
        owner=policy.project,
    )


def ownership_rejection(
    item: RegisteredVersion, declaration: Declaration, *, match: Match, policy: Policy
) -> Rejection | None:
    """Returns a rejection if the project is not allowed to take over a version. Otherwise None.

    Args:
        item: a version that this project does not own.
        declaration: the declaration of this version.
        match: the result of `match_spec`: `same` or `unknown`.
        policy: what the plan is allowed to do.
    """
    key = item.environment.key
    if item.owner is not None:
        # `match` is never `other` here: the caller has already rejected a different spec.
        if policy.take_over:
            return None
        code, state, fix = "foreign-owner", owner_phrase(item.owner), "or pass --take-over"
    elif match == "same" and policy.adopt == "identical":
        return None
    elif match == "same":
        code, state, fix = (
            "unowned",
            owner_phrase(None),
            "or set `adopt: identical` in envsync.yaml",
        )
    else:
        # `adopt: identical` does not apply, because envsync cannot verify that the content is
        # identical.
        code, fix = "unowned", "with this build context"
        state = "belongs to no project, and its build context cannot be verified"
    return Rejection(
        code=code,
        name=key.name,
        version=key.version,
        message=f"{key} exists and {state}.",
        fix=f"Declare another version {fix}.",
        source=declaration.source,
    )
