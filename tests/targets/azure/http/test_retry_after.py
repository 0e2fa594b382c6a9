"""Tests of `Retry-After` headers, including values that are not a number of seconds."""

from __future__ import annotations

import pytest

from envsync.targets.azure.http.retries import retry_after


@pytest.mark.parametrize(
    ("value", "expected"),
    [("7", 7.0), ("0", 0.0), ("-5", 0.0), ("nan", None), ("inf", None), ("soon", None)],
)
def test_a_retry_after_that_is_not_finite_is_ignored(value: str, expected: float | None) -> None:
    assert retry_after({"Retry-After": value}) == expected
