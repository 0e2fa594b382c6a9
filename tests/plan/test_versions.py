"""The version of a declaration, and the effect of changes on `@latest`."""

from __future__ import annotations

import pytest

from envsync.model.content_version import content_version
from envsync.model.environment import EnvironmentSpec
from envsync.model.errors import EnvsyncError
from envsync.model.naming import is_valid_version
from envsync.model.policy import Policy, Versions
from envsync.model.state import Container
from envsync.plan.change import Action, Change
from envsync.plan.planner import make_plan
from envsync.plan.versions import container_after, latest_warnings, newest, resolve
from tests.builders import (
    PROJECT,
    TARGET,
    built,
    container,
    declared,
    image,
    registered,
    unknown_build,
)

POLICY = Policy(PROJECT)
CONTENT = Policy(PROJECT, versions="content")


def create(version: str) -> Change:
    return Change(
        Action.CREATE, "version", "a", version, "", desired=registered("a", version).environment
    )


def change(action: Action, version: str | None) -> Change:
    return Change(action, "environment" if version is None else "version", "a", version, "")


def test_declarations_are_sorted_by_version_in_natural_order() -> None:
    found = [declared("a", version) for version in ("10", "9", "1.10", "1.9")]

    assert resolve(found, Container("a"), POLICY) == {
        version: declared("a", version) for version in ("1.9", "1.10", "9", "10")
    }
    assert list(resolve(found, Container("a"), POLICY)) == ["1.9", "1.10", "9", "10"]


def test_two_files_with_the_same_version_are_refused() -> None:
    found = [declared("a", version) for version in ("1", "2", "2", "2")]

    with pytest.raises(EnvsyncError) as caught:
        resolve(found, Container("a"), POLICY)
    assert str(caught.value) == "3 files declare a:2. Keep one of them."


NEXT: dict[str, tuple[Container, str]] = {
    "no version": (container("a"), "1"),
    "the highest integer plus one": (container("a", "10", "9"), "11"),
    # "٣" is the Arabic digit 3. The containers of tests/builders.py have the `nextVersion` "99".
    "digits that only int() accepts": (container("a", "٣"), "99"),
    "a digit that int() does not accept": (container("a", "²"), "99"),
    "anything else: the next version of the service": (container("a", "1", "rc"), "99"),
    "the service proposes a version that exists with a leading zero": (
        container("a", "07", "rc", next_version="7"),
        "8",
    ),
}


@pytest.mark.parametrize(("held", "version"), NEXT.values(), ids=NEXT.keys())
def test_a_file_without_version_gets_the_next_version(held: Container, version: str) -> None:
    assert list(resolve([declared("a", None, image("new"))], held, POLICY)) == [version]


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
    "an update under an archived environment": (
        container("a", "1", archived=True),
        [change(Action.UPDATE, "1")],
        None,
    ),
    "an update of the owners of an archived environment": (
        container("a", "1", archived=True),
        [change(Action.UPDATE, None)],
        None,
    ),
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


@pytest.mark.parametrize(
    ("versions", "numbered", "warned"),
    [("auto", None, True), ("content", "5", True), ("content", None, False)],
)
def test_a_lower_new_version_is_unexpected_unless_a_version_comes_from_the_content(
    versions: Versions, numbered: str | None, warned: bool
) -> None:
    registered_before = numbered or ("5" if versions == "auto" else content_version(image()))
    made = make_plan(
        [declared("a", numbered), declared("a", "0", image("2"))],
        {"a": container("a", registered_before)},
        Policy(PROJECT, versions=versions),
        TARGET,
    )

    assert [change.version for change in made.changes] == ["0"]
    assert bool(made.warnings) is warned


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
    "another project registered the newest of three versions": (
        container("a", "1", "2", registered("a", "3", owner="other")),
        ["1"],
        Policy(PROJECT),
        ["a: @latest is 3, which belongs to project 'other'. The highest declared version is 1."],
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

    assert list(resolve([declared("a", None, image("new"))], held, POLICY)) == [chosen]


@pytest.mark.parametrize(("owner", "version"), [(PROJECT, "1"), (None, "2"), ("other", "2")])
def test_an_unverifiable_spec_counts_as_unchanged_only_in_an_owned_version(
    owner: str | None, version: str
) -> None:
    held = container("a", registered("a", "1", unknown_build(), owner=owner))

    assert list(resolve([declared("a", None, built(Dockerfile="1"))], held, POLICY)) == [version]


@pytest.mark.parametrize(
    ("image_name", "tag"),
    [
        ("python:3.12", "3.12-"),
        ("localhost:5000/a/b:T_1.x", "T_1.x-"),
        (f"python:3.12@sha256:{'0' * 64}", "3.12-"),
        (f"python@sha256:{'0' * 64}", ""),
        ("localhost:5000/a", ""),
        ("python:latest", ""),
        ("python:Latest", ""),
        ("python:_1", ""),  # a version cannot start with `_`
    ],
)
def test_the_version_of_a_content_starts_with_a_fixed_tag_of_the_image(
    image_name: str, tag: str
) -> None:
    spec = EnvironmentSpec(image=image_name)
    version = content_version(spec)

    assert version == tag + spec.digest[len("sha256:") :][:12]
    assert is_valid_version(version)


def test_the_version_of_a_build_is_derived_from_its_content() -> None:
    specs = [built(Dockerfile="1"), built(Dockerfile="2"), built("b.Dockerfile", Dockerfile="1")]
    versions = [content_version(spec) for spec in specs]

    assert versions == [spec.digest[len("sha256:") :][:12] for spec in specs]
    assert len(set(versions)) == 3


@pytest.mark.parametrize(
    "held", [container("a"), container("a", "1", "7"), container("a", "1", next_version="x")]
)
def test_a_version_that_is_derived_from_the_content_does_not_depend_on_the_target(
    held: Container,
) -> None:
    expected = content_version(image("new"))

    assert list(resolve([declared("a", None, image("new"))], held, CONTENT)) == [expected]


def test_a_file_with_a_version_keeps_its_version() -> None:
    assert list(resolve([declared("a", "3", image("new"))], container("a"), CONTENT)) == ["3"]


def test_derived_versions_have_no_order() -> None:
    low, high = sorted([image(str(number)) for number in range(2)], key=content_version)
    old, new = content_version(high), content_version(low)
    held = container("a", registered("a", old, high))

    plan = make_plan([declared("a", None, low)], {"a": held}, CONTENT, TARGET)

    assert [(item.action, item.version) for item in plan.changes] == [(Action.CREATE, new)]
    assert plan.changes[0].predecessor == old
    assert plan.warnings == ()


def test_a_revert_to_registered_content_warns_that_latest_does_not_change() -> None:
    old, new = content_version(image("1")), content_version(image("2"))
    held = container("a", registered("a", old, image("1")), registered("a", new, image("2")))

    plan = make_plan([declared("a", None, image("1"))], {"a": held}, CONTENT, TARGET)

    assert (plan.changes, plan.rejections) == ((), ())
    assert plan.warnings == (
        f"a: @latest is {new}, which no file declares. The declared version is {old} (superseded: "
        "keep).",
    )


def test_other_content_under_the_derived_version_is_rejected() -> None:
    version = content_version(image("1"))
    held = container("a", registered("a", version, image("2")))

    (rejection,) = make_plan(
        [declared("a", None, image("1"))], {"a": held}, CONTENT, TARGET
    ).rejections

    assert rejection.code == "immutable"
    assert rejection.fix == (
        "Add a `version:` line to the file, with a version that is not registered."
    )
