"""Renders reports about drift as text and as GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from envsync.model.wording import printable
from envsync.plan.change import FieldChange
from envsync.plan.drift import Origin
from envsync.render.change_markdown import WIDTH as MARKDOWN_WIDTH
from envsync.render.change_markdown import field_lines as diff_lines
from envsync.render.change_markdown import joined
from envsync.render.change_markdown import label_width as diff_label_width
from envsync.render.drifted import who
from envsync.render.field_text import field_lines, label_width
from envsync.render.field_view import FieldView, field_views
from envsync.render.gfm import code, countable, fence, prose
from envsync.render.paint import Paint
from envsync.render.plan_markdown import heading
from envsync.render.values import wrapped

if TYPE_CHECKING:
    from envsync.plan.drift_report import DriftReport
    from envsync.plan.version_drift import VersionDrift
    from envsync.render.places import Place

_INDENT: Final = 6
_MOST_PENDING: Final = 20

_LEGEND: Final = "Each field: value in the file → value in the target."
_UNKNOWN: Final = (
    "These versions differ from their files, but it is unknown who made the difference: the tag "
    "envsync.applied is missing, or another project owns the version."
)
_NOTES: Final = {
    Origin.BOTH: "changed in the file as well",
    Origin.UNKNOWN: "possibly changed in the file only",
}


def drift_text(
    report: DriftReport, place: Place, paint: Paint, width: int, *, full: bool = False
) -> str:
    """Returns a report as text: the drift, the differences of unknown origin, and a summary.

    Args:
        report: the report of one target.
        place: the function that returns the path that the user sees.
        paint: a function that colours text.
        width: columns of the terminal.
        full: whether long values and all pending changes are shown.
    """
    lines = [f"{paint('bold', f'Target {printable(report.target.name)}')}"]
    if report.drifted or report.unknown:
        lines += [paint("dim", line) for line in wrapped(_LEGEND, width)]
    for item in report.drifted:
        lines += ["", *_item_lines(item, place, paint, width, full=full)]
    if report.unknown:
        lines += ["", *wrapped(_UNKNOWN, width)]
    for item in report.unknown:
        lines += ["", *_item_lines(item, place, paint, width, full=full)]
    lines += ["", *wrapped(drift_summary(report, paint), width)]
    return "\n".join(lines) + "\n"


def drift_summary(report: DriftReport, paint: Paint) -> str:
    """Returns the number of drifted versions and of pending changes as one line."""
    count, unknown, pending = len(report.drifted), len(report.unknown), len(report.pending)
    drift = paint("bold yellow", f"{count} drifted.") if count else paint("bold green", "No drift.")
    parts = [drift]
    if unknown:
        parts.append(f"{unknown} unknown.")
    if pending:
        # The report only counts the pending changes. The plan shows them.
        parts.append(
            f"{pending} change{'' if pending == 1 else 's'} pending, which `envsync plan` shows."
        )
    return " ".join(parts)


def drift_markdown(report: DriftReport, *, directory: str = "") -> str:
    """Returns a report as Markdown, with drift and pending changes in separate sections.

    Args:
        report: the report of one target.
        directory: the project directory, relative to the root of the repository; empty if it is the
            root.
    """
    count = len(report.drifted)
    parts = [heading(report.target.name, directory)]
    if count:
        parts.append(f"**{count} drifted** (`-` is the file, `+` is the target)\n")
        parts.append(_section(report.drifted))
    else:
        parts.append("**No drift**\n")
    if report.unknown:
        parts += [f"**Unknown**: {prose(_UNKNOWN)}\n", _section(report.unknown)]
    if report.pending:
        listed = "".join(
            f"- {action} {code(printable(address))}\n"
            for action, address in report.pending[:_MOST_PENDING]
        )
        more = len(report.pending) - _MOST_PENDING
        listed += f"- and {more} more\n" if more > 0 else ""
        parts.append(f"**Pending in git** (`envsync plan` shows the fields)\n\n{listed}")
    return "\n".join(parts)


def _item_lines(
    item: VersionDrift, place: Place, paint: Paint, width: int, *, full: bool
) -> Iterator[str]:
    where = ""
    if item.source is not None:
        where = printable(f"{place(item.source.file)}:{item.source.line}")
    yield f"  {paint('bold', printable(item.address))}"
    for text in _sentences(item, where):
        yield from (" " * _INDENT + line for line in wrapped(text, width - _INDENT))
    views = _views(item)
    column = label_width(views, width)
    for view in views:
        yield from field_lines(view, column, paint, indent=_INDENT, width=width, full=full)


def _sentences(item: VersionDrift, where: str) -> Iterator[str]:
    """Yields what is known about a version: who wrote it last, and the file that declares it."""
    last = item.modified
    if last is not None:
        yield f"last changed {who(last.by, last.at)}"
    if where:
        yield f"declared in {where}"
    if item.note:
        yield item.note
    for origin, note in _NOTES.items():
        paths = [printable(each.field.path) for each in item.differences if each.origin is origin]
        if paths and (item.is_drift or origin is Origin.BOTH):
            yield f"{', '.join(paths)}: {note}"


def _views(item: VersionDrift) -> tuple[FieldView, ...]:
    """Returns the fields, with the declared value before the value in the target."""
    return field_views(
        FieldChange(each.field.path, each.field.after, each.field.before)
        for each in item.differences
    )


def _section(items: Sequence[VersionDrift]) -> str:
    lines = []
    for item in items:
        where = "" if item.source is None else printable(f"{item.source.file}:{item.source.line}")
        lines.append(f"! {printable(item.address)}")
        for text in _sentences(item, where):
            lines += [f"    {line}" for line in wrapped(text, MARKDOWN_WIDTH - 4)]
        views = _views(item)
        lines += diff_lines(views, diff_label_width(views))
        lines.append("")
    text = joined(map(countable, lines[:-1]))
    opening, closing = fence(text, "diff")
    return f"{opening}{text}{closing}"
