"""Finds the base images of a Dockerfile: its `FROM` lines, with the defaults of `ARG`.

Variables are replaced by the defaults of the `ARG` lines before the first `FROM`, as in BuildKit.
Reference: https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from envsync.project.dockerfile.instructions import Instruction, instructions
from envsync.project.dockerfile.variables import Chars, Value, expand, text_of

_NO_IMAGE: Final = "scratch"


class BaseImage(Struct, frozen=True):
    """A `FROM` line that names an image.

    Attributes:
        written: the image as it is written, such as `python:${TAG}`.
        chars: the image with its variables replaced.
        text: `chars` as a string; not complete if there is a problem.
        problem: why the image is unknown, as a sentence; empty if it is known.
        start: the index of the instruction in the text of the file.
        image_at: the index of `written` in the text of the file.
    """

    written: str
    chars: Chars
    text: str
    problem: str
    start: int
    image_at: int


class Dockerfile(Struct, frozen=True):
    """A parsed Dockerfile.

    Attributes:
        text: the text of the file.
        images: the `FROM` lines that name an image. `scratch` and the names of earlier stages are
            left out.
        args: the index of the last global `ARG` line of each variable.
        used: for each global `ARG` that stages use, the 1-based line of the last use.
    """

    text: str
    images: tuple[BaseImage, ...]
    args: Mapping[str, int]
    used: Mapping[str, int]

    @classmethod
    def parse(cls, text: str) -> Dockerfile:
        """Parses the text of a Dockerfile. Line ends can be LF or CRLF.

        Instructions that a build would reject are not reported.
        """
        escape, found = instructions(text)
        values: dict[str, Value] = {}
        args: dict[str, int] = {}
        used: dict[str, int] = {}
        images: list[BaseImage] = []
        stages: set[str] = set()
        is_global = True
        for item in found:
            if item.name == "FROM":
                is_global = False
                images += _base_images(item, values, escape, stages)
            elif is_global:
                _read_args(item, values, args, escape)
            else:
                # `ARG NAME` without a default makes the global value visible in this stage.
                names = (_name_of(word) for word in item.words if "=" not in text_of(word))
                used.update((name, text.count("\n", 0, item.start) + 1) for name in names)
        return cls(text, tuple(images), args, used)

    def position(self, index: int) -> tuple[int, int]:
        """Returns the 1-based line and column of an index in the text of the file."""
        return self.text.count("\n", 0, index) + 1, index - self.text.rfind("\n", 0, index)


def _base_images(
    item: Instruction, values: Mapping[str, Value], escape: str, stages: set[str]
) -> list[BaseImage]:
    """Returns the image that a `FROM` line names, if any, and adds the line's stage to `stages`."""
    words = [word for word in item.words if text_of(word[:2]) != "--"]
    if not words:
        return []
    value = expand(words[0], values, escape)
    written, at = text_of(words[0]), words[0][0].offset
    text = text_of(value.chars)
    image = BaseImage(written, value.chars, text, value.problem, item.start, at)
    # If no earlier stage has this name, it is the name of an image, as in BuildKit.
    is_image = text != _NO_IMAGE and text.lower() not in stages
    if len(words) >= 3 and text_of(words[1]).lower() == "as":
        stages.add(text_of(words[2]).lower())
    return [image] if is_image else []


def _read_args(
    item: Instruction, values: dict[str, Value], args: dict[str, int], escape: str
) -> None:
    for word in item.words:
        name = _name_of(word)
        args[name] = item.start
        if len(name) == len(word):
            values.pop(name, None)
        else:
            values[name] = expand(word[len(name) + 1 :], values, escape, name)


def _name_of(word: Chars) -> str:
    return text_of(word).partition("=")[0]
