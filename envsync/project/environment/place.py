"""Paths that environment files name: found, and kept inside the project."""

from __future__ import annotations

import os
from dataclasses import dataclass

from yaml.nodes import Node

from envsync.model.wording import nearest
from envsync.project.files import Sources, is_within
from envsync.project.problems import Report


@dataclass(frozen=True, slots=True)
class Place:
    """Where an environment file stands.

    Attributes:
        sources: what is read on its behalf.
        report: its problems.
        directory: absolute; the paths in the file are relative to it.
        boundary: the directory that no path may lead out of, symbolic links resolved.
    """

    sources: Sources
    report: Report
    directory: str
    boundary: str


def resolve(place: Place, node: Node, path: str) -> str | None:
    """Where a path leads, symbolic links resolved.

    Returns:
        The absolute path, whether or not anything is there; None where it may not be followed,
        which is then reported.
    """
    if "\0" in path:
        place.report.add("missing-file", node, "The path holds a null character.", "Remove it.")
        return None
    real = place.sources.real(place.directory, path)
    if not is_within(real, place.boundary) and place.report.add(
        "path-escape",
        node,
        f"`{path}` leads out of the project.",
        "Move what it names into the project, and name it there.",
    ):
        return None
    return real


def near_name(path: str) -> str | None:
    """The name of something that is there, in the place of a path that is not, if any is near."""
    directory, name = os.path.split(path)
    try:
        return nearest(name, sorted(os.listdir(directory)))
    except OSError:
        return None


def missing(place: Place, node: Node, message: str, path: str, fix: str) -> None:
    """Reports that nothing is at a path; names what is near it, else says the fix."""
    near = near_name(path)
    place.report.add("missing-file", node, message, f"Did you mean `{near}`?" if near else fix)
