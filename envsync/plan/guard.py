"""The guard against plans that archive more than anybody is likely to want."""

from __future__ import annotations

from collections.abc import Iterable

from envsync.model.policy import Policy
from envsync.model.state import Container

MASS_ARCHIVE_FLOOR = 10
"""The number of owned, active environments from which on the mass-archive guard counts."""


def mass_archive(
    emptied: set[str], owned: Iterable[Container], anything_declared: bool, policy: Policy
) -> str | None:
    """Why the plan archives more than anybody is likely to want; None where it does not."""
    active = {
        container.name
        for container in owned
        if any(item.owner == policy.project for item in container.active)
    }
    emptied = emptied & active
    if policy.allow_mass_archive or not emptied:
        return None
    if not anything_declared:
        return "Nothing is declared, so the plan would archive all that the project owns."
    if len(active) < MASS_ARCHIVE_FLOOR:
        return None
    if len(emptied) * 100 <= policy.max_archive_percent * len(active):
        return None
    return (
        f"The plan would leave {len(emptied)} of {len(active)} owned environments without an "
        f"active version; max_archive_percent allows {policy.max_archive_percent} %."
    )
