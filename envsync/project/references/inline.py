"""Reads inline environments: a job, component or deployment defines them in its own file."""

from __future__ import annotations

import os
from typing import Final

from msgspec import Struct
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


class Place(Struct, frozen=True):
    """A file that can contain inline environments.

    Attributes:
        files: the cache for conda files and build contexts.
        directory: the absolute path of the directory of the file.
        boundary: the directory that must contain all paths, with symbolic links resolved.
        with_specs: True if environments and their build contexts are read completely, so that the
            environments can be compared with declared environments.
    """

    files: Files
    directory: str
    boundary: str
    with_specs: bool = False


def is_inline(parsed: ParsedFile, node: Node) -> bool:
    """Returns True if a node is a mapping with `image`, `build` or `conda_file`."""
    return any(nested_field(parsed, node, field) is not None for field in _FIELDS)


def read_inline(parsed: ParsedFile, node: Node, place: Place) -> Inline:
    """Returns the content of an inline environment.

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
    """Returns the content of an environment file, or None if the file does not exist.

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
    # Problems of an inline environment are not reported, because no plan registers the environment.
    file = EnvironmentFile(
        place.files, Report("", {}), directory=place.directory, boundary=place.boundary
    )
    return read_environment(file, node, "auto").spec
