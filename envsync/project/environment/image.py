"""Checks image references by the grammar of the distribution project.

The grammar: https://github.com/distribution/reference/blob/main/reference.go. Docker also decides
whether the first part of a reference is a host (`normalize.go` there): a host contains a `.` or a
`:`, or is `localhost`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

MAX_NAME: Final = 255
"""Maximum characters of the host and the path of an image."""

# Longer than every valid reference: a name of 255, a tag of 128 and a digest of 135 characters.
_MAX_REFERENCE: Final = 1000
_TOO_LONG: Final = f"it is too long, with more than {_MAX_REFERENCE} characters"

_HOST_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?"
_HOST: Final = re.compile(
    rf"(?:{_HOST_LABEL}(?:\.{_HOST_LABEL})*|\[[A-Fa-f0-9:]+\])(?::[0-9]+)?", re.ASCII
)
_PATH_PART: Final = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_TAG: Final = re.compile(r"\w[\w.\-]{0,127}", re.ASCII)
_DIGEST: Final = re.compile(
    r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}"
    r"|(?!(?i:sha(?:256|512)):)[A-Za-z][A-Za-z0-9]*(?:[\-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
)
# Matches most references. A reference that matches is valid, so the slower checks are skipped.
_COMMON: Final = re.compile(
    r"(?!azureml:)(?:[a-z0-9]+(?:[.\-][a-z0-9]+)*/)?[a-z0-9]+(?:[.\-/][a-z0-9]+)*:(?!__)\w[\w.\-]{0,127}",
    re.ASCII,
)
# Matches the placeholders of templates and pipelines:
# ${A}, $(A), $A, {{ a }}, #{A}#, <a>, %A%, __A__, @@A@@.
_PLACEHOLDER: Final = re.compile(
    r"\$\{\{.*?\}\}|\$\{[^}]*\}|\$\([^)]*\)|\$[A-Za-z_]\w*|\{\{.*?\}\}|\{%.*?%\}|#\{[^}]*\}#?"
    r"|\{[^{}]*\}|<[^<>]*>|%\w+%|(?<![A-Za-z0-9])__[A-Z]\w*?__(?![A-Za-z0-9])|@@?\w+@@?(?![:\w])",
)

# A reference to an environment: `azureml:NAME…`, `azureml://…`, or its ID in the resource manager.
_ENVIRONMENT: Final = re.compile(
    r"azureml:(?!//|[0-9]+/)|(?:azureml:/)?/\S*\benvironments/|/?subscriptions/\S+/environments/",
    re.IGNORECASE,
)
_WEB: Final = re.compile(r"^(?:https?|docker|oci)://", re.IGNORECASE)

_SHAPE: Final = "Write `[host[:port]/]path[:tag][@digest]`, such as `contoso.azurecr.io/base:1`."


# Many environments of a project have the same image.
@lru_cache(maxsize=1024)
def image_problem(image: str) -> tuple[str, str] | None:
    """Returns a message and a fix if a string is not an image reference, otherwise None."""
    if len(image) < MAX_NAME and _COMMON.fullmatch(image):
        return None
    # The patterns are slow on very long strings, and no reference is that long.
    placeholder = _PLACEHOLDER.search(image[:_MAX_REFERENCE])
    if placeholder:
        return _placeholder_problem(image, placeholder.group())
    found = _reason(image) if len(image) <= _MAX_REFERENCE else (_TOO_LONG, _SHAPE)
    if found is None:
        return None
    reason, fix = found
    corrected = _corrected(image)
    if corrected != image and len(corrected) <= _MAX_REFERENCE and _reason(corrected) is None:
        fix = f"Write `{corrected}`."
    return f"The image `{image}` is not valid: {reason}.", fix


def _placeholder_problem(image: str, placeholder: str) -> tuple[str, str]:
    message = (
        f"The image `{image}` contains the placeholder `{placeholder}`, which nothing replaces. "
        "envsync substitutes `${NAME}` in the targets of `envsync.yaml` only."
    )
    fix = (
        "Write the whole image here. If it differs between targets, declare one environment for "
        "each. Or let a script write this file before envsync runs, and keep its template outside "
        "of the environments directory."
    )
    return message, fix


def _reason(image: str) -> tuple[str, str] | None:
    """Returns why a string is not an image reference and how to fix it, or None if it is one."""
    if _ENVIRONMENT.match(image.strip()):
        return "it refers to an environment, not to an image", (
            "Write the image itself, such as `contoso.azurecr.io/base:1`. Jobs and deployments "
            "refer to environments, but an environment cannot refer to another one."
        )
    if image != image.strip():
        return "it starts or ends with white space", _SHAPE
    if re.search(r"\s", image):
        return "it contains white space", _SHAPE
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.\-]*://", image)
    if scheme:
        return f"it starts with `{scheme.group()}`", _SHAPE
    name, at, digest = image.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        fix = "Write `@sha256:` and 64 hexadecimal digits in lower case."
        return (f"`{digest}` is not a digest" if digest else "its digest is empty"), fix
    path = _path(name)
    if not path:
        return "it has no path", _SHAPE
    tag = name[len(path) + 1 :]
    if name != path and not _TAG.fullmatch(tag):
        if not tag:
            return "its tag is empty", f"Write a tag after `{name}`, such as `{name}1`."
        return (
            f"`{tag}` is not a tag",
            "Use up to 128 letters, digits, `_`, `.` and `-`, not starting with `.` or `-`.",
        )
    return _path_reason(path)


def _corrected(image: str) -> str:
    """Returns an image without the mistakes that have one correction. Others may remain."""
    name, at, digest = _WEB.sub("", image.strip()).partition("@")
    path = _path(name)
    first, slash, rest = path.partition("/")
    lower = f"{first}/{rest.lower()}" if _has_host(first, slash) else path.lower()
    if path == name and _TAG.fullmatch(digest):
        at = ":"  # A tag in the place of a digest.
    elif not _DIGEST.fullmatch(digest):
        digest = digest.lower()
    return lower + name[len(path) :] + at + digest


def _path(name: str) -> str:
    """Returns the host and the path of an image without its digest."""
    # A colon after the last `/` starts the tag. A colon before it belongs to the port.
    start = name.rfind("/") + 1
    return name[:start] + name[start:].partition(":")[0]


def _has_host(first: str, slash: str) -> bool:
    """Returns True if the first part of a path is a host."""
    return bool(slash) and (first == "localhost" or "." in first or ":" in first)


def _path_reason(path: str) -> tuple[str, str] | None:
    """Returns why a host and path are not valid and how to fix them, or None if they are valid."""
    first, slash, rest = path.partition("/")
    has_host = _has_host(first, slash)
    if has_host and not _HOST.fullmatch(first):
        return f"`{first}` is not a host", _SHAPE
    for part in (rest if has_host else path).split("/"):
        if _PATH_PART.fullmatch(part):
            continue
        if not part:
            return "a part of its path is empty", _SHAPE
        if _PATH_PART.fullmatch(part.lower()):
            return f"`{part}` contains upper-case letters", "Write the path in lower-case letters."
        return f"`{part}` is not a part of a path", (
            "Use lower-case letters and digits, separated by `.`, `_`, `__` or `-`."
        )
    if len(path) > MAX_NAME:
        return f"it has more than {MAX_NAME} characters before the tag", "Use a shorter path."
    return None
