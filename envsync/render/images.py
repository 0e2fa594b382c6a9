"""Renders findings about images, and the written changes, as text and as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from envsync.model.image import LATEST
from envsync.model.wording import printable
from envsync.render.gfm import code, prose

if TYPE_CHECKING:
    from envsync.plan.bump import Bump
    from envsync.plan.image_findings import ImageFinding
    from envsync.render.paint import Paint
    from envsync.render.places import Place

_HEX: Final = 12
"""The number of hexadecimal digits of a digest that are shown."""

_QUIET: Final = ("current", "fixed", "ignored", "unresolved")
_COUNTS: Final = {
    "current": "unchanged",
    "fixed": "without a tag",
    "ignored": "ignored",
    "unwritable": "not written",
    "missing": "missing",
    "unresolved": "not resolved",
}


def images_text(
    findings: Iterable[ImageFinding],
    written: Sequence[ImageFinding],
    place: Place,
    paint: Paint,
    *,
    verbose: bool = False,
) -> str:
    """Returns two lines for each image: its position and tag, and what happened.

    Args:
        findings: all images.
        written: the images that were changed.
        place: the function that returns the path that is shown.
        paint: a function that colours text.
        verbose: whether to show unchanged images and full digests.
    """
    lines: list[str] = []
    for item in findings:
        if item.state in _QUIET and item not in written and not verbose:
            continue
        use = item.use
        where = paint("bold", f"{printable(place(use.file))}:{use.line}:")
        image = printable(str(replace(use.image, digest=None)))
        lines.append(f"{where} {image}\n  {_outcome(item, written, paint, full=verbose)}\n")
    return "".join(lines)


def images_summary(
    findings: Iterable[ImageFinding], written: Sequence[ImageFinding], bumps: Sequence[Bump]
) -> str:
    """Returns the number of images by outcome, and the number of bumped versions, as one line."""
    findings = list(findings)
    changed = set(written)
    counts = Counter(
        _verb(item) if item in changed else _COUNTS.get(item.state, item.state) for item in findings
    )
    shown = ", ".join(f"{count} {what}" for what, count in counts.items())
    total = f"{len(findings)} image{'' if len(findings) == 1 else 's'}"
    versions = f" {len(bumps)} version{'' if len(bumps) == 1 else 's'} bumped." if bumps else ""
    return f"{total}{f': {shown}' if shown else ''}.{versions}\n"


def images_markdown(
    findings: Iterable[ImageFinding], written: Sequence[ImageFinding], bumps: Iterable[Bump]
) -> str:
    """Returns the body of a pull request: tables of the changed images and versions."""
    findings = list(findings)
    parts: list[str] = []
    if written:
        with_age = any(item.days is not None for item in written)
        parts.append("\n".join(_table(written, with_age=with_age)))
    else:
        parts.append("No image changes.")
    if versions := [
        f"| {_cell(bump.name)} | {_cell(bump.before)} | {_cell(bump.after)} |" for bump in bumps
    ]:
        parts.append("\n".join(["| environment | before | after |", "|---|---|---|", *versions]))
    left = [
        f"- {_cell(f'{item.use.file}:{item.use.line}')}: {prose(printable(item.reason))}"
        for item in findings
        if item.reason
    ]
    if left:
        parts.append("\n".join(["These images were not changed:", "", *left]))
    return "\n\n".join(parts) + "\n"


def unresolved_text(findings: Iterable[ImageFinding]) -> list[str]:
    """Returns one line for each registry that did not answer, with the number of its images."""
    # In all states except `others`, a reason says why a registry did not answer. The image can have
    # a digest nevertheless, if only the request for its tags failed.
    others = ("unwritable", "missing")
    counts = Counter(item.reason for item in findings if item.reason and item.state not in others)
    return [
        f"{reason} {count} image{' was' if count == 1 else 's were'} not checked."
        for reason, count in counts.items()
    ]


def _table(written: Iterable[ImageFinding], *, with_age: bool) -> Iterator[str]:
    yield f"| file | image | before | after |{' age |' if with_age else ''}"
    yield f"|---|---|---|---|{'---|' if with_age else ''}"
    for item in written:
        cells = [_cell(item.use.file), _cell(item.use.image.name), _old(item), _new(item)]
        if with_age:
            cells.append("" if item.days is None else f"{item.days} days newer")
        yield f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    # A `|` would end the cell, even in code.
    return code(printable(text).replace("|", r"\x7c"))


def _verb(item: ImageFinding) -> str:
    verbs = {"unlocked": "locked", "moved": "moved", "outdated": "updated"}
    return verbs.get(item.state, "rewritten")


def _short(digest: str | None, *, full: bool = False) -> str:
    name, _, value = (digest or "").partition(":")
    return printable(f"{name}:{value if full else value[:_HEX]}") if digest else ""


def _old(item: ImageFinding) -> str:
    parts = (item.use.image.tag or "", _short(item.use.image.digest))
    return "<br>".join(_cell(part) for part in parts if part) or LATEST


def _new(item: ImageFinding) -> str:
    parts = (item.tag or item.use.image.tag or LATEST, _short(item.digest))
    return "<br>".join(_cell(part) for part in parts if part)


def _age(item: ImageFinding) -> str:
    if item.days is None:
        return ""
    return f" ({item.days} day{'' if item.days == 1 else 's'} newer)"


def _outcome(
    item: ImageFinding, written: Sequence[ImageFinding], paint: Paint, *, full: bool
) -> str:
    new = paint("green", _short(item.digest, full=full))
    old = paint("red", _short(item.use.image.digest, full=full))
    if item in written:
        if item.state == "outdated":
            tags = (item.use.image.tag or LATEST, item.tag or "")
            before, after = (printable(tag) for tag in tags)
            return (
                f"updated: {paint('red', before)} -> {paint('green', after)}{_age(item)}, "
                f"{_short(item.digest, full=full)}"
            )
        if item.state == "moved":
            return f"moved: {old} -> {new}"
        return f"{_verb(item)}: {new}"
    if item.state == "current":
        return f"unchanged: {_short(item.digest, full=full)}"
    reason = printable(item.reason)
    if item.state == "unwritable":
        return f"{paint('yellow', 'not written')}: {reason}"
    if item.state == "missing":
        return f"{paint('bold red', 'missing')}: {reason}"
    return f"{_COUNTS.get(item.state, item.state)}{f': {reason}' if reason else ''}"
