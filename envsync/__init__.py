"""envsync keeps Azure Machine Learning environments in git: plan, review, apply.

`__all__` lists the public API, and docs/reference/api.md describes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsync._version import __version__

# Type checkers read these imports, and Python reads `_HOMES`: both must name the same modules.
if TYPE_CHECKING:
    from envsync.api import Applied, apply_plan, make_plan, read_status
    from envsync.model.errors import (
        EnvsyncError,
        GitError,
        InvalidProject,
        PlanRefused,
        TargetError,
        UsageError,
    )
    from envsync.model.problem import Problem
    from envsync.plan.change import Action, Change, FieldChange, LatestChange, Rejection
    from envsync.plan.outcome import Outcome
    from envsync.plan.plan import Plan
    from envsync.plan.status import Cell, CellState, Status, StatusRow
    from envsync.project.project import Project, load_project

_HOMES = {
    "api": ("Applied", "apply_plan", "make_plan", "read_status"),
    "model.errors": (
        "EnvsyncError",
        "GitError",
        "InvalidProject",
        "PlanRefused",
        "TargetError",
        "UsageError",
    ),
    "model.problem": ("Problem",),
    "plan.change": ("Action", "Change", "FieldChange", "LatestChange", "Rejection"),
    "plan.outcome": ("Outcome",),
    "plan.plan": ("Plan",),
    "plan.status": ("Cell", "CellState", "Status", "StatusRow"),
    "project.project": ("Project", "load_project"),
}

__all__ = [
    "Action",
    "Applied",
    "Cell",
    "CellState",
    "Change",
    "EnvsyncError",
    "FieldChange",
    "GitError",
    "InvalidProject",
    "LatestChange",
    "Outcome",
    "Plan",
    "PlanRefused",
    "Problem",
    "Project",
    "Rejection",
    "Status",
    "StatusRow",
    "TargetError",
    "UsageError",
    "__version__",
    "apply_plan",
    "load_project",
    "make_plan",
    "read_status",
]


def __getattr__(name: str) -> object:
    """Imports a public name when it is first used. Importing all names would slow down start-up."""
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"envsync.{home}"), name)
    raise AttributeError(f"module 'envsync' has no attribute '{name}'")
