"""Replaces paths that are relative to the project by the paths that the user sees."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec.structs import replace

if TYPE_CHECKING:
    from envsync.model.declaration import Source
    from envsync.model.problem import Problem
    from envsync.plan.bump import Bump
    from envsync.plan.change import LatestChange, Rejection
    from envsync.plan.plan import Plan

Place: TypeAlias = Callable[[str], str]
"""Maps the path of a file, relative to the project directory, to the path that the user sees."""

# Matches words of a sentence. A word in backticks is something that the user wrote, not a path.
_WORD: Final = re.compile(r"(?<![^\s(])[^\s`'\"(),;]+")
# Matches a word that is a position, such as `environments/a.yml:3`.
_POSITION: Final = re.compile(r"(?P<file>.+\.(?:ya?ml|py|ipynb))(?P<rest>(?::\d+)+[.:]?)")


def placed_problems(problems: Iterable[Problem], place: Place) -> tuple[Problem, ...]:
    """Returns the problems with the paths that the user sees, also in messages and fixes."""
    return tuple(
        replace(
            item,
            file=place(item.file),
            message=in_sentence(item.message, (), place),
            fix=in_sentence(item.fix, (), place),
        )
        for item in problems
    )


def placed_plan(plan: Plan, place: Place) -> Plan:
    """Returns the plan with the paths that the user sees. The digest of the plan stays the same."""
    return replace(
        plan,
        rejections=tuple(_placed_rejection(item, place) for item in plan.rejections),
        latest=placed_latest(plan.latest, place),
        warnings=tuple(in_sentence(text, (), place) for text in plan.warnings),
    )


def placed_latest(latest: Iterable[LatestChange], place: Place) -> tuple[LatestChange, ...]:
    """Returns the changes of `@latest` with the paths that the user sees."""
    return tuple(
        replace(item, uses=tuple(replace(use, file=place(use.file)) for use in item.uses))
        for item in latest
    )


def placed_bumps(bumps: Iterable[Bump], place: Place) -> list[Bump]:
    """Returns the bumps with the paths that the user sees."""
    return [replace(item, source=placed_source(item.source, place)) for item in bumps]


def placed_source(source: Source, place: Place) -> Source:
    """Returns the source with the path that the user sees."""
    return replace(source, file=place(source.file))


def in_sentence(text: str, files: Collection[str], place: Place) -> str:
    """Returns a sentence with the paths that the user sees.

    Args:
        text: the sentence.
        files: paths to replace. Words such as `environments/a.yml:3` are replaced as well.
        place: the function that returns the path that the user sees.
    """

    def word(match: re.Match[str]) -> str:
        found = match.group()
        bare = found.rstrip(".:")
        if bare in files:
            return place(bare) + found[len(bare) :]
        position = _POSITION.fullmatch(found)
        return place(position["file"]) + position["rest"] if position else found

    return _WORD.sub(word, text)


def _placed_rejection(item: Rejection, place: Place) -> Rejection:
    if item.source is None:
        return item
    files = (item.source.file,)
    return replace(
        item,
        source=placed_source(item.source, place),
        message=in_sentence(item.message, files, place),
        fix=in_sentence(item.fix, files, place),
    )
