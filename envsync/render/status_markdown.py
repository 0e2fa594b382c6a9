"""Renders a status as GitHub-flavoured Markdown, for job summaries."""

from __future__ import annotations

from collections.abc import Iterable

from envsync.model.wording import printable
from envsync.plan.status import Status
from envsync.render.gfm import code, prose
from envsync.render.plan_markdown import heading
from envsync.render.status_view import (
    CellView,
    reason_views,
    rejected_count,
    row_blocks,
    size_text,
    state_counts,
)


def status_markdown(status: Status, *, directory: str = "") -> str:
    """Returns a status as a table, with the reasons of the states below it.

    Args:
        status: the status.
        directory: the project directory, relative to the root of the repository.
    """
    parts = [heading("status", directory), f"{_summary(status)}\n"]
    if blocks := row_blocks(status.rows, full=False):
        targets = [_code(printable(target)) for target in status.targets]
        lines = [_line(["environment", "version", *targets]), _line(["---"] * (len(targets) + 2))]
        lines += [
            _line(
                [
                    _code(row.name),
                    _code(row.version),
                    *(_cell(row.cells.get(target)) for target in status.targets),
                ]
            )
            for block in blocks
            for row in block
        ]
        parts.append("".join(lines))
    if failed := status.unreachable.items():
        parts.append(
            "".join(
                f"- {_code(printable(target))} is unreachable: {prose(printable(message))}\n"
                for target, message in failed
            )
        )
    if reasons := reason_views(status):
        parts.append(
            "<details><summary>Reasons</summary>\n\n"
            + "".join(
                f"- {_code(item.target)} {_code(item.address)} {item.state}: {prose(item.reason)}\n"
                for item in reasons
            )
            + "\n</details>\n"
        )
    return "\n".join(parts)


def _summary(status: Status) -> str:
    counts = [f"{count} {state}" for state, count in state_counts(status).items()]
    if rejected := rejected_count(status):
        counts.append(f"{rejected} rejected")
    return ": ".join(filter(None, [f"**{size_text(status)}**", ", ".join(counts)])) + "."


def _cell(cell: CellView | None) -> str:
    if cell is None:
        return ""
    state = f"**{cell.state}** (rejected)" if cell.rejected else str(cell.state)
    if cell.count is not None:
        return f"{cell.count} {state}"
    return f"{state} {_code(cell.version)}" if cell.version else state


def _code(text: str) -> str:
    # A pipe ends a cell, even in a code span.
    return code(text).replace("|", r"\|")


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"
