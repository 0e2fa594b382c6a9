"""Conda specifications: read from a file or from the environment file itself, and checked.

azure-ai-ml looks at nothing in them. What is an error here is what conda would refuse, or what has
no meaning in JSON, which is how the service keeps a specification.
"""

from __future__ import annotations

import math
import os

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from envsync.model.canonical import JSON, canonical_json
from envsync.project.environment.pins import ended_python, leaves_conda_open, leaves_pip_open
from envsync.project.environment.place import Place, missing, resolve
from envsync.project.files import Conda, Reading
from envsync.project.problems import Report, start_report
from envsync.project.yaml.nodes import MAP, NULL, SEQ, STR, Finding, entries, finding, value


def read_conda(place: Place, node: Node) -> Conda | None:
    """The specification that `conda_file` names or holds; None where it means none.

    Problems of a conda file of its own stand in the report of the result, all others in that of
    the environment file.
    """
    if isinstance(node, MappingNode):
        return Conda(_specification(place.report, node)) if node.value else None
    if not isinstance(node, ScalarNode) or node.tag != STR:
        message = "`conda_file` must be a path, or the specification itself."
        place.report.add("wrong-type", node, message, "Write the path of a conda file.")
        return Conda(None)
    if not node.value:
        return None
    path = _find(place, node, node.value)
    if path is None:
        return Conda(None)
    known = place.sources.condas.get(path)
    if known is None:
        reading = place.sources.read(path)
        if isinstance(reading, str):
            message = f"The conda file `{node.value}` cannot be read: {reading}."
            place.report.add("missing-file", node, message, "Make it readable.")
            return Conda(None)
        known = place.sources.condas[path] = _read_file(place, path, reading)
    return known


def _find(place: Place, node: Node, text: str) -> str | None:
    if text.startswith("file:"):
        message = f"There is no file `{text}`; azure-ai-ml takes a plain path here."
        fix = f"Write `conda_file: {text.removeprefix('file:')}`."
        place.report.add("missing-file", node, message, fix)
        return None
    path = resolve(place, node, text)
    if path is None or os.path.isfile(path):
        return path
    if os.path.isdir(path):
        message, fix = f"`{text}` is a directory.", "Name the conda file in it."
        place.report.add("missing-file", node, message, fix)
    else:
        fix = "Add the file, or correct the path; it is relative to this file's directory."
        missing(place, node, f"There is no conda file `{text}`.", path, fix)
    return None


def _read_file(place: Place, path: str, reading: Reading) -> Conda:
    shown = place.sources.display(path)
    findings = [_as_conda(item) for item in reading.findings]
    report = start_report(shown, reading.document, findings, place.report.rules)
    if reading.is_broken:
        return Conda(None, report)
    root = reading.content
    if root is None:
        message, fix = "The conda file is empty.", "Write the specification, or drop `conda_file`."
        report.add_finding(Finding("invalid-conda", message, fix, 1, 1))
        return Conda(None, report)
    return Conda(_specification(report, root), report)


def _as_conda(item: Finding) -> Finding:
    if item.rule != "yaml-syntax":
        return item
    return Finding("invalid-conda", item.message, item.fix, item.line, item.column)


def _specification(report: Report, root: Node) -> str | None:
    """The canonical JSON of a checked specification; None where it has errors."""
    if not isinstance(root, MappingNode) or root.tag != MAP:
        message = "A conda specification must be a mapping."
        fix = "Write `dependencies:` with a list below it."
        report.add("invalid-conda", root, message, fix)
        return None
    faults: list[Finding] = []
    data = _plain(root, faults)
    for key, item in entries(root):
        if key.value == "dependencies" and item.tag != NULL:
            _check_dependencies(report, item, faults)
    for fault in faults:
        report.add_finding(fault)
    return None if faults else canonical_json(data)


def _check_dependencies(report: Report, node: Node, faults: list[Finding]) -> None:
    if not isinstance(node, SequenceNode):
        message, fix = "`dependencies` must be a list.", "Write each on a line, after `- `."
        faults.append(finding("invalid-conda", node, message, fix))
        return
    lines: set[int] = set()
    for item in node.value:
        if isinstance(item, ScalarNode) and item.tag == STR:
            _note_conda_item(report, item, lines)
        elif isinstance(item, MappingNode):
            for key, below in entries(item):
                _check_pip(report, key, below, lines, faults)
        else:
            faults.append(_no_package(item))


def _check_pip(
    report: Report, key: Node, node: Node, lines: set[int], faults: list[Finding]
) -> None:
    if key.value != "pip":
        message = f"conda takes only `pip:` as a mapping among dependencies, not `{key.value}:`."
        fix = "Write a package as one text, such as `python=3.12`."
        faults.append(finding("invalid-conda", key, message, fix))
        return
    if not isinstance(node, SequenceNode):
        message, fix = "`pip` must be a list.", "Write each requirement on a line, after `- `."
        faults.append(finding("invalid-conda", node, message, fix))
        return
    for item in node.value:
        if not isinstance(item, ScalarNode) or item.tag != STR:
            faults.append(_no_package(item))
        elif leaves_pip_open(item.value):
            _note_open(report, item, "pip requirement", f"{item.value}==1.2.3", lines)


def _no_package(node: Node) -> Finding:
    message = "A dependency must be a text that names a package."
    fix = "Write it as `name=version`, in quotes if YAML would read it as a number."
    return finding("invalid-conda", node, message, fix)


def _note_conda_item(report: Report, node: ScalarNode, lines: set[int]) -> None:
    if leaves_conda_open(node.value):
        _note_open(report, node, "dependency", f"{node.value}=1.2.3", lines)
    ended = ended_python(node.value)
    if ended:
        message = f"Python {ended[0]} has had no security fixes since {ended[1]}."
        report.add("end-of-life-python", node, message, "Use a newer Python.")


def _note_open(report: Report, node: ScalarNode, kind: str, example: str, lines: set[int]) -> None:
    """One warning for a line, however much stands on it."""
    if node.start_mark.line not in lines:
        lines.add(node.start_mark.line)
        message = f"The {kind} `{node.value}` has no version, so that builds will differ."
        report.add("unpinned-dependency", node, message, f"Name a version, as in `{example}`.")


def _plain(node: Node, faults: list[Finding]) -> JSON:
    """A node as JSON data, numbers and truth values as YAML reads them."""
    if isinstance(node, MappingNode) and node.tag == MAP:
        mapping: dict[str, JSON] = {}
        for key, item in entries(node):
            if key.tag != STR:
                message = f"YAML does not read the key `{key.value}` as text."
                faults.append(finding("invalid-conda", key, message, "Put it in quotes."))
            mapping[str(key.value)] = _plain(item, faults)
        return mapping
    if isinstance(node, SequenceNode) and node.tag == SEQ:
        return [_plain(item, faults) for item in node.value]
    if isinstance(node, ScalarNode):
        if node.tag == STR:
            text: str = node.value
            return text
        meaning = value(node)
        if meaning is None or isinstance(meaning, bool | int | str):
            return meaning
        if isinstance(meaning, float) and math.isfinite(meaning):
            return meaning
        message = f"`{node.value}` is a kind of value that JSON does not have."
        faults.append(finding("invalid-conda", node, message, "Put it in quotes."))
        return None
    message = "Only plain mappings and lists have a meaning in JSON."
    faults.append(finding("invalid-conda", node, message, "Remove the YAML tag."))
    return None
