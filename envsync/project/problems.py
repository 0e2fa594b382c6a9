"""Problems of one file, at the severity that the project and the file's own comments give them.

`# envsync: ignore[rule-id]` on a line turns a rule off there; several ids are separated by commas.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from yaml.nodes import Node, ScalarNode

from envsync.model.problem import Problem
from envsync.model.wording import MAX_MESSAGE, nearest, printable
from envsync.project.rules import FIXED, RULES, Level
from envsync.project.yaml.nodes import Finding, finding, walk
from envsync.project.yaml.text import Document

_COMMENT: Final = re.compile(r"(?<![^\s])#[ \t]*envsync:[ \t]*ignore\[([^\]\n]*)\]")
_LINE_BREAK: Final = re.compile("[\n\x85\u2028\u2029]")  # what YAML counts as one


@dataclass(slots=True)
class Report:
    """Collects the problems of one file.

    Attributes:
        file: as it is shown: relative to the project, with `/`.
        rules: severities that differ from the rules' own.
        ignored: the rules that comments turn off, by 1-based line.
    """

    file: str
    rules: Mapping[str, Level]
    ignored: Mapping[int, frozenset[str]] = field(default_factory=dict)
    _found: dict[Problem, None] = field(default_factory=dict)

    @property
    def problems(self) -> list[Problem]:
        """What was found so far, each thing once."""
        return list(self._found)

    @property
    def has_errors(self) -> bool:
        """Whether anything found so far is an error."""
        return any(problem.severity == "error" for problem in self._found)

    def add(self, rule: str, node: Node, message: str, fix: str) -> bool:
        """Notes a problem at the start of a node; tells whether it is an error there."""
        return self.add_finding(finding(rule, node, message, fix))

    def add_finding(self, item: Finding) -> bool:
        """Notes a problem; tells whether it is an error there."""
        level: Level = "error"
        if item.rule not in FIXED:
            level = self.rules.get(item.rule) or RULES[item.rule]
            if item.rule in self.ignored.get(item.line, ()):
                level = "off"
        if level != "off":
            message, fix = printable(item.message, MAX_MESSAGE), printable(item.fix, MAX_MESSAGE)
            problem = Problem(item.rule, level, message, self.file, item.line, item.column, fix)
            self._found.setdefault(problem)
        return level == "error"


def start_report(
    file: str, document: Document, findings: Iterable[Finding], rules: Mapping[str, Level]
) -> Report:
    """A report on a file, with what its text alone shows: bad YAML, and useless comments."""
    comments = list(_ignore_comments(document))
    report = Report(file, rules, _ignored_rules(comments))
    for item in findings:
        report.add_finding(item)
    for comment in comments:
        fault = _useless(comment.rule)
        if fault:
            report.add_finding(Finding("useless-ignore", *fault, comment.line, comment.column))
    return report


@dataclass(frozen=True, slots=True)
class _Ignore:
    rule: str
    line: int
    column: int


def _ignored_rules(comments: Iterable[_Ignore]) -> dict[int, frozenset[str]]:
    ignored: dict[int, frozenset[str]] = {}
    for comment in comments:
        ignored[comment.line] = ignored.get(comment.line, frozenset()) | {comment.rule}
    return ignored


def _useless(rule: str) -> tuple[str, str] | None:
    if rule in FIXED:
        return f"The rule `{rule}` cannot be turned off.", "Correct the problem itself."
    if rule not in RULES:
        near = nearest(rule, RULES)
        fix = f"Did you mean `{near}`?" if near else "Name a rule as `envsync validate` shows it."
        return f"There is no rule `{rule}`.", fix
    return None


def _ignore_comments(document: Document) -> Iterable[_Ignore]:
    if "envsync:" not in document.text or document.root is None:
        return
    spans = _text_spans(document, document.root)
    lines = [0, *(found.end() for found in _LINE_BREAK.finditer(document.text))]
    for match in _COMMENT.finditer(document.text):
        start = match.start()
        before = bisect_left(spans, (start, 0)) - 1
        if before >= 0 and start < spans[before][1]:
            continue  # part of a text, not a comment
        line = bisect_right(lines, start)
        for rule in match.group(1).split(","):
            yield _Ignore(rule.strip(), line, start - lines[line - 1] + 1)


def _text_spans(document: Document, root: Node) -> list[tuple[int, int]]:
    """From where to where each scalar goes, but for the header of a block: it takes a comment.

    Sorted; scalars stand one after the other.
    """
    spans: list[tuple[int, int]] = []
    for node in walk(root):
        if isinstance(node, ScalarNode):
            first, last = node.start_mark.index, node.end_mark.index
            if node.style in ("|", ">"):
                first = document.text.find("\n", first, last)
            spans.append((first, last))
    return sorted(spans)
