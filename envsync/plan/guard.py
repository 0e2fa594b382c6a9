"""The guard against plans that archive too much.

If the project directory is wrong or a merge lost files, a plan would archive every environment
whose file is missing. In this case, the guard refuses the whole plan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from envsync.model.policy import Policy
from envsync.model.state import Container
from envsync.plan.change import Action, Change

MASS_ARCHIVE_FLOOR = 10
"""The smallest number of owned, active environments for which `max_archive_percent` is the limit.

If a project owns fewer active environments, `max_archives` is the limit.
"""


def mass_archive(
    changes: Sequence[Change],
    emptied: Collection[str],
    owned: Iterable[Container],
    *,
    anything_declared: bool,
    policy: Policy,
) -> str | None:
    """Checks whether a plan archives too much.

    Returns a sentence that says why the plan is refused, or None if the plan is allowed.

    Args:
        changes: all changes of the project, including names that the command line does not select.
        emptied: the names that these changes leave without an active version.
        owned: the containers in which the project owns a version.
        anything_declared: whether the project declares any environment.
        policy: what the plan is allowed to do.
    """
    active = {
        container.name: container
        for container in owned
        if any(item.owner == policy.project for item in container.active)
    }
    # An environment counts only if the project owns an active version of it.
    gone = active.keys() & set(emptied)
    if policy.allow_mass_archive:
        return None
    if gone and not anything_declared:
        return (
            "No file declares an environment, so the plan would archive everything that the "
            "project owns."
        )
    # The versions of an emptied environment are not counted, because the environment itself counts.
    withdrawn = _withdrawn(changes, active.keys() - gone)
    owned_versions = sum(
        item.owner == policy.project for found in active.values() for item in found.active
    )
    # For a small project, the limit is a fixed number, because a single archived environment could
    # exceed a percentage.
    if len(active) < MASS_ARCHIVE_FLOOR:
        exceeded = len(gone) + withdrawn > policy.max_archives
        limit = f"max_archives allows {policy.max_archives}"
    else:
        # The share of the emptied environments and the share of the withdrawn versions are added:
        # gone / active + withdrawn / owned_versions > percent / 100. The inequality is multiplied
        # out, because integers need no rounding.
        shares = len(gone) * owned_versions + withdrawn * len(active)
        exceeded = shares * 100 > policy.max_archive_percent * len(active) * owned_versions
        limit = f"max_archive_percent allows {policy.max_archive_percent} %"
    if not exceeded:
        return None
    parts = []
    if gone:
        environments = f"{len(active)} owned environment{'' if len(active) == 1 else 's'}"
        parts.append(f"leave {len(gone)} of {environments} without an active version")
    if withdrawn:
        more = "more of" if gone else "of"
        parts.append(f"archive {withdrawn} {more} {owned_versions} owned versions")
    both = " for both together" if len(parts) > 1 else ""
    return f"The plan would {', and '.join(parts)}. {limit}{both}."


def _withdrawn(changes: Iterable[Change], names: Collection[str]) -> int:
    """Returns how many active versions of these names are archived without a replacement."""
    surplus: dict[str, int] = {}
    for change in changes:
        if change.scope == "version" and change.name in names:
            step = {Action.ARCHIVE: 1, Action.CREATE: -1}.get(change.action, 0)
            surplus[change.name] = surplus.get(change.name, 0) + step
    return sum(count for count in surplus.values() if count > 0)
