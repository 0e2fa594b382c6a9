"""Renders a plan as GitHub-flavoured Markdown, for comments on pull requests and job summaries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from envsync.model.wording import printable
from envsync.render.field_text import (
    MOST_ITEMS,
    differing,
    item_lines,
    name_width,
    named_lines,
    value_lines,
)
from envsync.render.gfm import code, countable, fence, prose
from envsync.render.paint import cells, pad
from envsync.render.plan_view import MOST_CHANGES, ItemView, PlanView, view
from envsync.render.values import wrapped

if TYPE_CHECKING:
    from envsync.plan.plan import Plan
    from envsync.render.field_view import FieldView, ItemLine

# Syntax highlighting of diffs colours lines that begin with `+`, `-` or `!`, but not `~` or `^`.
_MARKS: Final = {"+": "+", "~": "!", "-": "-", "^": "+"}
# A code block in a comment on GitHub shows about this many columns.
_WIDTH: Final = 96
_MOST_PATH_COLUMNS: Final = 36
_LEAST_COLUMNS: Final = 40
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
        items: the Markdown of each item. The last items are absent if they cannot fit.
        opening: Markdown before the items.
        closing: Markdown after the items.
        share: the largest fraction of the remaining room that the section can take.
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


def heading(target: str, directory: str) -> str:
    """Returns the heading of a document about a target: `### envsync · dev · models/`.

    Args:
        target: the name of the target; empty if it is not known.
        directory: the project directory, relative to the root of the repository; empty or `.` if it
            is the root.
    """
    below = "" if directory in ("", ".") else f"{printable(directory).rstrip('/')}/"
    return f"### {' · '.join(['envsync', *map(prose, filter(None, (printable(target), below)))])}\n"


def plan_markdown(plan: Plan, *, directory: str = "", limit: int | None = None) -> str:
    """Returns the plan as Markdown, with a heading that contains the target and the directory.

    Args:
        plan: the plan to show.
        directory: the project directory, as for `heading`.
        limit: maximum size in bytes of UTF-8, at least 4,096. If None, the plan is never cut.
    """
    title = heading(plan.target.name, directory) + "\n"
    return title + plan_body(plan, limit=None if limit is None else limit - _size(title))


def plan_body(plan: Plan, *, limit: int | None = None) -> str:
    """Returns the summary, rejections, changes, `@latest`, warnings and digest of a plan.

    The summary and the digest are never cut. If the plan exceeds the limit, rejections get room
    first. Then warnings, `@latest` and the list of names each get at most a quarter of the
    remaining room. Changes get the rest. Only a large plan has a list of names. Each cut section
    says how many items are left out.

    Args:
        plan: the plan to show.
        limit: maximum size in bytes of UTF-8, at least 4,000. If None, the plan is never cut.
    """
    # GitHub limits a comment in characters and a job summary in bytes. A limit in bytes is safe for
    # both: no string has more characters than bytes.
    shown = view(plan)
    head, digest = _head(shown), f"\n<sub>Digest: {code(shown.digest)}</sub>\n"
    room = float("inf") if limit is None else limit - _size(head + digest)
    rejections = _rejections(shown, room)
    names = _names(shown) if len(shown.changes) > MOST_CHANGES else []
    changes = _changes(shown, room)
    latest, warnings = _latest(shown, room), _warnings(shown, room)
    # The sections are in the order in which they appear on the page.
    sections = (rejections, *names, changes, latest, warnings)
    texts = {id(section): section.text() for section in sections}
    if _size("".join(texts.values())) > room:
        room -= len(sections) * _ROOM_TO_SAY_MORE
        # Changes get only the room that the other sections leave, because a long list of changes
        # must not displace rejections and warnings.
        for section in (rejections, warnings, latest, *names, changes):
            texts[id(section)] = section.text(room)
            room -= _size(texts[id(section)])
    return head + "".join(texts.values()) + digest


def _head(shown: PlanView) -> str:
    counts = [f"{count} to {action}" for action, count in shown.counts.items()]
    if shown.rejections:
        counts.append(f"{len(shown.rejections)} rejected")
    counts.append(f"{shown.unchanged} unchanged")
    totals = ", ".join(["no changes"] * shown.is_empty + counts)
    # Leave out the subscription, which does not help a reviewer. `plan --format json` prints the
    # whole id of the target.
    place = code(", ".join(shown.place[:2]))
    head = f"**{totals[0].upper()}{totals[1:]}** in the {prose(shown.kind)} target {place}\n"
    return head + (f"\n**Refused:** {prose(shown.refused)}\n" if shown.refused else "")


def _enough(items: Iterable[str], room: float) -> list[str]:
    """Returns the items at the start that fit, and the first item that does not fit.

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
    if lines := _joined(_fields(item.fields, _label_width(item.fields))):
        opening, closing = fence(lines, "diff")
        markdown += f"\n{opening}{lines}{closing}"
    # A command stays in one code span, so that it can be copied.
    fix = code(item.fix) if item.fix.startswith("envsync ") else prose(item.fix)
    return f"{markdown}\nFix: {fix}\n"


def _names(shown: PlanView) -> list[_Section]:
    """Returns a list of names for each action, so that a reader sees a large plan at a glance."""
    sections = []
    for action in shown.counts:
        names = [item.address for item in shown.changes if item.action == action]
        items = [f"{', ' if index else ''}{code(name)}" for index, name in enumerate(names)]
        opening = f"\n**To {action}:** "
        sections.append(_Section("items", len(items), items, opening, closing="\n", share=0.25))
    return sections


def _changes(shown: PlanView, room: float) -> _Section:
    address = name_width((item.address for item in shown.changes), _WIDTH)
    label = _label_width(field for item in shown.changes for field in item.fields)
    items = _enough(_apart(_change(item, address, label) for item in shown.changes), room)
    lines = "".join(items)
    opening, closing = fence(lines, "diff")
    if len(shown.changes) > MOST_CHANGES or lines.count("\n") > _MOST_LINES_OPEN:
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
    """Yields each block as text. An empty line separates blocks, unless both have a single line.

    A block with a single line is a change without fields.
    """
    before: Sequence[str] = ()
    for block in blocks:
        apart = before and not len(before) == len(block) == 1
        yield ("\n" if apart else "") + _joined(block)
        before = block


def _change(item: ItemView, address: int, label: int) -> list[str]:
    start = f"{_MARKS[item.sign]} {item.action:<7}  "
    title = f"{start}{pad(item.address, address)}  {item.note}".rstrip()
    titles = [title]
    if cells(item.address) > address and cells(title) > _WIDTH:
        below = " " * 6
        reason = wrapped(item.note, _WIDTH - len(below))
        titles = [start + item.address, *(below + line for line in reason)]
    return [*titles, *_fields(item.fields, label)]


def _label_width(fields: Iterable[FieldView]) -> int:
    longest = max((cells(field.path) for field in fields), default=0)
    return min(longest, _MOST_PATH_COLUMNS)


def _fields(fields: Iterable[FieldView], column: int) -> Iterator[str]:
    """Yields the lines of fields, with the names of fields in a column."""
    for field in fields:
        for mark, label, text in _values(field):
            # A name that is too long for the column moves the value to the right.
            start = f"  {pad(label, column)}  "
            room = max(_LEAST_COLUMNS, _WIDTH - cells(start))
            split = item_lines if field.items else value_lines
            for line in split(text, room, full=False):
                yield f"{mark} {start}{line}".rstrip()
                start = " " * cells(start)


def _values(field: FieldView) -> Iterator[tuple[str, str, str]]:
    """Yields a mark, a name and a value for each line of a field."""
    if field.note:
        yield "!", field.path, field.note
    if field.items:
        items = differing(field) if field.note else field.items
        for index, (mark, text) in enumerate(_items(items)):
            # Only the first line has the name of the field.
            yield mark, "" if index or field.note else field.path, text
    elif not field.note:
        if field.before is not None:
            yield "-", field.path, field.before
        if field.after is not None:
            yield "+", field.path, field.after


def _items(items: Sequence[ItemLine]) -> Iterator[tuple[str, str]]:
    for item in items[:MOST_ITEMS]:
        if item.before is not None:
            yield "-", item.before
        if item.after is not None:
            # For a modified file, only `after` is set.
            yield "!" if item.sign == "~" and item.before is None else "+", item.after
    if (more := len(items) - MOST_ITEMS) > 0:
        yield " ", f"… and {more} more"


def _latest(shown: PlanView, room: float) -> _Section:
    count = len(shown.latest)
    rows = ((countable(name), f"{before} → {after}") for name, before, after in shown.latest)
    items = _enough(map(_joined, named_lines(rows, _WIDTH)), room)
    opening, closing = fence("".join(items))
    names = f"{count} name{'' if count == 1 else 's'}"
    title = f"<details><summary><code>@latest</code> changes for {names}</summary>"
    return _Section(
        name="names",
        count=count,
        items=items,
        opening=f"\n{title}\n\n{opening}",
        closing=f"{closing}\n</details>\n",
        share=0.25,
    )


def _warnings(shown: PlanView, room: float) -> _Section:
    markdown = (f"\n**Warning:** {prose(warning)}\n" for warning in shown.warnings)
    items = _enough(markdown, room)
    return _Section(name="warnings", count=len(shown.warnings), items=items, share=0.25)


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _size(text: str) -> int:
    return len(text.encode())
