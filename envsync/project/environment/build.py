"""`build`: a Docker build context, local or at a URL, and the Dockerfile in it."""

from __future__ import annotations

import os
import posixpath
import re
import unicodedata
from typing import Final
from urllib.parse import urlsplit

from yaml.nodes import Node

from envsync.model.environment import Build, BuildContext
from envsync.model.wording import nearest
from envsync.project.context.scan import ContextScan
from envsync.project.environment.fields import BUILD_FIELDS, read_mapping, read_text
from envsync.project.environment.place import Place, missing, resolve
from envsync.project.files import plain_field
from envsync.project.yaml.nodes import Entry

LARGE_BYTES: Final = 100 * 1024 * 1024
LARGE_FILES: Final = 2000

_HOST: Final = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z0-9-]{2,})\.?|localhost"
    r"|\d{1,3}(?:\.\d{1,3}){3}|[a-f0-9]*:[a-f0-9:]+",
    re.IGNORECASE,
)


def is_url(text: str) -> bool:
    """Whether azure-ai-ml takes the path of a build context as a URL, which it sends as it is."""
    if re.search(r"\s", text):
        return False
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    return parts.scheme.lower() in ("http", "https", "ftp", "ftps") and bool(_HOST.fullmatch(host))


def read_build(place: Place, entry: Entry) -> Build | None:
    """The build that an environment file declares; None where it has errors, all reported."""
    report = place.report
    fields = read_mapping(report, entry.value, "build", BUILD_FIELDS)
    if fields is None:
        return None
    dockerfile: str | None = "Dockerfile"
    if "dockerfile_path" in fields:
        dockerfile = read_text(report, fields["dockerfile_path"].value, "build.dockerfile_path")
    if "path" not in fields:
        if plain_field(entry.value, "path") is None:
            message, fix = "`build` has no `path`.", "Name the directory of the build context."
            report.add("image-or-build", entry.key, message, fix)
        return None
    path_node = fields["path"].value
    dockerfile_node = fields["dockerfile_path"].value if "dockerfile_path" in fields else path_node
    path = read_text(report, path_node, "build.path")
    if path is None or dockerfile is None:
        return None
    if is_url(path):
        return Build(path, dockerfile)
    scan = _scan(place, path_node, path)
    if scan is None:
        return None
    _check_context(place, path_node, scan)
    if not _has_dockerfile(place, dockerfile_node, dockerfile, scan.context):
        return None
    return Build(scan.context, dockerfile)


def _scan(place: Place, node: Node, text: str) -> ContextScan | None:
    if not text:
        message, fix = "The path is empty.", "Write `.` for the directory of this file."
        place.report.add("missing-file", node, message, fix)
        return None
    directory = resolve(place, node, text)
    if directory is None:
        return None
    if os.path.isdir(directory):
        return place.sources.scan(directory, place.boundary)
    if os.path.exists(directory):
        message, fix = f"`{text}` is a file.", "Name the directory that holds the Dockerfile."
        place.report.add("missing-file", node, message, fix)
    elif text.startswith(("git@", "git+", "git:", "ssh:")):
        message = f"azure-ai-ml does not take `{text}` as a URL, and there is no such directory."
        fix = "Write it as `https://…/repository.git#branch:directory`."
        place.report.add("missing-file", node, message, fix)
    else:
        fix = "Add the directory, or correct the path; it is relative to this file's directory."
        missing(place, node, f"There is no directory `{text}`.", directory, fix)
    return None


def _has_dockerfile(place: Place, node: Node, text: str, context: BuildContext) -> bool:
    path = unicodedata.normalize("NFC", posixpath.normpath(text))
    files = context.files or {}
    if text and path in files:
        return True
    if not text or path.startswith(("/", "../")):
        message = f"The Dockerfile `{text}` is not in the build context."
        fix = "Write its path relative to the build context, and keep it in there."
    elif "\0" not in text and os.path.isfile(os.path.join(context.directory or "", path)):
        message = f"The Dockerfile `{text}` is left out of the upload by an ignore file."
        fix = "Take it out of `.amlignore`, or of `.gitignore` where there is no `.amlignore`."
    else:
        message = f"There is no Dockerfile `{text}` in the build context."
        near = nearest(path, files)
        fix = "Add it, or name another one as `dockerfile_path`."
        if near:
            fix = f"Did you mean `dockerfile_path: {near}`?"
    place.report.add("missing-file", node, message, fix)
    return False


def _check_context(place: Place, node: Node, scan: ContextScan) -> None:
    report = place.report
    if scan.escapes:
        message = f"Links in the build context lead out of the project: {_some(scan.escapes)}."
        fix = "Replace each link by what it leads to."
        report.add("path-escape", node, message, fix)
    if scan.broken:
        message = f"The build context cannot be read whole: {_some(scan.broken)}."
        report.add("missing-file", node, message, "Repair or remove these files.")
    oddities = (
        (scan.crlf, "text files with CRLF line ends", "Add `* text=auto eol=lf` to .gitattributes"),
        (scan.clutter, "what tools leave behind", "Name it in an `.amlignore`"),
        (scan.docker_ignored, "files that Docker ignores", "Name them in an `.amlignore`, too"),
        (scan.unhashed, "files whose changes azure-ai-ml overlooks", "Simplify the ignore file"),
    )
    for paths, what, todo in oddities:
        if paths:
            message = f"The build context holds {what}: {_some(paths)}."
            fix = f"{todo}, so that the context is the same on every machine."
            report.add("unstable-context", node, message, fix)
    count = len(scan.context.files or ())
    if scan.total_bytes > LARGE_BYTES or count > LARGE_FILES:
        size = f"{scan.total_bytes / 1024**2:,.0f} MiB in {count:,} files"
        message = f"The build context is large: {size}."
        fix = "Leave out what the build does not need, with an `.amlignore`."
        report.add("large-context", node, message, fix)


def _some(paths: tuple[str, ...]) -> str:
    shown = ", ".join(f"`{path}`" for path in paths[:3])
    return shown if len(paths) <= 3 else f"{shown} and {len(paths) - 3:,} more"
