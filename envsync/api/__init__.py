"""The Python API: makes a plan for a target of a project, applies it, and reads all targets.

The command line uses the same functions. docs/reference/api.md describes the public functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

# Type checkers read these imports, and Python reads `_HOMES`: both must name the same modules.
if TYPE_CHECKING:
    from envsync.api.applying import Applied, Verification, apply_and_verify, apply_plan
    from envsync.api.planning import (
        changed_names,
        make_plan,
        plan_each,
        plan_for,
        plan_with,
        provenance,
    )
    from envsync.api.status import read_status

_HOMES = {
    "applying": ("Applied", "Verification", "apply_and_verify", "apply_plan"),
    "planning": (
        "changed_names",
        "make_plan",
        "plan_each",
        "plan_for",
        "plan_with",
        "provenance",
    ),
    "status": ("read_status",),
}

__all__ = [
    "Applied",
    "Verification",
    "apply_and_verify",
    "apply_plan",
    "changed_names",
    "make_plan",
    "plan_each",
    "plan_for",
    "plan_with",
    "provenance",
    "read_status",
]


def __getattr__(name: str) -> object:
    """Imports a name when it is first used. Making a plan needs only some of the modules."""
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"envsync.api.{home}"), name)
    raise AttributeError(f"module 'envsync.api' has no attribute '{name}'")
