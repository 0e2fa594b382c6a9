"""Renders a plan as GitHub-flavoured Markdown, for comments on pull requests and job summaries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from envsync.model.wording import printable
from envsync.plan.change import Action
from envsync.render.change_markdown import (
    WIDTH,
    changes_section,
    field_lines,
    joined,
    label_width,
)
from envsync.render.field_text import named_lines
from envsync.render.gfm import code, countable, fence, prose
from envsync.render.plan_view import MOST_CHANGES, ItemView, PlanView, reached_lines, view
from envsync.render.section import Section, enough, size

if TYPE_CHECKING:
    from envsync.plan.change import Change
    from envsync.plan.plan import Plan

# Each section reserves this many bytes for the line "… and 12 more changes, omitted because …".
_ROOM_TO_SAY_MORE: Final = 80
# The summary reserves this many bytes for the sentences that say that the plan is cut.
_ROOM_TO_SAY_CUT: Final = 260


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
        limit: maximum size in bytes of UTF-8, at least 4,500. If None, the plan is never cut.
    """
    title = heading(plan.target.name, directory) + "\n"
    return title + plan_body(plan, limit=None if limit is None else limit - size(title))


def plan_body(plan: Plan, *, limit: int | None = None, own: Collection[str] | None = None) -> str:
    """Returns the summary, rejections, changes, `@latest`, warnings, target and digest of a plan.

    The summary, the target and the digest are never cut. If the plan exceeds the limit, rejections
    get room first. Then warnings, `@latest` and the list of names each get at most a quarter of the
    remaining room. Changes get the rest. Only a large plan has a list of names. Each cut section
    says how many items are left out, and the summary says that the plan is cut.

    Args:
        plan: the plan to show.
        limit: maximum size in bytes of UTF-8, at least 4,400. If None, the plan is never cut.
        own: the names of the environments whose files a pull request changes. Changes of
            environments that are not in `own` then have a separate section. If None, the changes
            are not separated.
    """
    # GitHub limits a comment in characters and a job summary in bytes. A limit in bytes is safe for
    # both: no string has more characters than bytes.
    shown = view(plan)
    head, end = _head(shown), _end(shown)
    room = float("inf") if limit is None else limit - size(head + end)
    rejections = _rejections(plan, shown, room, own)
    names = _names(shown) if len(shown.changes) > MOST_CHANGES else []
    changes = _separated(plan, shown, room, own)
    latest, warnings = _latest(shown, room), _warnings(shown, room)
    # The sections are in the order in which they appear on the page.
    sections = (rejections, *names, *changes, latest, warnings)
    texts = {id(section): section.text() for section in sections}
    if size("".join(texts.values())) > room:
        room -= len(sections) * _ROOM_TO_SAY_MORE + _ROOM_TO_SAY_CUT
        left_out = []
        # Changes get only the room that the other sections leave, because a long list of changes
        # must not displace rejections and warnings.
        for section in (rejections, warnings, latest, *names, *changes):
            texts[id(section)] = section.text(room)
            # Do not say how many names are left out, because the lists only repeat names of
            # changes.
            if section not in names and (missing := section.count - section.kept(room)):
                left_out.append(section.counted(missing))
            room -= size(texts[id(section)])
        if left_out:
            head += _cut(left_out)
    return head + "".join(texts.values()) + end


def _cut(left_out: Sequence[str]) -> str:
    listed = ", ".join(left_out)
    return (
        f"\n**This plan is cut. Not shown: {listed}.** Run `envsync plan` to see the whole plan.\n"
    )


def _end(shown: PlanView) -> str:
    """Returns the id of the target, and the digest.

    The name of a target is not enough, because a pull request can give this name to another
    workspace.
    """
    # The summary already shows an id that has only one part, such as the path of a local target.
    target = "" if shown.place == (shown.id,) else f"\nTarget id: {code(shown.id)}\n"
    return f"{target}\n<sub>Digest: {code(shown.digest)}</sub>\n"


def _head(shown: PlanView) -> str:
    counts = [f"{count} to {action}" for action, count in shown.counts.items()]
    if shown.rejections:
        counts.append(f"{len(shown.rejections)} rejected")
    counts.append(f"{shown.unchanged} unchanged")
    totals = ", ".join(["no changes"] * shown.is_empty + counts)
    # Leave out the subscription. The end of the document has the whole id of the target.
    place = code(", ".join(shown.place[:2]))
    head = f"**{totals[0].upper()}{totals[1:]}** in the {prose(shown.kind)} target {place}\n"
    return head + (f"\n**Refused:** {prose(shown.refused)}\n" if shown.refused else "")


def _rejections(plan: Plan, shown: PlanView, room: float, own: Collection[str] | None) -> Section:
    pairs = zip(plan.rejections, shown.rejections, strict=True)
    items = (_rejection(item, own is None or part.name in own) for part, item in pairs)
    return Section("rejections", len(shown.rejections), enough(items, room))


def _rejection(item: ItemView, is_own: bool) -> str:
    where = f" ({code(item.where)})" if item.where else ""
    markdown = f"\n**{code(item.address)} is rejected** as {code(item.note)}{where}: "
    markdown += prose(item.message) + "\n"
    if lines := joined(field_lines(item.fields, label_width(item.fields))):
        opening, closing = fence(lines, "diff")
        markdown += f"\n{opening}{lines}{closing}"
    # A command stays in one code span, so that it can be copied.
    fix = code(item.fix) if item.fix.startswith("envsync ") else prose(item.fix)
    if not is_own:
        markdown += "\nThis pull request does not change the files of this environment.\n"
    return f"{markdown}\nFix: {fix}\n"


def _names(shown: PlanView) -> list[Section]:
    """Returns a list of names for each action, so that a reader sees a large plan at a glance."""
    sections = []
    for action in shown.counts:
        names = [item.address for item in shown.changes if item.action == action]
        items = [f"{', ' if index else ''}{code(name)}" for index, name in enumerate(names)]
        opening = f"\n**To {action}:** "
        sections.append(Section("items", len(items), items, opening, closing="\n", share=0.25))
    return sections


def _separated(
    plan: Plan, shown: PlanView, room: float, own: Collection[str] | None
) -> list[Section]:
    """Returns one section or two sections.

    With `own`, there are two sections if some changes are not in `own`. Without `own`, there are
    two sections if some changes overwrite an edit in the target.
    """
    pairs = list(zip(plan.changes, shown.changes, strict=True))
    if own is None and any(change.drifted for change in plan.changes):
        return _drifted(pairs, shown, room)
    pending = [item for change, item in pairs if own is not None and change.name not in own]
    if not pending:
        return [changes_section(shown, shown.changes, room, "Changes")]
    title = "Pending on the target before this pull request"
    mine = [item for change, item in pairs if own is not None and change.name in own]
    return [
        changes_section(shown, mine, room, "Changes of this pull request"),
        replace(changes_section(shown, pending, room, title), name="pending changes"),
    ]


def _drifted(
    pairs: Iterable[tuple[Change, ItemView]], shown: PlanView, room: float
) -> list[Section]:
    """Returns one section for changes that undo edits in the target, and one for all other changes.

    A restore is in the first section, because somebody may have archived the version in the target.
    """
    groups: tuple[list[ItemView], list[ItemView]] = ([], [])
    for change, item in pairs:
        in_target = change.drifted is not None or change.action is Action.RESTORE
        groups[not in_target].append(item)
    titles = ("Edited or archived in the target", "Pending from the files")
    return [
        replace(changes_section(shown, parts, room, title), name=name)
        for parts, title, name in zip(
            groups, titles, ("edited changes", "pending changes"), strict=True
        )
        if parts
    ]


def _latest(shown: PlanView, room: float) -> Section:
    count = len(shown.latest)
    rows = ((countable(item.name), item.versions) for item in shown.latest)
    lines = (
        joined([*row, *(f"    {countable(line)}" for line in reached_lines(item.uses))])
        for item, row in zip(shown.latest, named_lines(rows, WIDTH), strict=True)
    )
    items = enough(lines, room)
    opening, closing = fence("".join(items))
    names = f"{count} name{'' if count == 1 else 's'}"
    title = f"<details><summary><code>@latest</code> changes for {names}</summary>"
    return Section(
        name="names",
        count=count,
        items=items,
        opening=f"\n{title}\n\n{opening}",
        closing=f"{closing}\n</details>\n",
        share=0.25,
    )


def _warnings(shown: PlanView, room: float) -> Section:
    markdown = (f"\n**Warning:** {prose(warning)}\n" for warning in shown.warnings)
    items = enough(markdown, room)
    return Section(name="warnings", count=len(shown.warnings), items=items, share=0.25)
