"""Renders the result of `import` as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from envsync.model.wording import printable
from envsync.render.paint import Paint

MOST_NAMES = 5
"""The number of names that are shown for one reason, without `-v`."""


def imported_text(
    address: str, files: Sequence[str], notes: Iterable[str], paint: Paint, *, dry_run: bool
) -> str:
    """Returns one line for an imported version, and one line for each note.

    Args:
        address: the name and the version.
        files: the files of the version.
        notes: sentences that say which content of the version is missing in the files.
        paint: a function that colours text.
        dry_run: whether nothing was written.
    """
    verb = "would write" if dry_run else "wrote"
    shown = ", ".join(printable(file) for file in files)
    lines = [f"{paint('green', '+')} {paint('bold', printable(address))}: {verb} {shown}"]
    lines += [f"    {paint('yellow', 'Note:')} {printable(note)}" for note in notes]
    return "\n".join(lines)


def failed_text(address: str, error: str, paint: Paint) -> str:
    """Returns one line for a version that could not be imported."""
    return f"{paint('bold red', '!')} {paint('bold', printable(address))}: {printable(error)}"


def not_imported_text(
    reasons: Mapping[str, Sequence[str]], paint: Paint, *, everything: bool
) -> str:
    """Returns one line for each reason why versions were not imported.

    Args:
        reasons: the addresses of the versions, by reason.
        paint: a function that colours text.
        everything: whether all addresses are shown.
    """
    lines = [
        f"{paint('yellow', '-')} Not imported: {_names(names, everything)}: {printable(reason)}."
        for reason, names in reasons.items()
    ]
    return "\n".join(lines)


def import_summary(counts: Mapping[str, int], paint: Paint, *, dry_run: bool) -> str:
    """Returns the last line of an import.

    Args:
        counts: the numbers of versions, with the keys `imported` and `failed`.
        paint: a function that colours text.
        dry_run: whether nothing was written.
    """
    verb = "Would import" if dry_run else "Imported"
    failed = f", {paint('bold red', str(counts['failed']) + ' failed')}" if counts["failed"] else ""
    count = counts["imported"]
    versions = f"{count} version{'' if count == 1 else 's'}"
    return f"{paint('bold', verb + ':')} {versions}{failed}."


def _names(names: Sequence[str], everything: bool) -> str:
    shown = names if everything else names[:MOST_NAMES]
    more = len(names) - len(shown)
    return ", ".join(map(printable, shown)) + (f" and {more} more" if more else "")
