"""`apply`: makes the changes of a plan, and reports each outcome as soon as it is known.

The applier makes no decisions: the plan contains all of them. Four stages run one after another:

1. Archive undeclared versions, so that a restored environment does not show these versions.
2. Restore environments.
3. Create, update and restore versions.
4. Archive everything else. By now, the new versions are registered. `_unreplaced` finds the
   archives to skip: their replacements were not created.

A stage consists of units, which run in parallel. The changes inside a unit run one after another.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING

from msgspec.structs import replace

from envsync.model.errors import Conflict, EnvsyncError, PossiblyActive
from envsync.model.target import DEFAULT_PARALLEL
from envsync.plan.change import Action, Change, Rejection
from envsync.plan.outcome import Outcome
from envsync.plan.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

    from envsync.model.target import Target

INTERRUPTED = "the run was interrupted before this change started"
"""The error of a change that was skipped because the run was interrupted."""


def apply(
    plan: Plan,
    target: Target,
    *,
    parallel: int = DEFAULT_PARALLEL,
    skip_rejected: bool = False,
    stop: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] | None = None,
) -> Generator[Outcome, None, None]:
    """Makes every change of a plan, and yields each outcome as soon as it is known.

    If a change fails, only the changes that depend on it are skipped: the later changes of its
    unit, and the changes of its environment in later stages. No change depends on an update.

    Args:
        plan: a plan that `make_plan` returned, not one that was read from JSON.
        target: the target that the plan is for.
        parallel: maximum number of concurrent changes.
        skip_rejected: if True, no change is made to a name that has a rejection. If False, the plan
            must not have rejections.
        stop: a function that is called before each change. Once the function returns True, changes
            that have started are finished and all other changes are skipped.
        clock: a function that returns the seconds since a fixed time. If None, outcomes have no
            durations.

    Raises:
        PlanRefused: the plan has rejections, archives too much, or was read from JSON. Nothing was
            changed.
    """
    plan.ensure_applicable(skip_rejected=skip_rejected)
    failed: dict[str, str] = {}
    missing = _not_created(plan)
    immutable = _immutable(plan)
    parallel = max(1, parallel)
    with ThreadPoolExecutor(max_workers=parallel) as pool:
        for stage in _stages(plan.applicable):
            units = [
                (unit, failed.get(unit[0].name) or _unreplaced(unit[0], missing, immutable))
                for unit in stage
            ]
            for outcome in _run(
                units, target, pool=pool, parallel=parallel, stop=stop, clock=clock
            ):
                # An update changes only the description and tags, so no other change depends on it.
                if outcome.status != "done" and outcome.change.action is not Action.UPDATE:
                    failed.setdefault(outcome.change.name, _because(outcome))
                    if outcome.change.action is Action.CREATE and outcome.change.source:
                        directory = _directory(outcome.change.source.file)
                        missing.setdefault(directory, outcome.change.address)
                yield outcome


def _run(
    units: Sequence[tuple[Sequence[Change], str | None]],
    target: Target,
    *,
    pool: ThreadPoolExecutor,
    parallel: int,
    stop: Callable[[], bool],
    clock: Callable[[], float] | None,
) -> Iterator[Outcome]:
    """Runs units in parallel, and yields their outcomes.

    Args:
        units: pairs of a unit and the reason to skip the unit. If the reason is None, the unit
            runs.
        target: the target to change.
        pool: the threads that run the units.
        parallel: the number of threads.
        stop: see `apply`.
        clock: see `apply`.
    """
    # Workers put outcomes into the queue. When a worker ends, its Future is put into the queue as
    # well, so that the generator can count the workers and raise the exception of a worker.
    outcomes: SimpleQueue[Outcome | Future[None]] = SimpleQueue()
    waiting = deque(units)
    abandoned = False

    def run(unit: Sequence[Change], skip: str | None) -> None:
        for change in unit:
            if skip is None and (abandoned or stop()):
                skip = INTERRUPTED
            outcome = Outcome(change, "skipped", skip) if skip else _timed(change, target, clock)
            if outcome.status in ("failed", "conflict"):
                skip = _because(outcome)
            outcomes.put(outcome)

    def work() -> None:
        while waiting:
            try:
                unit, skip = waiting.popleft()
            except IndexError:  # another worker was faster
                return
            run(unit, skip)

    # A Future for each unit would take as long as a small write.
    running = min(parallel, len(units))
    for _ in range(running):
        pool.submit(work).add_done_callback(outcomes.put)
    try:
        while running:
            item = outcomes.get()
            if isinstance(item, Outcome):
                yield item
            else:
                running -= 1
                # A worker returns an expected error as an outcome. Any other exception is a bug in
                # envsync, and result() raises the exception.
                item.result()
    finally:
        # If the caller closes the generator, nobody reads further outcomes, so workers must not
        # start further changes.
        abandoned = True


def _not_created(plan: Plan) -> dict[str, str]:
    """Returns the versions that are not created because of a rejection.

    The keys are the directories of the files that declare these versions. The values are the
    addresses of the versions.
    """
    held_back = plan.held_back
    parts: list[Change | Rejection] = [
        change
        for change in plan.changes
        if change.action is Action.CREATE and change.name in held_back
    ]
    # Rejections with these codes are about versions that are already in the target. `_immutable`
    # handles the code `immutable`.
    known = ("immutable", "still-there", "in-use", "protected")
    parts += [item for item in plan.rejections if item.code not in known]
    return {_directory(part.source.file): part.address for part in parts if part.source}


def _immutable(plan: Plan) -> dict[str, str]:
    """Maps a file to the version that it declares, if the version has the rejection `immutable`."""
    return {
        item.source.file: item.address
        for item in plan.rejections
        if item.code == "immutable" and item.source
    }


def _unreplaced(
    change: Change, missing: Mapping[str, str], immutable: Mapping[str, str]
) -> str | None:
    """Returns the reason to skip a change, or None if the change can be made.

    For a renamed environment, the plan archives the old name and creates the new name. envsync
    assumes a rename if the two names were declared by the same file, or by files in the same
    directory. If the new name was not created, the old name must stay active, because jobs need one
    of the two names.

    Args:
        change: the change to check.
        missing: maps a directory to a version that one of its files declares, but that was not
            created.
        immutable: maps a file to the version that it declares, if the version has the rejection
            `immutable`. The target has this version with other content, so the version does not
            replace the old name.
    """
    for file in change.former_files:
        if file in immutable:
            return (
                f"{immutable[file]} was rejected, and may be the new name of {change.name}: "
                f"{file} declared {change.name}, and now declares {immutable[file]}"
            )
    for directory in map(_directory, change.former_files):
        if directory in missing:
            return (
                f"{missing[directory]} was not created, and may be the new name of {change.name}: "
                f"the files of both names are in {directory or 'the project directory'}"
            )
    return None


def _directory(file: str) -> str:
    return file.rpartition("/")[0]


def _because(outcome: Outcome) -> str:
    if outcome.status == "skipped" and outcome.error:
        return outcome.error
    return f"{outcome.change.action} of {outcome.change.address} failed"


def _timed(change: Change, target: Target, clock: Callable[[], float] | None) -> Outcome:
    """Makes one change in the target, and returns its outcome with the seconds that it took."""
    if clock is None:
        return _carry_out(change, target)
    start = clock()
    return replace(_carry_out(change, target), seconds=clock() - start)


def _carry_out(change: Change, target: Target) -> Outcome:
    """Makes one change in the target, and returns its outcome."""
    try:
        if change.action is Action.UPDATE and change.scope == "environment":
            target.own(change.name, change.owner or "", change.before)
        elif change.action is Action.CREATE and change.desired:
            target.create(change.desired, change.before)
        elif change.desired:
            target.update(
                change.desired.key,
                change.desired.metadata,
                change.desired.provenance,
                restore=change.action is Action.RESTORE,
                before=change.before,
            )
        else:
            archived = change.action is Action.ARCHIVE
            target.set_archived(change.name, change.version, archived, change.before)
            # Azure's documentation does not say whether the service restores archived versions
            # together with their container. So archive these versions again. The target writes
            # nothing for a version that is still archived.
            for version in change.keep_archived:
                try:
                    target.set_archived(change.name, version, archived=True)
                except EnvsyncError as error:
                    raise PossiblyActive(change.name, version, error) from error
    except Conflict as conflict:
        return Outcome(change, "conflict", str(conflict))
    except EnvsyncError as error:
        return Outcome(change, "failed", str(error))
    return Outcome(change, "done")


def _stages(changes: Iterable[Change]) -> Iterator[list[list[Change]]]:
    """Yields the four stages. A stage is a list of units, and a unit is a list of changes."""
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
    # A unit contains all changes that create versions of one name. These changes run in order,
    # because `@latest` is the version that is created last.
    yield [*creates.values(), *writes]
    yield archives


def _restores_environment(change: Change) -> bool:
    return change.action is Action.RESTORE and change.scope == "environment"
