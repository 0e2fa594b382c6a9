"""Reads and checks conda specifications, from a conda file or from the environment file.

azure-ai-ml does not check the content of a specification. envsync reports an error for content that
conda would refuse. It also reports values that JSON cannot represent, because specifications are
compared as JSON.
"""

from __future__ import annotations

import math
import os
from dataclasses import replace

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from envsync.model.canonical import JSON, canonical_json
from envsync.project.environment.paths import EnvironmentFile, report_missing, resolve
from envsync.project.environment.pins import ended_python, leaves_conda_open, leaves_pip_open
from envsync.project.files import Conda, ParsedFile, Unreadable
from envsync.project.problems import Report, start_report
from envsync.project.yaml.nodes import MAP, NULL, SEQ, STR, TextProblem, entries, problem_at, value


def read_conda(file: EnvironmentFile, node: Node) -> Conda | None:
    """Returns the specification that `conda_file` names or contains, or None if it is empty.

    Problems of a conda file are in the report of the returned object. All other problems are in the
    report of the environment file.
    """
    if isinstance(node, MappingNode):
        return Conda(_specification(file.report, node)) if node.value else None
    if not isinstance(node, ScalarNode) or node.tag != STR:
        message = "`conda_file` must be a path or a conda specification."
        file.report.add("wrong-type", node, message, fix="Write the path of a conda file.")
        return Conda(None)
    if not node.value:
        return None
    path = _find(file, node, node.value)
    if path is None:
        return Conda(None)
    # Several environments may name the same conda file. These environments share one report of the
    # file, so that each problem is reported once.
    known = file.files.condas.get(path)
    if known is None:
        parsed = file.files.read(path)
        if isinstance(parsed, Unreadable):
            message = f"The conda file `{node.value}` cannot be read: {parsed.reason}."
            fix = "Check the file and its permissions."
            file.report.add("missing-file", node, message, fix=fix)
            return Conda(None)
        known = file.files.condas[path] = _read_file(file, path, parsed)
    return known


def _find(file: EnvironmentFile, node: Node, text: str) -> str | None:
    if text.startswith("file:"):
        # azure-ai-ml treats `file:` as a part of the file name.
        message = f"The conda file `{text}` does not exist: `conda_file` must be a path, not a URL."
        fix = f"Write `conda_file: {text.removeprefix('file:')}`."
        file.report.add("missing-file", node, message, fix=fix)
        return None
    path = resolve(file, node, text)
    if path is None or os.path.isfile(path):
        return path
    if os.path.isdir(path):
        message = f"The conda file `{text}` is a directory."
        fix = "Write the path of a conda file in this directory."
        file.report.add("missing-file", node, message, fix=fix)
    else:
        message = f"The conda file `{text}` does not exist."
        fix = "Add the file, or correct the path. Paths are relative to this file."
        report_missing(file, node, message, path=path, fix=fix)
    return None


def _read_file(file: EnvironmentFile, path: str, parsed: ParsedFile) -> Conda:
    report = start_report(
        file.files.display(path),
        parsed.document,
        problems=[_as_conda(item) for item in parsed.problems],
        rules=file.report.rules,
    )
    if parsed.is_broken:
        return Conda(None, report)
    root = parsed.content
    if root is None:
        fix = "Write a conda specification, or remove `conda_file` from the environment file."
        report.add_problem(TextProblem("invalid-conda", "The conda file is empty.", fix=fix))
        return Conda(None, report)
    return Conda(_specification(report, root), report)


def _as_conda(item: TextProblem) -> TextProblem:
    # `yaml-syntax` is about the environment file. Invalid YAML in a conda file is `invalid-conda`.
    return replace(item, rule="invalid-conda") if item.rule == "yaml-syntax" else item


def _specification(report: Report, root: Node) -> str | None:
    """Returns the canonical JSON of a specification, or reports its errors and returns None."""
    if not isinstance(root, MappingNode) or root.tag != MAP:
        message = "A conda specification must be a mapping."
        report.add("invalid-conda", root, message, fix="Write `dependencies:` and a list below it.")
        return None
    # Problems are collected before they are reported, because any of them makes the JSON unusable.
    problems: list[TextProblem] = []
    data = _plain(root, problems)
    for key, item in entries(root):
        # `dependencies:` without a value is valid. The specification then has no dependencies.
        if key.value == "dependencies" and item.tag != NULL:
            _check_dependencies(report, item, problems)
    for problem in problems:
        report.add_problem(problem)
    return None if problems else canonical_json(data)


def _check_dependencies(report: Report, node: Node, problems: list[TextProblem]) -> None:
    if not isinstance(node, SequenceNode):
        message = "`dependencies` must be a list."
        fix = "Write each dependency on its own line, after `- `."
        problems.append(problem_at("invalid-conda", node, message, fix=fix))
        return
    lines: set[int] = set()
    for item in node.value:
        if isinstance(item, ScalarNode) and item.tag == STR:
            _check_conda_item(report, item, lines)
        elif isinstance(item, MappingNode):
            for entry in entries(item):
                _check_pip(report, entry, lines=lines, problems=problems)
        else:
            problems.append(_not_a_package(item))


def _check_pip(
    report: Report, entry: tuple[Node, Node], *, lines: set[int], problems: list[TextProblem]
) -> None:
    key, node = entry
    if key.value != "pip":
        message = f"A mapping in `dependencies` must have the key `pip:`, not `{key.value}:`."
        fix = "Write a package as one string, such as `python=3.12`."
        problems.append(problem_at("invalid-conda", key, message, fix=fix))
        return
    if not isinstance(node, SequenceNode):
        message = "`pip` must be a list."
        fix = "Write each requirement on its own line, after `- `."
        problems.append(problem_at("invalid-conda", node, message, fix=fix))
        return
    for item in node.value:
        if not isinstance(item, ScalarNode) or item.tag != STR:
            problems.append(_not_a_package(item))
        elif leaves_pip_open(item.value):
            kind, example = "pip requirement", f"{item.value}==1.2.3"
            _report_open(report, item, kind, example=example, lines=lines)


def _not_a_package(node: Node) -> TextProblem:
    message = "A dependency must be a string that names a package."
    fix = "Write `name=version`. Add quotes if YAML would read the dependency as a number."
    return problem_at("invalid-conda", node, message, fix=fix)


def _check_conda_item(report: Report, node: ScalarNode, lines: set[int]) -> None:
    if leaves_conda_open(node.value):
        example = f"{node.value}=1.2.3"
        _report_open(report, node, "dependency", example=example, lines=lines)
    ended = ended_python(node.value)
    if ended:
        message = f"Python {ended[0]} has not had security fixes since {ended[1]}."
        report.add("end-of-life-python", node, message, fix="Use a supported Python version.")


def _report_open(
    report: Report, node: ScalarNode, kind: str, *, example: str, lines: set[int]
) -> None:
    """Reports a dependency without a version. Each line of the file gets at most one warning."""
    if node.start_mark.line not in lines:
        lines.add(node.start_mark.line)
        message = (
            f"The {kind} `{node.value}` has no version, so each build may install another version."
        )
        fix = f"Add a version, such as `{example}`."
        report.add("unpinned-dependency", node, message, fix=fix)


def _plain(node: Node, problems: list[TextProblem]) -> JSON:
    """Converts a node to JSON data. Adds a problem for each value that JSON cannot represent."""
    if isinstance(node, MappingNode) and node.tag == MAP:
        mapping: dict[str, JSON] = {}
        for key, item in entries(node):
            if key.tag != STR:
                message = f"YAML does not read the key `{key.value}` as a string."
                problems.append(problem_at("invalid-conda", key, message, fix="Put it in quotes."))
            mapping[str(key.value)] = _plain(item, problems)
        return mapping
    if isinstance(node, SequenceNode) and node.tag == SEQ:
        return [_plain(item, problems) for item in node.value]
    if isinstance(node, ScalarNode):
        if node.tag == STR:
            text: str = node.value
            return text
        meaning = value(node)
        if meaning is None or isinstance(meaning, bool | int | str):
            return meaning
        # Python's `json` would write NaN and infinities, which are not valid JSON.
        if isinstance(meaning, float) and math.isfinite(meaning):
            return meaning
        message = f"JSON cannot represent the value `{node.value}`."
        problems.append(problem_at("invalid-conda", node, message, fix="Put it in quotes."))
        return None
    message = "JSON can only represent plain mappings and lists."
    problems.append(problem_at("invalid-conda", node, message, fix="Remove the YAML tag."))
    return None
