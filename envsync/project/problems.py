"""Collects the problems of one file, and gives each problem its severity.

The severity depends on `rules` in `envsync.yaml` and on ignore comments in the file. The comment
`# envsync: ignore[rule-id]` turns a rule off on its line. Commas separate several rule ids.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct, field
from yaml.nodes import Node, ScalarNode

from envsync.model.problem import Problem, Severity
from envsync.model.wording import MAX_FIX, MAX_MESSAGE, nearest, printable
from envsync.project.rules import FIXED, NOT_IN_FILES, RULES, Level
from envsync.project.yaml.nodes import Mark, TextProblem, problem_at, walk
from envsync.project.yaml.text import Document

MAX_OF_RULE: Final = 100
"""Maximum number of problems of one rule that the report of a file contains."""

# A comment without `]` is matched as well, because searching its line again from each further `#`
# would take minutes.
_COMMENT: Final = r"(?<![^\s])#[ \t]*envsync:[ \t]*ignore\[([^\]\n]*)(\]?)"
_LINE_BREAK: Final = "[\n\x85\u2028\u2029]"  # the line breaks of YAML 1.1


class Report(Struct):
    """Collects the problems of one file.

    Attributes:
        file: the path in messages, relative to the project and with `/`.
        rules: severities that override the defaults of the rules.
        ignored: for each 1-based line, the rules that comments turn off.
    """

    file: str
    rules: Mapping[str, Level]
    ignored: Mapping[int, frozenset[str]] = field(default_factory=dict)
    # A dict keeps the order and removes repetitions. A value with an anchor is checked again at
    # each alias, so a problem can be found twice.
    _found: dict[Problem, None] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    # Maps each rule with more than `MAX_OF_RULE` problems to the first problem that is left out.
    _left_out: dict[str, Problem] = field(default_factory=dict)

    @property
    def problems(self) -> list[Problem]:
        """The problems found so far, without repetitions.

        If a rule has more than `MAX_OF_RULE` problems, a last problem says so.
        """
        return [*self._found, *self._left_out.values()]

    def has_room(self, rule: str) -> bool:
        """Returns True if the report has room for another problem of a rule.

        If not, a caller can skip the slow search for a suggestion.
        """
        return self._counts.get(rule, 0) < MAX_OF_RULE

    def is_full(self, rule: str) -> bool:
        """Returns True if the report leaves out every further problem of a rule."""
        return rule in self._left_out

    @property
    def has_errors(self) -> bool:
        """True if any problem found so far is an error."""
        return any(problem.severity == "error" for problem in self._found)

    def replace(self, problems: Iterable[Problem]) -> None:
        """Replaces all problems found so far."""
        self._found = dict.fromkeys(problems)
        self._left_out.clear()

    def add(self, rule: str, position: Node | Mark, message: str, *, fix: str) -> bool:
        """Adds a problem at the start of a node, or at a position.

        Returns True if the problem is an error.
        """
        return self.add_problem(problem_at(rule, position, message, fix=fix))

    def add_problem(self, item: TextProblem) -> bool:
        """Adds a problem, unless its rule is off. Returns True if the problem is an error."""
        level: Level = "error"
        if item.rule not in FIXED:
            level = self.rules.get(item.rule) or RULES[item.rule]
            if item.rule in self.ignored.get(item.line, ()) and item.rule not in NOT_IN_FILES:
                level = "off"
        if level != "off" and not self.has_room(item.rule):
            self._leave_out(item, level)
        elif level != "off":
            problem = Problem(
                rule=item.rule,
                severity=level,
                message=printable(item.message, MAX_MESSAGE),
                file=self.file,
                line=item.line,
                column=item.column,
                fix=printable(item.fix, MAX_FIX),
            )
            if problem not in self._found:
                self._found[problem] = None
                self._counts[item.rule] = self._counts.get(item.rule, 0) + 1
        return level == "error"

    def _leave_out(self, item: TextProblem, level: Severity) -> None:
        if item.rule not in self._left_out:
            self._left_out[item.rule] = Problem(
                rule=item.rule,
                severity=level,
                message=f"The file breaks the rule more than {MAX_OF_RULE} times.",
                file=self.file,
                line=item.line,
                column=item.column,
                fix="Correct the problems above. Then, run the command again.",
            )


def start_report(
    file: str,
    document: Document,
    *,
    problems: Iterable[TextProblem],
    rules: Mapping[str, Level],
) -> Report:
    """Creates the report of a file, with the problems of its YAML and of its ignore comments.

    Args:
        file: the file name in messages.
        document: the parsed file.
        problems: the problems of the YAML.
        rules: severities that override the defaults of the rules.
    """
    comments = list(_ignore_comments(document)) if "envsync:" in document.text else []
    report = Report(file, rules, _by_line(comments))
    for item in problems:
        report.add_problem(item)
    for comment in comments:
        problem = _useless(comment, suggest=report.has_room("useless-ignore"))
        if problem is not None:
            report.add_problem(problem)
    return report


class _Ignore(Struct, frozen=True):
    """One rule id of an ignore comment. The line and column of the comment are 1-based."""

    rule: str
    line: int
    column: int


def ignored_rules(document: Document) -> dict[int, frozenset[str]]:
    """Returns, for each 1-based line, the rules that ignore comments turn off."""
    return _by_line(_ignore_comments(document))


def ignored_in(comment: str) -> frozenset[str]:
    """Returns the rules that a comment turns off. The comment starts with `#`."""
    found = re.match(_COMMENT, comment)
    if found is None or not found[2]:
        return frozenset()
    return frozenset(rule.strip() for rule in found[1].split(","))


def _by_line(comments: Iterable[_Ignore]) -> dict[int, frozenset[str]]:
    ignored: dict[int, set[str]] = {}
    for comment in comments:
        ignored.setdefault(comment.line, set()).add(comment.rule)
    return {line: frozenset(rules) for line, rules in ignored.items()}


def _useless(comment: _Ignore, *, suggest: bool) -> TextProblem | None:
    """Returns a `useless-ignore` problem if the comment cannot have an effect, else None.

    Args:
        comment: the comment.
        suggest: whether to suggest a similar rule.
    """
    rule = comment.rule
    if rule in FIXED or rule in NOT_IN_FILES:
        message = f"The rule `{rule}` cannot be turned off."
        fix = "Remove the comment, and correct the problem itself."
    elif rule not in RULES:
        near = nearest(rule, RULES) if suggest else None
        message = f"The rule `{rule}` does not exist."
        fix = f"Did you mean `{near}`?" if near else "Use a rule id that `envsync validate` shows."
    else:
        return None
    return TextProblem("useless-ignore", message, fix=fix, line=comment.line, column=comment.column)


def _ignore_comments(document: Document) -> Iterable[_Ignore]:
    if "envsync:" not in document.text or document.root is None:
        return
    # Comments are searched for in the text, outside of all scalars, because PyYAML drops comments.
    spans = _scalar_spans(document, document.root)
    lines = [0, *(found.end() for found in re.finditer(_LINE_BREAK, document.text))]
    for match in re.finditer(_COMMENT, document.text):
        start = match.start()
        if not match[2]:
            continue
        before = bisect_left(spans, (start, 0)) - 1
        if before >= 0 and start < spans[before][1]:
            continue  # the match is part of a scalar
        line = bisect_right(lines, start)
        for rule in match.group(1).split(","):
            yield _Ignore(rule.strip(), line, start - lines[line - 1] + 1)


def _scalar_spans(document: Document, root: Node) -> list[tuple[int, int]]:
    """Returns the start index and the end index of each scalar in the text, sorted.

    The span of a block scalar starts at the end of its first line. This line contains only a
    header, such as `|-`, and possibly a comment, which is not part of the value. Spans do not
    overlap.
    """
    spans: list[tuple[int, int]] = []
    for node in walk(root):
        if isinstance(node, ScalarNode):
            first, last = node.start_mark.index, node.end_mark.index
            if node.style in ("|", ">"):
                first = document.text.find("\n", first, last)
            spans.append((first, last))
    return sorted(spans)
