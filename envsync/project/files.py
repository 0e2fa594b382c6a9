"""The files that one load reads, each read and parsed once."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from yaml.nodes import MappingNode, Node, ScalarNode

from envsync.project.context.scan import ContextScan, scan_context
from envsync.project.problems import Report
from envsync.project.yaml.nodes import MERGE, NULL, Finding, check, entries
from envsync.project.yaml.text import Document, compose


@dataclass(frozen=True, slots=True)
class Reading:
    """One YAML file as it was read.

    Attributes:
        document: its nodes.
        findings: what is wrong with its text.
    """

    document: Document
    findings: tuple[Finding, ...]

    @property
    def is_broken(self) -> bool:
        """Whether the nodes mean nothing; then they must not be looked into."""
        return any(item.rule in ("yaml-syntax", "alias-bomb") for item in self.findings)

    @property
    def content(self) -> Node | None:
        """The outermost node; None where the file is broken, empty, or says no more than null."""
        root = self.document.root
        return None if self.is_broken or root is None or root.tag == NULL else root


@dataclass(slots=True)
class Sources:
    """What was read so far.

    Attributes:
        root: the project directory, absolute, symbolic links as they are.
        real_root: the same with symbolic links resolved.
        contents: bytes by path; the text of an error where a file cannot be read.
        readings: by path; the same.
        condas: conda specifications by resolved path.
        scans: build contexts by resolved path.
        directories: resolved paths of directories.
    """

    root: str
    real_root: str
    contents: dict[str, bytes | str] = field(default_factory=dict)
    readings: dict[str, Reading | str] = field(default_factory=dict)
    condas: dict[str, Conda] = field(default_factory=dict)
    scans: dict[tuple[str, str], ContextScan] = field(default_factory=dict)
    directories: dict[str, str] = field(default_factory=dict)

    def read(self, path: str) -> Reading | str:
        """The file at a path; why it cannot be read, where it cannot."""
        reading = self.readings.get(path)
        if reading is None:
            content = self.content(path)
            reading = content if isinstance(content, str) else parse(content)
            self.readings[path] = reading
        return reading

    def content(self, path: str) -> bytes | str:
        """The bytes of the file at a path; why it cannot be read, where it cannot."""
        content = self.contents.get(path)
        if content is None:
            content = self.contents[path] = _read(path)
        return content

    def real(self, directory: str, path: str = "") -> str:
        """Where a path leads from a directory, symbolic links resolved."""
        if path and (path in (".", "..") or os.sep in path or "/" in path):
            return os.path.realpath(os.path.join(directory, path))
        known = self.directories.get(directory)
        if known is None:
            known = self.directories[directory] = os.path.realpath(directory)
        if not path:
            return known
        found = os.path.join(known, path)
        return os.path.realpath(found) if os.path.islink(found) else found

    def scan(self, directory: str, boundary: str) -> ContextScan:
        """The build context in a directory, whose links may not leave the boundary."""
        scan = self.scans.get((directory, boundary))
        if scan is None:
            scan = scan_context(Path(directory), Path(boundary))
            self.scans[directory, boundary] = scan
        return scan

    def display(self, path: str) -> str:
        """An absolute path as it is shown: relative to the project where it lies in it."""
        for root in (self.root, self.real_root):
            if is_within(path, root):
                return path[len(root.rstrip(os.sep)) + 1 :].replace(os.sep, "/") or "."
        return path.replace(os.sep, "/")


def is_within(path: str, directory: str) -> bool:
    """Whether an absolute path is a directory or lies in it, by their names alone."""
    return path == directory or path.startswith(directory.rstrip(os.sep) + os.sep)


def plain_field(root: Node | None, name: str) -> Node | None:
    """The value of a key of a mapping that was not checked yet; the last one where it repeats."""
    found = None
    if isinstance(root, MappingNode):
        for key, item in root.value:
            if key.value == name and isinstance(key, ScalarNode):
                found = item
    return found


def fields(reading: Reading) -> dict[str, Node]:
    """The top-level keys of a file that are texts, with their values; empty where it is broken."""
    root = reading.document.root
    if not isinstance(root, MappingNode):
        return {}
    merges = any(key.tag == MERGE for key, _ in root.value)
    if merges and reading.is_broken:
        return {}
    pairs = entries(root) if merges else root.value
    return {key.value: item for key, item in pairs if isinstance(key, ScalarNode)}


def _read(path: str) -> bytes | str:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        return error.strerror or str(error)
    except ValueError:
        return "The path holds a null character"


def parse(data: bytes) -> Reading:
    """A YAML file out of its bytes."""
    document = compose(data)
    found = [*document.findings]
    if document.root is not None:
        found.extend(check(document.root))
    return Reading(document, tuple(found))


@dataclass(frozen=True, slots=True)
class Conda:
    """A conda specification.

    Attributes:
        text: canonical JSON; None where it has errors.
        report: the problems of the file that it stands in; None where that is the environment
            file itself.
    """

    text: str | None
    report: Report | None = None
