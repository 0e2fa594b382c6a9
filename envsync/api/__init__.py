"""The Python API: makes a plan for a target of a project, applies it, and reads all targets.

The command line uses the same functions. docs/reference/api.md describes the public functions.
"""

from __future__ import annotations

from envsync.api.applying import Applied, Verification, apply_and_verify, apply_plan
from envsync.api.planning import changed_names, make_plan, plan_for, plan_with, provenance
from envsync.api.status import read_status

__all__ = [
    "Applied",
    "Verification",
    "apply_and_verify",
    "apply_plan",
    "changed_names",
    "make_plan",
    "plan_for",
    "plan_with",
    "provenance",
    "read_status",
]
