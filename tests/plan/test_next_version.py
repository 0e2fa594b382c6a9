"""The next version, and the version that envsync proposes if there is no obvious next version."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.model.naming import is_valid_version, natural_order
from envsync.plan.next_version import next_version, proposed_version


@pytest.mark.parametrize(
    ("version", "proposal"),
    [
        ("1.2.0-pytorch", "1.2.1-pytorch"),
        # The last number is the version of Python or CUDA, not of the environment.
        ("1.2.0-py310", "1.2.1-py310"),
        ("3-cuda12", "4-cuda12"),
        ("v3", "v4"),
        ("v1.9", "v1.10"),
        ("1.09-cpu", "1.10-cpu"),
        ("1.0.0-rc.1", "1.0.0-rc.2"),
        ("1.0-rc1", "1.0-rc2"),
        ("2024-05-01", "2024-05-01.1"),
        ("2024-05-01.1", "2024-05-01.2"),
        ("2024-05-01-cpu", "2024-05-01.1-cpu"),
        ("2022-09-14-20-33-51-5820890", "2022-09-14-20-33-51-5820890.1"),
        ("blue", "blue.1"),
        ("pytorch-2.1-cuda12", "pytorch-2.1-cuda12.1"),
        ("7", "8"),
    ],
)
def test_the_proposed_version_is_higher_than_the_current_version(
    version: str, proposal: str
) -> None:
    assert proposed_version(version, ()) == proposal


def test_the_proposed_version_is_not_taken() -> None:
    taken = {"1.2.1-pytorch", "1.2.2-pytorch", "blue.1"}

    assert proposed_version("1.2.0-pytorch", taken) == "1.2.3-pytorch"
    assert proposed_version("blue", taken) == "blue.2"


@pytest.mark.parametrize("version", ["a" * 255, "9" * 255, "1." * 127 + "9", "x" * 254 + "9"])
def test_the_proposal_for_a_version_of_maximum_length_is_valid(version: str) -> None:
    assert is_valid_version(proposed_version(version, ()))


@pytest.mark.parametrize("version", ["<VERSION>", "", "latest ", "ä", "1" * 300])
def test_the_proposal_for_an_invalid_version_is_valid(version: str) -> None:
    assert is_valid_version(proposed_version(version, ()))


def test_the_proposal_is_shorter_if_a_counter_would_make_the_version_too_long() -> None:
    assert proposed_version("a" * 255, ()) == "a" * 200 + ".1"
    assert proposed_version("<VERSION>", ()) == "1"


VERSIONS = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9._\-]{0,20}", fullmatch=True)


@given(VERSIONS, st.sets(VERSIONS, max_size=3))
def test_every_version_has_a_free_valid_and_higher_proposal(version: str, more: set[str]) -> None:
    taken = {version, *more}
    proposal = proposed_version(version, taken)

    assert is_valid_version(proposal)
    assert proposal not in taken
    assert natural_order(proposal) > natural_order(version)


@pytest.mark.parametrize("version", ["v3", "1.2.0-pytorch", "2024-05-01"])
def test_a_version_that_is_not_a_number_has_no_next_version(version: str) -> None:
    assert next_version(version, ()) is None
