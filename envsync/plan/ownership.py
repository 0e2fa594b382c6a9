"""Decides whether the project is allowed to take over a version that it does not own.

The owner of a version is the project in its tag `envsync.owner`.
"""

from __future__ import annotations

from envsync.model.declaration import Declaration
from envsync.model.naming import is_reserved
from envsync.model.policy import Policy
from envsync.model.state import Container, RegisteredVersion
from envsync.plan.change import Rejection
from envsync.plan.compare import Match


def belongs_to_service(container: Container) -> bool:
    """Returns True if an environment is curated or has a reserved name.

    Only the service can change such an environment.
    """
    return is_reserved(container.name) or any(item.curated for item in container.versions)


def owner_phrase(owner: str | None) -> str:
    """Returns a phrase for messages about a version, such as `belongs to project 'churn'`."""
    return f"belongs to project '{owner}'" if owner else "belongs to no project"


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
