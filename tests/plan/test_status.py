"""The table of all targets: its rows, their order, and the counts."""

from __future__ import annotations

import pytest

from envsync.model.declaration import Source
from envsync.model.errors import EnvsyncError
from envsync.plan.status import Cell, CellState, Key, Status, status

A, B, C = Key("a", "1"), Key("b", None), Key("c", "1")
SOURCES = {A: Source("a.yml", 1), B: Source("b.yml", 1)}


def cell(state: str, *, rejected: bool = False, declared: bool = True) -> Cell:
    return Cell(CellState(state), "1", rejected=rejected, declared=declared)


def rows(found: Status) -> dict[Key, dict[str, str]]:
    return {
        row.key: {target: str(item.state) for target, item in row.cells.items()}
        for row in found.rows
    }


def test_a_target_that_does_not_have_the_environment_has_no_cell() -> None:
    cells = {"dev": {A: cell("in-sync")}, "prod": {C: cell("undeclared")}}
    assert rows(status(cells, {}, SOURCES, targets=["dev", "prod"])) == {
        C: {"prod": "undeclared"},
        A: {"dev": "in-sync"},
    }


def test_every_row_shows_that_a_target_is_unreachable() -> None:
    found = status(
        {"dev": {A: cell("in-sync")}}, {"prod": "No route."}, SOURCES, targets=["prod", "dev"]
    )
    assert rows(found) == {
        A: {"prod": "unreachable", "dev": "in-sync"},
        B: {"prod": "unreachable"},
    }
    assert found.to_json()["unreachable"] == {"prod": "No route."}


def test_rows_that_need_attention_are_first() -> None:
    states = ["superseded", "in-sync", "undeclared", "missing", "pending", "foreign", "drifted"]
    cells = {Key(f"{9 - i}", "1"): cell(state) for i, state in enumerate(states)}
    cells[Key("x", "1")] = cell("pending", rejected=True)
    found = status({"dev": cells, "prod": {}}, {}, {}, targets=["dev", "prod"])
    assert [row.cells["dev"].state for row in found.rows] == [
        "pending",
        *reversed(states),
    ]


def test_an_archived_version_needs_attention_only_if_a_file_declares_it() -> None:
    cells = {A: cell("archived", declared=False), B: cell("archived"), C: cell("in-sync")}
    found = status({"dev": cells}, {}, SOURCES, targets=["dev"])
    assert [row.key for row in found.rows] == [B, C, A]


def test_versions_of_a_name_are_in_natural_order() -> None:
    cells = {Key("a", version): cell("superseded") for version in ("10", "9", "1.10", "1.9")}
    found = status({"dev": cells}, {}, {}, targets=["dev"])
    assert [row.key.version for row in found.rows] == ["1.9", "1.10", "9", "10"]


def test_a_version_that_is_archived_everywhere_is_shown_only_on_request() -> None:
    cells = {"dev": {A: cell("archived"), C: cell("archived")}}
    assert list(rows(status(cells, {}, SOURCES, targets=["dev"]))) == [A]
    assert list(rows(status(cells, {}, SOURCES, targets=["dev"], archived=True))) == [A, C]


def test_counts_start_with_the_most_urgent_state() -> None:
    cells = {
        "dev": {A: cell("in-sync"), B: cell("pending")},
        "prod": {A: cell("in-sync"), B: cell("in-sync")},
    }
    found = status(cells, {}, SOURCES, targets=["dev", "prod"])
    assert list(found.counts().items()) == [("pending", 1), ("in-sync", 3)]
    assert found.counts("prod") == {"in-sync": 2}


def test_the_json_has_one_cell_for_each_target() -> None:
    cells = {"dev": {B: Cell(CellState.PENDING, "2", "b-dev", "1", "new version after 1")}}
    assert status(cells, {}, SOURCES, targets=["dev"]).to_json() == {
        "format_version": 1,
        "targets": ["dev"],
        "unreachable": {},
        "summary": {"pending": 1},
        "environments": [
            {
                "name": "b",
                "version": None,
                "source": {"file": "b.yml", "line": 1},
                "cells": {
                    "dev": {
                        "state": "pending",
                        "version": "2",
                        "name": "b-dev",
                        "predecessor": "1",
                        "reason": "new version after 1",
                        "rejected": False,
                        "declared": False,
                    }
                },
            }
        ],
    }


def test_a_glob_matches_the_name_with_and_without_the_suffix() -> None:
    cells = {
        "pr": {A: Cell(CellState.IN_SYNC, "1", "a-pr"), B: Cell(CellState.MISSING, "1", "b-pr")}
    }
    found = status(cells, {}, SOURCES, targets=["pr"])
    assert [list(rows(found.selected([glob], []))) for glob in ("a", "b-*")] == [[A], [B]]


def test_a_glob_that_matches_nothing_is_an_error() -> None:
    found = status({"dev": {A: cell("in-sync")}}, {}, SOURCES, targets=["dev"])
    with pytest.raises(EnvsyncError, match="No declared or owned environment matches 'x'"):
        found.selected(["a", "x"], [])
