"""Reads the images of the `FROM` lines of a Dockerfile, and rewrites them in place.

A digest is written directly after its tag. If the default of an `ARG` contains the tag, the digest
becomes part of this default. A build with another value of the `ARG` then gets no wrong digest.
"""

from __future__ import annotations

from collections.abc import Mapping

from envsync.model.errors import EnvsyncError
from envsync.model.image import Image, ImageUse
from envsync.project.dockerfile.base_images import BaseImage, Dockerfile
from envsync.project.dockerfile.variables import Chars, text_of
from envsync.project.environment.image import image_problem
from envsync.project.images.comments import rules_ignored_in, tag_in, track_in, with_tag


def read_dockerfile(file: str, data: bytes) -> tuple[ImageUse, ...]:
    """Returns the images of the `FROM` lines. Stages and `scratch` are left out.

    Args:
        file: the path in the result.
        data: the bytes of the Dockerfile.
    """
    dockerfile = Dockerfile.parse(_decoded(data))
    return tuple(_use(file, dockerfile, item) for item in dockerfile.images)


def rewrite_dockerfile(file: str, data: bytes, changes: Mapping[int, ImageUse]) -> bytes:
    """Replaces the tags and digests of `FROM` lines. All other bytes stay the same.

    Args:
        file: the path in messages.
        data: the bytes of the Dockerfile.
        changes: the new `ImageUse` for each image that changes. The key is the index of the old
            `ImageUse` in the result of `read_dockerfile`.

    Raises:
        EnvsyncError: a reference cannot be changed without a change of another reference.
    """
    dockerfile = Dockerfile.parse(_decoded(data))
    uses = [_use(file, dockerfile, item) for item in dockerfile.images]
    wanted = [changes.get(index, use) for index, use in enumerate(uses)]
    edits: dict[tuple[int, int], str] = {}
    for item, use, new in zip(dockerfile.images, uses, wanted, strict=True):
        if new is use:
            continue
        start, end, replacement = _edit(item.chars, new.text)
        edits[start, end] = replacement
        if new.only_digest and new.image.tag:
            start, end, replacement = _comment_edit(dockerfile, item, new.image.tag)
            edits[start, end] = replacement
    text = dockerfile.text
    for (start, end), replacement in sorted(edits.items(), reverse=True):
        text = text[:start] + replacement + text[end:]
    found = read_dockerfile(file, _encoded(text))
    if [_content(item) for item in found] != [_content(item) for item in wanted]:
        raise EnvsyncError("The reference cannot be written without a change of another image.")
    return _encoded(text)


def _content(use: ImageUse) -> tuple[Image, bool]:
    return use.image, use.only_digest


def _decoded(data: bytes) -> str:
    # Bytes that are not UTF-8 are kept, because a comment can contain such bytes.
    return data.decode(errors="surrogateescape")


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _use(file: str, dockerfile: Dockerfile, item: BaseImage) -> ImageUse:
    starts = _instruction_starts(dockerfile, item)
    comments = "\n".join(_comments_above(dockerfile.text, start) for start in starts)
    image = Image(item.written[:200]) if item.problem else Image.parse(item.text)
    only_digest = image.tag is None and image.digest is not None
    if only_digest:
        image = Image(image.name, tag_in(comments), image.digest)
    line, column = dockerfile.position(item.image_at)
    return ImageUse(
        file=file,
        line=line,
        column=column,
        image=image,
        only_digest=only_digest,
        track=track_in(comments),
        ignored=rules_ignored_in(comments),
        obstacle=item.problem or _obstacle(dockerfile, item),
        in_dockerfile=True,
    )


def _instruction_starts(dockerfile: Dockerfile, item: BaseImage) -> list[int]:
    """Returns the start of the `FROM` line, and of the `ARG` line that contains the tag."""
    owner = item.chars[-1].owner if item.chars else ""
    return [item.start, *([dockerfile.args[owner]] if owner in dockerfile.args else [])]


def _comments_above(text: str, start: int) -> str:
    """Returns the comment lines directly above the line of an index, the nearest one first."""
    lines = text[: text.rfind("\n", 0, start) + 1].splitlines()
    found: list[str] = []
    while lines and lines[-1].lstrip().startswith("#"):
        found.append(lines.pop())
    return "\n".join(found)


def _obstacle(dockerfile: Dockerfile, item: BaseImage) -> str:
    """Returns why the digest cannot be written after the tag, or an empty string."""
    if image_problem(item.text):
        return f"`{item.text[:200]}` is not a valid image."
    image = Image.parse(item.text)
    # The tag and the digest must be in one place: in the `FROM` line, or in the default of one
    # `ARG`. If the image has neither, a digest would follow the last character of the name.
    tail = item.chars[len(image.name) + bool(image.tag or image.digest) :] or item.chars[-1:]
    owners = {char.owner for char in tail}
    if len(owners) > 1:
        names = ", ".join(f"`ARG {owner}`" for owner in sorted(owners) if owner)
        return (
            f"The tag is only partly in {names}, so a digest would be wrong if the `ARG` had "
            "another value. Write the tag in one place."
        )
    (owner,) = owners
    if not owner:
        return ""
    others = [
        other
        for other in dockerfile.images
        if other.text != item.text and any(char.owner == owner for char in other.chars)
    ]
    if others:
        line, _ = dockerfile.position(others[0].image_at)
        return (
            f"`ARG {owner}` is part of another image in line {line} as well, so its default cannot "
            "contain a digest. Use one `ARG` for each image."
        )
    if owner in dockerfile.used and item.chars[0].owner != owner:
        return (
            f"Line {dockerfile.used[owner]} uses `ARG {owner}` as well, so its default cannot "
            "contain a digest. Write the whole image in the `ARG`, or the tag in the `FROM` line."
        )
    return ""


def _edit(chars: Chars, new: str) -> tuple[int, int, str]:
    """Returns the start, the end and the new text of the changed part of a reference.

    Raises:
        EnvsyncError: the changed part is in several places of the file.
    """
    old = text_of(chars)
    start = _common(old, new)
    kept = _common(old[:start:-1], new[:start:-1])
    changed, replacement = chars[start : len(old) - kept], new[start : len(new) - kept]
    if not changed:
        at = chars[start - 1].offset + 1
        return at, at, replacement
    first, last = changed[0].offset, changed[-1].offset
    if last - first + 1 != len(changed) or len({char.owner for char in changed}) > 1:
        raise EnvsyncError("Parts of the tag are in different places. Write the tag in one place.")
    return first, last + 1, replacement


def _common(first: str, second: str) -> int:
    """Returns the length of the common prefix of two strings."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(first), len(second)))


def _comment_edit(dockerfile: Dockerfile, item: BaseImage, tag: str) -> tuple[int, int, str]:
    """Returns the start, the end and the new text of the comment with the tag."""
    text = dockerfile.text
    for start in _instruction_starts(dockerfile, item):
        end = text.rfind("\n", 0, start) + 1
        for line in reversed(text[:end].splitlines(keepends=True)):
            if not line.lstrip().startswith("#"):
                break
            if tag_in(line) is not None:
                body = line.rstrip("\r\n")
                return end - len(line), end - len(line) + len(body), with_tag(body, tag)
            end -= len(line)
    at = text.rfind("\n", 0, _instruction_starts(dockerfile, item)[-1]) + 1
    newline = "\r\n" if "\r\n" in text else "\n"
    return at, at, f"# envsync: tag {tag}{newline}"
