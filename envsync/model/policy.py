"""`Policy`: what a plan is allowed to do. `FilePolicy`: what environment files may use."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from msgspec import Struct, field

Versions: TypeAlias = Literal["auto", "content", "explicit"]
"""The setting `versions`: what happens to an environment file without `version`.

With `auto`, envsync assigns the version when it reads the target. With `content`, the version is
derived from the content of the file. With `explicit`, the file has an error.
"""


class FilePolicy(Struct, frozen=True):
    """The setting `policy`: what environment files may use. An empty value allows everything.

    Attributes:
        images: globs of the images that files may use.
        channels: globs of the conda channels that files may use.
        require_tags: the tags that every environment must have.
        names: a regular expression that must match every name as a whole, or "".
        file: the name of the settings file.
        lines: the 1-based line of each setting in the settings file.
    """

    images: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    require_tags: tuple[str, ...] = ()
    names: str = ""
    file: str = ""
    lines: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def place(self, setting: str) -> str:
        """Returns a setting with its line, such as `policy.images` (envsync.yaml:9)."""
        return f"`policy.{setting}` ({self.file}:{self.lines.get(setting, 1)})"


NO_FILE_POLICY: Final = FilePolicy()
"""Allows everything."""


class Policy(Struct, frozen=True):
    """The settings and options that decide which changes a plan contains.

    Attributes:
        project: the name of the project, which becomes the owner of every version that envsync
            writes.
        prune: whether a plan archives owned environments that no file declares.
        superseded: what happens to undeclared versions of an environment that a file declares.
        adopt: whether the project takes ownership of a version that has no owner, if the version
            has the declared spec.
        versions: how the version of a file without `version` is chosen.
        ignore_tags: glob patterns of tag keys that other tools manage. envsync neither compares
            nor removes these tags.
        max_archive_percent: the maximum percentage of the owned, active environments that a plan
            can leave without an active version. The percentage of owned versions that the plan
            archives in other environments counts towards this maximum. The limit applies only if
            the project owns at least ten active environments.
        max_archives: the maximum number of environments that a plan can leave without an active
            version. The versions that the plan archives in other environments count towards this
            maximum. The limit applies only if the project owns fewer than ten active environments.
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
    versions: Versions = "auto"
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
