"""Which files are environment files.

Below a directory, these are the YAML files whose `$schema` is that of environments, and those
without `$schema` that have a `name` with `image` or `build`. Not among them: conda files that an
environment refers to, files in the build context of another environment, hidden directories.
A file that is no YAML, and may have been meant as one, is found too, so that it can be reported.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from yaml.nodes import Node, ScalarNode

from envsync.project.environment.build import is_url
from envsync.project.files import Sources, fields, is_within, plain_field
from envsync.project.yaml.nodes import STR

_SCHEMA: Final = re.compile(
    r"https?://[^/]*azureml[^/]*/(?:[^?#]*/)?environment\.schema\.json/?(?:[?#].*)?", re.IGNORECASE
)
_SCHEMA_LINE: Final = re.compile(
    r"""^["']?\$schema["']?[ \t]*:[ \t]*["']?([^\s"']+)""", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A file that may be an environment.

    Attributes:
        path: absolute.
        directory: that it stands in, symbolic links resolved.
        has_schema: whether its `$schema` says that it is an environment.
        context: its build context, symbolic links resolved; None where it has none on disk.
        conda: its conda file, symbolic links resolved.
    """

    path: str
    directory: str
    has_schema: bool = False
    context: str | None = None
    conda: str | None = None


def find_environments(directory: str, sources: Sources) -> list[str]:
    """The absolute paths of the environment files below a directory, sorted."""
    candidates = [
        candidate
        for path, real_directory in _yaml_files(os.path.abspath(directory), sources)
        if (candidate := _classify(path, real_directory, sources))
    ]
    kept = _outside_contexts(candidates)
    condas = {
        candidate.conda
        for candidate in kept
        if candidate.conda and candidate.conda != sources.real(*os.path.split(candidate.path))
    }
    return sorted(
        candidate.path
        for candidate in kept
        if candidate.has_schema or sources.real(*os.path.split(candidate.path)) not in condas
    )


def references(path: str, sources: Sources) -> dict[str, str]:
    """Where `conda_file` and `build.path` of an environment file lead, symbolic links resolved."""
    reading = sources.read(path)
    if isinstance(reading, str):
        return {}
    directory, top = os.path.dirname(path), fields(reading)
    nodes = {
        "conda_file": top.get("conda_file"),
        "build.path": plain_field(top.get("build"), "path"),
    }
    found = {field: _target(sources, directory, node) for field, node in nodes.items()}
    return {field: target for field, target in found.items() if target is not None}


def _outside_contexts(candidates: list[_Candidate]) -> list[_Candidate]:
    """The candidates that are in no build context but their own.

    What is in one is no environment, and so takes nothing out by a context that it names.
    """
    kept: list[_Candidate] = []
    contexts: set[str] = set()
    undecided = candidates
    while undecided:
        undecided = [item for item in undecided if not _is_inside(item, contexts)]
        possible = {item.context for item in undecided if item.context}
        free = [item for item in undecided if not _is_inside(item, possible)]
        if undecided and not free:  # each lies in the context of another: the outermost wins
            free = [min(undecided, key=lambda item: (len(item.context or ""), item.path))]
        kept += free
        contexts.update(item.context for item in free if item.context)
        decided = {item.path for item in free}
        undecided = [item for item in undecided if item.path not in decided]
    return kept


def _is_inside(candidate: _Candidate, contexts: set[str]) -> bool:
    """Whether a file lies in a build context other than its own."""
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


def _classify(path: str, directory: str, sources: Sources) -> _Candidate | None:
    content = sources.content(path)
    if isinstance(content, bytes) and not _mentions_environment(content):
        return None
    reading = sources.read(path)
    if isinstance(reading, str):
        return _Candidate(path, directory)
    if reading.document.root is None:
        may_be = reading.findings and _may_be_environment(path, reading.document.text)
        return _Candidate(path, directory) if may_be else None
    top = fields(reading)
    schema = top.get("$schema")
    has_schema = isinstance(schema, ScalarNode) and schema.tag == STR
    if has_schema and schema is not None and not _SCHEMA.fullmatch(schema.value.strip()):
        return None
    if not has_schema and not ("name" in top and ("image" in top or "build" in top)):
        return None
    return _Candidate(
        path,
        directory,
        has_schema=has_schema,
        context=_target(sources, directory, plain_field(top.get("build"), "path")),
        conda=_target(sources, directory, top.get("conda_file")),
    )


def _mentions_environment(data: bytes) -> bool:
    """Whether the words are there without which a file is no environment, however it is written.

    Most YAML files are none, and to look for words takes far less than to parse.
    """
    if b"environment.schema.json" in data.lower() or (
        b"name" in data and (b"image" in data or b"build" in data)
    ):
        return True
    return b"\\" in data or b"\0" in data  # escapes and other encodings hide words


def _may_be_environment(path: str, text: str) -> bool:
    """Whether a file that is no YAML may have been meant as an environment."""
    if os.path.basename(path).startswith("."):
        return False
    schema = _SCHEMA_LINE.search(text)
    return schema is None or _SCHEMA.fullmatch(schema.group(1)) is not None


def _target(sources: Sources, directory: str, node: Node | None) -> str | None:
    """Where a path in a file leads; None where it is no local path."""
    if not isinstance(node, ScalarNode) or node.tag != STR or not node.value:
        return None
    if "\0" in node.value or is_url(node.value):
        return None
    return sources.real(directory, node.value)


def _yaml_files(top: str, sources: Sources) -> Iterator[tuple[str, str]]:
    """Every YAML file below a directory, with the real path of the directory it stands in.

    Links to directories are followed inside the project, each directory once, and by its own path
    where it has one below the top.
    """
    seen: set[str] = set()
    waiting = [(top, os.path.realpath(top))]
    links: list[tuple[str, str]] = []
    while waiting or links:
        directory, real = waiting.pop() if waiting else links.pop(0)
        if real in seen:
            continue
        seen.add(real)
        sources.directories[directory] = real
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
                if os.path.isdir(target) and is_within(target, sources.real_root):
                    links.append((item.path, target))


def _is_file(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_file()
    except OSError:
        return False
