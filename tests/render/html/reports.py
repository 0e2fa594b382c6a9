"""Reports with every part: an example, one with hostile text, and a large one."""

from __future__ import annotations

from msgspec.structs import replace

from envsync.model.canonical import JSON
from envsync.model.declaration import Source
from envsync.model.environment import Environment, EnvironmentKey, Metadata
from envsync.model.history import HistoryEntry
from envsync.model.provenance import Provenance
from envsync.model.reference import Reference
from envsync.model.state import Container, RegisteredVersion
from envsync.model.target import TargetIdentity
from envsync.plan.change import Action, Change, FieldChange, LatestChange
from envsync.plan.plan import Plan
from envsync.plan.reference_findings import Finding
from envsync.plan.reference_status import Judged, Status
from envsync.plan.report import Report, TargetReport, UsedEnvironment
from envsync.plan.status import Cell, CellState, Key, status
from tests.builders import declared, image
from tests.render import statuses
from tests.render.hostile import plan_of

AT = "2026-03-01T12:00:00+00:00"


def version(
    name: str, number: str, created: str, *, archived: bool = False, commit: str = "abc"
) -> RegisteredVersion:
    environment = Environment(
        EnvironmentKey(name, number),
        image(),
        Metadata(None, {}),
        Provenance("churn", commit=commit),
    )
    return RegisteredVersion(environment, archived, created)


def entry(
    at: str, action: str, name: str, number: str | None, *, actor: str = "ada", commit: str = "abc"
) -> HistoryEntry:
    after: JSON = {"tags": {"envsync.commit": commit}} if number else {"archived": True}
    return HistoryEntry(at, actor, action, name, number, None, after)  # type: ignore[arg-type]  # any text


def use(
    text: str, *found: tuple[str, Status], file: str = "jobs/a.yml", message: str = ""
) -> UsedEnvironment:
    """Returns a use of `NAME:VERSION` that has these states in targets."""
    name, _, number = text.partition(":")
    reference = Reference(
        file, 3, 1, text, "version", user="job", place="environment", name=name, version=number
    )
    finding = Finding("broken-reference", message, "") if message else None
    return UsedEnvironment(
        Judged(reference),
        {target: Judged(reference, state, finding=finding) for target, state in found},
    )


def plan(target: str, *changes: Change, kind: str = "local") -> Plan:
    latest = (LatestChange("pydata", "1", "2"),) if changes else ()
    return Plan("churn", TargetIdentity(target, kind, f"{target}.db"), changes, latest=latest)


def example() -> Report:
    """Returns a report with two targets, of which one keeps a history."""
    fields = (
        FieldChange("image", "base:1", "base:2"),
        FieldChange("conda_file.dependencies[0]", "numpy=1", "numpy=2"),
        FieldChange("conda_file.dependencies[1]", None, "pandas=2"),
    )
    change = Change(
        Action.CREATE, "version", "pydata", "3", "new version", predecessor="2", differs=fields
    )
    gone = Change(Action.ARCHIVE, "environment", "gone", None, "no file declares it")
    versions = (
        version("pydata", "1", "2026-01-01T00:00:00Z", archived=True),
        version("pydata", "2", "2026-02-01T00:00:00Z"),
    )
    history = (
        entry("2026-01-01T00:00:00Z", "create", "pydata", "1"),
        entry("2026-02-01T00:00:00Z", "create", "pydata", "2"),
        entry("2026-02-01T00:00:10Z", "archive", "gone", None),
    )
    containers = {"pydata": Container("pydata", versions)}
    return Report(
        "churn",
        AT,
        "0123456789abcdef",
        (
            TargetReport(plan("dev", change, gone), containers, history),
            TargetReport(plan("staging", kind="workspace"), containers),
        ),
        statuses.example(),
        (
            use("pydata:2", ("dev", "ok"), ("staging", "ok")),
            use("pydata:9", ("dev", "broken"), message="dev has no version `9`."),
            use("pydata:1", ("dev", "archived"), file="jobs/b.yml"),
        ),
        (declared("base", "1"),),
        "A file could not be read.",
    )


def hostile(text: str) -> Report:
    """Returns a report in which every string from files or services is `text`."""
    report = example()
    containers = {
        text: Container(
            text, (version(text, text, text, commit=text), version(text, "2", AT, archived=True))
        )
    }
    history = (entry(text, "create", text, text, actor=text, commit=text),)
    spelled = replace(declared("n", text), name=text, source=Source(text, 1))
    return replace(
        report,
        project=text,
        commit=text,
        targets=(TargetReport(plan_of(text), containers, history),),
        status=statuses.hostile(text),
        references=(use(f"{text}:{text}", (text, "broken"), file=text, message=text),),
        unused=(spelled,),
        warning=text,
    )


def large(environments: int, targets: int) -> Report:
    """Returns a report in which every target has every environment, with two versions."""
    names = [f"environment-{number:03}" for number in range(environments)]
    places = [f"target-{number}" for number in range(targets)]
    states = [CellState.IN_SYNC, CellState.IN_SYNC, CellState.PENDING, CellState.MISSING]
    cells = {
        place: {
            Key(name, "2"): Cell(states[number % 4], "2", name, declared=True)
            for number, name in enumerate(names)
        }
        for place in places
    }
    containers = {
        name: Container(
            name,
            (
                version(name, "1", "2026-01-01T00:00:00Z", archived=True),
                version(name, "2", "2026-02-01T00:00:00Z"),
            ),
        )
        for name in names
    }
    return Report(
        "churn",
        AT,
        None,
        tuple(TargetReport(plan(place), containers) for place in places),
        status(cells, {}, {}, targets=places),
        tuple(use(f"{name}:2", ("target-0", "ok")) for name in names),
    )
