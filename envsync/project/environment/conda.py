"""Reads and checks conda specifications, from a conda file or from the environment file.

azure-ai-ml does not check the content of a specification. envsync reports an error for content that
conda would refuse. envsync also reports values that JSON cannot represent, because envsync compares
specifications as JSON.
"""

from __future__ import annotations

import math
import os

from msgspec.structs import replace
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from envsync.model.canonical import JSON, canonical_json
from envsync.model.policy import FilePolicy
from envsync.project.credentials import check_text
from envsync.project.environment.paths import EnvironmentFile, report_missing, resolve
from envsync.project.environment.specification import check_specification
from envsync.project.files import Conda, ParsedFile, Unreadable
from envsync.project.lfs import FIX as LFS_FIX
from envsync.project.lfs import lfs_pointer
from envsync.project.problems import Report, start_report
from envsync.project.yaml.nodes import MAP, SEQ, STR, TextProblem, entries, problem_at, value


def read_conda(file: EnvironmentFile, node: Node) -> Conda | None:
    """Reads the conda specification in `conda_file`, or in the file that `conda_file` names.

    If `conda_file` is an empty string, returns None. The problems of a conda file are in the
    `report` of the returned object. All other problems are added to the report of the environment
    file.
    """
    if isinstance(node, MappingNode):
        return Conda(_specification(file.report, node, file.policy))
    if not isinstance(node, ScalarNode) or node.tag != STR:
        message = "`conda_file` must be a path or a conda specification."
        file.report.add("wrong-type", node, message, fix="Write the path of a conda file.")
        return Conda(None)
    if not node.value:
        return None
    path = _find(file, node, node.value)
    if path is None:
        return Conda(None)
    # Several environments can name the same conda file. These environments share one `Report`, so
    # that each problem of the conda file is reported once.
    known = file.files.condas.get(path)
    if known is None:
        parsed = file.files.read(path, path)  # `resolve` has resolved the links
        if isinstance(parsed, Unreadable):
            message = f"The conda file `{node.value}` cannot be read: {parsed.reason}."
            fix = "Check the file and its permissions."
            file.report.add("missing-file", node, message, fix=fix)
            return Conda(None)
        known = file.files.condas[path] = _read_file(file, path, parsed)
        file.files.drop_nodes(path)
    return known


def _find(file: EnvironmentFile, node: Node, text: str) -> str | None:
    if text.startswith("file:"):
        # azure-ai-ml treats `file:` as a part of the file name.
        message = f"The conda file `{text}` does not exist. `conda_file` must be a path, not a URL."
        fix = f"Write `conda_file: {text.removeprefix('file:')}`."
        file.report.add("missing-file", node, message, fix=fix)
        return None
    path = resolve(file, node, text)
    if path is None or file.files.is_file(path):
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
    text = parsed.document.text
    check_text(report, text, memo=file.files.memo)
    if text.startswith("version ") and lfs_pointer(text.encode()):
        message = "The conda file is a Git LFS pointer, not the file that it stands for."
        # A pointer is never a valid specification, so a pointer is always reported as an error,
        # even if the settings make `lfs-pointer` a warning.
        if not report.add_problem(TextProblem("lfs-pointer", message, fix=LFS_FIX)):
            report.add_problem(TextProblem("invalid-conda", message, fix=LFS_FIX))
        return Conda(None, report)
    if parsed.is_broken:
        return Conda(None, report)
    root = parsed.content
    if root is None:
        fix = "Write a conda specification, or remove `conda_file` from the environment file."
        report.add_problem(TextProblem("invalid-conda", "The conda file is empty.", fix=fix))
        return Conda(None, report)
    return Conda(_specification(report, root, file.policy), report)


def _as_conda(item: TextProblem) -> TextProblem:
    # Invalid YAML breaks the rule `yaml-syntax` in an environment file, and the rule
    # `invalid-conda` in a conda file.
    return replace(item, rule="invalid-conda") if item.rule == "yaml-syntax" else item


def _specification(report: Report, root: Node, policy: FilePolicy) -> str | None:
    """Returns the canonical JSON of a specification, or reports its errors and returns None."""
    if not isinstance(root, MappingNode) or root.tag != MAP:
        message = "A conda specification must be a mapping."
        report.add("invalid-conda", root, message, fix="Write `dependencies:` and a list below it.")
        return None
    # The problems are collected in a list, because the JSON can be used only if the list is empty.
    problems: list[TextProblem] = []
    data = _plain(root, problems)
    check_specification(report, root, problems, policy)
    for problem in problems:
        report.add_problem(problem)
    return None if problems else canonical_json(data)


def _plain(node: Node, problems: list[TextProblem]) -> JSON:
    """Converts a node to JSON data. Adds a problem for each value that JSON cannot represent."""
    # Strings come first, because most nodes are strings.
    if node.tag == STR and isinstance(node, ScalarNode):
        text: str = node.value
        return text
    if isinstance(node, MappingNode) and node.tag == MAP:
        mapping: dict[str, JSON] = {}
        for key, item in entries(node):
            if key.tag != STR:
                message = f"YAML does not read the key `{key.value}` as a string."
                problems.append(problem_at("invalid-conda", key, message, fix="Put it in quotes."))
            mapping[str(key.value)] = _plain(item, problems)
        return mapping
    if isinstance(node, SequenceNode) and node.tag == SEQ:
        # Most items are strings, and a call of `_plain` for each string would take time.
        return [
            item.value
            if item.tag == STR and isinstance(item, ScalarNode)
            else _plain(item, problems)
            for item in node.value
        ]
    if isinstance(node, ScalarNode):
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
