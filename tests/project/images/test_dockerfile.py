"""Tests of the images in `FROM` lines: how they are found, and how their digests are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.model.errors import EnvsyncError
from envsync.project.images.dockerfile import read_dockerfile, rewrite_dockerfile

NEW = "sha256:" + "a" * 64
OLD = "sha256:" + "b" * 64


def images(text: str) -> list[str]:
    return [str(use.image) for use in read_dockerfile("Dockerfile", text.encode())]


def obstacles(text: str) -> list[str]:
    return [use.obstacle for use in read_dockerfile("Dockerfile", text.encode())]


def locked(text: str, *, only_digest: bool = False, tag: str | None = None) -> str:
    """Returns the Dockerfile with the digest `NEW` for each image that can get one."""
    uses = enumerate(read_dockerfile("Dockerfile", text.encode()))
    changes = {
        number: use.changed(tag or use.image.tagged.tag or "", NEW, only_digest=only_digest)
        for number, use in uses
        if not use.obstacle
    }
    return rewrite_dockerfile("Dockerfile", text.encode(), changes).decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM ubuntu:22.04\n", ["ubuntu:22.04"]),
        ("from ubuntu\n", ["ubuntu"]),
        ("FROM --platform=$BUILDPLATFORM a:1 AS base\nFROM b:2", ["a:1", "b:2"]),
        ("FROM a:1 AS Base\nFROM base\nFROM scratch\n", ["a:1"]),
        # A stage can be used only after it was declared.
        ("FROM base\nFROM a:1 AS base\n", ["base", "a:1"]),
        ("FROM \\\n  # a comment\n\n  a:1 \\\n  AS b\nFROM b\n", ["a:1"]),
        ("# escape=`\nFROM `\n  a:1\n", ["a:1"]),
        ("FROM a:1\r\nRUN x \\\r\n  FROM b:2\r\n", ["a:1"]),
        ("FROM a:1\nRUN <<EOF\nFROM b:2\nEOF\nFROM c:3\n", ["a:1", "c:3"]),
        ("FROM a:1\nRUN <<-'E' cat\nFROM b:2\n\tE\nFROM c:3\n", ["a:1", "c:3"]),
        ("FROM a:1\nCOPY <<A <<B /x/\nFROM b:2\nA\nFROM b:2\nB\nFROM c:3\n", ["a:1", "c:3"]),
        ("FROM a:1\nRUN cat <<<EOF\nFROM c:3\n", ["a:1", "c:3"]),
        ("# FROM b:2\nFROM a:1\nLABEL x='FROM c:3'\n", ["a:1"]),
        ("ARG T=1\nFROM a:$T\nFROM a:${T}\n", ["a:1", "a:1"]),
        ('ARG T=1\nARG I="a:${T}"\nFROM $I\n', ["a:1"]),
        ("ARG A=a B='b'\nFROM $A/$B:1\n", ["a/b:1"]),
        ("ARG T=1\nARG T=2\nFROM a:$T\n", ["a:2"]),
        ("FROM ${A:-a:1}\nFROM ${B-b:2}\n", ["a:1", "b:2"]),
        ("ARG A=x\nFROM a:${A:+1}\nFROM b:1${B:+2}\n", ["a:1", "b:1"]),
        ("FROM 'a:1'\nFROM \"b:2\"\n", ["a:1", "b:2"]),
        ("\ufeffFROM a:1\n", ["a:1"]),
        ("", []),
        ("FROM\n", []),
    ],
)
def test_images_are_read_as_buildkit_reads_them(text: str, expected: list[str]) -> None:
    assert images(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a:1\n", f"FROM a:1@{NEW}\n"),
        ("FROM a\n", f"FROM a:latest@{NEW}\n"),
        (f"FROM a:1@{OLD} AS b\n", f"FROM a:1@{NEW} AS b\n"),
        ("FROM localhost:5000/a:1\r\nRUN é\r\n", f"FROM localhost:5000/a:1@{NEW}\r\nRUN é\r\n"),
        ("FROM \\\n  a:1 \\\n  AS b\n", f"FROM \\\n  a:1@{NEW} \\\n  AS b\n"),
        ('ARG I="a:1"  \nFROM $I\n', f'ARG I="a:1@{NEW}"  \nFROM $I\n'),
        ("ARG T=1\nFROM a:${T} AS b\n", f"ARG T=1@{NEW}\nFROM a:${{T}} AS b\n"),
        ("ARG R=r.io\nFROM ${R}/a:1\n", f"ARG R=r.io\nFROM ${{R}}/a:1@{NEW}\n"),
        ("ARG N=a\nFROM r.io/$N\n", f"ARG N=a:latest@{NEW}\nFROM r.io/$N\n"),
        ("ARG T=1\nFROM a:$T\nFROM a:$T\n", f"ARG T=1@{NEW}\nFROM a:$T\nFROM a:$T\n"),
        ("FROM ${A:-a:1}\n", f"FROM ${{A:-a:1@{NEW}}}\n"),
        # The whole image is in the ARG, so another use of it stays true.
        ("ARG I=a:1\nFROM $I\nARG I\n", f"ARG I=a:1@{NEW}\nFROM $I\nARG I\n"),
    ],
)
def test_the_digest_is_written_beside_the_tag(text: str, expected: str) -> None:
    assert locked(text) == expected
    # A second run finds nothing to change.
    assert locked(expected) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ARG T=1\nFROM a:${T}-slim\n", "only partly in `ARG T`"),
        ("ARG T=1\nFROM a:v${T}\n", "only partly in `ARG T`"),
        (f"ARG T=1\nFROM a:$T@{OLD}\n", "only partly in `ARG T`"),
        ("ARG T=1\nFROM a:$T\nFROM b:$T\n", "part of another image in line 3"),
        ("ARG T=1\nFROM a:$T\nARG T\nRUN echo $T\n", "Line 3 uses `ARG T` as well"),
        ("ARG I\nFROM $I\n", "`ARG I` has no default"),
        ("FROM $I\n", "`ARG I` has no default"),
        ("FROM ${I\n", "a variable that envsync cannot read"),
        ("FROM A:1\n", "`A:1` is not a valid image"),
    ],
)
def test_a_digest_that_could_be_wrong_is_not_written(text: str, words: str) -> None:
    assert words in obstacles(text)[0]
    assert locked(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RUN x\nFROM a:1\n", f"RUN x\n# envsync: tag 1\nFROM a@{NEW}\n"),
        ("# About\r\nFROM a:1\r\n", f"# About\r\n# envsync: tag 1\r\nFROM a@{NEW}\r\n"),
        ("ARG I=a:1\nFROM $I\n", f"# envsync: tag 1\nARG I=a@{NEW}\nFROM $I\n"),
        (f"# envsync: tag 1\n# x\nFROM a@{OLD}\n", f"# envsync: tag 1\n# x\nFROM a@{NEW}\n"),
    ],
)
def test_the_tag_is_a_comment_above_the_line(text: str, expected: str) -> None:
    assert locked(text, only_digest=True) == expected
    (use,) = read_dockerfile("Dockerfile", expected.encode())
    assert (use.image.tag, use.only_digest) == ("1", True)
    assert locked(expected) == expected


def test_a_tag_in_a_variable_cannot_become_a_comment() -> None:
    with pytest.raises(EnvsyncError, match="in different places"):
        locked("ARG T=1\nFROM a:$T\n", only_digest=True)


def test_a_new_tag_replaces_the_old_tag() -> None:
    text = f"ARG T=1.2@{OLD}\nFROM a:$T\n"

    assert locked(text, tag="1.10") == f"ARG T=1.10@{NEW}\nFROM a:$T\n"


def test_comments_above_the_line_are_read() -> None:
    text = "# envsync: track ^1\\.\n# envsync: ignore[image-unlocked]\nFROM a:1\n"
    (use,) = read_dockerfile("Dockerfile", text.encode())

    assert (use.track, use.ignored) == ("^1\\.", frozenset({"image-unlocked"}))
    assert (use.line, use.column) == (3, 6)


def test_bytes_that_are_not_utf8_are_kept() -> None:
    data = b"# \xff\xfe\nFROM a:1\n"
    (use,) = read_dockerfile("Dockerfile", data)

    assert rewrite_dockerfile("Dockerfile", data, {0: use.changed("1", NEW)}) == (
        data[:-1] + f"@{NEW}\n".encode()
    )


def test_arguments_that_repeat_each_other_do_not_grow_without_limit() -> None:
    lines = ["ARG A0=aaaaaaaaaa", *(f"ARG A{n}=$A{n - 1}$A{n - 1}" for n in range(1, 60))]

    assert "more than 1,000 characters" in obstacles("\n".join([*lines, "FROM $A59"]))[0]


@pytest.mark.parametrize(
    "word",
    [
        "$" * 500_000,
        "${A:-" * 100_000,
        "\\" * 500_001,
        "${A:-" * 190 + "x" + "}" * 190,
        "a" * 10**6,
    ],
    ids=["dollars", "braces", "escapes", "nested", "long"],
)
def test_a_word_of_any_length_is_read_in_linear_time(word: str) -> None:
    text = f"ARG I={word}\nFROM $I\nFROM {word}\nFROM a:1\n"

    assert images(text)[-1] == "a:1"


PIECES = [
    "FROM",
    " ",
    "\n",
    "a:1",
    "${T}",
    "$T",
    "ARG T=",
    "b",
    "@",
    "\\",
    "#",
    "<<E",
    "E",
    "'",
    '"',
]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_a_lock_changes_nothing_but_digests(text: str) -> None:
    try:
        result = locked(text)
    except EnvsyncError:
        return

    assert result.replace(f":latest@{NEW}", "").replace(f"@{NEW}", "") == text
    assert len(images(result)) == len(images(text))


def test_an_unknown_image_is_shown_as_it_is_written() -> None:
    text = "ARG I=a:1\nFROM ${I#a}\nARG T\nFROM b:$T\n"

    assert images(text) == ["${I#a}", "b:$T"]
    assert locked(text) == text
