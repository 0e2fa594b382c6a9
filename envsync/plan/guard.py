"""The guard against plans that archive too much.

If the directory is wrong or a merge lost files, a plan archives every environment without a file.
The guard refuses the whole plan.
"""

from __future__ import annotations

from collections.abc import Iterable

from envsync.model.policy import Policy
from envsync.model.state import Container

MASS_ARCHIVE_FLOOR = 10
"""With fewer owned, active environments than this number, the guard ignores the percentage."""


def mass_archive(
    emptied: set[str], owned: Iterable[Container], *, anything_declared: bool, policy: Policy
) -> str | None:
    """Checks whether a plan archives too much.

    Returns a sentence that says why the plan is refused, or None if the plan is allowed.

    Args:
        emptied: the names that the plan leaves without an active version.
        owned: the containers in which the project owns a version.
        anything_declared: whether the project declares any environment.
        policy: what the plan may do.
    """
    active = {
        container.name
        for container in owned
        if any(item.owner == policy.project for item in container.active)
    }
    # An environment counts only if the project owns an active version of it.
    emptied = emptied & active
    if policy.allow_mass_archive or not emptied:
        return None
    if not anything_declared:
        return (
            "No file declares an environment, so the plan would archive everything that the "
            "project owns."
        )
    # In a small project, a single archive already exceeds a percentage.
    if len(active) < MASS_ARCHIVE_FLOOR:
        return None
    if len(emptied) * 100 <= policy.max_archive_percent * len(active):
        return None
    return (
        f"The plan would leave {len(emptied)} of {len(active)} owned environments without an "
        f"active version. max_archive_percent allows {policy.max_archive_percent} %."
    )
