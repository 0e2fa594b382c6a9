"""Resolves the paths in environment files, and reports paths that lead out of the project."""

from __future__ import annotations

import os

from msgspec import Struct
from yaml.nodes import Node

from envsync.model.policy import NO_FILE_POLICY, FilePolicy
from envsync.model.wording import nearest
from envsync.project.files import Files, is_within
from envsync.project.problems import Report


class EnvironmentFile(Struct, frozen=True):
    """An environment file that is being read.

    Attributes:
        files: the cache for this file, and for the files that this file names.
        report: collects the problems of the file.
        directory: the absolute path of the directory of the file. Paths in the file are relative to
            this directory.
        boundary: the directory that must contain all paths, with symbolic links resolved.
        policy: what the file may use.
    """

    files: Files
    report: Report
    directory: str
    boundary: str
    policy: FilePolicy = NO_FILE_POLICY


def resolve(file: EnvironmentFile, node: Node, path: str) -> str | None:
    """Resolves a path in an environment file, and follows its symbolic links.

    Returns:
        The absolute path. The file or directory at this path does not always exist. If the path
        leads out of the boundary or is invalid, a problem is reported and the result is None.
    """
    # Functions of `os.path` raise ValueError for a null character.
    if "\0" in path:
        message = "The path contains a null character."
        file.report.add("missing-file", node, message, fix="Remove the null character.")
        return None
    real = file.files.real(file.directory, path)
    if not is_within(real, file.boundary):
        message = f"`{path}` leads out of the project."
        fix = "Move the file or directory into the project, and correct the path."
        file.report.add("path-escape", node, message, fix=fix)
        return None
    return real


def near_name(path: str) -> str | None:
    """Returns the most similar name in the directory of a missing path, or None."""
    directory, name = os.path.split(path)
    try:
        return nearest(name, sorted(os.listdir(directory)))
    except OSError:
        return None


def report_missing(file: EnvironmentFile, node: Node, message: str, *, path: str, fix: str) -> None:
    """Reports a missing path. If a similar name exists, suggests that name instead of `fix`."""
    near = near_name(path)
    fix = f"Did you mean `{near}`?" if near else fix
    file.report.add("missing-file", node, message, fix=fix)
