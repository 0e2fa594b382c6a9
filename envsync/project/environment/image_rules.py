"""Checks an image: its grammar, its tag, its age, and whether the policy allows it.

The same rules apply to the field `image` and to the `FROM` instructions of a Dockerfile.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import lru_cache

from msgspec import Struct

from envsync.model.policy import FilePolicy
from envsync.model.wording import one_of
from envsync.project.environment.image import image_problem
from envsync.project.environment.pins import is_pinned
from envsync.project.environment.retired import ended_in_image, successor


class Finding(Struct, frozen=True):
    """One problem of an image, without a position in a file."""

    rule: str
    message: str
    fix: str


def check_image(image: str, policy: FilePolicy) -> Iterator[Finding]:
    """Yields the problems of an image.

    If the image is not a valid reference, yields no other problem.
    """
    found = _findings(image)
    yield from found
    is_valid = not (found and found[0].rule == "invalid-image")
    if policy.images and is_valid and not _is_allowed(image, policy.images):
        yield Finding(
            "policy-images",
            f"The image `{image}` matches no pattern of {policy.place('images')}.",
            f"Use an image that matches {one_of(policy.images)}.",
        )


def check_unknown_image(written: str, problem: str, policy: FilePolicy) -> Iterator[Finding]:
    """Yields a problem if a policy applies to an image that is unknown until the build.

    Args:
        written: the image as it is written, such as `${BASE}`.
        problem: why the image is unknown, as a sentence.
        policy: what the file may use.
    """
    if policy.images:
        yield Finding(
            "policy-images",
            f"The image `{written}` cannot be compared with {policy.place('images')}. {problem}",
            "Write the image in the `FROM` instruction, or as the default of an `ARG`.",
        )


# Many environments of a project have the same image, so results are cached.
@lru_cache(maxsize=1024)
def _findings(image: str) -> tuple[Finding, ...]:
    problem = image_problem(image)
    return (Finding("invalid-image", *problem),) if problem else tuple(_warnings(image))


def _warnings(image: str) -> Iterator[Finding]:
    if not is_pinned(image):
        yield Finding(
            "unpinned-image",
            f"The image `{image}` has no fixed tag, so each build can use another image.",
            "Add a tag other than `latest`, or a digest.",
        )
    replacement = successor(image)
    ended = ended_in_image(image)
    if replacement is not None:
        yield Finding(
            "deprecated-base-image",
            f"Microsoft has retired the base image `{image}`. It gets no updates and no support.",
            f"Use `{replacement}` with a fixed tag.",
        )
    if ended:
        series = " and ".join(f"{item.name} (ended {item.date})" for item in ended)
        yield Finding(
            "end-of-life-python",
            f"The image `{image}` contains software that no longer gets security fixes: {series}.",
            f"Use `{replacement}`." if replacement else "Use an image with supported software.",
        )


def _is_allowed(image: str, globs: tuple[str, ...]) -> bool:
    name = image.partition("@")[0]
    path, colon, tag = name.rpartition(":")
    # A colon before the last `/` belongs to the port of the host.
    bare = path if colon and "/" not in tag else name
    forms = {image, name, bare}
    first, slash, _ = bare.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        # Docker reads `python` as `docker.io/library/python`.
        prefix = "docker.io/" if slash else "docker.io/library/"
        forms |= {prefix + form for form in forms}
    return any(_matches(form, glob) for form in forms for glob in globs)


def _matches(image: str, glob: str) -> bool:
    # `*.azurecr.io/*` must not match `contoso.com/x.azurecr.io/y`, which is on another host, and
    # `ubuntu*` must not match `ubuntu.contoso.com/x`.
    if glob == "*":
        return True
    host, has_path, path = image.partition("/")
    first, slash, rest = glob.partition("/")
    return has_path == slash and fnmatchcase(host, first) and fnmatchcase(path, rest)
