"""Reads the field `build`: a local build context or a URL, and the path of the Dockerfile."""

from __future__ import annotations

import os
import posixpath
import unicodedata
from typing import Final

from yaml.nodes import Node

from envsync.model.environment import Build, BuildContext
from envsync.model.wording import nearest
from envsync.project.context.scan import ContextScan
from envsync.project.credentials import report_dockerfile
from envsync.project.environment.dockerfile_rules import read_dockerfile
from envsync.project.environment.fields import BUILD_FIELDS, read_mapping, read_string
from envsync.project.environment.paths import EnvironmentFile, report_missing, resolve
from envsync.project.environment.url import is_url
from envsync.project.files import plain_field
from envsync.project.lfs import FIX as LFS_FIX
from envsync.project.problems import Report
from envsync.project.yaml.nodes import Entry

LARGE_BYTES: Final = 100 * 1024 * 1024
LARGE_FILES: Final = 2000


def read_build(file: EnvironmentFile, entry: Entry) -> tuple[Build | None, Report | None]:
    """Returns the build that a file declares, and the problems of its Dockerfile.

    If the build has a problem, the problem is reported and the build is None. If the Dockerfile was
    not read, its problems are None.
    """
    build = _read(file, entry)
    if build is None or isinstance(build.context, str) or build.context.directory is None:
        return build, None
    directory, name = build.context.directory, posixpath.normpath(build.dockerfile_path)
    scan = file.files.scan(directory, file.boundary)
    content = scan.dockerfiles.get(unicodedata.normalize("NFC", name))
    return build, read_dockerfile(file, os.path.join(directory, name), content)


def _read(file: EnvironmentFile, entry: Entry) -> Build | None:
    report = file.report
    fields = read_mapping(report, entry.value, "build", known=BUILD_FIELDS)
    if fields is None:
        return None
    dockerfile: str | None = "Dockerfile"
    if "dockerfile_path" in fields:
        dockerfile = read_string(report, fields["dockerfile_path"].value, "build.dockerfile_path")
    if "path" not in fields:
        # If `path` has no value, `fields` does not contain `path`, and `read_mapping` has already
        # reported the problem.
        if plain_field(entry.value, "path") is None:
            message = "`build` has no `path`."
            fix = "Add `path:` with the directory of the build context."
            report.add("image-or-build", entry.key, message, fix=fix)
        return None
    path_node = fields["path"].value
    dockerfile_node = fields["dockerfile_path"].value if "dockerfile_path" in fields else path_node
    path = read_string(report, path_node, "build.path")
    if path is None or dockerfile is None:
        return None
    if is_url(path):
        return Build(path, dockerfile)
    scan = _scan(file, path_node, path)
    if scan is None:
        return None
    # The Dockerfile is checked even if the context has problems, so that one run shows all
    # problems.
    _check_context(file, path_node, scan)
    _check_credentials(file, path_node, dockerfile_node, scan=scan, dockerfile=dockerfile)
    if not _has_dockerfile(file, dockerfile_node, dockerfile, context=scan.context):
        return None
    return Build(scan.context, dockerfile)


def _scan(file: EnvironmentFile, node: Node, text: str) -> ContextScan | None:
    if not text:
        message = "The path of the build context is empty."
        fix = "Write `.` for the directory of this file."
        file.report.add("missing-file", node, message, fix=fix)
        return None
    directory = resolve(file, node, text)
    if directory is None:
        return None
    if file.files.is_directory(directory):
        return file.files.scan(directory, file.boundary)
    if os.path.exists(directory):
        message = f"The build context `{text}` is a file."
        fix = "Write the path of the directory that contains the Dockerfile."
        file.report.add("missing-file", node, message, fix=fix)
    elif text.startswith(("git@", "git+", "git:", "ssh:")):
        message = f"azure-ai-ml does not support the URL `{text}`."
        fix = "Write it as `https://…/repository.git#branch:directory`."
        file.report.add("missing-file", node, message, fix=fix)
    else:
        message = f"The build context `{text}` does not exist."
        fix = "Add the directory, or correct the path. Paths are relative to this file."
        report_missing(file, node, message, path=directory, fix=fix)
    return None


def _has_dockerfile(file: EnvironmentFile, node: Node, text: str, *, context: BuildContext) -> bool:
    # The paths of a context are in Unicode NFC, and do not start with `./`.
    path = unicodedata.normalize("NFC", posixpath.normpath(text))
    files = context.files or {}
    if text and path in files:
        return True
    if not text or path.startswith(("/", "../")):
        message = f"The Dockerfile `{text}` is not in the build context."
        fix = "Move the file into the build context, and write its path relative to that directory."
    elif "\0" not in text and os.path.isfile(os.path.join(context.directory or "", path)):
        message = f"An ignore file excludes the Dockerfile `{text}` from the upload."
        # azure-ai-ml reads `.gitignore` only if the context has no `.amlignore`.
        fix = (
            "In `.amlignore`, remove the pattern that matches the Dockerfile. If there is no "
            "`.amlignore`, remove the pattern in `.gitignore`."
        )
    else:
        message = f"The build context has no Dockerfile `{text}`."
        near = nearest(path, files)
        fix = "Add the file, or write the path of another file in `dockerfile_path`."
        if near:
            fix = f"Did you mean `dockerfile_path: {near}`?"
    file.report.add("missing-file", node, message, fix=fix)
    return False


def _check_context(file: EnvironmentFile, node: Node, scan: ContextScan) -> None:
    report = file.report
    if scan.escapes:
        links = _some(scan.escapes)
        message = f"Symbolic links in the build context lead out of the project: {links}."
        fix = "Replace each link with the file or directory itself."
        report.add("path-escape", node, message, fix=fix)
    if scan.broken:
        message = f"Some files of the build context cannot be uploaded: {_some(scan.broken)}."
        report.add("missing-file", node, message, fix="Repair or remove these files.")
    if scan.pointers:
        message = (
            "The build context contains Git LFS pointers instead of the files that they stand for: "
            f"{_some(scan.pointers)}."
        )
        report.add("lfs-pointer", node, message, fix=LFS_FIX)
    oddities = (
        (scan.crlf, "text files with CRLF line ends", "Add `* text=auto eol=lf` to .gitattributes"),
        (scan.clutter, "files that tools create", "List these files in `.amlignore`"),
        (scan.docker_ignored, "files that Docker ignores", "List these files in `.amlignore` too"),
        (
            scan.git,
            "git metadata, which envsync leaves out and `az ml environment create` uploads",
            "Add `.git` to the ignore file of the context (`.amlignore`, otherwise `.gitignore`)",
        ),
        (
            scan.local_targets,
            "the file of a local target, which changes with each apply",
            "Set the `path` of this target to a file in `.envsync/`",
        ),
        (
            scan.unhashed,
            "files whose changes azure-ai-ml does not detect",
            "Simplify the ignore file",
        ),
    )
    for paths, what, todo in oddities:
        if paths:
            message = f"The build context contains {what}: {_some(paths)}."
            fix = f"{todo}, so that the context is the same on every machine."
            report.add("unstable-context", node, message, fix=fix)
    count = len(scan.context.files or ())
    if scan.total_bytes > LARGE_BYTES or count > LARGE_FILES:
        size = f"{scan.total_bytes / 1024**2:,.0f} MiB in {count:,} files"
        message = f"The build context is large: {size}."
        fix = "In `.amlignore`, list the files that the build does not need."
        report.add("large-context", node, message, fix=fix)


def _check_credentials(
    file: EnvironmentFile, path: Node, dockerfile_node: Node, *, scan: ContextScan, dockerfile: str
) -> None:
    """Reports credentials in the Dockerfile and in the other files of a build context."""
    name = unicodedata.normalize("NFC", posixpath.normpath(dockerfile))
    others: dict[str, None] = {}
    for found in scan.credentials:
        if found.file == name:
            report_dockerfile(file.report, dockerfile_node, found)
        else:
            others[str(found)] = None
    if others:
        shown = "; ".join(list(others)[:3])
        more = f"; and {len(others) - 3:,} more" if len(others) > 3 else ""
        message = f"The build context contains credentials: {shown}{more}."
        fix = "Remove and revoke the credentials, or exclude the files in `.amlignore`."
        file.report.add("secret-in-context", path, message, fix=fix)


def _some(paths: tuple[str, ...]) -> str:
    shown = ", ".join(f"`{path}`" for path in paths[:3])
    return shown if len(paths) <= 3 else f"{shown} and {len(paths) - 3:,} more"
