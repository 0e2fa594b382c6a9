"""Reads the images of the `FROM` lines of a Dockerfile, and rewrites them in place.

Variables are replaced by the defaults of the `ARG` lines before the first `FROM`, as in BuildKit. A
digest is written beside the tag that it belongs to. If an `ARG` contains the tag, its default
gets the digest, so that a build with another value of the `ARG` does not get a wrong digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from envsync.model.errors import EnvsyncError
from envsync.model.image import Image, ImageUse
from envsync.project.environment.image import image_problem
from envsync.project.images.comments import rules_ignored_in, tag_in, track_in, with_tag
from envsync.project.images.instructions import Instruction, instructions
from envsync.project.images.variables import Chars, expand, text_of


@dataclass(frozen=True, slots=True)
class _From:
    """A `FROM` line that names an image.

    Attributes:
        chars: the reference with its variables replaced.
        problem: why the reference is unknown, as a sentence; empty if it is known.
        start: the index of the instruction in the text of the file.
        column_at: the index of the reference in the text of the file.
    """

    chars: Chars
    problem: str
    start: int
    column_at: int

    @property
    def text(self) -> str:
        return "".join(char.text for char in self.chars)


@dataclass(frozen=True, slots=True)
class _Dockerfile:
    """A parsed Dockerfile.

    Attributes:
        text: the text of the file.
        froms: the `FROM` lines that name an image.
        args: the index of the last global `ARG` line of each variable.
        used: the 1-based line in which a stage uses a global `ARG`, by the name of the variable.
    """

    text: str
    froms: tuple[_From, ...]
    args: Mapping[str, int]
    used: Mapping[str, int]

    def line(self, index: int) -> int:
        return self.text.count("\n", 0, index) + 1


def read_dockerfile(file: str, data: bytes) -> tuple[ImageUse, ...]:
    """Returns the images of the `FROM` lines. Stages and `scratch` are left out.

    Args:
        file: the path in the result.
        data: the bytes of the Dockerfile.
    """
    dockerfile = _parse(_decoded(data))
    return tuple(_use(file, dockerfile, item) for item in dockerfile.froms)


def rewrite_dockerfile(file: str, data: bytes, changes: Mapping[int, ImageUse]) -> bytes:
    """Replaces the tags and digests of `FROM` lines. All other bytes stay the same.

    Args:
        file: the path in messages.
        data: the bytes of the Dockerfile.
        changes: the new content, by the index of the use in the result of `read_dockerfile`.

    Raises:
        EnvsyncError: a reference cannot be changed without a change of another reference.
    """
    dockerfile = _parse(_decoded(data))
    uses = [_use(file, dockerfile, item) for item in dockerfile.froms]
    wanted = [changes.get(index, use) for index, use in enumerate(uses)]
    edits: dict[tuple[int, int], str] = {}
    for item, use, new in zip(dockerfile.froms, uses, wanted, strict=True):
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
    # Bytes that are not UTF-8 are kept, because a comment can contain them.
    return data.decode(errors="surrogateescape")


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _parse(text: str) -> _Dockerfile:
    escape, found = instructions(text)
    values: dict[str, Chars] = {}
    args: dict[str, int] = {}
    used: dict[str, int] = {}
    froms: list[_From] = []
    stages: set[str] = set()
    is_global = True
    for item in found:
        if item.name == "FROM":
            is_global = False
            _read_from(item, values, escape, froms=froms, stages=stages)
        elif item.name == "ARG" and is_global:
            _read_args(item, values, args, escape)
        elif item.name == "ARG":
            # `ARG NAME` without a default makes the global value visible in this stage.
            names = (_name_of(word) for word in item.words if "=" not in text_of(word))
            used.update((name, text.count("\n", 0, item.start) + 1) for name in names)
    return _Dockerfile(text, tuple(froms), args, used)


def _read_from(
    item: Instruction,
    values: Mapping[str, Chars],
    escape: str,
    *,
    froms: list[_From],
    stages: set[str],
) -> None:
    words = [word for word in item.words if not text_of(word).startswith("--")]
    if not words:
        return
    chars, problem = expand(words[0], values, escape)
    name = text_of(chars).lower()
    # A name that no stage before this one has is an image, as in BuildKit.
    if name not in stages and name != "scratch":
        froms.append(_From(chars, problem, item.start, words[0][0].offset))
    if len(words) >= 3 and text_of(words[1]).lower() == "as":
        stages.add(text_of(words[2]).lower())


def _read_args(
    item: Instruction, values: dict[str, Chars], args: dict[str, int], escape: str
) -> None:
    for word in item.words:
        name = _name_of(word)
        args[name] = item.start
        if len(name) == len(word):
            values.pop(name, None)
            continue
        chars, problem = expand(word[len(name) + 1 :], values, escape, name)
        if problem:
            values.pop(name, None)
        else:
            values[name] = chars


def _name_of(word: Chars) -> str:
    return text_of(word).partition("=")[0]


def _use(file: str, dockerfile: _Dockerfile, item: _From) -> ImageUse:
    starts = _instruction_starts(dockerfile, item)
    comments = "\n".join(_comments_above(dockerfile.text, start) for start in starts)
    image = Image.parse(item.text)
    only_digest = image.tag is None and image.digest is not None
    if only_digest:
        image = Image(image.name, tag_in(comments), image.digest)
    line_start = dockerfile.text.rfind("\n", 0, item.column_at) + 1
    return ImageUse(
        file=file,
        line=dockerfile.line(item.column_at),
        column=item.column_at - line_start + 1,
        image=image,
        only_digest=only_digest,
        track=track_in(comments),
        ignored=rules_ignored_in(comments),
        obstacle=item.problem or _obstacle(dockerfile, item),
        in_dockerfile=True,
    )


def _instruction_starts(dockerfile: _Dockerfile, item: _From) -> list[int]:
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


def _obstacle(dockerfile: _Dockerfile, item: _From) -> str:
    """Returns why the digest cannot be written beside the tag, or an empty string."""
    if image_problem(item.text):
        return f"`{item.text[:200]}` is not a valid image."
    image = Image.parse(item.text)
    # The characters that belong together: the tag and the digest, or the end of the name.
    tail = item.chars[len(image.name) + bool(image.tag or image.digest) :] or item.chars[-1:]
    owners = {char.owner for char in tail}
    if len(owners) > 1:
        names = ", ".join(f"`ARG {owner}`" for owner in sorted(owners) if owner)
        return (
            f"The tag is only partly in {names}, so a digest would be wrong for another value. "
            "Write the tag in one place."
        )
    (owner,) = owners
    if not owner:
        return ""
    others = [
        other
        for other in dockerfile.froms
        if other.text != item.text and any(char.owner == owner for char in other.chars)
    ]
    if others:
        return (
            f"`ARG {owner}` is part of another image in line "
            f"{dockerfile.line(others[0].column_at)} as well, so a digest cannot be added to it. "
            "Use one `ARG` for each image."
        )
    if owner in dockerfile.used and item.chars[0].owner != owner:
        return (
            f"Line {dockerfile.used[owner]} uses `ARG {owner}` as well, so a digest cannot be "
            "added to it. Write the whole image in the `ARG`, or the tag in the `FROM` line."
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
        raise EnvsyncError("The tag is not written in one place. Write the image in one place.")
    return first, last + 1, replacement


def _common(first: str, second: str) -> int:
    """Returns the length of the common start of two strings."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(first), len(second)))


def _comment_edit(dockerfile: _Dockerfile, item: _From, tag: str) -> tuple[int, int, str]:
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
