"""Applies a plan, and reads the target again to verify the changes."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

from msgspec import Struct

from envsync.api.planning import plan_with, provenance
from envsync.model.errors import EnvsyncError
from envsync.model.target import DEFAULT_PARALLEL
from envsync.plan.apply import apply
from envsync.plan.options import Options
from envsync.plan.outcome import Outcome, unverified
from envsync.plan.plan import Plan
from envsync.project.project import Project
from envsync.targets.connection import Connection
from envsync.targets.kinds import open_target

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Sequence

    from envsync.model.target import Target


class Verification(Struct, frozen=True):
    """The result of reading the target again after an apply.

    Attributes:
        unverified: the addresses of changes that are done, but that the target does not show. If
            the target could not be read again, every change that is done is unverified.
        error: why the target could not be read again. None if the target was read.
    """

    unverified: tuple[str, ...]
    error: str | None = None


class Applied(Struct, frozen=True):
    """The result of applying a plan.

    Attributes:
        outcomes: one outcome for each change, in the order in which the changes ended.
        unverified: the addresses of changes that are done, but that the target does not show. If
            the target could not be read again, every change that is done is unverified. None if
            `verify` is False.
        verification_error: why the target could not be read again. None if the target was read, or
            if `verify` is False.
    """

    outcomes: tuple[Outcome, ...]
    unverified: tuple[str, ...] | None
    verification_error: str | None = None

    @property
    def ok(self) -> bool:
        """True if every change is done and no change is unverified."""
        return not self.unverified and all(item.status == "done" for item in self.outcomes)


def apply_plan(
    project: Project,
    plan: Plan,
    *,
    parallel: int = DEFAULT_PARALLEL,
    skip_rejected: bool = False,
    verify: bool = True,
) -> Applied:
    """Makes the plan again, and applies the new plan if each of its changes was approved.

    The changes of the given plan are approved. The new plan has fewer changes if some approved
    changes were already made, for example by an interrupted apply.

    The plan is made again with the arguments that the given plan was made with: `plan.options`.

    If a change fails, no exception is raised: the outcome of the change contains the error. If the
    target cannot be read after the writes, no exception is raised either: see
    `Applied.verification_error`.

    Args:
        project: the project, from `load_project`.
        plan: the approved plan, from `make_plan` or from a file.
        parallel: the maximum number of concurrent changes and requests.
        skip_rejected: if True, the changes to environments with a rejection are not made. If False,
            a plan with rejections is refused.
        verify: if True, the target is read again after the writes.

    Raises:
        PlanRefused: the new plan has a change that is not in the given plan, has rejections, or
            archives too many environments. Nothing was changed.
        EnvsyncError: the target cannot be read before the writes. Nothing was changed.
    """
    config = project.config
    connection = Connection(parallel=parallel)
    commit = provenance(project)
    options = plan.options or Options()
    with closing(open_target(config.target(plan.target.name), config.root, connection)) as target:

        def fresh() -> Plan:
            return plan_with(project, target, options, commit=commit)

        # A plan from a file has no build contexts and no specs. Only the new plan can be applied.
        current = fresh()
        current.ensure_approved(plan.digest, plan.fingerprints.values())
        outcomes: list[Outcome] = []
        verification: Verification | None = None
        for item in apply_and_verify(
            current,
            target,
            fresh,
            parallel=parallel,
            skip_rejected=skip_rejected,
            verify=verify,
        ):
            if isinstance(item, Verification):
                verification = item
            else:
                outcomes.append(item)
    if verification is None:
        return Applied(tuple(outcomes), None)
    return Applied(tuple(outcomes), verification.unverified, verification.error)


def apply_and_verify(
    plan: Plan,
    target: Target,
    plan_again: Callable[[], Plan],
    *,
    parallel: int = DEFAULT_PARALLEL,
    skip_rejected: bool = False,
    verify: bool = True,
    stop: Callable[[], bool] = lambda: False,
    waiting: Callable[[Collection[str]], None] = lambda _names: None,
) -> Generator[Outcome | Verification, None, None]:
    """Applies a plan to an open target. Yields each outcome, and then one `Verification`.

    If the target cannot be read after the writes, no exception is raised: the `Verification` says
    why.

    Args:
        plan: the plan, from `plan_for`. A plan that was read from JSON cannot be applied.
        target: the target that the plan is for.
        plan_again: a function that reads the target, and returns a plan made with the same
            arguments as `plan`.
        parallel: the maximum number of concurrent changes.
        skip_rejected: if True, the changes to environments with a rejection are not made. If False,
            a plan with rejections is refused.
        verify: if False, the target is not read again and no `Verification` is yielded.
        stop: a function that is called before each change. Once the function returns True, the
            remaining changes are skipped and no `Verification` is yielded.
        waiting: a function that is called while lists of the target are stale. Its argument
            contains the names of the environments whose changes are not in the lists yet.

    Raises:
        PlanRefused: the plan has rejections, or archives too many environments. Nothing was
            changed.
    """
    outcomes: list[Outcome] = []
    for outcome in apply(
        plan,
        target,
        parallel=parallel,
        skip_rejected=skip_rejected,
        stop=stop,
        clock=time.monotonic,
    ):
        outcomes.append(outcome)
        yield outcome
    if verify and not stop():
        yield _verification(outcomes, target, plan_again, waiting=waiting)


def _verification(
    outcomes: Sequence[Outcome],
    target: Target,
    plan_again: Callable[[], Plan],
    *,
    waiting: Callable[[Collection[str]], None],
) -> Verification:
    try:
        # Lists of Azure ML are eventually consistent. Without waiting, the new plan could be based
        # on a stale list.
        target.settle(waiting)
        return Verification(unverified(outcomes, plan_again()))
    except EnvsyncError as error:
        # The changes are already written. An exception here would lose the outcomes of all changes.
        done = tuple(item.change.address for item in outcomes if item.status == "done")
        return Verification(done, str(error))
