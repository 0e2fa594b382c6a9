"""A status with every state, and statuses with hostile text."""

from __future__ import annotations

from envsync.model.declaration import Source
from envsync.plan.status import Cell, CellState, Key, Status, status

TARGETS = ("dev", "staging", "shared-europe")


def cell(
    state: str,
    version: str = "1",
    reason: str = "",
    *,
    before: str | None = None,
    rejected: bool = False,
    declared: bool = True,
) -> Cell:
    return Cell(CellState(state), version, "n", before, reason, rejected, declared)


def example() -> Status:
    """Returns a status with every state and an unreachable target."""
    immutable = "pydata:3 is already registered with a different image."
    dev = {
        Key("auto", None): cell("in-sync", "4"),
        Key("auto", "3"): cell("superseded", "3", declared=False),
        Key("auto", "2"): cell("superseded", "2", declared=False),
        Key("gone", "1"): cell("archived", declared=False),
        Key("pydata", "3"): cell("pending", "3", immutable, rejected=True),
        Key("torch", "2024-01-01"): cell("drifted", "2024-01-01", "tags.owner changed"),
        Key("base", "1"): cell("in-sync"),
        Key("base", "0"): cell("superseded", "0", declared=False),
    }
    staging = {
        Key("auto", None): cell("pending", "4", "new version after 3", before="3"),
        Key("auto", "3"): cell("superseded", "3", declared=False),
        Key("auto", "2"): cell("archived", "2", declared=False),
        Key("gone", "1"): cell("undeclared", declared=False),
        Key("pydata", "3"): cell("missing", "3"),
        Key("torch", "2024-01-01"): cell("foreign", "2024-01-01"),
        Key("base", "1"): cell("in-sync"),
    }
    sources = {key: Source("e.yml", 1) for key in dev if dev[key].declared}
    return status(
        {"dev": dev, "staging": staging},
        {"shared-europe": "There is no registry."},
        sources,
        targets=TARGETS,
    )


def hostile(text: str) -> Status:
    """Returns a status in which every string from files or services is `text`."""
    cells = {
        Key(text, text): Cell(CellState.PENDING, text, text, text, text, rejected=True),
        Key(text, None): Cell(CellState.IN_SYNC, text, text, text, text),
    }
    return status({text + "1": cells}, {text: text}, {}, targets=[text + "1", text])
