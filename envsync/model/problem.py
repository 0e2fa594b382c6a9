"""`Problem`: an error or a warning about an input file, with its position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct

from envsync.model.canonical import JSON, ToJson

Severity = Literal["error", "warning"]


class Problem(Struct, frozen=True):
    """A violation of one rule.

    Attributes:
        rule: id of the rule, such as `unknown-field`.
        severity: an `error` stops plan and apply, a `warning` does not.
        message: what is wrong, in one sentence.
        file: path relative to the project directory, with `/` on every platform.
        line: the number of the line, from 1.
        column: the number of the character in the line, from 1.
        fix: what to do about the problem, in one sentence.
    """

    rule: str
    severity: Severity
    message: str
    file: str
    line: int
    column: int
    fix: str

    def __str__(self) -> str:
        # Compilers print messages in this format, so editors and terminals turn `file:line:column`
        # into a link.
        where = f"{self.file}:{self.line}:{self.column}"
        return f"{where}: {self.severity}[{self.rule}]: {self.message} {self.fix}".rstrip()

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        """The sort key of problems: file, line, column, rule and message."""
        return self.file, self.line, self.column, self.rule, self.message

    def to_json(self) -> dict[str, JSON]:
        """Returns the problem as JSON data."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "message": self.message,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "fix": self.fix,
        }

    @classmethod
    def from_json(cls, data: Any) -> Problem:
        """Creates the problem from the JSON data of `to_json`.

        Other keys, such as the `fields` of `problems_json`, are ignored.

        Raises:
            KeyError, TypeError: the data is not a mapping, or a key is missing.
        """
        return cls(**{name: data[name] for name in cls.__struct_fields__})


# The changed fields are not an attribute of Problem: their type FieldChange is in `plan`, which
# imports `model`.
Fields: TypeAlias = Mapping[Problem, Sequence[ToJson]]
"""Maps each problem about an edited version to the fields that differ."""

NO_FIELDS: Final[Fields] = MappingProxyType({})


def problems_json(
    problems: Sequence[Problem], *, files: int, environments: int, fields: Fields = NO_FIELDS
) -> dict[str, JSON]:
    """Returns the document that `validate --format json` and `check --format json` print.

    Args:
        problems: the problems, in the order in which the document lists them.
        files: the number of environment files that were read.
        environments: the number of environment versions that these files declare.
        fields: maps each problem about an edited version to the fields that differ.
    """
    return {
        "format_version": 1,
        "files": files,
        "environments": environments,
        "problems": [
            {**problem.to_json(), "fields": [field.to_json() for field in fields[problem]]}
            if problem in fields
            else problem.to_json()
            for problem in problems
        ],
    }
