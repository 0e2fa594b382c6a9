"""Tests of the field `image`: its digest is written, and every other byte stays."""

from __future__ import annotations

import pytest

from envsync.model.errors import EnvsyncError
from envsync.model.image import ImageUse
from envsync.project.files import parse
from envsync.project.images.environment_file import (
    read_environment_image,
    rewrite_environment_image,
)

NEW = "sha256:" + "a" * 64


def read(data: bytes) -> ImageUse:
    use = read_environment_image("a.yml", parse(data))
    assert use is not None
    return use


def locked(text: str, *, only_digest: bool = False, tag: str | None = None) -> str:
    data = text.encode()
    before = read(data)
    after = before.changed(tag or before.image.tagged.tag or "", NEW, only_digest=only_digest)
    return rewrite_environment_image("a.yml", data, before, after).decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: a\nimage: x:1  # é\ntags: {}\n", f"name: a\nimage: x:1@{NEW}  # é\ntags: {{}}\n"),
        ("image: 'x:1'\r\nname: a\r\n", f"image: 'x:1@{NEW}'\r\nname: a\r\n"),
        ('{name: a, image: "x:1"}', f'{{name: a, image: "x:1@{NEW}"}}'),
        ("image: >-\n  x:1\nname: a\n", f"image: >-\n  x:1@{NEW}\nname: a\n"),
        ("\ufeffimage: x\n", f"\ufeffimage: x:latest@{NEW}\n"),
        (f"image: x:1@sha256:{'b' * 64}\n", f"image: x:1@{NEW}\n"),
    ],
)
def test_the_digest_is_written_after_the_tag(text: str, expected: str) -> None:
    assert locked(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image: x:1\nname: a\n", f"image: x@{NEW}  # envsync: tag 1\nname: a\n"),
        ("image: x:1 # base\r\n", f"image: x@{NEW} # base  # envsync: tag 1\r\n"),
        ("{name: a, image: x:1}", f"{{name: a, image: x@{NEW}}}  # envsync: tag 1"),
        (
            f"image: x@sha256:{'b' * 64} # envsync: tag 1 # base\n",
            f"image: x@{NEW} # envsync: tag 1 # base\n",
        ),
    ],
)
def test_the_tag_becomes_a_comment(text: str, expected: str) -> None:
    assert locked(text, only_digest=True) == expected
    use = read(expected.encode())
    assert (use.image.tag, use.image.digest, use.only_digest) == ("1", NEW, True)


def test_a_new_tag_replaces_the_tag_in_the_comment() -> None:
    text = f"image: x@{NEW}  # envsync: tag 1 # envsync: track ^1\n"

    assert read(text.encode()).track == "^1"
    assert locked(text, tag="2") == text.replace("tag 1", "tag 2")


@pytest.mark.parametrize(
    "text",
    [
        "tags: {a: &i x:1}\nimage: *i\n",
        "image: &i x:1\ntags: {a: *i}\n",
    ],
)
def test_a_value_that_is_repeated_is_changed_only_in_the_image(text: str) -> None:
    try:
        result = locked(text)
    except EnvsyncError as error:
        assert "YAML anchor" in str(error)
    else:
        assert parse(result.encode()).problems == ()
        assert str(read(result.encode()).image) == f"x:1@{NEW}"
        assert "a: &i x:1" in result


def test_an_image_in_a_block_scalar_gets_no_comment() -> None:
    with pytest.raises(EnvsyncError, match="Edit the file by hand"):
        locked("image: |-\n  x:1\n", only_digest=True)


def test_a_file_that_changed_in_the_meantime_is_not_written() -> None:
    before = read(b"image: x:1\n")

    with pytest.raises(EnvsyncError, match="no longer declares the image x:1"):
        rewrite_environment_image("a.yml", b"image: x:2\n", before, before.changed("1", NEW))
