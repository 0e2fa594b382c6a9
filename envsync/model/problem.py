"""`Problem`: one thing that is wrong in an input file, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding of one rule.

    Attributes:
        rule: id of the rule, such as `unknown-field`.
        severity: `error` stops plan and apply, `warning` does not.
        message: what is wrong, in one sentence.
        file: path relative to the project directory, with `/` on every platform.
        line: 1-based.
        column: 1-based, in characters.
        fix: what to do about it, in one sentence.
    """

    rule: str
    severity: Severity
    message: str
    file: str
    line: int
    column: int
    fix: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        return f"{where}: {self.severity}[{self.rule}]: {self.message} {self.fix}".rstrip()
