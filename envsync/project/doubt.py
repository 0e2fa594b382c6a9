"""Extends the `fix` of problems in files that possibly belong to another tool.

A file without `$schema` is read as an environment because of its keys. Files of other tools can
have the same keys. For example, Helm's `values.yaml` can have a `name`, and an `image` that is a
mapping. The added sentence says how to exclude such a file.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace
from yaml.nodes import MappingNode, Node

from envsync.model.problem import Problem
from envsync.project.files import ParsedFile, fields
from envsync.project.memo import Memo
from envsync.project.problems import Report
from envsync.project.search.outline import outline
from envsync.project.search.shape import is_environment_schema
from envsync.project.search.suspect import NOT_ONE

_IDENTIFYING: Final = ("name", "image", "build")


def add_doubt(report: Report, parsed: ParsedFile, content: bytes, memo: Memo) -> None:
    """Adds a sentence about `exclude` to the problems that files of other tools usually have.

    These problems are invalid YAML, unknown fields, and a `name`, `image` or `build` of the wrong
    type. A file with the environment schema is an environment, so its problems stay the same.

    Args:
        report: the report of the file.
        parsed: the file.
        content: the bytes of the file.
        memo: keeps the outlines of texts.
    """
    if not report.has_errors:
        return
    # `outline` takes time, so it is called only for a file with errors.
    if any(
        is_environment_schema(part.schema or "") for part in memo.result(outline, content).parts
    ):
        return
    top = fields(parsed)
    values = {_place(top[name]) for name in _IDENTIFYING if name in top}
    root = parsed.document.root
    keys = {_place(key) for key, _ in root.value} if isinstance(root, MappingNode) else set()

    def doubt(problem: Problem) -> str | None:
        place = (problem.line, problem.column)
        if problem.rule == "yaml-syntax" or (problem.rule == "wrong-type" and place in values):
            return NOT_ONE
        return NOT_ONE if problem.rule == "unknown-field" and place in keys else None

    report.replace(
        replace(problem, fix=f"{problem.fix} {sentence}")
        if (sentence := doubt(problem))
        else problem
        for problem in report.problems
    )


def _place(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
