"""`Policy`: what a plan may do, from the settings and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Versions: TypeAlias = Literal["auto", "explicit"]
"""The meaning of a file without `version`: envsync numbers its versions, or it is an error."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a plan may do.

    Attributes:
        project: the owner. Versions with this owner are owned by the project, and every
            version that envsync writes gets this owner.
        prune: whether a plan archives owned environments that no file declares.
        superseded: what happens to undeclared versions of an environment that a file declares.
        adopt: whether a version without owner becomes owned by the project if it has the
            declared spec.
        ignore_tags: glob patterns of tag keys that other tools manage. envsync neither compares
            nor removes these tags.
        max_archive_percent: how many of the owned, active environments a plan may leave without
            an active version, in percent. Applies from ten environments on.
        take_over: whether versions of other projects become owned by the project.
        allow_mass_archive: whether the guard against archiving too much is off.
        commit: the value of the tag `envsync.commit` on everything that envsync writes.
    """

    project: str
    prune: Literal["owned", "none"] = "owned"
    superseded: Literal["keep", "archive"] = "keep"
    adopt: Literal["identical", "never"] = "identical"
    ignore_tags: tuple[str, ...] = ()
    max_archive_percent: int = 30
    # These two come from the command line only: a take-over or a mass archive is a decision about
    # one plan, and in a file it would be permanent.
    take_over: bool = False
    allow_mass_archive: bool = False
    commit: str | None = None
