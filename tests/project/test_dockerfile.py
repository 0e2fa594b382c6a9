"""Tests of the base images of a Dockerfile."""

from __future__ import annotations

import pytest

from envsync.project.dockerfile import base_images


def images(text: str) -> list[str | None]:
    return [base.image for base in base_images(text)]


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
    ],
)
def test_other_angle_brackets_start_no_here_document(text: str) -> None:
    assert images(text) == ["a:1", "z:2"]


def test_stages_and_scratch_are_not_external() -> None:
    text = "FROM a:1 AS Build\nFROM build\nFROM scratch\nFROM ${UNKNOWN}\n"
    found = [(base.image, base.stage, base.is_external) for base in base_images(text)]
    expected = [
        ("a:1", "build", True),
        ("build", None, False),
        ("scratch", None, False),
        (None, None, True),
    ]
    assert found == expected


def test_the_position_is_that_of_the_image_as_it_is_written() -> None:
    text = "ARG T=1\r\n# note\r\nFROM --platform=x \\\r\n    x:${T} AS build\r\n"
    (base,) = base_images(text)
    assert (base.line, base.written, text[base.start : base.end]) == (4, "x:${T}", "x:${T}")


@pytest.mark.parametrize(
    "text",
    [
        "ARG A=aa\n" + "ARG A=$A$A\n" * 60 + "FROM $A\n",
        "FROM " + "${A:-" * 100_000 + "x" + "}" * 100_000,
        "ARG A" * 50_000 + "\nFROM $A",
    ],
)
def test_arguments_that_expand_without_end_have_no_value(text: str) -> None:
    assert images(text) == [None]
