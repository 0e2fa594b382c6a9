"""Checks that a conda specification names Python, and also pip if it lists pip packages."""

from __future__ import annotations

from collections.abc import Collection

from yaml.nodes import Node, ScalarNode

from envsync.project.environment.dependencies import CondaDependency
from envsync.project.problems import Report


def check_packages(
    report: Report,
    key: Node,
    packages: Collection[tuple[ScalarNode, CondaDependency]],
    pip_list: Node | None,
) -> None:
    """Reports a specification without Python, and a list of pip packages without pip.

    Args:
        report: the report of the file.
        key: the key `dependencies`.
        packages: the conda dependencies, each with its properties.
        pip_list: the key `pip`, or None if the specification lists no pip packages.
    """
    # A dependency that is a URL is possibly Python or pip: envsync does not read the name in a URL.
    if any("://" in node.value for node, _ in packages):
        return
    names = {found.name for _, found in packages}
    if "python" not in names:
        message = "The specification does not name Python, so each build can get another version."
        report.add("missing-python", key, message, fix="Add a dependency such as `python=3.12`.")
    if pip_list is not None and "pip" not in names:
        message = (
            "The specification lists pip packages, but not pip itself, so conda chooses the "
            "version of pip."
        )
        report.add("missing-pip", pip_list, message, fix="Add a dependency such as `pip=24.3.1`.")
