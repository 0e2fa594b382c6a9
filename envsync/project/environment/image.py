"""Checks that image references follow the grammar of the distribution project.

The grammar: https://github.com/distribution/reference/blob/main/reference.go. As in Docker, the
first part of a reference is a host if it contains a `.` or a `:`, or is `localhost` (`normalize.go`
in the repository `distribution/reference`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

MAX_NAME: Final = 255
"""Maximum number of characters in the host and the path of an image together."""

# Every valid reference is shorter: a name has at most 255 characters, a tag 128 and a digest 135.
_MAX_REFERENCE: Final = 1000
_TOO_LONG: Final = f"it has more than {_MAX_REFERENCE} characters"

_HOST_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?"
_HOST: Final = rf"(?a)(?:{_HOST_LABEL}(?:\.{_HOST_LABEL})*|\[[A-Fa-f0-9:]+\])(?::[0-9]+)?"
_PATH_PART: Final = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_TAG: Final = r"(?a)\w[\w.\-]{0,127}"
# The pattern is not compiled here, because references without a digest do not need it.
_DIGEST: Final = (
    r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}"
    r"|(?!(?i:sha(?:256|512)):)[A-Za-z][A-Za-z0-9]*(?:[\-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
)
# Matches most of the valid references, so that the slower checks are skipped.
_COMMON: Final = re.compile(
    r"(?!azureml:)(?:[a-z0-9]+(?:[.\-][a-z0-9]+)*/)?[a-z0-9]+(?:[.\-/][a-z0-9]+)*:(?!__)\w[\w.\-]{0,127}",
    re.ASCII,
)
# Matches the placeholders of templates and pipelines:
# ${A}, $(A), $A, {{ a }}, #{A}#, <a>, %A%, __A__, @@A@@. The pattern is not compiled here, because
# valid references do not need it.
_PLACEHOLDER: Final = (
    r"\$\{\{.*?\}\}|\$\{[^}]*\}|\$\([^)]*\)|\$[A-Za-z_]\w*|\{\{.*?\}\}|\{%.*?%\}|#\{[^}]*\}#?"
    r"|\{[^{}]*\}|<[^<>]*>|%\w+%|(?<![A-Za-z0-9])__[A-Z]\w*?__(?![A-Za-z0-9])|@@?\w+@@?(?![:\w])"
)

# Matches a reference to an environment: `azureml:NAME…`, `azureml://…`, or the id of the
# environment in Azure Resource Manager.
_ENVIRONMENT: Final = (
    r"(?i)azureml:(?!//|[0-9]+/)|(?:azureml:/)?/\S*\benvironments/"
    r"|/?subscriptions/\S+/environments/"
)
_WEB: Final = r"(?i)^(?:https?|docker|oci)://"

_SHAPE: Final = "Write `[host[:port]/]path[:tag][@digest]`, such as `contoso.azurecr.io/base:1`."


# Many environments of a project have the same image, so results are cached.
@lru_cache(maxsize=1024)
def image_problem(image: str) -> tuple[str, str] | None:
    """Returns a message and a fix if an image reference is not valid, otherwise None."""
    if len(image) < MAX_NAME and _COMMON.fullmatch(image):
        return None
    # Only the start of the image is searched, because the pattern is slow on very long strings.
    placeholder = re.search(_PLACEHOLDER, image[:_MAX_REFERENCE])
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
        f"The image `{image}` contains the placeholder `{placeholder}`, but envsync does not "
        "replace placeholders in this file. envsync replaces `${NAME}` only in the targets of "
        "`envsync.yaml`."
    )
    fix = (
        "Write the whole image here. If the image differs between targets, declare one "
        "environment for each target. Alternatively, generate this file with a script before "
        "envsync runs, and keep the template outside of the environments directory."
    )
    return message, fix


def _reason(image: str) -> tuple[str, str] | None:
    """Returns why an image reference is not valid and how to fix it, or None if it is valid."""
    if re.match(_ENVIRONMENT, image.strip()):
        return "it refers to an environment, not to an image", (
            "Write the image itself, such as `contoso.azurecr.io/base:1`. Jobs and deployments "
            "refer to environments, but an environment cannot refer to another environment."
        )
    if image != image.strip():
        return "it starts or ends with white space", _SHAPE
    if re.search(r"\s", image):
        return "it contains white space", _SHAPE
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.\-]*://", image)
    if scheme:
        return f"it starts with `{scheme.group()}`", _SHAPE
    name, at, digest = image.partition("@")
    if at and not re.fullmatch(_DIGEST, digest):
        fix = "Write `@sha256:` and 64 hexadecimal digits in lower case."
        return (f"`{digest}` is not a digest" if digest else "its digest is empty"), fix
    path = _path(name)
    if not path:
        return "it has no path", _SHAPE
    tag = name[len(path) + 1 :]
    if name != path and not re.fullmatch(_TAG, tag):
        if not tag:
            return "its tag is empty", f"Write a tag after `{name}`, such as `{name}1`."
        return (
            f"`{tag}` is not a tag",
            "Use up to 128 letters, digits, `_`, `.` and `-`, not starting with `.` or `-`.",
        )
    return _path_reason(path)


def _corrected(image: str) -> str:
    """Corrects obvious mistakes in an image reference. The result is not always valid."""
    name, at, digest = re.sub(_WEB, "", image.strip()).partition("@")
    path = _path(name)
    first, slash, rest = path.partition("/")
    lower = f"{first}/{rest.lower()}" if _has_host(first, slash) else path.lower()
    if path == name and re.fullmatch(_TAG, digest):
        at = ":"  # A tag in the place of a digest.
    elif not re.fullmatch(_DIGEST, digest):
        digest = digest.lower()
    return lower + name[len(path) :] + at + digest


def _path(name: str) -> str:
    """Returns the host and the path of an image. `name` must have no digest."""
    # A colon after the last `/` starts the tag. A colon before this `/` belongs to the port.
    start = name.rfind("/") + 1
    return name[:start] + name[start:].partition(":")[0]


def _has_host(first: str, slash: str) -> bool:
    """Returns True if the first part of a path is a host."""
    return bool(slash) and (first == "localhost" or "." in first or ":" in first)


def _path_reason(path: str) -> tuple[str, str] | None:
    """Returns why a host and path are not valid and how to fix them, or None if they are valid."""
    first, slash, rest = path.partition("/")
    has_host = _has_host(first, slash)
    if has_host and not re.fullmatch(_HOST, first):
        return f"`{first}` is not a host", _SHAPE
    for part in (rest if has_host else path).split("/"):
        if re.fullmatch(_PATH_PART, part):
            continue
        if not part:
            return "a part of its path is empty", _SHAPE
        if re.fullmatch(_PATH_PART, part.lower()):
            return f"`{part}` contains upper-case letters", "Write the path in lower-case letters."
        return f"`{part}` is not valid in a path", (
            "Use lower-case letters and digits, separated by `.`, `_`, `__` or `-`."
        )
    if len(path) > MAX_NAME:
        return f"it has more than {MAX_NAME} characters before the tag", "Use a shorter path."
    return None
