"""Finds the environment files below a directory.

A YAML file is an environment file if its `$schema` is the environment schema. A file without
`$schema` is an environment file if it has a `name` and an `image` or `build`. Three kinds of files
are excluded: conda files that an environment names, files in the build context of another
environment, and files in hidden directories. A file with invalid YAML is included if it may be an
environment file, so that its syntax error is reported.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from yaml.nodes import Node, ScalarNode

from envsync.project.environment.build import is_url
from envsync.project.files import Files, Unreadable, fields, is_within, plain_field
from envsync.project.yaml.nodes import STR

# The schema is published on several hosts and in several versions, such as `latest`.
_SCHEMA: Final = re.compile(
    r"https?://[^/]*azureml[^/]*/(?:[^?#]*/)?environment\.schema\.json/?(?:[?#].*)?", re.IGNORECASE
)
# For files that cannot be parsed: finds the value of `$schema` in the text.
_SCHEMA_LINE: Final = re.compile(
    r"""^["']?\$schema["']?[ \t]*:[ \t]*["']?([^\s"']+)""", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A file that may be an environment file.

    Attributes:
        path: the absolute path.
        directory: the directory of the file, with symbolic links resolved.
        has_schema: True if its `$schema` is the environment schema.
        context: its local build context, with symbolic links resolved, or None.
        conda: its conda file, with symbolic links resolved, or None.
    """

    path: str
    directory: str
    has_schema: bool = False
    context: str | None = None
    conda: str | None = None


def find_environments(directory: str, files: Files) -> list[str]:
    """Returns the absolute paths of the environment files below a directory, sorted."""
    candidates = [
        candidate
        for path, real_directory in _yaml_files(os.path.abspath(directory), files)
        if (candidate := _classify(path, real_directory, files))
    ]
    kept = _outside_contexts(candidates)
    # A conda file with a `name` and an `image` key looks like an environment file. A file that
    # names itself as its conda file is not excluded, so that the mistake is reported.
    condas = {
        candidate.conda
        for candidate in kept
        if candidate.conda and candidate.conda != files.real(*os.path.split(candidate.path))
    }
    return sorted(
        candidate.path
        for candidate in kept
        if candidate.has_schema or files.real(*os.path.split(candidate.path)) not in condas
    )


def references(path: str, files: Files) -> dict[str, str]:
    """Returns the local paths in `conda_file` and `build.path`, with symbolic links resolved."""
    parsed = files.read(path)
    if isinstance(parsed, Unreadable):
        return {}
    directory, top = os.path.dirname(path), fields(parsed)
    nodes = {
        "conda_file": top.get("conda_file"),
        "build.path": plain_field(top.get("build"), "path"),
    }
    found = {field: _target(files, directory, node) for field, node in nodes.items()}
    return {field: target for field, target in found.items() if target is not None}


def _outside_contexts(candidates: list[_Candidate]) -> list[_Candidate]:
    """Returns the candidates that are not in the build context of another candidate.

    A file in a build context is not an environment file. If such a file names a build context, that
    context must not exclude other files. The outermost candidates are therefore decided first.
    """
    kept: list[_Candidate] = []
    contexts: set[str] = set()
    undecided = candidates
    while undecided:
        undecided = [item for item in undecided if not _is_inside(item, contexts)]
        possible = {item.context for item in undecided if item.context}
        free = [item for item in undecided if not _is_inside(item, possible)]
        if undecided and not free:
            # Every remaining file is in the context of another remaining file. The shortest path is
            # the outermost context. The file path makes the result independent of the order.
            free = [min(undecided, key=lambda item: (len(item.context or ""), item.path))]
        kept += free
        contexts.update(item.context for item in free if item.context)
        decided = {item.path for item in free}
        undecided = [item for item in undecided if item.path not in decided]
    return kept


def _is_inside(candidate: _Candidate, contexts: set[str]) -> bool:
    """Returns True if a file is in a build context other than its own."""
    if not contexts:
        return False
    directory = candidate.directory
    while True:
        if directory in contexts and directory != candidate.context:
            return True
        parent = os.path.dirname(directory)
        if parent == directory:
            return False
        directory = parent


def _classify(path: str, directory: str, files: Files) -> _Candidate | None:
    content = files.content(path)
    if isinstance(content, bytes) and not _mentions_environment(content):
        return None
    parsed = files.read(path)
    if isinstance(parsed, Unreadable):
        return _Candidate(path, directory)
    if parsed.document.root is None:
        may_be = parsed.problems and _may_be_environment(path, parsed.document.text)
        return _Candidate(path, directory) if may_be else None
    top = fields(parsed)
    schema = top.get("$schema")
    has_schema = isinstance(schema, ScalarNode) and schema.tag == STR
    # Other Azure ML files (jobs, components) also have a `name` and an `image`, but another schema.
    if has_schema and schema is not None and not _SCHEMA.fullmatch(schema.value.strip()):
        return None
    if not has_schema and not ("name" in top and ("image" in top or "build" in top)):
        return None
    return _Candidate(
        path,
        directory,
        has_schema=has_schema,
        context=_target(files, directory, plain_field(top.get("build"), "path")),
        conda=_target(files, directory, top.get("conda_file")),
    )


def _mentions_environment(data: bytes) -> bool:
    """Returns True if the bytes contain words that every environment file contains.

    Most YAML files in a repository are not environment files. Searching for words is much faster
    than parsing.
    """
    if b"environment.schema.json" in data.lower() or (
        b"name" in data and (b"image" in data or b"build" in data)
    ):
        return True
    return b"\\" in data or b"\0" in data  # YAML escapes and UTF-16 can hide the words


def _may_be_environment(path: str, text: str) -> bool:
    """Returns True if a file with invalid YAML may be an environment file."""
    if os.path.basename(path).startswith("."):
        return False
    schema = _SCHEMA_LINE.search(text)
    return schema is None or _SCHEMA.fullmatch(schema.group(1)) is not None


def _target(files: Files, directory: str, node: Node | None) -> str | None:
    """Returns the resolved path in a field, or None if the field is not a local path."""
    if not isinstance(node, ScalarNode) or node.tag != STR or not node.value:
        return None
    if "\0" in node.value or is_url(node.value):
        return None
    return files.real(directory, node.value)


def _yaml_files(top: str, files: Files) -> Iterator[tuple[str, str]]:
    """Yields the path of each YAML file below a directory, and the resolved path of its directory.

    A link to a directory is followed if its target is in the project. Each directory is read once.
    A directory below `top` is read by its own path. Any other directory is read by its first link.
    """
    seen: set[str] = set()
    waiting = [(top, os.path.realpath(top))]
    links: list[tuple[str, str]] = []
    # Links are followed last, so that a directory below `top` is read by its own path.
    while waiting or links:
        directory, real = waiting.pop() if waiting else links.pop(0)
        if real in seen:
            continue
        seen.add(real)
        files.directories[directory] = real
        # A directory that cannot be read, or does not exist, has no environment files.
        try:
            with os.scandir(directory) as found:
                items = sorted(found, key=lambda item: item.name)
        except OSError:
            continue
        for item in items:
            if item.name.lower().endswith((".yml", ".yaml")) and _is_file(item):
                yield item.path, real
            elif item.name.startswith("."):
                continue
            elif item.is_dir(follow_symlinks=False):
                waiting.append((item.path, os.path.join(real, item.name)))
            elif item.is_symlink():
                target = os.path.realpath(item.path)
                if os.path.isdir(target) and is_within(target, files.real_root):
                    links.append((item.path, target))


def _is_file(item: os.DirEntry[str]) -> bool:
    # `DirEntry.is_file` raises an OSError for a link to itself; `os.path.isfile` does not.
    try:
        return item.is_file()
    except OSError:
        return False
