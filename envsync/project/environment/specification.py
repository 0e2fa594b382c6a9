"""Checks the content of a conda specification: its keys, channels and dependencies.

conda ignores unknown keys, and Azure does not receive the local files that a specification names.
envsync reports content that would be missing in the image, and content that conda would refuse.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct, field
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from envsync.model.policy import FilePolicy
from envsync.model.wording import nearest
from envsync.project.environment.channels import check_channels, check_defaults
from envsync.project.environment.dependencies import (
    CondaDependency,
    conda_dependency,
    pip_requirement,
)
from envsync.project.environment.packages import check_packages
from envsync.project.environment.specs import Fault, clone_url, is_local_channel
from envsync.project.problems import Report
from envsync.project.yaml.nodes import NULL, STR, TextProblem, entries, problem_at

KEYS: Final = ("name", "channels", "dependencies", "prefix", "variables")
"""The keys that conda reads, as in `VALID_KEYS` of conda/env/env.py."""

_OTHER_TOOLS: Final = frozenset(
    {"author", "authors", "category", "description", "license", "platforms", "url", "version"}
)
"""conda ignores these keys. They describe the file, or tools such as conda-lock read them."""

_PACKAGES: Final = "Write the packages below `dependencies:`."
_ENVIRONMENT: Final = "This looks like an environment file. Write the path of a conda file."
_FOREIGN: Final = {
    "pip": "Write the list below an item `- pip:` in `dependencies:`.",
    "packages": _PACKAGES,
    "requirements": _PACKAGES,
    "python": "Write `python=VERSION` as an item below `dependencies:`.",
    "image": _ENVIRONMENT,
    "build": _ENVIRONMENT,
    "conda_file": _ENVIRONMENT,
    "env": "Did you mean `variables`?",
    "environment": "Did you mean `variables`?",
}
_NO_UPLOAD: Final = "List the packages here, or use `build` with a Dockerfile that copies the file."
_ABSOLUTE: Final = r"(?:(?:^|[\s=@])(?:-[a-zA-Z]=?)?['\"]?|file:)/"
_IN_IMAGE: Final = (
    "If the image contains the file, end this line with `# envsync: ignore[conda-local-file]`."
)


class _Content(Struct):
    """The parts of a specification that are checked together.

    Attributes:
        place: the node to report missing channels at.
        channels: the channels that are not local directories.
        dependencies: the key `dependencies`.
        packages: the conda dependencies, each with its properties.
        pip: the key of the list of pip packages.
    """

    place: Node
    channels: list[ScalarNode] = field(default_factory=list)
    dependencies: Node | None = None
    packages: list[tuple[ScalarNode, CondaDependency]] = field(default_factory=list)
    pip: Node | None = None


def check_specification(
    report: Report, root: MappingNode, problems: list[TextProblem], policy: FilePolicy
) -> None:
    """Checks a specification.

    Args:
        report: collects the problems whose severity depends on the settings.
        root: the specification, which is valid YAML.
        problems: collects the problems that are always errors.
        policy: what the file may use.
    """
    has_dependencies = False
    content = _Content(root)
    for key, item in entries(root):
        if key.value == "channels":
            content.place = key
            _check_channels(report, item, content, problems)
        elif key.value == "dependencies" and item.tag != NULL:
            content.dependencies = key
            has_dependencies = _check_dependencies(report, item, content, problems)
        elif key.value == "variables" and not (isinstance(item, MappingNode) or item.tag == NULL):
            message = "`variables` must be a mapping."
            fix = "Write `NAME: value` lines below `variables:`."
            problems.append(problem_at("invalid-conda", item, message, fix=fix))
        elif key.value not in KEYS:
            # The key can be a misspelt `dependencies`. If `_report_unknown` reports an error, the
            # missing key `dependencies` is therefore not reported as a second error.
            has_dependencies |= _report_unknown(report, key)
    if not has_dependencies:
        message = "The conda specification has no dependencies."
        fix = "Add packages below `dependencies:`, or remove `conda_file` from the environment."
        problems.append(problem_at("invalid-conda", root, message, fix=fix))
    in_packages = [
        (node, channel) for node, found in content.packages for channel in found.channels
    ]
    check_channels(report, content.channels, policy, in_packages)
    # If there is an error, a missing channel or package can be in the part with the error.
    if not problems:
        check_defaults(report, content.place, content.channels)
        if content.dependencies is not None:
            check_packages(report, content.dependencies, content.packages, content.pip)


def _report_unknown(report: Report, key: Node) -> bool:
    """Reports a key that conda ignores. Returns True if the reported problem is an error."""
    name = str(key.value)
    # Keys that start with `_` or `x-` contain values for YAML aliases.
    if name in _OTHER_TOOLS or name.startswith(("_", "x-", ".")):
        return False
    if report.is_full("unknown-field"):
        return report.add("unknown-field", key, "", fix="")  # only the severity counts
    near = nearest(name, KEYS) if report.has_room("unknown-field") else None
    fix = _FOREIGN.get(name) or (f"Did you mean `{near}`?" if near else "Remove it.")
    message = f"A conda specification has no key `{name}`, so conda ignores it."
    return report.add("unknown-field", key, message, fix=fix)


def _check_channels(
    report: Report, node: Node, content: _Content, problems: list[TextProblem]
) -> None:
    if node.tag == NULL:
        return
    if not isinstance(node, SequenceNode):
        message = "`channels` must be a list."
        fix = "Write each channel on its own line, after `- `."
        problems.append(problem_at("invalid-conda", node, message, fix=fix))
        return
    for item in node.value:
        if not isinstance(item, ScalarNode) or item.tag != STR or not item.value.strip():
            message = "A channel must be a string: its name or its URL."
            fix = "Write a channel, such as `conda-forge`, or remove the item."
            problems.append(problem_at("invalid-conda", item, message, fix=fix))
        elif is_local_channel(item.value):
            message = f"The channel `{item.value}` is a local directory, which is not uploaded."
            fix = "Use the URL of a channel, or use `build` and copy the directory in a Dockerfile."
            report.add("conda-local-file", item, message, fix=fix)
        else:
            content.channels.append(item)


def _check_dependencies(
    report: Report, node: Node, content: _Content, problems: list[TextProblem]
) -> bool:
    """Checks `dependencies`. Returns whether the list contains a dependency or an error."""
    if not isinstance(node, SequenceNode):
        message = "`dependencies` must be a list."
        fix = "Write each dependency on its own line, after `- `."
        problems.append(problem_at("invalid-conda", node, message, fix=fix))
        return True
    has_packages = False
    lines: set[int] = set()
    for item in node.value:
        if isinstance(item, ScalarNode) and item.tag == STR and item.value.strip():
            has_packages = True
            found = conda_dependency(item.value)
            content.packages.append((item, found))
            _check_conda_item(report, item, found, lines=lines, problems=problems)
        elif isinstance(item, MappingNode):
            for pair in entries(item):
                content.pip = content.pip or pair[0]
                has_packages |= _check_pip(report, pair, lines=lines, problems=problems)
        else:
            has_packages = True
            problems.append(_not_a_package(item))
    return has_packages


def _check_pip(
    report: Report, entry: tuple[Node, Node], *, lines: set[int], problems: list[TextProblem]
) -> bool:
    """Checks one key of a mapping in `dependencies`.

    Returns False if the list of pip packages is empty.
    """
    key, node = entry
    if key.value != "pip":
        message = f"A mapping in `dependencies` must have the key `pip:`, not `{key.value}:`."
        fix = "Write a package as one string, such as `python=3.12`."
        problems.append(problem_at("invalid-conda", key, message, fix=fix))
        return True
    if not isinstance(node, SequenceNode):
        message = "`pip` must be a list."
        fix = "Write each requirement on its own line, after `- `."
        problems.append(problem_at("invalid-conda", node, message, fix=fix))
        return True
    for item in node.value:
        if not isinstance(item, ScalarNode) or item.tag != STR or not item.value.strip():
            problems.append(_not_a_package(item))
            continue
        found = pip_requirement(item.value)
        if found.fault:
            _report_fault(report, item, found.fault, problems)
        elif found.unversioned:
            kind, example = "pip requirement", f"{found.unversioned}==1.2.3"
            _report_open(report, item, kind, example=example, lines=lines)
    return bool(node.value)


def _check_conda_item(
    report: Report,
    node: ScalarNode,
    found: CondaDependency,
    *,
    lines: set[int],
    problems: list[TextProblem],
) -> None:
    if found.fault:
        _report_fault(report, node, found.fault, problems)
        return
    if found.is_open:
        if found.name == "pip":
            message = "pip has no version, so each build can resolve the packages differently."
            report.add("unpinned-pip", node, message, fix="Add a version, such as `pip=24.3.1`.")
            return
        example = f"{node.value}=1.2.3"
        _report_open(report, node, "dependency", example=example, lines=lines)
    if found.ended:
        message = f"{found.ended.name} has not had security fixes since {found.ended.date}."
        report.add("end-of-life-python", node, message, fix="Use a supported Python version.")


def _report_fault(
    report: Report, node: ScalarNode, fault: Fault, problems: list[TextProblem]
) -> None:
    if fault == "local":
        if report.is_full("conda-local-file"):
            return
        message = (
            f"`{node.value}` names a local file. Only the text of the conda specification is sent "
            "to Azure, so the image build does not find the file."
        )
        # Only an absolute path can lead to a file that is already in the image.
        is_absolute = re.search(_ABSOLUTE, node.value) is not None
        fix = f"{_NO_UPLOAD} {_IN_IMAGE}" if is_absolute else _NO_UPLOAD
        report.add("conda-local-file", node, message, fix=fix)
        return
    if fault == "list":
        message = f"YAML reads this item and the items below it as one string: `{node.value}`."
        fix = "Give all items the same indentation."
        if node.value.split()[0] == "pip":
            fix = "Write `- pip:` with a colon, so that `pip` gets the list as its value."
    elif fault == "address":
        message = (
            f"pip cannot read the address in `{node.value}`, because it is not a URL. `git clone` "
            "accepts such an address, but pip does not."
        )
        fix = f"Write the address as `{clone_url(node.value)}`."
    else:
        message = f"`{node.value}` names more than one package."
        fix = "Write each package on its own line, after `- `, and a version as `name=version`."
    problems.append(problem_at("invalid-conda", node, message, fix=fix))


def _not_a_package(node: Node) -> TextProblem:
    message = "A dependency must be a string that names a package."
    fix = "Write `name=version`. Add quotes if YAML would read the dependency as a number."
    if node.tag == NULL:
        message, fix = (
            "The list has an item without a value.",
            "Name a package, or remove the item.",
        )
    return problem_at("invalid-conda", node, message, fix=fix)


def _report_open(
    report: Report, node: ScalarNode, kind: str, *, example: str, lines: set[int]
) -> None:
    """Reports a dependency without a version. Each line of the file gets at most one warning."""
    if report.is_full("unpinned-dependency"):
        return
    if node.start_mark.line not in lines:
        lines.add(node.start_mark.line)
        message = (
            f"The {kind} `{node.value}` has no version, so each build can install another version."
        )
        fix = f"Add a version, such as `{example}`."
        report.add("unpinned-dependency", node, message, fix=fix)
