"""Renders references as text, grouped by the environment that they refer to."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from envsync.model.wording import MAX_MESSAGE, printable
from envsync.render.paint import Paint, columns
from envsync.render.values import NONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from envsync.model.declaration import Declaration
    from envsync.model.reference import Reference
    from envsync.plan.reference_status import Judged
    from envsync.render.places import Place

_STYLES = {"broken": "bold red", "archived": "red", "floating": "yellow"}


def references_text(references: Sequence[Judged], place: Place, paint: Paint) -> str:
    """Returns the references, grouped by environment, each with its position and its field.

    Args:
        references: the references, sorted by position.
        place: the function that returns the path that is shown.
        paint: a function that colours text.
    """
    groups: dict[tuple[str, str], list[Judged]] = {}
    for item in references:
        groups.setdefault(reference_address(item.reference), []).append(item)
    blocks = [
        "\n".join([_heading(address, items[0], paint), *_uses(items, place)])
        for (_, address), items in sorted(groups.items())
    ]
    return "\n\n".join(blocks) + "\n" if blocks else ""


def references_summary(references: Sequence[Judged], files: int) -> str:
    """Returns the number of references, and how many have a problem, as one line."""
    found = len({item.reference.file for item in references})
    count = len(references)
    parts = [f"{count} reference{'' if count == 1 else 's'} in {found} of {files} files"]
    statuses = Counter(str(item.status) for item in references)
    counts = [f"{statuses[status]} {status}" for status in _STYLES if statuses[status]]
    unknown = sum(item.reference.form == "template" for item in references)
    probable = sum(item.reference.certainty == "probable" for item in references)
    counts += [f"{unknown} with an unknown name"] if unknown else []
    counts += [f"{probable} probable"] if probable else []
    return ": ".join([*parts, *filter(None, [", ".join(counts)])]) + "."


def unused_text(declarations: Iterable[Declaration], place: Place) -> str:
    """Returns one line for each environment that nothing uses: its address and its file."""
    rows = [
        (
            printable(item.name if item.version is None else f"{item.name}:{item.version}"),
            printable(f"{place(item.source.file)}:{item.source.line}"),
        )
        for item in declarations
    ]
    return "".join(f"{line}\n" for line in columns(rows)) if rows else ""


def reference_address(reference: Reference) -> tuple[str, str]:
    """Returns the sort key and the heading of the group to which a reference belongs."""
    if reference.inline is not None:
        return "2", printable(f"inline: {reference.inline.summary}")
    if reference.name is None:
        return "3", printable(reference.text, MAX_MESSAGE)
    # `…` stands for a version or label that is known only when the job runs.
    part = f"@{reference.label or '…'}" if reference.form.endswith("label") else ""
    if reference.form.endswith("version"):
        part = f":{reference.version or '…'}"
    where = f" in registry {reference.registry}" if reference.registry else ""
    where = f" in {reference.workspace.rpartition('/')[2]}" if reference.workspace else where
    return ("1" if reference.registry else "0"), printable(f"{reference.name}{part}{where}")


def _heading(address: str, item: Judged, paint: Paint) -> str:
    notes = [paint(_STYLES[item.status], item.status)] if item.status != "ok" else []
    if item.declared is not None:
        notes.append("declared" if item.declared else "not declared")
    if item.registered is not None:
        notes.append("registered" if item.registered else "not registered")
    if item.will_archive:
        notes.append("the plan archives it")
    if item.latest is not None:
        before, after = item.latest.before or NONE, item.latest.after or NONE
        notes.append(printable(f"@latest moves {before} → {after}"))
    if item.same is not None:
        notes.append(printable(f"same content as {item.same}"))
    return "  ".join(filter(None, [paint("bold", address), ", ".join(notes)]))


def _uses(items: Iterable[Judged], place: Place) -> Iterator[str]:
    rows = [
        (
            printable(f"  {place(item.reference.file)}:{item.reference.line}"),
            item.reference.user,
            printable(item.reference.place),
            "probable" if item.reference.certainty == "probable" else "",
        )
        for item in items
    ]
    return (line.rstrip() for line in columns(rows))
