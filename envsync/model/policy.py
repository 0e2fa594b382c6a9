"""`Policy`: what a plan may do, as `envsync.yaml` and the command line say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Versions: TypeAlias = Literal["auto", "explicit"]
"""What a file without `version` means: envsync numbers it, or it is an error."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a plan may do.

    Attributes:
        project: the owner: what carries its name is ours, and what we write gets it.
        prune: whether environments that no file declares are archived.
        superseded: what happens to undeclared versions of an environment that is declared.
        adopt: whether an unowned version with the declared spec becomes ours.
        ignore_tags: globs of tag keys that belong to others: neither compared nor removed.
        max_archive_percent: of owned, active environments, how many a plan may leave without an
            active version, once there are ten.
        take_over: versions of other projects become ours.
        allow_mass_archive: turns the guards off.
        commit: what `envsync.commit` says on what is written.
    """

    project: str
    prune: Literal["owned", "none"] = "owned"
    superseded: Literal["keep", "archive"] = "keep"
    adopt: Literal["identical", "never"] = "identical"
    ignore_tags: tuple[str, ...] = ()
    max_archive_percent: int = 30
    take_over: bool = False
    allow_mass_archive: bool = False
    commit: str | None = None
