"""`apply`: makes the changes of a plan, and reports each outcome as soon as it is known.

The applier decides nothing: the planner has decided everything. Four stages run one after another:

1. archives of hidden versions, so that the restores of the next stage do not show them;
2. restores of environments;
3. creates, updates and restores of versions;
4. all other archives, so that an environment has its new version before it loses the old one.

A stage consists of units, which run in parallel. The changes inside a unit run one after another.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING

from envsync.model.errors import EnvsyncError
from envsync.model.target import DEFAULT_PARALLEL
from envsync.plan.change import Action, Change
from envsync.plan.outcome import Outcome
from envsync.plan.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from envsync.model.target import Target

INTERRUPTED = "interrupted before it was started"
"""The error of an outcome that was skipped because of an interruption."""


def apply(
    plan: Plan,
    target: Target,
    *,
    parallel: int = DEFAULT_PARALLEL,
    skip_rejected: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Outcome, None, None]:
    """Makes every change of a plan, and yields each outcome as soon as it is known.

    A change that fails skips only the changes that depend on it: the later stages of the same name,
    and the later changes of the same unit. A failed update skips nothing in later stages.

    Args:
        plan: a plan that `make_plan` returned, not one that was read from JSON.
        target: the target that the plan is for.
        parallel: maximum number of concurrent changes.
        skip_rejected: whether names with a rejection are left out. Without it, they refuse the
            plan.
        stop: called before each change. Once it returns true, changes that have started are
            finished and all others are skipped.

    Raises:
        PlanRefused: the plan has rejections, the guard refuses it, or it was read from JSON.
            Nothing was changed.
    """
    plan.ensure_applicable(skip_rejected=skip_rejected)
    failed: dict[str, str] = {}
    with ThreadPoolExecutor(max_workers=max(1, parallel)) as pool:
        for stage in _stages(plan.applicable):
            units = [(unit, failed.get(unit[0].name)) for unit in stage]
            for outcome in _run(units, target, pool=pool, stop=stop):
                # Nothing depends on an update: it changes only description and tags.
                if outcome.status != "done" and outcome.change.action is not Action.UPDATE:
                    failed.setdefault(outcome.change.name, _because(outcome))
                yield outcome


def _run(
    units: Sequence[tuple[Sequence[Change], str | None]],
    target: Target,
    *,
    pool: ThreadPoolExecutor,
    stop: Callable[[], bool],
) -> Iterator[Outcome]:
    """Runs units in parallel, and yields their outcomes.

    Args:
        units: each unit, and why it is skipped; None if it is not.
        target: the target to change.
        pool: runs the units.
        stop: see `apply`.
    """
    # Workers put outcomes into the queue, and finally the Future of their unit. So the generator
    # knows when a unit has ended without outcome, and raises the exception of its worker.
    outcomes: SimpleQueue[Outcome | Future[None]] = SimpleQueue()
    abandoned = False

    def run(unit: Sequence[Change], skip: str | None) -> None:
        for change in unit:
            if skip is None and (abandoned or stop()):
                skip = INTERRUPTED
            outcome = Outcome(change, "skipped", skip) if skip else _carry_out(change, target)
            if outcome.status == "failed":
                skip = _because(outcome)
            outcomes.put(outcome)

    for unit, skip in units:
        pool.submit(run, unit, skip).add_done_callback(outcomes.put)
    running = len(units)
    try:
        while running:
            item = outcomes.get()
            if isinstance(item, Outcome):
                yield item
            else:
                running -= 1
                # Expected errors are outcomes. Any exception here is a bug, and must not get lost.
                item.result()
    finally:
        # The caller may have closed the generator. Without this, workers would go on changing the
        # target, and the outcomes would be lost.
        abandoned = True


def _because(outcome: Outcome) -> str:
    if outcome.status == "skipped" and outcome.error:
        return outcome.error
    return f"{outcome.change.action} of {outcome.change.address} failed"


def _carry_out(change: Change, target: Target) -> Outcome:
    """Makes one change: one operation of the target."""
    try:
        if change.action is Action.CREATE and change.desired:
            target.create(change.desired)
        elif change.desired:
            target.update(
                change.desired.key,
                change.desired.metadata,
                change.desired.provenance,
                restore=change.action is Action.RESTORE,
            )
        else:
            archived = change.action is Action.ARCHIVE
            target.set_archived(change.name, change.version, archived)
            # It is not documented whether the service restores archived versions together with
            # their container. If they are still archived, set_archived writes nothing.
            for version in change.keep_archived:
                target.set_archived(change.name, version, archived=True)
    except EnvsyncError as error:
        return Outcome(change, "failed", str(error))
    return Outcome(change, "done")


def _stages(changes: Iterable[Change]) -> Iterator[list[list[Change]]]:
    """The four stages, each a list of units: lists of changes that run one after another."""
    changes = list(changes)
    restored = {change.name for change in changes if _restores_environment(change)}
    keep_hidden: list[list[Change]] = []
    restores: list[list[Change]] = []
    writes: list[list[Change]] = []
    archives: list[list[Change]] = []
    creates: dict[str, list[Change]] = {}
    for change in changes:
        if _restores_environment(change):
            restores.append([change])
        elif change.action is Action.ARCHIVE:
            (keep_hidden if change.name in restored else archives).append([change])
        elif change.action is Action.CREATE:
            creates.setdefault(change.name, []).append(change)
        else:
            writes.append([change])
    yield keep_hidden
    yield restores
    # The creates of one name are one unit, so that they run in order: `@latest` is the version that
    # is created last.
    yield [*creates.values(), *writes]
    yield archives


def _restores_environment(change: Change) -> bool:
    return change.action is Action.RESTORE and change.scope == "environment"
