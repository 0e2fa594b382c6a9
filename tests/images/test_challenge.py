"""Tests of the header `WWW-Authenticate` of registries."""

from __future__ import annotations

import pytest

from envsync.images.challenge import Challenge, read_challenge


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="a:b"',
            Challenge(True, "https://auth.docker.io/token", "registry.docker.io"),
        ),
        ("bearer realm=https://a.io/t", Challenge(True, "https://a.io/t")),
        (
            'Basic realm="a, b", Bearer realm="https://a.io/t?x=1",service="s"',
            Challenge(True, "https://a.io/t?x=1", "s"),
        ),
        (
            'Bearer realm="https://a.io/t",service="s", Basic realm="x"',
            Challenge(True, "https://a.io/t", "s"),
        ),
        ('Basic realm="basic-realm"', Challenge(False)),
        ("Negotiate", None),
        ("", None),
    ],
)
def test_a_token_is_preferred_to_a_password(header: str, expected: Challenge | None) -> None:
    assert read_challenge(header) == expected
