"""`apply`: carries a plan out, and reports every outcome as it happens. Decides nothing.

Four stages run one after the other: the archives that keep hidden versions hidden, restores of
environments, then creates, updates and restores of versions side by side, then all other archives.
Inside a stage, units run side by side; the changes of one unit run one after another.
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


def apply(
    plan: Plan,
    target: Target,
    *,
    parallel: int = DEFAULT_PARALLEL,
    skip_rejected: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Outcome, None, None]:
    """Makes every change of a plan and yields each outcome as soon as it is known.

    A change that fails stops only what depends on it: everything later of its name where it should
    have kept versions hidden or restored the environment; later creates and all archives of its
    name where it was a create.

    Args:
        plan: as `make_plan` made it; one that was read back from JSON cannot be applied.
        target: the target that the plan is for.
        parallel: how many changes may be under way at once.
        skip_rejected: leaves out names with a rejection instead of refusing the plan.
        stop: asked before each change; once true, what is in flight is finished and the rest is
            skipped.

    Raises:
        PlanRefused: the plan has rejections, or the guard refuses it. Nothing was changed.
    """
    plan.ensure_applicable(skip_rejected=skip_rejected)
    failed: dict[str, str] = {}
    with ThreadPoolExecutor(max_workers=max(1, parallel)) as pool:
        for stage in _stages(plan.applicable):
            units = [(unit, failed.get(unit[0].name)) for unit in stage]
            for outcome in _run(units, target, pool, stop):
                if outcome.status != "done" and outcome.change.action is not Action.UPDATE:
                    failed.setdefault(outcome.change.name, _because(outcome))
                yield outcome


def _run(
    units: Sequence[tuple[Sequence[Change], str | None]],
    target: Target,
    pool: ThreadPoolExecutor,
    stop: Callable[[], bool],
) -> Iterator[Outcome]:
    """Runs units side by side; the text beside each says why it is skipped, if it is."""
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
                item.result()  # raises what is a bug in a target
    finally:
        abandoned = True  # the caller may have gone: nothing more is started


def _because(outcome: Outcome) -> str:
    if outcome.status == "skipped" and outcome.error:
        return outcome.error
    return f"{outcome.change.action} of {outcome.change.address} failed"


def _carry_out(change: Change, target: Target) -> Outcome:
    """One change, which is one operation of the target."""
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
            # Whether the service restores more with an environment than it should is not
            # documented: where it kept these archived, nothing is written.
            for version in change.keep_archived:
                target.set_archived(change.name, version, archived=True)
    except EnvsyncError as error:
        return Outcome(change, "failed", str(error))
    return Outcome(change, "done")


def _stages(changes: Iterable[Change]) -> Iterator[list[list[Change]]]:
    """Four stages, each a list of units: changes that must follow one another."""
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
    yield [*creates.values(), *writes]
    yield archives


def _restores_environment(change: Change) -> bool:
    return change.action is Action.RESTORE and change.scope == "environment"
