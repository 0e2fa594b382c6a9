"""Runs seeded histories of changes against an emulator with faults, through the real SDK.

Each history edits a project a few times: creates, updates, archives and restores, with explicit and
automatic versions and with build contexts. After each edit, the project is applied again and again
until nothing is left to do. After each apply, every outcome is compared with the emulator's own
files, and at the end the environment of another project must be unchanged.

    python -m tests.torture.histories [--seed 1] [--count 300] [--only TEXT] [--minutes 30]
"""

from __future__ import annotations

import random
import sys
import tempfile
import warnings
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from tests.torture._common import shorten_waits

    shorten_waits()

from envsync.emulator.network.azurite import find
from envsync.emulator.settings import FaultKind, Settings, state_file
from envsync.model.declaration import Declaration, Source
from envsync.model.environment import (
    Build,
    Environment,
    EnvironmentKey,
    EnvironmentSpec,
    Metadata,
)
from envsync.model.errors import EnvsyncError
from envsync.model.policy import Policy
from envsync.model.provenance import Provenance
from envsync.model.target import Target, TargetIdentity
from envsync.plan.apply import apply
from envsync.plan.change import Action, Change
from envsync.plan.outcome import Outcome
from envsync.plan.plan import Plan
from envsync.plan.planner import make_plan
from envsync.project.context.scan import scan_context
from envsync.project.settings.targets import TargetConfig, TargetKind
from envsync.targets.azure.http import transport
from envsync.targets.azure.owners import owners
from envsync.targets.connection import Connection
from envsync.targets.local.target import LocalTarget
from envsync.targets.store.rows import parsed_tags
from tests.torture._common import Row, batches, options, part, report

PROJECT = "churn"
THEIRS = Environment(
    EnvironmentKey("theirs", "1"),
    EnvironmentSpec(image="contoso.example/theirs:1"),
    Metadata("Of another project."),
    Provenance("other"),
)
EDITS = 3
TRIES = 4
ATTEMPTS = 20
BATCH = 10
"""Histories that share one emulator, each with a workspace or registry of its own."""


@dataclass(frozen=True)
class Fault:
    """A kind of fault, and where it can occur."""

    name: str
    rates: tuple[tuple[FaultKind, float], ...] = ()
    kinds: tuple[TargetKind, ...] = ("workspace", "registry")
    contexts: float = 0.05
    settings: Mapping[str, Any] = field(default_factory=dict)


FAULTS = (
    Fault("429 bursts with Retry-After", (("429", 0.4),)),
    Fault("500 and 503", (("500", 0.2), ("503", 0.2))),
    Fault("resets", (("reset", 0.4),)),
    Fault("cut TLS connections", (("close", 0.4),)),
    Fault("time-outs", (("timeout", 0.15),)),
    Fault("answers lost after the write", (("drop-after-commit", 0.6),)),
    Fault("answers lost, then no right", (("drop-after-commit", 0.4), ("403", 0.3))),
    Fault("lists that lag", settings={"list_lag_seconds": 0.5}),
    Fault("revoked tokens", (("401", 0.25),)),
    Fault("a right taken away", (("403", 0.4),)),
    Fault("failing operations", (("operation-fails", 0.4),), kinds=("registry",)),
    Fault("operations that never end", (("operation-hangs", 0.3),), kinds=("registry",)),
    Fault("refused uploads", (("refuse-upload", 0.5),), contexts=0.6),
)


def run(
    fault: Fault, *, seed: int, count: int, minutes: float | None = None, parallel: int = 5
) -> Row:
    """Runs histories under one fault."""
    from tests.targets.azure.on_emulator import azure

    row = Row(fault.name)
    for batch in batches(seed, count, minutes, size=BATCH):
        with tempfile.TemporaryDirectory() as text:
            directory = Path(text)
            state = directory / "emulator.db"
            settings: dict[str, Any] = {
                "faults": fault.rates,
                "fault_seed": batch[0],
                "state": state,
            }
            with (
                azure(
                    directory,
                    workspaces=len(batch),
                    registries=len(batch),
                    **settings,
                    **fault.settings,
                ) as service,
                ThreadPoolExecutor(parallel) as pool,
            ):
                runs = []
                for number in batch:
                    kind = fault.kinds[number % len(fault.kinds)]
                    history = History(fault, number, service.config(kind), directory)
                    runs.append((number, history, pool.submit(history.defects)))
                for number, history, future in runs:
                    row.add(number, future.result())
                    for what, times in history.seen.items():
                        row.note(what, times)
    return row


class History:
    """One history of one project in one workspace or registry."""

    def __init__(self, fault: Fault, seed: int, config: TargetConfig, directory: Path) -> None:
        self._fault = fault
        self._random = random.Random(f"{fault.name} {seed}")
        self._config = config
        self._work = directory / f"work-{seed}"
        name = config.settings["workspace" if config.kind == "workspace" else "registry"]
        names = Settings(workspaces=("ws-0",))
        path = state_file(directory / "emulator.db", names, kind=_asset(config.kind), name=name)
        self._truth = path
        self._declared: dict[str, Declaration] = {}
        self._removed: dict[str, Declaration] = {}
        self._made = 0
        self.seen: dict[str, int] = {}

    def defects(self) -> list[str]:
        """Runs the history. Returns a line for each defect."""
        with closing(LocalTarget(self._truth, TargetIdentity("t", "local", "t"))) as truth:
            truth.create(THEIRS)
            return list(self._defects(truth))

    def _defects(self, truth: LocalTarget) -> Iterator[str]:
        before = truth.read(["theirs"])
        self._declare(self._new("kept", "1"))
        for _ in range(EDITS):
            self._edit()
            for _ in range(ATTEMPTS):
                if (yield from self._applies(truth)):
                    break
            else:
                yield f"{ATTEMPTS * TRIES} applies did not lead to an empty plan"
                return
        if truth.read(["theirs"]) != before:
            yield "the environment of another project was changed"

    def _applies(self, truth: LocalTarget) -> Generator[str, None, bool]:
        """Applies a few times in one process. Returns True if nothing was left to do."""
        from envsync.targets.kinds import open_target

        limit = 0.5 if "never end" in self._fault.name else 30.0
        connection = Connection(parallel=4, time_limit=2.0, stale=0.3, operation_limit=limit)
        with closing(open_target(self._config, Path(), connection)) as target:
            for _ in range(TRIES):
                try:
                    plan = self._plan(target)
                except EnvsyncError:
                    self._see("failed reads")
                    continue
                if not plan.changes:
                    return True
                # A plan from a stale list can contain changes that an earlier apply has made.
                earlier = {id(change) for change in plan.changes if is_made(change, truth)}
                yield from self._checked(list(apply(plan, target, parallel=4)), earlier, truth)
        return False

    def _checked(
        self, outcomes: Sequence[Outcome], earlier: Collection[int], truth: LocalTarget
    ) -> Iterator[str]:
        for outcome in outcomes:
            made, error = is_made(outcome.change, truth), outcome.error or ""
            unknown = "it is unknown whether" in error
            self._see("unknown" if unknown else outcome.status)
            # The plan was made from a stale list, and the message says what was made.
            hidden = "is registered, but archived" in error
            if outcome.status == "done" and not made:
                yield f"{_told(outcome.change)} is done, but the emulator does not have it"
            made_now = made and id(outcome.change) not in earlier
            if outcome.status != "done" and made_now and not (unknown or hidden):
                yield f"{_told(outcome.change)} is {outcome.status} ({error}), but made"

    def _plan(self, target: Target) -> Plan:
        state = target.read(self._declared.keys(), PROJECT)
        policy = Policy(PROJECT, superseded="archive", allow_mass_archive=True)
        plan = make_plan(self._declared.values(), state, policy, target.identity)
        assert not plan.rejections, plan.rejections
        return plan

    def _edit(self) -> None:
        """Changes the project in one to three places."""
        for _ in range(self._random.randint(1, 3)):
            names = [name for name in self._declared if name != "kept"]
            edit = self._random.choice(("new", "new version", "metadata", "remove", "again"))
            if edit == "new" or not names:
                self._declare(self._new(f"env-{len(self._declared) + len(self._removed)}"))
            elif edit == "new version":
                old = self._declared[self._random.choice(names)]
                version = None if old.version is None else str(int(old.version) + 1)
                self._declare(self._new(old.name, version))
            elif edit == "metadata":
                old = self._declared[self._random.choice(names)]
                text = f"Text {self._random.random()}"
                self._declare(
                    Declaration(
                        old.name,
                        old.version,
                        old.spec,
                        Metadata(self._random.choice((None, text)), {"n": text}),
                        old.source,
                    )
                )
            elif edit == "remove":
                name = self._random.choice(names)
                self._removed[name] = self._declared.pop(name)
            elif self._removed:
                self._declare(self._removed.pop(self._random.choice(list(self._removed))))

    def _declare(self, declaration: Declaration) -> None:
        self._declared[declaration.name] = declaration

    def _new(self, name: str, version: str | None = "-") -> Declaration:
        if version == "-":
            version = self._random.choice(("1", None))
        self._made += 1
        metadata = Metadata(f"Made {self._made}.", {"made": str(self._made)})
        return Declaration(name, version, self._spec(), metadata, Source(f"{name}.yml", 1))

    def _spec(self) -> EnvironmentSpec:
        if find() is not None and self._random.random() < self._fault.contexts:
            place = self._work / str(self._made)
            place.mkdir(parents=True)
            (place / "Dockerfile").write_text(f"FROM a:{self._made}\n")
            return EnvironmentSpec(build=Build(scan_context(place, place).context))
        return EnvironmentSpec(image=f"contoso.example/image:{self._made}")

    def _see(self, what: str) -> None:
        self.seen[what] = self.seen.get(what, 0) + 1


def is_made(change: Change, truth: LocalTarget) -> bool:
    """Returns whether the emulator's own files have the state that a change writes."""
    container = truth.read([change.name]).get(change.name)
    if container is None:
        return False
    if change.desired is not None:
        held, desired = container.version(change.desired.key.version), change.desired
        return (
            held is not None
            # The emulator keeps the empty text that removes a description.
            and (held.environment.metadata.description or None) == desired.metadata.description
            and held.environment.metadata.tags == desired.metadata.tags
            and held.environment.provenance == desired.provenance
            and (change.action is Action.CREATE or not held.archived)
            and PROJECT in _marks(truth, change.name)
        )
    if change.action is Action.UPDATE:
        return PROJECT in _marks(truth, change.name)
    if change.version is not None:
        held = container.version(change.version)
        return held is not None and held.archived == (change.action is Action.ARCHIVE)
    kept = [container.version(version) for version in change.keep_archived]
    hidden = all(item is not None and item.archived for item in kept)
    return container.archived == (change.action is Action.ARCHIVE) and hidden


def _marks(truth: LocalTarget, name: str) -> frozenset[str]:
    containers, _ = truth.store.records(name)
    return owners(parsed_tags(containers[0].tags)) if containers else frozenset()


def _told(change: Change) -> str:
    return f"{change.action} {change.address}"


def _asset(kind: TargetKind) -> Any:
    return kind


def main() -> int:
    """Runs the histories of the command line, and prints the table."""
    arguments = options(__doc__, count=300).parse_args()
    warnings.simplefilter("ignore")
    transport.LONGEST_SILENCE = 0.4  # type: ignore[misc]
    transport.SharedTransport.sleep = _short_sleep  # type: ignore[assignment, method-assign]
    rows = []
    chosen = [fault for fault in FAULTS if arguments.only in fault.name]
    minutes = part(arguments, len(chosen))
    for fault in chosen:
        rows.append(run(fault, seed=arguments.seed, count=arguments.count, minutes=minutes))
        report("Histories", rows[-1:], arguments.seed)
    return report("Histories", rows, arguments.seed)


def _short_sleep(_: object, seconds: float) -> None:
    import time

    time.sleep(seconds)


if __name__ == "__main__":
    sys.exit(main())
