"""Decides if a YAML file is an environment file, or only looks like an environment file."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from msgspec import Struct
from yaml.nodes import MappingNode, Node, ScalarNode

from envsync.project.environment.url import is_url
from envsync.project.files import Files, ParsedFile, Unreadable, fields, is_within, nested_field
from envsync.project.lfs import lfs_pointer
from envsync.project.search.outline import Outline, outline
from envsync.project.search.shape import (
    has_shape,
    has_similar_shape,
    is_environment_schema,
    is_similar_schema,
)
from envsync.project.search.suspect import EMPTY, Suspicion, suspect_keys, suspect_schema
from envsync.project.search.walk import YamlFile
from envsync.project.yaml.nodes import STR

NO_SHAPE: Final = (
    "it has neither the `$schema` of environments nor a `name` with `image` or `build`"
)
BROKEN: Final = "it is not valid YAML, and its text does not have the shape of an environment"


class Candidate(Struct, frozen=True):
    """A YAML file below the environments directories.

    Attributes:
        file: the file.
        reason: why the file is not an environment file, or None if it can be an environment file.
        suspicion: the problem of a file that looks like an environment file but is not read, or
            None.
        has_schema: True if the `$schema` of the file is the environment schema, or is similar to
            that schema.
        context: the resolved path of the local build context that the file names, or None.
        conda: the resolved path of the conda file that the file names, or None.
        conda_text: the same path, as the file contains it.
    """

    file: YamlFile
    reason: str | None = None
    suspicion: Suspicion | None = None
    has_schema: bool = False
    context: str | None = None
    conda: str | None = None
    conda_text: str | None = None


def classify(file: YamlFile, files: Files) -> Candidate:
    """Classifies a file by its content, without regard to other files.

    Args:
        file: the file.
        files: the cache through which the file is read.
    """
    # A link out of the project is not read here. `load` reports the link.
    if leads_out(file, files):
        return Candidate(file)
    content = files.content(file.path, file.real)
    # A file that cannot be read, or that is a Git LFS pointer, is treated as an environment file,
    # so that `load` reports a problem.
    if isinstance(content, Unreadable) or lfs_pointer(content):
        return Candidate(file)
    seen, reason = files.memo.result(_outlined, content)
    if seen.is_empty:
        return Candidate(file, EMPTY.reason, EMPTY)
    if reason is not None:
        return Candidate(file, reason)
    parsed = files.read(file.path, file.real)
    if isinstance(parsed, Unreadable):
        return Candidate(file)
    if parsed.document.root is None:
        return _classify_broken(file, seen)
    return _classify_parsed(file, files, parsed)


def leads_out(file: YamlFile, files: Files) -> bool:
    """Returns whether a file in the project is a link to a file outside of the project."""
    root = files.real_root
    return not is_within(file.real, root) and is_within(file.directory, root)


def target(files: Files, directory: str, node: Node | None) -> str | None:
    """Resolves the path in a field. Returns None if the field does not contain a local path."""
    if not isinstance(node, ScalarNode) or node.tag != STR or not node.value:
        return None
    if "\0" in node.value or (":" in node.value and is_url(node.value)):
        return None
    return files.real(directory, node.value)


def _outlined(content: bytes) -> tuple[Outline, str | None]:
    """Returns the outline of a file, and why the file need not be parsed, or None."""
    seen = outline(content)
    return seen, _reason_not_to_parse(seen, content)


def _reason_not_to_parse(seen: Outline, content: bytes) -> str | None:
    """Returns why a file cannot be an environment file, or None if the file must be parsed."""
    if any(has_shape(part.keys) for part in seen.parts):
        return None
    if not seen.is_certain:
        return None if _mentions_environment(content) else NO_SHAPE
    for part in seen.parts:
        schema = part.schema
        if schema is not None and (is_environment_schema(schema) or is_similar_schema(schema)):
            return None
        if _is_similar(part.keys):
            return None
    schema = seen.schema
    # `schema` is only the first word after `$schema`. If this word does not end in `.json`, the
    # value can continue on the next line.
    return _other_kind(schema) if (schema or "").endswith(".json") else NO_SHAPE


# Many files have the same keys, so results are cached.
@lru_cache(maxsize=256)
def _is_similar(keys: frozenset[str]) -> bool:
    return has_similar_shape(keys)


def _mentions_environment(data: bytes) -> bool:
    """Returns True if the bytes contain words that every environment file contains."""
    data = data.lower()
    if b"environment.schema.json" in data or (
        b"name" in data and (b"image" in data or b"build" in data)
    ):
        return True
    return b"\\" in data or b"\0" in data  # YAML escapes and UTF-16 can hide the words


def _classify_broken(file: YamlFile, seen: Outline) -> Candidate:
    """Classifies a file that is not valid YAML, by the keys and `$schema` found in its text.

    A text with several documents is not a valid environment file. The text is treated as a broken
    environment file only if one document alone has the shape of an environment.
    """
    found = [_classify_broken_document(file, part) for part in seen.parts]
    return min(found, key=lambda item: (item.reason is not None, item.suspicion is None))


def _classify_broken_document(file: YamlFile, seen: Outline) -> Candidate:
    schema = seen.schema
    if schema is not None and is_environment_schema(schema):
        return Candidate(file, has_schema=True)
    if schema is not None and "$schema" in seen.keys:
        suspicion = suspect_schema(schema, seen.keys)
    elif has_shape(seen.keys):
        return Candidate(file)
    else:
        suspicion = suspect_keys(seen.keys)
    if suspicion is not None:
        similar = schema is not None and is_similar_schema(schema)
        return Candidate(file, suspicion.reason, suspicion, has_schema=similar)
    return Candidate(file, BROKEN)


def _classify_parsed(file: YamlFile, files: Files, parsed: ParsedFile) -> Candidate:
    top = fields(parsed)
    written = top.get("$schema")
    schema = written.value if isinstance(written, ScalarNode) and written.tag == STR else None
    if schema is not None:
        if not is_environment_schema(schema):
            node = _key_nodes(parsed).get("$schema")
            suspicion = suspect_schema(schema, top, node)
            reason = suspicion.reason if suspicion else _other_kind(schema)
            similar = suspicion is not None and is_similar_schema(schema)
            return Candidate(file, reason, suspicion, has_schema=similar)
    elif not has_shape(top):
        suspicion = suspect_keys(top, top, _key_nodes(parsed))
        return Candidate(file, suspicion.reason if suspicion else NO_SHAPE, suspicion)
    context = target(files, file.directory, nested_field(parsed, top.get("build"), "path"))
    node = top.get("conda_file")
    conda = target(files, file.directory, node)
    named = {"conda_file": conda, "build.path": context}
    # The paths are stored, because `references` needs them after the nodes are dropped.
    files.named[file.path] = {field: path for field, path in named.items() if path is not None}
    return Candidate(
        file,
        has_schema=schema is not None,
        context=context,
        conda=conda,
        conda_text=node.value if conda and node else None,
    )


def _key_nodes(parsed: ParsedFile) -> dict[str, Node]:
    root = parsed.document.root
    pairs = root.value if isinstance(root, MappingNode) else ()
    return {key.value: key for key, _ in pairs if isinstance(key, ScalarNode)}


def _other_kind(schema: str | None) -> str:
    return f"its `$schema` belongs to another kind of file: `{schema}`"
