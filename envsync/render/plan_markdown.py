"""A plan as GitHub-flavoured Markdown, for comments on pull requests and for job summaries."""

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

# What highlighters of diffs colour: lines that begin with `+`, `-` and `!`.
_MARKS: Final = {"+": "+", "~": "!", "-": "-", "^": "+"}
_PLAIN: Final = painter(False)
_WIDTH: Final = 96
_MOST_PATH_COLUMNS: Final = 36
_MOST_LINES_OPEN: Final = 60
_ROOM_TO_SAY_MORE: Final = 80


@dataclass(frozen=True, slots=True)
class _Section:
    """A part of the text that can be cut between its items.

    Attributes:
        name: what its items are, in the plural.
        count: how many there are.
        items: their texts; those at the end may be missing where they have no room anyway.
        share: how much of the room that is left it may take.
    """

    name: str
    count: int
    items: Sequence[str]
    opening: str = ""
    closing: str = ""
    share: float = 1.0

    def text(self, room: float = float("inf")) -> str:
        """As many items as have room, in bytes, and how many are left out."""
        sizes = accumulate(map(_size, self.items), initial=_size(self.opening + self.closing))
        kept = max(0, sum(size <= room * self.share for size in sizes) - 1)
        told = self.opening + "".join(self.items[:kept]) + self.closing if kept else ""
        if left_out := self.count - kept:
            name = self.name if left_out > 1 else self.name.removesuffix("s")
            more = " more" if kept else ""
            told += f"\n… and {left_out}{more} {name}, for which there is no room here.\n"
        return told


def plan_markdown(plan: Plan, *, limit: int | None = None) -> str:
    """The summary in one line, rejections, changes, `@latest`, warnings, the digest.

    Args:
        plan: what to show.
        limit: bytes of UTF-8 that the text may take, at least 4,096. GitHub counts a comment in
            characters and a job's summary in bytes; no text has fewer bytes than characters. What
            has no room is counted. Summary and digest are always there. Rejections come first;
            of what they leave, warnings and `@latest` get a quarter each, and changes the rest.
    """
    shown = view(plan)
    head, digest = _head(shown), f"\nDigest: {code(shown.digest)}\n"
    room = float("inf") if limit is None else limit - _size(head + digest)
    sections = [part(shown, room) for part in (_rejections, _changes, _latest, _warnings)]
    texts = {section.name: section.text() for section in sections}
    if _size("".join(texts.values())) > room:
        room -= len(sections) * _ROOM_TO_SAY_MORE
        rejections, changes, latest, warnings = sections
        for section in (rejections, warnings, latest, changes):
            texts[section.name] = section.text(room)
            room -= _size(texts[section.name])
    return head + "".join(texts.values()) + digest


def _head(shown: PlanView) -> str:
    counts = [f"{count} to {action}" for action, count in shown.counts.items()]
    if shown.rejections:
        counts.append(f"{len(shown.rejections)} rejected")
    counts.append(f"{shown.unchanged} unchanged")
    told = ", ".join(["no changes"] * shown.is_empty + counts)
    head = f"**{code(shown.target)}** ({prose(shown.kind)}): {told}\n"
    return head + (f"\n**Refused:** {prose(shown.refused)}\n" if shown.refused else "")


def _enough(items: Iterable[str], room: float) -> list[str]:
    """Items up to the first that cannot have room: nobody waits for thousands that are cut."""
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
    told = f"\n**{code(item.address)} is rejected** as {code(item.note)}{where}: "
    told += prose(item.message) + "\n"
    if lines := _joined(_fields(item.fields)):
        opening, closing = fence(lines, "diff")
        told += f"\n{opening}{lines}{closing}"
    # A command is copied as a whole.
    fix = code(item.fix) if item.fix.startswith("envsync ") else prose(item.fix)
    return f"{told}\nFix: {fix}\n"


def _changes(shown: PlanView, room: float) -> _Section:
    column = max((cell_len(item.address) for item in shown.changes), default=0)
    items = _enough(_apart(_change(item, column) for item in shown.changes), room)
    opening, closing = fence("".join(items), "diff")
    if "".join(items).count("\n") > _MOST_LINES_OPEN:
        title = "<details><summary>Changes</summary>"
        closing += "\n</details>\n"
    else:
        title = "**Changes**"
    return _Section("changes", len(shown.changes), items, f"\n{title}\n\n{opening}", closing)


def _apart(blocks: Iterable[Sequence[str]]) -> Iterator[str]:
    """Changes without fields stand close together, all else is set apart."""
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
                for line in value_lines(start, value, _PLAIN, "", _WIDTH, full=False):
                    yield f"{mark} {line}".rstrip()
        for file in field.files:
            yield f"{_MARKS[file[0]]}     {file[2:]}"


def _latest(shown: PlanView, room: float) -> _Section:
    rows = columns((countable(name), f"{before} → {after}") for name, before, after in shown.latest)
    items = _enough((f"{row}\n" for row in rows), room)
    opening, closing = fence("".join(items))
    opening = f"\n**{code('@latest')}**\n\n{opening}"
    return _Section("names", len(rows), items, opening, closing, share=0.25)


def _warnings(shown: PlanView, room: float) -> _Section:
    told = (f"\n**Warning:** {prose(warning)}\n" for warning in shown.warnings)
    return _Section("warnings", len(shown.warnings), _enough(told, room), share=0.25)


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _size(text: str) -> int:
    return len(text.encode())
