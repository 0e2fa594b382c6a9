"""Reads an environment that a job, component or deployment defines in place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from yaml.nodes import MappingNode, Node, ScalarNode

from envsync.model.environment import EnvironmentSpec
from envsync.model.reference import Inline
from envsync.project.environment.draft import read_environment
from envsync.project.environment.paths import EnvironmentFile
from envsync.project.files import Files, ParsedFile, nested_field
from envsync.project.problems import Report
from envsync.project.yaml.nodes import NULL

FILE_PREFIX: Final = "file:"
"""azure-ai-ml reads `environment: file:PATH` as the content of the file at this path."""

_FIELDS: Final = ("image", "build", "conda_file")


@dataclass(frozen=True, slots=True)
class Place:
    """A file that can define environments in place.

    Attributes:
        files: the cache for conda files and build contexts.
        directory: the absolute path of the directory of the file.
        boundary: the directory that must contain all paths, with symbolic links resolved.
        with_specs: whether environments are read completely, build contexts included, so that
            they can be compared with declared environments.
    """

    files: Files
    directory: str
    boundary: str
    with_specs: bool = False


def is_inline(parsed: ParsedFile, node: Node) -> bool:
    """Returns True if a node is a mapping with one of the fields that an environment needs."""
    return any(nested_field(parsed, node, field) is not None for field in _FIELDS)


def read_inline(parsed: ParsedFile, node: Node, place: Place) -> Inline:
    """Returns what the environment in a mapping contains.

    Args:
        parsed: the file that contains the mapping.
        node: the mapping.
        place: the file to which paths in the environment are relative.
    """
    image, build, conda = (nested_field(parsed, node, field) for field in _FIELDS)
    return Inline(
        image=_scalar(image),
        conda_file="(inline)" if isinstance(conda, MappingNode) else _scalar(conda),
        build=_scalar(nested_field(parsed, build, "path") if build is not None else None),
        spec=_spec(node, place) if place.with_specs else None,
    )


def read_file(path: str, place: Place) -> Inline | None:
    """Returns what the environment in a file contains, or None if there is no such file.

    Args:
        path: the path after `file:`.
        place: the file that contains the reference.
    """
    found = os.path.normpath(os.path.join(place.directory, path))
    if "\0" in path or not os.path.isfile(found):
        return None
    parsed = place.files.read(found)
    if not isinstance(parsed, ParsedFile) or parsed.content is None:
        return None
    there = Place(place.files, os.path.dirname(found), place.boundary, place.with_specs)
    return read_inline(parsed, parsed.content, there)


def _scalar(node: Node | None) -> str | None:
    if isinstance(node, ScalarNode) and node.tag != NULL:
        text: str = node.value
        return text
    return None


def _spec(node: Node, place: Place) -> EnvironmentSpec | None:
    # The problems of the environment are not reported, because no plan registers it.
    file = EnvironmentFile(
        place.files, Report("", {}), directory=place.directory, boundary=place.boundary
    )
    return read_environment(file, node, "auto").spec
