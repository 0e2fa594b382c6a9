"""Who a version belongs to, and whether it may become ours."""

from __future__ import annotations

from envsync.model.declaration import Declaration
from envsync.model.naming import is_reserved
from envsync.model.policy import Policy
from envsync.model.state import Container, RegisteredVersion
from envsync.plan.change import Rejection
from envsync.plan.compare import Match


def is_the_services(container: Container) -> bool:
    """Whether a name belongs to the service itself, which lets nobody change it."""
    return is_reserved(container.name) or any(item.curated for item in container.versions)


def whose(owner: str | None) -> str:
    """The end of a sentence about a version."""
    return f"belongs to project '{owner}'" if owner else "belongs to no project"


def not_ours(
    item: RegisteredVersion, declaration: Declaration, match: Match, policy: Policy
) -> Rejection | None:
    """Why a version that the project doesn't own may not become its own; None where it may."""
    key = item.environment.key
    if item.owner is not None:
        if policy.take_over:
            return None
        code, state, fix = "foreign-owner", whose(item.owner), "or pass --take-over"
    elif match == "same" and policy.adopt == "identical":
        return None
    elif match == "same":
        code, state, fix = "unowned", whose(None), "or set `adopt: identical` in envsync.yaml"
    else:
        code, fix = "unowned", "with this build context"
        state = "belongs to no project, and its build context cannot be verified"
    return Rejection(
        code,
        key.name,
        key.version,
        f"{key} exists and {state}.",
        f"Declare another version {fix}.",
        source=declaration.source,
    )
