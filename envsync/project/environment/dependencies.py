"""Examines conda dependencies and pip requirements: their mistakes, names, channels and versions.

Many environments of a project have the same dependencies, so each text is examined only once.
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from envsync.project.environment.channels import channels_in
from envsync.project.environment.pins import (
    conda_parts,
    leaves_conda_open,
    leaves_pip_open,
    pinned_python,
)
from envsync.project.environment.retired import Ended, ended_python
from envsync.project.environment.specs import Fault, conda_fault, pip_fault, without_options


class CondaDependency(Struct, frozen=True):
    """The properties of a conda dependency that the rules check.

    Attributes:
        name: the lower-case name of the package, or "" if the dependency has no name.
        fault: the kind of mistake, or None.
        is_open: True if the dependency has no mistake and no version.
        ended: the Python series that the dependency pins, if this series has no support; otherwise
            None. Always None for a dependency with a mistake.
        channels: the channels that the dependency names.
    """

    name: str
    fault: Fault | None
    is_open: bool
    ended: Ended | None
    channels: tuple[str, ...]


class PipRequirement(Struct, frozen=True):
    """The properties of a pip requirement that the rules check.

    Attributes:
        fault: the kind of mistake, or None.
        unversioned: the requirement without its options. None if the requirement has a version or
            a mistake.
    """

    fault: Fault | None
    unversioned: str | None


@lru_cache(maxsize=4096)
def conda_dependency(text: str) -> CondaDependency:
    """Examines a conda dependency."""
    fault = conda_fault(text)
    pinned = None if fault else pinned_python(text)
    name, rest = conda_parts(text)
    return CondaDependency(
        name.lower(),
        fault,
        is_open=not fault and leaves_conda_open(name, rest),
        ended=ended_python(*pinned) if pinned else None,
        channels=channels_in(text),
    )


@lru_cache(maxsize=4096)
def pip_requirement(text: str) -> PipRequirement:
    """Examines a pip requirement."""
    if fault := pip_fault(text):
        return PipRequirement(fault, None)
    requirement = without_options(text)
    return PipRequirement(None, requirement if leaves_pip_open(requirement) else None)
