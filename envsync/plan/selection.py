"""Selects the names of a plan by globs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase

from envsync.model.declaration import Declaration
from envsync.model.errors import EnvsyncError
from envsync.plan.hints import cannot_be_a_name, declared_in, glob_hint


def selected(
    names: Collection[str],
    globs: Sequence[str],
    only: Collection[str] | None,
    *,
    suffix: str,
    declarations: Iterable[Declaration] = (),
) -> list[str]:
    """Returns the names that match a glob and are in `only`, sorted.

    If `globs` is empty, every name matches. If `only` is None, every name that matches is returned.

    Args:
        names: the names of all declared and owned environments.
        globs: the patterns.
        only: names.
        suffix: the text that the target adds to every declared name.
        declarations: the declarations, for the hint in the error message.

    Raises:
        EnvsyncError: a glob matches no name.
    """
    for glob in globs:
        # Without this check, the plan for a misspelt name would be empty, which looks like success.
        if not any(matches(name, glob, suffix) for name in names):
            raise _no_match(glob, names, declarations)
    return sorted(
        name
        for name in names
        if (not globs or any(matches(name, glob, suffix) for glob in globs))
        and (only is None or name in only)
    )


def ensure_possible(globs: Iterable[str], declarations: Sequence[Declaration]) -> None:
    """Checks that each glob can match a name, before a target is read.

    Raises:
        EnvsyncError: a glob cannot match a name, for example because it is the path of a file.
    """
    for glob in globs:
        if cannot_be_a_name(glob):
            raise _no_match(glob, {item.name for item in declarations}, declarations)


def matches(name: str, glob: str, suffix: str = "") -> bool:
    """Returns True if a glob matches a name in a target, with or without the target's suffix."""
    return fnmatchcase(name, glob) or fnmatchcase(name.removesuffix(suffix), glob)


def _no_match(
    glob: str, names: Collection[str], declarations: Iterable[Declaration]
) -> EnvsyncError:
    meant = glob_hint(glob, names, declared_in(declarations))
    advice = meant or "Run `envsync list` to see the environments in the target."
    return EnvsyncError(f"No declared or owned environment matches '{glob}'. {advice}")
