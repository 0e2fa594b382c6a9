"""Tests of the base images of a Dockerfile."""

from __future__ import annotations

import pytest

from envsync.project.dockerfile.base_images import Dockerfile


def images(text: str) -> list[str | None]:
    return [None if image.problem else image.text for image in Dockerfile.parse(text).images]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM python:3.12\n", ["python:3.12"]),
        ("from python:3.12", ["python:3.12"]),
        ("\ufeffFROM python:3.12\r\nRUN true\r\n", ["python:3.12"]),
        ("FROM --platform=linux/amd64 python:3.12 AS build\n", ["python:3.12"]),
        ("# FROM old:1\n\nFROM new:2\n", ["new:2"]),
        ("FROM \\\n  # a comment\n\n  python:3.12 \\\n  AS build\n", ["python:3.12"]),
        ("# escape=`\nFROM `\n  python:3.12\n", ["python:3.12"]),
        ("# syntax=docker/dockerfile:1\nFROM python:3.12\n", ["python:3.12"]),
        ("FROM a:1\nFROM b:2\n", ["a:1", "b:2"]),
        ('FROM "python:3.12"\n', ["python:3.12"]),
        ("RUN pip install x \\\nFROM y\n", []),
        ("FROM\n", []),
        ("", []),
        ("FROM a:1 AS Base\nFROM base\nFROM scratch\n", ["a:1"]),
        # A stage can be used only after it was declared.
        ("FROM base\nFROM a:1 AS base\n", ["base", "a:1"]),
        # Only the lower-case name means no image.
        ("FROM SCRATCH\n", ["SCRATCH"]),
        ("FROM a:1\r\nRUN x \\\r\n  FROM b:2\r\n", ["a:1"]),
        ("# FROM b:2\nFROM a:1\nLABEL x='FROM c:3'\n", ["a:1"]),
        # The second escape character is escaped, so the line is not continued.
        ("RUN x \\\\\nFROM a:1\n", ["a:1"]),
        ("  # Escape = ` \nFROM `\n  a:1\n", ["a:1"]),
        ("# syntax=docker/dockerfile:1 x\n# escape=`\nFROM `\n  a:1\n", ["a:1"]),
        # An unknown directive is a comment, and a comment ends the directives.
        ("# note=x\n# escape=`\nFROM `\n  a:1\n", ["`"]),
        ("\n# escape=`\nFROM `\n  a:1\n", ["`"]),
        ("FROM\u00a0a:1\nFROM b:2\n", ["b:2"]),
    ],
)
def test_from_lines_are_found_as_docker_finds_them(text: str, expected: list[str]) -> None:
    assert images(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ARG TAG=3.12\nFROM python:${TAG}\n", ["python:3.12"]),
        ("ARG TAG=3.12\nFROM python:$TAG\n", ["python:3.12"]),
        ('ARG TAG="3.12"\nFROM python:$TAG\n', ["python:3.12"]),
        ("ARG A=1 B=2\nFROM x:$A-$B\n", ["x:1-2"]),
        ("ARG A=1\nARG B=$A.2\nFROM x:$B\n", ["x:1.2"]),
        ("FROM x:${TAG:-1}\n", ["x:1"]),
        ("FROM x:${TAG-1}\n", ["x:1"]),
        ("ARG TAG=2\nFROM x:${TAG:-${OTHER}}\n", ["x:2"]),
        ("FROM x:${TAG:-${OTHER:-3}}\n", ["x:3"]),
        ("ARG TAG=2\nFROM x:1${TAG:+-gpu}\n", ["x:1-gpu"]),
        ("ARG TAG\nFROM x:1${TAG:+-gpu}\n", ["x:1"]),
        ("ARG TAG=\nFROM x:${TAG:-1}\n", ["x:1"]),
        ("ARG TAG=1\nFROM x:'$TAG'\n", ["x:$TAG"]),
        ("ARG TAG=1\nFROM x:\\$TAG\n", ["x:$TAG"]),
        ("ARG TAG\nFROM x:$TAG\n", [None]),
        ("FROM x:$TAG\n", [None]),
        ("FROM x:${TAG#v}\n", [None]),
        ("FROM x:${TAG\n", [None]),
        ("FROM a:1\nARG TAG=1\nFROM x:$TAG\n", ["a:1", None]),
        ("ARG TAG=1\nARG TAG=2\nFROM x:$TAG\n", ["x:2"]),
        ("ARG TAG=1\nFROM x:${TAG?none}\nFROM x:${TAG:?none}\n", ["x:1", "x:1"]),
        ("ARG TAG=\nFROM x:1${TAG?none}\nFROM x:${TAG:?none}\n", ["x:1", None]),
        ("FROM x:${TAG?none}\n", [None]),
        ('ARG A="a\\b\\$c"\nFROM $A\n', ["a\\b$c"]),
    ],
)
def test_variables_get_the_defaults_of_global_arguments(
    text: str, expected: list[str | None]
) -> None:
    assert images(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "FROM a:1\nRUN <<EOF\nfrom os import path\nEOF\n",
        "FROM a:1\nRUN python3 <<-'EOF'\nfrom os import path\n\tEOF\n",
        "FROM a:1\nCOPY <<one <<two /x/\nfrom b\none\nfrom c\ntwo\n",
        "FROM a:1\nONBUILD RUN <<EOF\nfrom b\nEOF\n",
        "FROM a:1\nRUN cat << EOF\nfrom b\n\tEOF\nEOF\n",
        "FROM a:1\nRUN <<'E F' cat\r\nfrom b\r\nE F\r\n",
        "# escape=`\nFROM a:1\nRUN <<\\EOF `\n cat\nfrom b\nEOF\n",
    ],
)
def test_here_documents_are_not_instructions(text: str) -> None:
    assert images(text + "FROM z:2\n") == ["a:1", "z:2"]


@pytest.mark.parametrize(
    "text",
    [
        "FROM a:1\nRUN echo $((1<<2))\nFROM z:2\n",
        "FROM a:1\nRUN echo ' <<EOF'\nFROM z:2\n",
        "FROM a:1\nRUN x=`cat y` && cat <<< EOF\nFROM z:2\n",
        "FROM a:1\nRUN cat <<<EOF\nFROM z:2\nRUN x\nEOF\n",
        "FROM a:1\nRUN echo $((1 << 2))\nFROM z:2\n",
        "FROM a:1\nRUN cat <<-  EOF\nFROM z:2\n",
    ],
)
def test_other_angle_brackets_start_no_here_document(text: str) -> None:
    assert images(text) == ["a:1", "z:2"]


def test_an_unknown_image_says_which_variable_has_no_value() -> None:
    text = "ARG A\nARG B=x$A\nFROM y:$B\nFROM ${B:-z}\nFROM ${C:-${A}}\nFROM ${B\n"
    problem = "`ARG A` has no default, so the image is unknown until the build."
    expected = [problem, "", problem, "The reference contains a variable that envsync cannot read."]

    assert [image.problem for image in Dockerfile.parse(text).images] == expected


def test_the_position_is_the_position_of_the_image_in_the_dockerfile() -> None:
    text = "ARG T=1\r\n# note\r\nFROM --platform=x \\\r\n    x:${T} AS build\r\n"
    dockerfile = Dockerfile.parse(text)
    (image,) = dockerfile.images

    assert dockerfile.position(image.image_at) == (4, 5)
    assert text[image.image_at :].startswith("x:${T}")
    assert text[image.start :].startswith("FROM")


@pytest.mark.parametrize(
    "text",
    [
        "ARG A=aa\n" + "ARG A=$A$A\n" * 60 + "FROM $A\n",
        "FROM " + "${A:-" * 100_000 + "x" + "}" * 100_000,
        "ARG A" * 50_000 + "\nFROM $A",
        "FROM " + "x" * 1001,
    ],
)
def test_arguments_that_expand_without_end_have_no_value(text: str) -> None:
    assert images(text) == [None]


def test_here_documents_without_an_end_are_read_in_linear_time() -> None:
    text = "".join(f"E{number}\nRUN <<E{number}\n" for number in range(20_000))

    assert images(text + "FROM a:1\n") == ["a:1"]
