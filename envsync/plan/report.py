"""`Report`: what a project declares, and what its targets contain, at one time."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from envsync.model.declaration import Declaration
from envsync.model.history import HistoryEntry
from envsync.model.state import Container
from envsync.plan.plan import Plan
from envsync.plan.reference_status import Judged
from envsync.plan.status import Status


class TargetReport(Struct, frozen=True):
    """The part of a report about one target.

    Attributes:
        plan: what an apply would change.
        containers: the containers of the project, by their name in the environment files.
        history: the changes that were made in the target, oldest first. None if the target keeps no
            history.
    """

    plan: Plan
    containers: Mapping[str, Container] = field(default_factory=dict)
    history: tuple[HistoryEntry, ...] | None = None


class UsedEnvironment(Struct, frozen=True):
    """A reference, compared with the declared environments and with each target.

    Attributes:
        judged: the reference, compared with the declared environments only.
        in_targets: the reference, compared with each target to which it can refer.
    """

    judged: Judged
    in_targets: Mapping[str, Judged] = field(default_factory=dict)


class Report(Struct, frozen=True):
    """A whole report. `plan --format html` shows a page with only the plans.

    Attributes:
        project: the name of the project.
        at: the time of the report, ISO 8601 in UTC.
        commit: the git commit of the files. None if it is not known.
        targets: the targets that were read.
        status: the states of all environment versions. None if the report has only plans.
        references: the uses of environments in the files of the repository.
        unused: the declared environments that no file uses.
        warning: why the list of references may be incomplete. Empty if it is complete.
    """

    project: str
    at: str
    commit: str | None = None
    targets: tuple[TargetReport, ...] = ()
    status: Status | None = None
    references: tuple[UsedEnvironment, ...] = ()
    unused: tuple[Declaration, ...] = ()
    warning: str = ""
