"""`Policy`: the settings and options that decide which changes a plan contains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Versions: TypeAlias = Literal["auto", "explicit"]
"""The setting `versions`: what happens to an environment file without `version`.

With `auto`, envsync assigns the version. With `explicit`, the file has an error.
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings and options that decide which changes a plan contains.

    Attributes:
        project: the name of the project, which becomes the owner of every version that envsync
            writes.
        prune: whether a plan archives owned environments that no file declares.
        superseded: what happens to undeclared versions of an environment that a file declares.
        adopt: whether the project takes ownership of a version that has no owner, if the version
            has the declared spec.
        ignore_tags: glob patterns of tag keys that other tools manage. envsync neither compares
            nor removes these tags.
        max_archive_percent: the maximum percentage of the owned, active environments that a plan
            can leave without an active version. The percentage of owned versions that the plan
            archives in other environments is added. The limit applies only if the project owns at
            least ten active environments.
        max_archives: the maximum number of environments that a plan can leave without an active
            version. The number of versions that the plan archives in other environments is added.
            The limit applies only if the project owns fewer than ten active environments.
        protect: glob patterns of names. No plan archives an environment that matches a pattern, or
            a version of it.
        take_over: whether the project takes ownership of versions of other projects.
        allow_mass_archive: whether `max_archive_percent` and `max_archives` are ignored.
        allow_in_use: whether a plan can archive what files of the repository use.
        commit: the value of the tag `envsync.commit` on every version that envsync writes.
    """

    project: str
    prune: Literal["owned", "none"] = "owned"
    superseded: Literal["keep", "archive"] = "keep"
    adopt: Literal["identical", "never"] = "identical"
    ignore_tags: tuple[str, ...] = ()
    max_archive_percent: int = 30
    max_archives: int = 5
    protect: tuple[str, ...] = ()
    # Only the command line sets `take_over` and the `allow_` options, because each of them is a
    # decision about a single plan. A setting in a file would apply to every plan.
    take_over: bool = False
    allow_mass_archive: bool = False
    allow_in_use: bool = False
    commit: str | None = None
