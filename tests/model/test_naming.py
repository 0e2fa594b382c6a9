"""The service's rules for names and versions, and the natural order of versions."""

from __future__ import annotations

import pytest

from envsync.model.naming import (
    highest_number,
    is_number,
    is_reserved,
    is_valid_name,
    is_valid_version,
    natural_order,
)


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("pydata", True),
        ("sklearn-1.5", True),
        ("1_a", True),
        ("a" * 255, True),
        ("a" * 256, False),
        ("", False),
        ("-a", False),
        ("a b", False),
        ("é", False),
        ("a\n", False),
    ],
)
def test_a_name_consists_of_letters_digits_dots_dashes_and_underscores(
    name: str, valid: bool
) -> None:
    assert is_valid_name(name) == is_valid_version(name) == valid


def test_latest_is_a_valid_name_but_not_a_valid_version() -> None:
    assert is_valid_name("latest")
    assert not is_valid_version("latest")


@pytest.mark.parametrize(
    ("name", "reserved"),
    [
        ("AzureML-sklearn", True),
        ("azureml", True),
        ("MICROSOFT.x", True),
        ("my-azureml", False),
        ("azure", False),
    ],
)
def test_reserved_prefixes_are_compared_without_case(name: str, reserved: bool) -> None:
    assert is_reserved(name) == reserved


def test_a_number_consists_only_of_ascii_digits() -> None:
    # "٣" is a decimal digit for int(), and "²" is a digit for str.isdigit().
    assert [text for text in ("1", "01", "", "-1", "1.0", "٣", "²") if is_number(text)] == [
        "1",
        "01",
    ]


def test_the_highest_number_ignores_versions_that_are_not_numbers() -> None:
    assert highest_number(["9", "10", "11-rc", "latest"]) == 10
    assert highest_number(["rc"]) == highest_number([]) == 0


@pytest.mark.parametrize(
    "ordered",
    [
        ["1", "2", "9", "10", "100"],
        ["1.9", "1.10", "1.10.1", "2.0"],
        ["rc", "rc-1", "rc-2", "rc-10"],
        ["2022-09-14", "2022-09-15", "2022-10-01"],
        ["1", "a", "a1", "b"],  # digits before letters
        ["1", "1-rc", "2"],
        ["01", "1", "001.5", "1.5"],  # equal numbers: sorted as strings, so the order is total
    ],
)
def test_versions_are_in_natural_order(ordered: list[str]) -> None:
    assert sorted(sorted(ordered, reverse=True), key=natural_order) == ordered
    assert sorted(sorted(ordered), key=natural_order) == ordered
