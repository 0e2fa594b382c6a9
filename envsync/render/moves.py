"""Renders references that are changed to the newest version in a registry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from envsync.model.wording import printable
from envsync.render.gfm import code, prose

if TYPE_CHECKING:
    from envsync.plan.reference_moves import ReferenceMove
    from envsync.render.paint import Paint
    from envsync.render.places import Place


def moves_text(moves: Iterable[ReferenceMove], place: Place, paint: Paint) -> str:
    """Returns two lines for each reference: its position and name, and its versions."""
    lines: list[str] = []
    for move in moves:
        item = move.reference
        where = paint("bold", f"{printable(place(item.file))}:{item.line}:")
        before, after = printable(move.before), printable(move.after)
        outcome = paint("yellow", "not written") if move.reason else "pinned"
        change = f"{paint('red', before)} -> {paint('green', after)}"
        reason = f". {move.reason}" if move.reason else ""
        lines.append(f"{where} {printable(item.text)}\n  {outcome}: {change}{reason}\n")
    return "".join(lines)


def moves_markdown(moves: Iterable[ReferenceMove]) -> str:
    """Returns the references as a table, below an empty line; an empty string if there are none."""
    rows = [
        f"| {_cell(f'{move.reference.file}:{move.reference.line}')} | "
        f"{_cell(f'{move.reference.registry}/{move.reference.name}')} | {_cell(move.before)} | "
        f"{_cell(move.after)}{f' (not written: {prose(move.reason)})' if move.reason else ''} |"
        for move in moves
    ]
    head = ["| reference | environment | before | after |", "|---|---|---|---|"]
    return "\n" + "\n".join([*head, *rows]) + "\n" if rows else ""


def _cell(text: str) -> str:
    return code(printable(text).replace("|", r"\x7c"))
