"""Caches the files of a project. Each file is read at most once.

The nodes of a file need ten times the memory of the text. `load` therefore drops the nodes of each
file after reading the file. If a command needs the position of a field, the text is parsed again.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from yaml.nodes import MappingNode, Node, ScalarNode

from envsync.project.disk import read_regular_file, real_path
from envsync.project.memo import NO_MEMO, Memo
from envsync.project.problems import Report
from envsync.project.yaml.check import check
from envsync.project.yaml.nodes import NULL, TextProblem, entries
from envsync.project.yaml.text import Document, compose

if TYPE_CHECKING:
    from envsync.project.context.scan import ContextScan

_NODE: Final = 300
"""The memory of a node with its text and its positions, in bytes."""


class Unreadable(Struct, frozen=True):
    """A file that cannot be read.

    Attributes:
        reason: the error message of the operating system, without a full stop at the end.
    """

    reason: str


class ParsedFile(Struct, frozen=True):
    """One parsed YAML file.

    Attributes:
        document: the text and its nodes.
        problems: the problems that do not depend on the kind of file, such as invalid YAML.
        is_broken: True if the nodes cannot be used, because of invalid YAML or an alias bomb.
    """

    document: Document
    problems: tuple[TextProblem, ...]
    is_broken: bool

    @property
    def content(self) -> Node | None:
        """The outermost node. None if the file is broken, is empty, or contains only null."""
        root = self.document.root
        return None if self.is_broken or root is None or root.tag == NULL else root


class Conda(Struct, frozen=True):
    """A conda specification.

    Attributes:
        text: the specification as canonical JSON, or None if the specification has errors.
        report: the problems of the conda file, or None if the environment file contains the
            specification.
    """

    text: str | None
    report: Report | None = None


class Files(Struct):
    """A cache of everything that was read from a project directory.

    A `Project` keeps this cache, so that all steps of a command use the same content of a file.

    Attributes:
        root: the absolute path of the project directory. Symbolic links are not resolved.
        real_root: the project directory with symbolic links resolved.
        contents: the bytes of files, by resolved path.
        parsed: parsed YAML files whose nodes are not dropped yet, by resolved path.
        named: for the path of each environment file, the local paths that its fields contain.
        condas: conda specifications, by resolved path.
        dockerfiles: the problems of Dockerfiles, by path.
        scans: the scans of build contexts, by resolved path and boundary.
        directories: the resolved paths of directories, by unresolved path.
        regular: the resolved paths of the regular files that a search has found.
        subdirectories: the resolved paths of the directories that a search has found.
        memo: what was made from the texts of files.
    """

    root: str
    real_root: str
    contents: dict[str, bytes | Unreadable] = field(default_factory=dict)
    parsed: dict[str, ParsedFile | Unreadable] = field(default_factory=dict)
    named: dict[str, dict[str, str]] = field(default_factory=dict)
    condas: dict[str, Conda] = field(default_factory=dict)
    dockerfiles: dict[str, Report] = field(default_factory=dict)
    scans: dict[tuple[str, str], ContextScan] = field(default_factory=dict)
    directories: dict[str, str] = field(default_factory=dict)
    regular: set[str] = field(default_factory=set)
    subdirectories: set[str] = field(default_factory=set)
    memo: Memo = NO_MEMO

    @classmethod
    def below(cls, root: Path, memo: Memo = NO_MEMO) -> Files:
        """Returns an empty cache for a project directory.

        Args:
            root: the project directory.
            memo: a memo that several caches can share.
        """
        return cls(os.path.abspath(root), os.path.realpath(root), memo=memo)

    def read(self, path: str, real: str | None = None) -> ParsedFile | Unreadable:
        """Returns the parsed YAML file at an absolute path.

        Args:
            path: the absolute path.
            real: the path with symbolic links resolved, or None to resolve `path` here.
        """
        key = real or self.real(*os.path.split(path))
        parsed = self.parsed.get(key)
        if parsed is None:
            content = self.content(path, key)
            parsed = (
                content
                if isinstance(content, Unreadable)
                else self.memo.result(parse, content, _size_of_nodes)
            )
            self.parsed[key] = parsed
        return parsed

    def drop_nodes(self, real: str | None = None) -> None:
        """Drops the nodes of a file, or of all files. The next `read` parses the same bytes again.

        Args:
            real: the path of the file with symbolic links resolved, or None for all files.
        """
        if real is None:
            self.parsed.clear()
        else:
            self.parsed.pop(real, None)

    def content(self, path: str, real: str | None = None) -> bytes | Unreadable:
        """Returns the bytes of the file at an absolute path.

        Args:
            path: the absolute path.
            real: the path with symbolic links resolved, or None to resolve `path` here, which takes
                time.
        """
        # The key is the resolved path, because several paths can lead to the same file. For
        # example, `discover` uses the unresolved path of a conda file, and `read_conda` uses the
        # resolved path.
        key = real or self.real(*os.path.split(path))
        content = self.contents.get(key)
        if content is None:
            content = self.contents[key] = _read(path)
        return content

    def real(self, directory: str, path: str = "") -> str:
        """Joins a directory and a path. Returns the absolute path with symbolic links resolved."""
        if path and (path in (".", "..") or os.sep in path or "/" in path):
            return real_path(os.path.join(directory, path))
        # `realpath` calls `lstat` for every part of a path, and thousands of files can be in one
        # directory. Each directory is therefore resolved only once.
        known = self.directories.get(directory)
        if known is None:
            known = self.directories[directory] = os.path.realpath(directory)
        if not path:
            return known
        found = os.path.join(known, path)
        # `islink` takes longer than the rest of this method, so paths whose kind is known skip the
        # call.
        is_known = found in self.regular or found in self.subdirectories
        return real_path(found) if not is_known and os.path.islink(found) else found

    def is_file(self, real: str) -> bool:
        """Returns True if there is a regular file at a resolved path."""
        return real in self.regular or os.path.isfile(real)

    def is_directory(self, real: str) -> bool:
        """Returns True if there is a directory at a resolved path."""
        return real in self.subdirectories or os.path.isdir(real)

    def scan(self, directory: str, boundary: str) -> ContextScan:
        """Scans a build context. Links in the context must not lead out of `boundary`.

        Both paths are absolute, with symbolic links resolved.
        """
        scan = self.scans.get((directory, boundary))
        if scan is None:
            # Imported here, because most projects have no local build context.
            from envsync.project.context.scan import scan_resolved
            from envsync.project.state_directory import NAME as STATE

            state = os.path.join(self.real_root, STATE)
            scan = scan_resolved(directory, boundary, state, memo=self.memo)
            self.scans[directory, boundary] = scan
        return scan

    def display(self, path: str) -> str:
        """Converts an absolute path for messages. A path in the project becomes relative."""
        for root in (self.root, self.real_root):
            if is_within(path, root):
                return path[len(root.rstrip(os.sep)) + 1 :].replace(os.sep, "/") or "."
        return path.replace(os.sep, "/")


def is_within(path: str, directory: str) -> bool:
    """Returns True if `path` is `directory`, or is below `directory`. Does not resolve links."""
    return path == directory or path.startswith(directory.rstrip(os.sep) + os.sep)


def plain_field(root: Node | None, name: str) -> Node | None:
    """Returns the value of a key of a mapping, or None if the mapping does not have the key.

    Only the keys that are written in the mapping are searched, not the keys that `<<` merges in. If
    the key is repeated, the last value is returned.
    """
    found = None
    if isinstance(root, MappingNode):
        for key, item in root.value:
            if key.value == name and isinstance(key, ScalarNode):
                found = item
    return found


def nested_field(parsed: ParsedFile, node: Node | None, name: str) -> Node | None:
    """Returns the value of a key of a mapping, or None if the mapping does not have the key.

    The keys that `<<` merges in are searched as well, unless the file is broken. If the key is
    repeated, the last value is returned.

    Args:
        parsed: the file that contains the mapping.
        node: the mapping. If this node is not a mapping, the result is None.
        name: the key.
    """
    return _pairs(parsed, node).get(name) if isinstance(node, MappingNode) else None


def fields(parsed: ParsedFile) -> dict[str, Node]:
    """Returns the top-level keys and values of a file. Returns {} if the file is not a mapping."""
    root = parsed.document.root
    return _pairs(parsed, root) if isinstance(root, MappingNode) else {}


def _pairs(parsed: ParsedFile, node: MappingNode) -> dict[str, Node]:
    # `entries` fails if `<<` merges a mapping into itself, or merges a value that is no mapping. To
    # classify a broken file, the keys that are written in the file are enough.
    pairs = node.value if parsed.is_broken else entries(node)
    return {key.value: item for key, item in pairs if isinstance(key, ScalarNode)}


def parse(data: bytes) -> ParsedFile:
    """Parses the bytes of a YAML file, and checks its keys, values and aliases."""
    document = compose(data)
    found = [*document.problems]
    if document.root is not None:
        found.extend(check(document.root, has_aliases="*" in document.text))
    is_broken = any(item.rule in ("yaml-syntax", "alias-bomb") for item in found)
    return ParsedFile(document, tuple(found), is_broken)


def _size_of_nodes(data: bytes) -> int:
    """Returns an upper bound for the memory of the nodes of a YAML file, in bytes."""
    # One of these characters follows or starts each scalar and each list, and each mapping has `:`.
    marks = len(data) - len(data.translate(None, b",:\n]}-"))
    return _NODE * (2 * marks + 1)


def _read(path: str) -> bytes | Unreadable:
    try:
        return read_regular_file(path)
    except OSError as error:
        return Unreadable(error.strerror or str(error))
    except ValueError:
        return Unreadable("The path contains a null character")
