"""Renders a plan as GitHub-flavoured Markdown, for comments on pull requests and job summaries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len

from envsync.render.gfm import code, countable, fence, prose
from envsync.render.paint import columns, pad, painter
from envsync.render.plan_view import FieldView, ItemView, PlanView, view
from envsync.render.values import value_lines

if TYPE_CHECKING:
    from envsync.plan.plan import Plan

# Syntax highlighting of diffs colours lines that begin with `+`, `-` or `!`, but not `~` or `^`.
_MARKS: Final = {"+": "+", "~": "!", "-": "-", "^": "+"}
_PLAIN: Final = painter(False)
# A code block in a comment on GitHub shows about this many columns.
_WIDTH: Final = 96
_MOST_PATH_COLUMNS: Final = 36
# A longer list of changes is folded, so that the reader sees the text after the list.
_MOST_LINES_OPEN: Final = 60
# Each section reserves this many bytes for the line "… and 12 more changes, omitted because …".
_ROOM_TO_SAY_MORE: Final = 80


@dataclass(frozen=True, slots=True)
class _Section:
    """A part of the document that can be cut between its items.

    Attributes:
        name: the word for the items, in the plural.
        count: the number of items.
        items: the Markdown of each item. Items at the end may be missing if they cannot fit.
        opening: Markdown before the items.
        closing: Markdown after the items.
        share: the fraction of the remaining room that the section may take.
    """

    name: str
    count: int
    items: Sequence[str]
    opening: str = ""
    closing: str = ""
    share: float = 1.0

    def text(self, room: float = float("inf")) -> str:
        """Returns the items that fit into `room` bytes, and the number of items that do not fit."""
        sizes = accumulate(map(_size, self.items), initial=_size(self.opening + self.closing))
        kept = max(0, sum(size <= room * self.share for size in sizes) - 1)
        markdown = self.opening + "".join(self.items[:kept]) + self.closing if kept else ""
        if left_out := self.count - kept:
            name = self.name if left_out > 1 else self.name.removesuffix("s")
            more = " more" if kept else ""
            markdown += f"\n… and {left_out}{more} {name}, omitted because of the size limit.\n"
        return markdown


def plan_markdown(plan: Plan, *, limit: int | None = None) -> str:
    """Returns the plan as Markdown: summary, rejections, changes, `@latest`, warnings and digest.

    The summary and the digest are never cut. If the plan exceeds the limit, rejections get room
    first. Then warnings and `@latest` each get at most a quarter of the remaining room. Changes get
    the rest. Each cut section says how many items are left out.

    Args:
        plan: the plan to show.
        limit: maximum size in bytes of UTF-8, at least 4,096. If None, the plan is never cut.
    """
    # GitHub limits a comment in characters and a job summary in bytes. A limit in bytes is safe for
    # both: no string has more characters than bytes.
    shown = view(plan)
    head, digest = _head(shown), f"\nDigest: {code(shown.digest)}\n"
    room = float("inf") if limit is None else limit - _size(head + digest)
    sections = [part(shown, room) for part in (_rejections, _changes, _latest, _warnings)]
    texts = {section.name: section.text() for section in sections}
    if _size("".join(texts.values())) > room:
        room -= len(sections) * _ROOM_TO_SAY_MORE
        rejections, changes, latest, warnings = sections
        # Changes get their room last, although other sections follow them on the page. A long list
        # of changes must not displace rejections and warnings.
        for section in (rejections, warnings, latest, changes):
            texts[section.name] = section.text(room)
            room -= _size(texts[section.name])
    return head + "".join(texts.values()) + digest


def _head(shown: PlanView) -> str:
    counts = [f"{count} to {action}" for action, count in shown.counts.items()]
    if shown.rejections:
        counts.append(f"{len(shown.rejections)} rejected")
    counts.append(f"{shown.unchanged} unchanged")
    markdown = ", ".join(["no changes"] * shown.is_empty + counts)
    head = f"**{code(shown.target)}** ({prose(shown.kind)}): {markdown}\n"
    return head + (f"\n**Refused:** {prose(shown.refused)}\n" if shown.refused else "")


def _enough(items: Iterable[str], room: float) -> list[str]:
    """Returns the items up to the first item that does not fit.

    A large plan has thousands of items. Rendering items that are cut later would waste time.
    """
    taken = []
    for item in items:
        taken.append(item)
        room -= _size(item)
        if room < 0:
            break
    return taken


def _rejections(shown: PlanView, room: float) -> _Section:
    items = _enough(map(_rejection, shown.rejections), room)
    return _Section("rejections", len(shown.rejections), items)


def _rejection(item: ItemView) -> str:
    where = f" ({code(item.where)})" if item.where else ""
    markdown = f"\n**{code(item.address)} is rejected** as {code(item.note)}{where}: "
    markdown += prose(item.message) + "\n"
    if lines := _joined(_fields(item.fields)):
        opening, closing = fence(lines, "diff")
        markdown += f"\n{opening}{lines}{closing}"
    # A command stays in one code span, so that it can be copied.
    fix = code(item.fix) if item.fix.startswith("envsync ") else prose(item.fix)
    return f"{markdown}\nFix: {fix}\n"


def _changes(shown: PlanView, room: float) -> _Section:
    column = max((cell_len(item.address) for item in shown.changes), default=0)
    items = _enough(_apart(_change(item, column) for item in shown.changes), room)
    opening, closing = fence("".join(items), "diff")
    if "".join(items).count("\n") > _MOST_LINES_OPEN:
        title = "<details><summary>Changes</summary>"
        closing += "\n</details>\n"
    else:
        title = "**Changes**"
    # GitHub renders Markdown inside <details> only after an empty line.
    opening = f"\n{title}\n\n{opening}"
    return _Section(
        name="changes",
        count=len(shown.changes),
        items=items,
        opening=opening,
        closing=closing,
    )


def _apart(blocks: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yields blocks with empty lines between them, but not between changes without fields."""
    before: Sequence[str] = ()
    for block in blocks:
        apart = before and not len(before) == len(block) == 1
        yield ("\n" if apart else "") + _joined(block)
        before = block


def _change(item: ItemView, column: int) -> list[str]:
    heading = f"{_MARKS[item.sign]} {item.action:<7}  {pad(item.address, column)}  {item.note}"
    return [heading.rstrip(), *_fields(item.fields)]


def _fields(fields: Sequence[FieldView]) -> Iterator[str]:
    column = min(max((cell_len(field.path) for field in fields), default=0), _MOST_PATH_COLUMNS)
    for field in fields:
        start = "  " + pad(field.path, column) + "  "
        for mark, value in (("-", field.before), ("+", field.after)):
            if value is not None:
                for line in value_lines(start, value, _PLAIN, width=_WIDTH, full=False):
                    yield f"{mark} {line}".rstrip()
        for file in field.files:
            yield f"{_MARKS[file[0]]}     {file[2:]}"


def _latest(shown: PlanView, room: float) -> _Section:
    rows = columns((countable(name), f"{before} → {after}") for name, before, after in shown.latest)
    items = _enough((f"{row}\n" for row in rows), room)
    opening, closing = fence("".join(items))
    opening = f"\n**{code('@latest')}**\n\n{opening}"
    return _Section(
        name="names", count=len(rows), items=items, opening=opening, closing=closing, share=0.25
    )


def _warnings(shown: PlanView, room: float) -> _Section:
    markdown = (f"\n**Warning:** {prose(warning)}\n" for warning in shown.warnings)
    items = _enough(markdown, room)
    return _Section(name="warnings", count=len(shown.warnings), items=items, share=0.25)


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _size(text: str) -> int:
    return len(text.encode())
