"""`envsync bump`: the declarations that it selects, and their new versions."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from envsync.model.declaration import Source
from envsync.model.errors import EnvsyncError
from envsync.model.naming import natural_order
from envsync.plan.bump import bump_command, choose, decide
from tests.builders import declared


def next_of(version: str, *taken: str) -> str:
    """Returns the new version of a declaration. The versions in `taken` are in use."""
    used = {"a": dict.fromkeys((version, *taken), "in git")}
    (bump,) = decide([declared("a", version)], used)
    return bump.after


@pytest.mark.parametrize(
    ("version", "after"),
    [
        ("7", "8"),
        ("0", "1"),
        ("99", "100"),
        ("1.2.3", "1.2.4"),
        ("1.9", "1.10"),
        ("1.2.9.99", "1.2.9.100"),
        ("20241215", "20241216"),
    ],
)
def test_bump_increments_the_last_number_of_a_version(version: str, after: str) -> None:
    assert next_of(version) == after


@pytest.mark.parametrize(
    ("version", "after"), [("007", "008"), ("099", "100"), ("999", "1000"), ("1.09", "1.10")]
)
def test_bump_keeps_leading_zeros(version: str, after: str) -> None:
    assert next_of(version) == after


@pytest.mark.parametrize(
    # "٣" is the Arabic digit 3, which Python's int() accepts.
    "version",
    ["v3", "1.0-rc1", "2024-01-01", "<VERSION>", "1..2", "1.", ".1", "٣", "latest"],
)
def test_bump_refuses_a_version_that_it_cannot_increment(version: str) -> None:
    with pytest.raises(EnvsyncError) as error:
        next_of(version)

    command = bump_command("a", version, alone=False)
    assert str(error.value) == (
        "envsync cannot choose the next version, because the declared version is not a number such "
        f"as 7 or 1.2.7. Pass the new version, for example: `{command}`."
    )
    assert " --version " in command


def test_one_error_names_every_version_without_a_next_version() -> None:
    with pytest.raises(EnvsyncError) as error:
        decide([declared("a", "blue"), declared("b", "7"), declared("c", "v3")], {}, alone={"a"})

    assert str(error.value).splitlines()[1:] == [
        "  envsync bump a --version blue.1",
        "  envsync bump c:v3 --version v4",
    ]


@pytest.mark.parametrize(
    ("version", "command"),
    [
        ("7", "envsync bump a"),
        ("1.2.3", "envsync bump a"),
        ("1.2.0-pytorch", "envsync bump a --version 1.2.1-pytorch"),
        ("2024-05-01", "envsync bump a --version 2024-05-01.1"),
        ("v3", "envsync bump a --version v4"),
    ],
)
def test_the_bump_command_contains_a_version_only_if_there_is_no_next_version(
    version: str, command: str
) -> None:
    assert bump_command("a", version, alone=True) == command


def test_the_bump_command_quotes_its_arguments_for_a_shell() -> None:
    command = bump_command("a b", "1; ls", alone=False)

    assert shlex.split(command)[:3] == ["envsync", "bump", "a b:1; ls"]


def test_every_copy_of_a_file_gets_the_new_version() -> None:
    first = declared("a", "7")
    copy = Source("environments/copy.yml", 2)

    bumps = decide([replace(first, copies=(copy,))], {})
    assert [(bump.after, bump.source) for bump in bumps] == [("8", first.source), ("8", copy)]


def test_a_file_without_version_does_not_stop_the_bump_of_other_files() -> None:
    bumps = decide([declared("a", None), declared("b", "7")], {})

    assert [(bump.name, bump.after) for bump in bumps] == [("b", "8")]


def test_bump_skips_taken_versions() -> None:
    assert next_of("7", "8", "9", "11") == "10"
    assert next_of("1.9", "1.10", "1.11", "2.0") == "1.12"


@given(
    # The numbers are small, so that many of the next versions are taken.
    st.lists(st.integers(0, 120), min_size=1, max_size=3),
    st.sets(st.integers(0, 130).map(str), max_size=40),
)
def test_the_next_version_is_higher_and_free(parts: list[int], taken: set[str]) -> None:
    *start, last = map(str, parts)
    version = ".".join([*start, last])
    used = {".".join([*start, item]) for item in taken}
    after = next_of(version, *used)

    assert natural_order(after) > natural_order(version)
    assert after not in used


A1, A2, A10 = declared("a", "1"), declared("a", "2"), declared("a", "10")
# B has no version, and C has a version that envsync cannot increment.
B, C = declared("b", None), declared("c", "1.0-rc1")
ALL = [A10, A2, A1, B, C]


def test_a_reference_without_a_version_selects_the_highest_version() -> None:
    assert choose(ALL, ["a"]) == [A10]


def test_a_reference_with_a_version_selects_this_version() -> None:
    assert choose(ALL, ["a:2"]) == [A2]


def test_a_repeated_reference_selects_its_declaration_once() -> None:
    assert choose(ALL, ["c", "a:10", "a", "c"]) == [A10, C]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("aa", "No file declares an environment 'aa'. Did you mean `a`?"),
        (
            "A:1",
            "No file declares an environment 'A'. Names are case-sensitive. Did you mean `a`?",
        ),
        (
            "environments/a-10.yml",
            "No file declares an environment 'environments/a-10.yml'. This is a path. Pass a name "
            "that is declared there: `a`.",
        ),
        (
            "zebra",
            "No file declares an environment 'zebra'. "
            "Check the name, and `environments` in envsync.yaml.",
        ),
        (
            "a@latest",
            "No file declares an environment 'a@latest'. Pass `a` instead, for the highest "
            "declared version.",
        ),
        ("a:3", "No file declares version '3' of a. Declared versions: 1, 2, 10."),
        ("a:", "No file declares version '' of a. Declared versions: 1, 2, 10."),
        ("b:1", "No file declares version '1' of b. environments/b-None.yml declares no version."),
    ],
)
def test_an_unknown_reference_lists_the_declared_versions(reference: str, message: str) -> None:
    with pytest.raises(EnvsyncError) as error:
        choose(ALL, [reference])

    assert str(error.value) == message


def test_two_versions_of_one_name_get_different_new_versions() -> None:
    used = {"a": {"1": "in a.yml", "2": "in b.yml", "10": "in c.yml"}}
    bumps = decide(choose(ALL, ["a:2", "a:1"]), used)

    assert [(bump.before, bump.after) for bump in bumps] == [("1", "3"), ("2", "4")]


def test_a_file_without_version_is_not_bumped() -> None:
    assert decide([B], {}) == []


def test_a_version_from_the_command_line_is_used_unchanged() -> None:
    (bump,) = decide([C], {"c": {"1.0-rc1": "in git"}}, "1.0-rc2")

    assert bump.after == "1.0-rc2"


def test_a_taken_version_from_the_command_line_is_refused() -> None:
    with pytest.raises(EnvsyncError) as error:
        decide([C], {"c": {"1.0-rc1": "in environments/c.yml"}}, "1.0-rc1")

    assert str(error.value) == (
        "c:1.0-rc1 is already used in environments/c.yml. Choose another version."
    )
