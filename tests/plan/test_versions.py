"""The version of a declaration, and the effect of changes on `@latest`."""

from __future__ import annotations

import pytest

from envsync.model.errors import EnvsyncError
from envsync.model.policy import Policy
from envsync.model.state import Container
from envsync.plan.change import Action, Change
from envsync.plan.versions import container_after, latest_warnings, newest, resolve
from tests.builders import PROJECT, built, container, declared, image, registered, unknown_build


def create(version: str) -> Change:
    return Change(
        Action.CREATE, "version", "a", version, "", desired=registered("a", version).environment
    )


def change(action: Action, version: str | None) -> Change:
    return Change(action, "environment" if version is None else "version", "a", version, "")


def test_declarations_are_sorted_by_version_in_natural_order() -> None:
    found = [declared("a", version) for version in ("10", "9", "1.10", "1.9")]

    assert resolve(found, Container("a"), PROJECT) == {
        version: declared("a", version) for version in ("1.9", "1.10", "9", "10")
    }
    assert list(resolve(found, Container("a"), PROJECT)) == ["1.9", "1.10", "9", "10"]


def test_two_files_with_the_same_version_are_refused() -> None:
    found = [declared("a", version) for version in ("1", "2", "2", "2")]

    with pytest.raises(EnvsyncError) as caught:
        resolve(found, Container("a"), PROJECT)
    assert str(caught.value) == "3 files declare a:2. Keep one of them."


NEXT: dict[str, tuple[Container, str]] = {
    "no version": (container("a"), "1"),
    "the highest integer plus one": (container("a", "10", "9"), "11"),
    # "٣" is the Arabic digit 3. The containers of tests/builders.py have the `nextVersion` "99".
    "digits that only int() accepts": (container("a", "٣"), "99"),
    "a digit that int() does not accept": (container("a", "²"), "99"),
    "anything else: the next version of the service": (container("a", "1", "rc"), "99"),
}


@pytest.mark.parametrize(("held", "version"), NEXT.values(), ids=NEXT.keys())
def test_a_file_without_version_gets_the_next_version(held: Container, version: str) -> None:
    assert list(resolve([declared("a", None, image("new"))], held, PROJECT)) == [version]


def test_the_newest_version_was_created_last_and_is_not_archived_itself() -> None:
    kept, archived = registered("a", "1"), registered("a", "2", archived=True)

    assert newest(container("a", "9", kept, archived)) == kept
    assert newest(container("a", "9", kept, archived, archived=True)) == kept
    assert newest(container("a", archived)) is None


AFTER: dict[str, tuple[Container, list[Change], str | None]] = {
    "no change": (container("a", "1", "2"), [], "2"),
    "no change of an archived environment": (container("a", "1", archived=True), [], None),
    "a create": (container("a", "2"), [create("1")], "1"),
    "a create under an archived environment": (
        container("a", "1", archived=True),
        [change(Action.RESTORE, None), create("2")],
        "2",
    ),
    "an update": (container("a", "1", "2"), [change(Action.UPDATE, "1")], "2"),
    "a restore": (
        container("a", "1", registered("a", "2", archived=True)),
        [change(Action.RESTORE, "2")],
        "2",
    ),
    "an archive": (container("a", "1", "2"), [change(Action.ARCHIVE, "2")], "1"),
    "an archive of the environment": (container("a", "1"), [change(Action.ARCHIVE, None)], None),
}


@pytest.mark.parametrize(("held", "changes", "latest"), AFTER.values(), ids=AFTER.keys())
def test_changes_decide_which_version_is_latest(
    held: Container, changes: list[Change], latest: str | None
) -> None:
    assert container_after(held, changes).latest == latest


FALLS_BACK: dict[str, tuple[Container, list[str], list[str]]] = {
    "the highest is created last": (container("a", "9"), ["10"], []),
    "a lower one is created last": (
        container("a", "10"),
        ["9"],
        [
            "a: @latest becomes 9 although 10 is higher, because @latest is the version created "
            "last."
        ],
    ),
    "the higher one is archived": (container("a", registered("a", "10", archived=True)), ["9"], []),
    "it was lower before": (container("a", "10", "9"), [], []),
}


@pytest.mark.parametrize(
    ("held", "created", "warnings"), FALLS_BACK.values(), ids=FALLS_BACK.keys()
)
def test_a_warning_is_given_if_a_version_below_the_highest_becomes_latest(
    held: Container, created: list[str], warnings: list[str]
) -> None:
    changes = [create(version) for version in created]

    assert list(latest_warnings(held, changes, ["9", "10"], Policy(PROJECT))) == warnings


@pytest.mark.parametrize(
    ("owner", "warnings"),
    [
        ("other", ["a: @latest moves from 2, which belongs to project 'other', to 3."]),
        (None, []),
        (PROJECT, []),
    ],
)
def test_a_warning_contains_the_project_from_which_latest_moves_away(
    owner: str | None, warnings: list[str]
) -> None:
    held = container("a", "1", registered("a", "2", owner=owner))

    assert list(latest_warnings(held, [create("3")], ["1", "3"], Policy(PROJECT))) == warnings


UNDECLARED: dict[str, tuple[Container, list[str], Policy, list[str]]] = {
    "the declared version is the newest": (container("a", "1", "2"), ["2"], Policy(PROJECT), []),
    "a reverted version stays the newest": (
        container("a", "1", "2"),
        ["1"],
        Policy(PROJECT),
        [
            "a: @latest is 2, which no file declares. The highest declared version is 1 "
            "(superseded: keep)."
        ],
    ),
    "the highest declared version is named": (
        container("a", "9", "10", "11"),
        ["9", "10"],
        Policy(PROJECT),
        [
            "a: @latest is 11, which no file declares. The highest declared version is 10 "
            "(superseded: keep)."
        ],
    ),
    "another project registered the newest version": (
        container("a", "1", registered("a", "2", owner="other")),
        ["1"],
        Policy(PROJECT, superseded="archive"),
        ["a: @latest is 2, which belongs to project 'other'. The highest declared version is 1."],
    ),
    "somebody registered the newest version by hand": (
        container("a", "1", registered("a", "2", owner=None)),
        ["1"],
        Policy(PROJECT),
        ["a: @latest is 2, which belongs to no project. The highest declared version is 1."],
    ),
    "the reverted version is archived": (
        container("a", "1", registered("a", "2", archived=True)),
        ["1"],
        Policy(PROJECT),
        [],
    ),
    "no file declares the name": (container("a", "1"), [], Policy(PROJECT), []),
    # For example, version 2 is rejected because every active version belongs to another project.
    "the declared version is rejected": (
        container("a", registered("a", "1", owner="other")),
        ["2"],
        Policy(PROJECT),
        [],
    ),
    "the environment is archived": (
        container("a", "1", "2", archived=True),
        ["1"],
        Policy(PROJECT),
        [],
    ),
}


@pytest.mark.parametrize(
    ("held", "declared", "policy", "warnings"), UNDECLARED.values(), ids=UNDECLARED.keys()
)
def test_a_warning_is_given_if_latest_is_an_undeclared_version(
    held: Container, declared: list[str], policy: Policy, warnings: list[str]
) -> None:
    assert list(latest_warnings(held, [], declared, policy)) == warnings


# `following` is the `nextVersion` that the service returns. If the last version is not a number,
# the service proposes "1", even if version 1 exists (recorded).
@pytest.mark.parametrize(
    ("versions", "following", "chosen"),
    [
        (["bar"], "1", "1"),
        (["1", "bar"], "1", "2"),
        (["7", "bar"], "1", "8"),
        (["1", "bar"], "5", "5"),
        (["20250109.v2"], "1", "1"),
        (["v1"], "2022-09-14-20-33-51-5820890", "2022-09-14-20-33-51-5820890"),
        (["v1", "v2"], "v2", "3"),
        (["9", "v2"], "v2", "10"),
    ],
)
def test_the_next_version_of_the_service_is_not_used_if_it_is_taken_or_too_low(
    versions: list[str], following: str, chosen: str
) -> None:
    held = container("a", *versions, next_version=following)

    assert list(resolve([declared("a", None, image("new"))], held, PROJECT)) == [chosen]


@pytest.mark.parametrize(("owner", "version"), [(PROJECT, "1"), (None, "2"), ("other", "2")])
def test_an_unverifiable_spec_counts_as_unchanged_only_in_an_owned_version(
    owner: str | None, version: str
) -> None:
    held = container("a", registered("a", "1", unknown_build(), owner=owner))

    assert list(resolve([declared("a", None, built(Dockerfile="1"))], held, PROJECT)) == [version]
