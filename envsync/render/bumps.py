"""Renders the result of `bump` as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from envsync.model.declaration import Declaration
from envsync.model.policy import Versions
from envsync.model.wording import printable
from envsync.plan.bump import Bump
from envsync.render.paint import Paint, cells, pad


def bumps_text(
    bumps: Sequence[Bump],
    unversioned: Iterable[Declaration],
    paint: Paint,
    versions: Versions = "auto",
) -> str:
    """Returns one line for each file that changed, and one line for each file without a version.

    Args:
        bumps: the files that changed.
        unversioned: the chosen declarations without a version.
        paint: a function that colours text.
        versions: how envsync chooses the version of a file without a version.
    """
    rows = [
        (f"{printable(bump.source.file)}:{bump.source.line}:", bump.name, bump.before, bump.after)
        for bump in bumps
    ]
    where, name, before = (max(cells(row[i]) for row in rows) if rows else 0 for i in range(3))
    lines = [
        f"{paint('bold', pad(row[0], where))}  {pad(row[1], name)}  "
        f"{paint('red', pad(row[2], before))} -> {paint('green', row[3])}\n"
        for row in rows
    ]
    what = (
        "derives its version from the content" if versions == "content" else "assigns its versions"
    )
    lines += [
        f"{item.name} has no version in {printable(item.source.file)}: envsync {what}.\n"
        for item in unversioned
    ]
    return "".join(lines)
