"""Tests of the references of images."""

from __future__ import annotations

import pytest

from envsync.model.image import Image

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("text", "expected", "registry", "repository"),
    [
        ("ubuntu", Image("ubuntu"), "docker.io", "library/ubuntu"),
        ("docker.io/ubuntu:1", Image("docker.io/ubuntu", "1"), "docker.io", "library/ubuntu"),
        ("index.docker.io/a/b", Image("index.docker.io/a/b"), "docker.io", "a/b"),
        ("a/b:1", Image("a/b", "1"), "docker.io", "a/b"),
        ("r.io/a/b:1", Image("r.io/a/b", "1"), "r.io", "a/b"),
        (f"r:5000/a@{DIGEST}", Image("r:5000/a", None, DIGEST), "r:5000", "a"),
        (f"localhost/a:1@{DIGEST}", Image("localhost/a", "1", DIGEST), "localhost", "a"),
    ],
)
def test_parse_splits_a_reference(
    text: str, expected: Image, registry: str, repository: str
) -> None:
    image = Image.parse(text)

    assert (image, str(image)) == (expected, text)
    assert (image.registry, image.repository) == (registry, repository)


def test_without_a_tag_the_tag_is_latest() -> None:
    assert Image.parse("a").tagged == Image("a", "latest")
