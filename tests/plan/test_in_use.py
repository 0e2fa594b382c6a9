"""Archives of environments that are used or protected are refused.

Uses of a moving `@latest` are listed.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from envsync.model.declaration import Declaration, Source
from envsync.model.policy import Policy
from envsync.model.reference import Reference
from envsync.model.state import Container
from envsync.model.target import TargetIdentity
from envsync.model.use import Use
from envsync.plan.change import LatestChange
from envsync.plan.in_use import References, places
from envsync.plan.plan import Plan
from envsync.plan.planner import make_plan
from envsync.project.references.text import read_text, with_parts
from tests.builders import PROJECT, TARGET, container, declared, image, registered, state

POLICY = Policy(PROJECT, max_archives=100)
SUPERSEDED = replace(POLICY, superseded="archive")
WORKSPACE = TargetIdentity("dev", "workspace", "/subscriptions/S/resourceGroups/g/workspaces/W")
REGISTRY = TargetIdentity("shared", "registry", "azureml://registries/shared")


def reference(text: str, file: str = "job.yml", line: int = 3) -> Reference:
    return with_parts(Reference(file, line, 1, text, "invalid", user="job"), read_text(text))


def probable(text: str, file: str = "train.py") -> Reference:
    return replace(reference(text, file), certainty="probable", user="python")


def plan(
    held: Container,
    references: Iterable[Reference],
    desired: Iterable[Declaration] = (),
    policy: Policy = POLICY,
    target: TargetIdentity = TARGET,
    suffix: str = "",
) -> Plan:
    # Another environment is declared, so that the guard does not refuse the whole plan.
    return make_plan(
        [*desired, declared("other", "1")],
        state(held, container("other", "1")),
        policy,
        target,
        references=References.of(references, target),
        suffix=suffix,
    )


def result(made: Plan) -> list[str]:
    """Returns the changes, rejections and warnings as short texts."""
    return [
        *(f"{item.action} {item.address}" for item in made.changes),
        *(f"{item.code} {item.address}" for item in made.rejections),
        *(f"warning {text.partition(': ')[0]}" for text in made.warnings),
    ]


ONE = container("a", "1")
TWO = container("a", "1", "2")
MIXED = container("a", "1", registered("a", "2", owner="other"))

# Columns: container, declarations, policy, references, result.
CASES: dict[str, tuple[Container, list[Declaration], Policy, list[Reference], list[str]]] = {
    "nothing uses it": (ONE, [], POLICY, [reference("azureml:b:1")], ["archive a"]),
    "its version is used": (ONE, [], POLICY, [reference("azureml:a:1")], ["in-use a"]),
    "@latest is used": (ONE, [], POLICY, [reference("azureml:a@latest")], ["in-use a"]),
    "another label is used": (ONE, [], POLICY, [reference("azureml:a@prod")], ["in-use a"]),
    "the name alone is used": (ONE, [], POLICY, [reference("azureml:a")], ["in-use a"]),
    "an ARM id is used": (
        ONE,
        [],
        POLICY,
        [reference("azureml:/subscriptions/s/x/workspaces/w/environments/a/versions/1")],
        ["in-use a"],
    ),
    "a version is used that never existed": (
        ONE,
        [],
        POLICY,
        [reference("azureml:a:7")],
        ["archive a"],
    ),
    "a version is used that is archived already": (
        container("a", registered("a", "1", archived=True), "2"),
        [],
        POLICY,
        [reference("azureml:a:1")],
        ["archive a"],
    ),
    "names differ in case": (ONE, [], POLICY, [reference("azureml:A:1")], ["archive a"]),
    "a registry's environment is used": (
        ONE,
        [],
        POLICY,
        [reference("azureml://registries/shared/environments/a/versions/1")],
        ["archive a"],
    ),
    "Python probably uses it": (
        ONE,
        [],
        POLICY,
        [probable("azureml:a:1")],
        ["archive a", "warning a"],
    ),
    "an unknown version is used": (
        ONE,
        [],
        POLICY,
        [reference("azureml:a:$(V)")],
        ["archive a", "warning a"],
    ),
    "used, and allowed": (
        ONE,
        [],
        replace(POLICY, allow_in_use=True),
        [reference("azureml:a:1")],
        ["archive a", "warning a"],
    ),
    "used, but a comment says that it does not count": (
        ONE,
        [],
        POLICY,
        [replace(reference("azureml:a:1"), ignored=frozenset({"in-use"}))],
        ["archive a"],
    ),
    "used, and a comment turns another rule off": (
        ONE,
        [],
        POLICY,
        [replace(reference("azureml:a:1"), ignored=frozenset({"broken-reference"}))],
        ["in-use a"],
    ),
    "prune: none": (
        ONE,
        [],
        replace(POLICY, prune="none"),
        [reference("azureml:a:1")],
        [],
    ),
    "the superseded version is used": (
        TWO,
        [declared("a", "2")],
        SUPERSEDED,
        [reference("azureml:a:1")],
        ["in-use a:1"],
    ),
    "the other version is used": (
        TWO,
        [declared("a", "2")],
        SUPERSEDED,
        [reference("azureml:a:2")],
        ["archive a:1"],
    ),
    "@latest moves to another version": (
        TWO,
        [declared("a", "1")],
        SUPERSEDED,
        [reference("azureml:a@latest")],
        ["archive a:2"],
    ),
    "an unknown version of several is used": (
        TWO,
        [declared("a", "2")],
        SUPERSEDED,
        [reference("azureml:a:{{ v }}")],
        ["archive a:1", "warning a:1"],
    ),
    "our version beside a foreign one is used": (
        MIXED,
        [],
        POLICY,
        [reference("azureml:a:1")],
        ["in-use a:1", "warning a"],
    ),
    "@latest stays at a foreign version": (
        MIXED,
        [],
        POLICY,
        [reference("azureml:a@latest")],
        ["archive a:1", "warning a"],
    ),
    "protected": (ONE, [], replace(POLICY, protect=("a*",)), [], ["protected a"]),
    "protected and in use": (
        ONE,
        [],
        replace(POLICY, protect=("a",)),
        [reference("azureml:a:1")],
        ["protected a"],
    ),
    "protected, and --allow-in-use": (
        ONE,
        [],
        replace(POLICY, protect=("a",), allow_in_use=True),
        [],
        ["protected a"],
    ),
    "a version of a protected name": (
        TWO,
        [declared("a", "2")],
        replace(SUPERSEDED, protect=("a",)),
        [],
        ["protected a:1"],
    ),
    "another name is protected": (
        ONE,
        [],
        replace(POLICY, protect=("b", "A")),
        [],
        ["archive a"],
    ),
    "a hidden version of a protected name stays hidden": (
        replace(TWO, archived=True, may_echo=True),
        [declared("a", "2")],
        replace(POLICY, protect=("a",)),
        [reference("azureml:a:1")],
        ["archive a:1", "restore a"],
    ),
}


@pytest.mark.parametrize(
    ("held", "desired", "policy", "references", "expected"), CASES.values(), ids=list(CASES)
)
def test_an_archive_of_a_used_or_protected_environment_is_refused(
    held: Container,
    desired: list[Declaration],
    policy: Policy,
    references: list[Reference],
    expected: list[str],
) -> None:
    assert result(plan(held, references, desired, policy)) == expected


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        ("azureml:a:1", WORKSPACE, ["in-use a"]),
        ("azureml:a:1", REGISTRY, ["archive a"]),
        ("azureml://registries/Shared/environments/a/versions/1", REGISTRY, ["in-use a"]),
        ("azureml://registries/Shared/environments/a/labels/latest", REGISTRY, ["in-use a"]),
        ("azureml://registries/other/environments/a/versions/1", REGISTRY, ["archive a"]),
        ("azureml://registries/shared/environments/a/versions/1", WORKSPACE, ["archive a"]),
        (
            "azureml:/subscriptions/s/resourceGroups/G/workspaces/w/environments/a/versions/1",
            WORKSPACE,
            ["in-use a"],
        ),
        (
            "azureml:/subscriptions/s/resourceGroups/g/workspaces/x/environments/a/versions/1",
            WORKSPACE,
            ["archive a"],
        ),
    ],
)
def test_a_reference_applies_to_every_workspace_or_to_one_registry(
    text: str, target: TargetIdentity, expected: list[str]
) -> None:
    assert result(plan(ONE, [reference(text)], target=target)) == expected


def test_protect_matches_a_name_with_and_without_the_suffix() -> None:
    held = container("a-dev", "1")
    policies = [replace(POLICY, protect=(glob,)) for glob in ("a", "a-dev", "b")]

    assert [result(plan(held, [], policy=policy, suffix="-dev")) for policy in policies] == [
        ["protected a-dev"],
        ["protected a-dev"],
        ["archive a-dev"],
    ]


def test_the_rejection_in_use_names_the_files_that_use_the_environment() -> None:
    references = [
        reference("azureml:a@latest", "b.yml", 9),
        reference("azureml:a:1", "a.yml", 3),
        probable("azureml:a:1"),
    ]
    (rejection,) = plan(ONE, references).rejections

    assert rejection.message == (
        "a would be archived (no file declares it), but a.yml:3 and b.yml:9 use it."
    )
    assert rejection.fix == (
        "Declare a again, change the files that use it, or pass --allow-in-use."
    )
    assert rejection.source == Source("a.yml", 3)


def test_the_warning_about_an_archive_names_the_files_that_use_the_environment() -> None:
    allowed = replace(POLICY, allow_in_use=True)
    exact, guess = reference("azureml:a:1"), probable("azureml:a:1")

    assert plan(ONE, [guess]).warnings == (
        "a: the plan archives it, and train.py:3 probably uses it.",
    )
    assert plan(ONE, [exact, guess], policy=allowed).warnings == (
        "a: the plan archives it, and job.yml:3 and train.py:3 use it.",
    )


def test_the_rejection_protected_names_the_pattern() -> None:
    (rejection,) = plan(ONE, [], policy=replace(POLICY, protect=("b", "a*"))).rejections

    assert rejection.message == (
        "a would be archived (no file declares it), but the pattern 'a*' in `protect` matches its "
        "name."
    )
    assert rejection.fix == (
        "Declare a again, or remove the pattern from `protect` in envsync.yaml."
    )
    assert rejection.source is None


def test_a_refused_archive_does_not_move_latest() -> None:
    assert plan(ONE, [reference("azureml:a:1")]).latest == ()


def test_only_the_first_places_of_many_uses_are_listed() -> None:
    uses = [Use(f"{name}.yml", 1, "job", "exact") for name in "abbcde"]

    assert places(uses[:1]) == "a.yml:1"
    assert places(uses[:4]) == "a.yml:1, b.yml:1 and c.yml:1"
    assert places(uses) == "a.yml:1, b.yml:1, c.yml:1 and 2 more"


def test_a_change_of_latest_lists_the_references_that_move_with_it() -> None:
    references = [
        reference("azureml:a:1", "pinned.yml"),
        reference("azureml:a@prod", "prod.yml"),
        reference("azureml:a@latest", "z.yml"),
        reference("azureml:a", "name.yml"),
        probable("azureml:a@latest"),
        reference("azureml:b@latest", "b.yml"),
    ]
    made = plan(ONE, references, [declared("a", "2", image("2"))])

    assert made.latest == (
        LatestChange(
            "a",
            "1",
            "2",
            (
                Use("name.yml", 3, "job", "exact"),
                Use("train.py", 3, "python", "probable"),
                Use("z.yml", 3, "job", "exact"),
            ),
        ),
    )


def test_the_digest_does_not_depend_on_references_to_latest() -> None:
    desired = [declared("a", "2", image("2"))]
    without, used = (plan(ONE, found, desired) for found in ([], [reference("azureml:a@latest")]))

    assert without.latest != used.latest
    assert without.digest == used.digest


def test_a_plan_with_references_is_equal_after_a_json_round_trip() -> None:
    made = plan(ONE, [reference("azureml:a@latest")], [declared("a", "2", image("2"))])
    data = made.to_json()

    assert Plan.from_json(data).latest == made.latest
    assert isinstance(data["latest"], list)
    assert isinstance(data["latest"][0], dict)
    # Plans that an earlier envsync saved have no uses.
    del data["latest"][0]["uses"]
    assert Plan.from_json(data).latest == (LatestChange("a", "1", "2"),)


def test_the_only_active_version_of_a_protected_environment_is_not_archived() -> None:
    made = plan(ONE, [], [declared("a", "2")], replace(SUPERSEDED, protect=("a",)))

    assert result(made) == ["create a:2", "protected a:1"]
