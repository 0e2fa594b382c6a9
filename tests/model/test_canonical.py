"""Canonical JSON and digests."""

from __future__ import annotations

import pytest

from envsync.model.canonical import JSON, canonical_json, sha256_digest

TEXTS: dict[str, tuple[JSON, str]] = {
    "keys are sorted": ({"b": 1, "a": {"d": 2, "c": 3}}, '{"a":{"c":3,"d":2},"b":1}'),
    "lists keep their order": (["b", "a"], '["b","a"]'),
    "values that are equal in Python": ([1, 1.0, True, "1", None], '[1,1.0,true,"1",null]'),
    "only necessary escapes": ('é "\n', '"é \\"\\n"'),
}


@pytest.mark.parametrize(("value", "text"), TEXTS.values(), ids=TEXTS.keys())
def test_equal_values_have_equal_canonical_json(value: JSON, text: str) -> None:
    assert canonical_json(value) == text


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_cannot_represent_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"a": [number]})


def test_a_digest_is_the_sha256_of_the_utf8_bytes() -> None:
    assert sha256_digest("é") == (  # printf 'é' | sha256sum
        "sha256:4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c"
    )
