"""The status of a reference: declared, registered, archived, broken or moving."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from envsync.model.policy import Policy
from envsync.model.reference import Inline, Reference
from envsync.model.state import Container
from envsync.model.target import TargetIdentity
from envsync.plan.change import LatestChange
from envsync.plan.planner import make_plan
from envsync.plan.reference_status import Declared, Held, Judged, judge, unused
from envsync.project.references.text import read_text, with_parts
from tests.builders import PROJECT, container, declared, image, registered, state

DEV = TargetIdentity("dev", "workspace", "/subscriptions/s/workspaces/w")
FILES = [declared("a", "1"), declared("a", "2", image("2")), declared("auto", None)]


def reference(text: str) -> Reference:
    return with_parts(Reference("job.yml", 1, 1, text, "invalid"), read_text(text))


def short(item: Judged) -> str:
    """Returns status, rule and facts as a short text, such as `broken latest-as-version`."""
    facts = {
        "declared": item.declared,
        "registered": item.registered,
        "will-archive": item.will_archive,
    }
    known = [name if fact else f"not-{name}" for name, fact in facts.items() if fact is not None]
    rule = item.finding.rule if item.finding else "-"
    moves = f" moves-to-{item.latest.after}" if item.latest else ""
    return f"{item.status} {rule} {' '.join(known)}".rstrip() + moves


WITHOUT_TARGET = {
    "azureml:a:1": "ok - declared",
    "azureml:a:3": "ok undeclared-reference not-declared",
    "azureml:a:$(V)": "ok - declared",
    "azureml:auto:17": "ok - declared",
    "azureml:a@latest": "floating floating-reference declared",
    "azureml:b:1": "ok undeclared-reference not-declared",
    "azureml:b@latest": "floating undeclared-reference not-declared",
    "azureml:a-pr:1": "ok - declared",
    "azureml:A:1": "ok undeclared-reference not-declared",
    "azureml:a:latest": "broken latest-as-version not-declared",
    "azureml:a": "broken broken-reference",
    "azureml:a@prod": "broken broken-reference",
    "a:1": "broken broken-reference",
    "azureml:/subscriptions/s/workspaces/w/environments/a/labels/latest": (
        "broken broken-reference"
    ),
    "azureml:/subscriptions/s/workspaces/w/environments/a/versions/1": "ok - declared",
    "azureml:AzureML-sklearn@prod": "floating floating-reference",
    "azureml:AzureML-sklearn": "floating floating-reference",
    "azureml:AzureML-sklearn:1": "ok -",
    "azureml://registries/azureml/environments/sklearn/versions/1": "ok -",
    "azureml://registries/azureml/environments/sklearn/labels/latest": (
        "floating floating-reference"
    ),
    "azureml://registries/Shared/environments/a/versions/1": "ok - declared",
    "azureml://registries/shared/environments/a/versions/9": (
        "ok undeclared-reference not-declared"
    ),
    "azureml:$(NAME):1": "ok -",
}


def judged(text: str, held: Held | None = None) -> Judged:
    # Without the prefix, YAML has an invalid reference.
    item = reference(text)
    if not text.startswith("azureml:"):
        item = replace(item, form="invalid", name=None, version=None)
    declarations = Declared(FILES, suffixes={"", "-pr"}, registries={"shared"})
    return judge([item], declarations, held)[0]


@pytest.mark.parametrize(("text", "expected"), WITHOUT_TARGET.items())
def test_a_reference_is_compared_with_the_declared_environments(text: str, expected: str) -> None:
    assert short(judged(text)) == expected


HELD: dict[str, Container] = state(
    container("a", "1", registered("old", "1")),
    container("gone", "1"),
    container("foreign", registered("foreign", "1", owner="other")),
    container("archived", registered("archived", "1", archived=True)),
    container("hidden", "1", archived=True),
    container("partly", registered("partly", "1", archived=True), registered("partly", "2")),
    container("auto", "1"),
    container("AzureML-known", registered("AzureML-known", "1", owner=None, curated=True)),
)  # type: ignore[assignment]

WITH_TARGET = {
    "azureml:a:1": "ok - declared registered not-will-archive",
    # The plan creates version 2.
    "azureml:a:2": "ok - declared not-registered not-will-archive",
    "azureml:a:3": "broken broken-reference not-declared not-registered not-will-archive",
    "azureml:a@latest": (
        "floating floating-reference declared registered not-will-archive moves-to-2"
    ),
    "azureml:a:latest": ("broken latest-as-version not-declared not-registered not-will-archive"),
    "azureml:gone:1": "archived archived-reference not-declared registered will-archive",
    "azureml:gone@latest": (
        "archived archived-reference not-declared registered will-archive moves-to-None"
    ),
    "azureml:foreign:1": "ok - not-declared registered not-will-archive",
    "azureml:archived:1": ("archived archived-reference not-declared registered not-will-archive"),
    "azureml:archived@latest": (
        "archived archived-reference not-declared registered not-will-archive"
    ),
    "azureml:hidden:1": "archived archived-reference not-declared registered not-will-archive",
    "azureml:partly:1": ("archived archived-reference not-declared registered not-will-archive"),
    "azureml:nothing:1": ("broken broken-reference not-declared not-registered not-will-archive"),
    "azureml:AzureML-known:1": "ok - registered not-will-archive",
    "azureml:AzureML-unknown:1": "ok -",
    # Another workspace and another registry.
    "azureml:/subscriptions/s/workspaces/x/environments/a/versions/9": (
        "ok undeclared-reference not-declared"
    ),
    "azureml://registries/shared/environments/a/versions/1": "ok - declared",
}


@pytest.fixture(scope="module")
def held() -> Held:
    before = {
        **HELD,
        "a": container("a", "1"),
        "partly": container("partly", *HELD["partly"].versions),
    }
    owned = {name: item for name, item in before.items() if name != "partly"}
    # `partly` is declared by nobody and belongs to nobody, so no plan archives it.
    plan = make_plan(FILES, owned, Policy(PROJECT, max_archives=100), DEV)
    return Held(DEV, before, plan)


@pytest.mark.parametrize(("text", "expected"), WITH_TARGET.items())
def test_a_reference_is_compared_with_the_state_of_the_target_after_the_plan(
    text: str, expected: str, held: Held
) -> None:
    assert short(judged(text, held)) == expected


MESSAGES = {
    "azureml:a:3": ("dev has no version 3 of `a`.", "Its newest active versions: 1."),
    "azureml:gonne:1": ("dev has no environment `gonne`.", "Did you mean `gone`?"),
    "azureml:zzz:1": ("dev has no environment `zzz`.", "Declare it, or correct the name."),
    "azureml:gone:1": (
        "The plan for dev archives gone:1.",
        "Declare gone:1 again, or use another version.",
    ),
    "azureml:archived@latest": (
        "archived@latest is archived in dev.",
        "Use an active version, or declare the archived one to restore it.",
    ),
    "azureml:a:latest": (
        "`azureml:a:latest` means a version that is called `latest`, not the newest version.",
        "Write `azureml:a@latest` for the newest version.",
    ),
    "azureml:a": (
        "`azureml:a` has no version and no label, so azure-ai-ml refuses it.",
        "Write `azureml:a:VERSION` or `azureml:a@latest`.",
    ),
    "azureml:a@prod": (
        "`azureml:a@prod` has the label `prod`, but azure-ai-ml accepts only `latest`.",
        "Write a version, or `azureml:a@latest`.",
    ),
    "a:1": (
        "azure-ai-ml does not accept `a:1` as an environment.",
        "Write `azureml:` before the name and the version.",
    ),
    "file:x.yml": (
        "azure-ai-ml does not accept `file:x.yml` as an environment.",
        "Correct the path after `file:`, which is relative to this file.",
    ),
}


@pytest.mark.parametrize(("text", "expected"), MESSAGES.items())
def test_the_message_of_a_finding_contains_the_error_and_the_fix(
    text: str, expected: tuple[str, str], held: Held
) -> None:
    finding = judged(text, held).finding

    assert finding is not None
    assert (finding.message, finding.fix) == expected


def test_the_fix_for_an_undeclared_name_is_the_most_similar_declared_name() -> None:
    (item,) = judge([reference("azureml:trian:1")], Declared([declared("train", "1")]))

    assert item.finding is not None
    assert item.finding.fix == "Did you mean `train`?"


def test_a_project_without_declarations_has_no_undeclared_references() -> None:
    assert [short(item) for item in judge([reference("azureml:a:1")], Declared())] == [
        "ok - not-declared"
    ]


def inline(spec: object) -> Reference:
    return replace(reference("x"), form="inline", inline=Inline(image="i", spec=spec))  # type: ignore[arg-type]


def test_the_status_of_an_inline_environment_names_a_declared_environment_that_is_equal() -> None:
    items = judge([inline(image("2")), inline(image("3")), inline(None)], Declared(FILES))

    assert [(item.status, item.same) for item in items] == [
        ("ok", "a:2"),
        ("ok", None),
        ("ok", None),
    ]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], ["a:1", "a:2", "auto:None"]),
        (["azureml:a:1"], ["a:2", "auto:None"]),
        (["azureml:a@latest"], ["a:1", "auto:None"]),
        (["azureml:a:$(V)"], ["auto:None"]),
        (["azureml:auto:5", "azureml:a-pr:2"], ["a:1"]),
        (
            ["azureml:b:1", "azureml://registries/x/environments/a/versions/1"],
            [
                "a:1",
                "a:2",
                "auto:None",
            ],
        ),
    ],
)
def test_an_environment_without_a_reference_is_unused(
    texts: list[str], expected: list[str]
) -> None:
    declarations = Declared(FILES, suffixes={"", "-pr"})
    items = judge(map(reference, texts), declarations)

    assert [f"{item.name}:{item.version}" for item in unused(items, declarations)] == expected


def test_a_job_that_reads_a_file_uses_the_environment_with_its_content() -> None:
    declarations = Declared(FILES)
    read, copied = replace(inline(image("2")), form="file"), inline(image())
    items = judge([read, copied], declarations)

    assert [item.version for item in unused(items, declarations)] == ["1", None]


def test_the_json_of_a_reference_has_its_place_parts_and_status() -> None:
    found = Reference(
        "job.yml",
        3,
        7,
        "azureml:a@latest",
        "label",
        user="job",
        place="jobs.train.environment",
        name="a",
        label="latest",
        workspace="/subscriptions/s",
    )
    item = Judged(
        found, "floating", declared=True, registered=True, latest=LatestChange("a", "1", "2")
    )

    assert item.to_json() == {
        "file": "job.yml",
        "line": 3,
        "column": 7,
        "text": "azureml:a@latest",
        "form": "label",
        "place": "jobs.train.environment",
        "user": "job",
        "certainty": "exact",
        "name": "a",
        "version": None,
        "label": "latest",
        "registry": None,
        "workspace": "/subscriptions/s",
        "inline": None,
        "same": None,
        "status": "floating",
        "declared": True,
        "registered": True,
        "will_archive": None,
        "latest": {"before": "1", "after": "2"},
    }
    assert Judged(found).to_json()["latest"] is None
