"""Checks a new environment file by reading it in the same way as the files of a project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from envsync.model.declaration import Declaration
from envsync.model.problem import Problem
from envsync.project.load import load
from envsync.project.rules import Level

_ACCEPTED: Final = frozenset({"conda-local-file", "unknown-field"})
"""Rules for content that Azure ML has already accepted.

In a new file, comments turn these rules off on the lines that break the rules. Otherwise, some
registered versions could not be declared.
"""


class ReadBack(Struct, frozen=True):
    """The result of reading a directory that contains one new environment file.

    Attributes:
        declaration: the declaration. None if there is an error, or if there is not exactly one
            declaration.
        errors: the errors. Paths in the errors are relative to the directory.
        environments: the number of environment files that were found.
    """

    declaration: Declaration | None
    errors: tuple[Problem, ...]
    environments: int


def read_back(directory: Path, rules: Mapping[str, Level]) -> ReadBack:
    """Reads the environment file in a directory.

    Args:
        directory: the directory. It is read as if it were a project.
        rules: severities that override the defaults of the rules.
    """
    loaded = load(directory, [directory], rules=rules, versions="auto")
    errors = tuple(item for item in loaded.problems if item.severity == "error")
    single = loaded.declarations[0] if len(loaded.declarations) == 1 else None
    return ReadBack(None if errors else single, errors, loaded.files)


def accept(directory: Path, errors: Iterable[Problem]) -> bool:
    """Adds a comment to each line with an error. The comments turn off the rules that were broken.

    Returns:
        False if a rule outside of `_ACCEPTED` is broken. In this case, no file is changed.
    """
    rules: dict[tuple[str, int], list[str]] = {}
    for problem in errors:
        if problem.rule not in _ACCEPTED:
            return False
        found = rules.setdefault((problem.file, problem.line), [])
        if problem.rule not in found:
            found.append(problem.rule)
    for (file, number), names in rules.items():
        path = directory / file
        lines = path.read_text("utf-8").split("\n")
        lines[number - 1] += f"  # envsync: ignore[{', '.join(names)}]"
        path.write_text("\n".join(lines), "utf-8", newline="\n")
    return True
