"""Plans as values: the digest, writing and reading JSON, and the checks before an apply."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace

from envsync import __version__
from envsync.model.declaration import Source
from envsync.model.errors import EnvsyncError, PlanRefused
from envsync.model.policy import Policy
from envsync.plan.change import Action, Change, FieldChange, LatestChange, Rejection
from envsync.plan.options import Options
from envsync.plan.plan import Plan
from envsync.plan.planner import make_plan
from tests.builders import (
    PROJECT,
    TARGET,
    built,
    conda,
    container,
    declared,
    image,
    registered,
    state,
)

CHANGE = Change(
    Action.UPDATE,
    "version",
    "pydata",
    "2",
    "metadata differs",
    (FieldChange("tags.owner", "a", "b"),),
    Source("environments/pydata.yml", 3),
    "churn",
)
REJECTION = Rejection(
    "immutable",
    "sklearn",
    "7",
    "sklearn:7 differs.",
    "envsync bump sklearn",
    (FieldChange("build.context", "sha256:a", "sha256:b", {"Dockerfile": "modified"}),),
    Source("environments/sklearn.yml", 1),
)
PLAN = Plan(
    PROJECT,
    TARGET,
    (CHANGE, Change(Action.ARCHIVE, "environment", "old", None, "no file declares it")),
    (REJECTION,),
    (LatestChange("old", "1", None),),
    ("something to know",),
    unchanged=8,
)


def test_the_summary_counts_every_action() -> None:
    assert PLAN.summary == {
        "create": 0,
        "update": 1,
        "archive": 1,
        "restore": 0,
        "unchanged": 8,
        "rejected": 1,
    }


def test_the_json_of_an_empty_plan_has_every_key() -> None:
    plan = Plan(PROJECT, TARGET)

    assert plan.to_json() == {
        "format_version": 1,
        "envsync_version": __version__,
        "project": "churn",
        "target": {"name": "local", "kind": "local", "id": ".envsync/local.db"},
        "digest": plan.digest,
        "summary": {
            "create": 0,
            "update": 0,
            "archive": 0,
            "restore": 0,
            "unchanged": 0,
            "rejected": 0,
        },
        "changes": [],
        "rejections": [],
        "latest": [],
        "warnings": [],
        "refused": None,
    }
    # Only a plan from a file is marked as read back.
    assert plan.read_back is False


def test_a_plan_that_was_read_from_json_equals_the_plan_that_was_written() -> None:
    refused = replace(PLAN, refused="too much")
    for plan in (PLAN, refused, Plan(PROJECT, TARGET)):
        assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_a_plan_from_the_planner_is_unchanged_by_a_json_round_trip() -> None:
    plan = make_plan(
        [
            declared(
                "a", None, conda("python=3.11", {"pip": ["x==1"]}, True, 1.5), "ä", {"k": "v"}
            ),
            declared("b", "1", built(Dockerfile="2")),
            declared("c", "1"),
        ],
        state(
            container("b", registered("b", "1", built(Dockerfile="1"))),
            container("c", "1", "2", archived=True),
            container("d", "1"),
        ),
        Policy(PROJECT),
        TARGET,
    )

    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_every_plan_satisfies_the_published_schema() -> None:
    schema = json.loads(files("envsync").joinpath("schemas/plan.json").read_text("utf-8"))

    jsonschema.Draft202012Validator.check_schema(schema)
    for plan in (PLAN, Plan(PROJECT, TARGET), replace(PLAN, refused="too much")):
        jsonschema.validate(plan.to_json(), schema)
    # The schema does not allow the action `delete`.
    broken = PLAN.to_json() | {"changes": [{"action": "delete"}]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)


# Each plan differs from `PLAN` in one value that an apply depends on.
DIFFERENT: dict[str, Plan] = {
    "project": replace(PLAN, project="other"),
    "target name": replace(PLAN, target=replace(TARGET, name="x")),
    "target id": replace(PLAN, target=replace(TARGET, id="x")),
    "one change less": replace(PLAN, changes=PLAN.changes[:1]),
    "another action": replace(
        PLAN, changes=(replace(CHANGE, action=Action.RESTORE), PLAN.changes[1])
    ),
    "another version": replace(PLAN, changes=(replace(CHANGE, version="3"), PLAN.changes[1])),
    "another value": replace(
        PLAN,
        changes=(
            replace(CHANGE, fields=(FieldChange("tags.owner", "a", "c"),)),
            PLAN.changes[1],
        ),
    ),
    "no rejection": replace(PLAN, rejections=()),
    "another rejection": replace(PLAN, rejections=(replace(REJECTION, code="unowned"),)),
}


@pytest.mark.parametrize("plan", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_the_digest_depends_on_everything_that_an_apply_does(plan: Plan) -> None:
    assert plan.digest != PLAN.digest


# Each plan differs from `PLAN` in one value that only explains the plan.
SAME: dict[str, Plan] = {
    "reason": replace(PLAN, changes=(replace(CHANGE, reason="x"), PLAN.changes[1])),
    "line": replace(PLAN, changes=(replace(CHANGE, source=Source("x.yml", 9)), PLAN.changes[1])),
    "message and fix": replace(
        PLAN, rejections=(replace(REJECTION, message="x", fix="y", source=None),)
    ),
    "warnings": replace(PLAN, warnings=()),
    "unchanged": replace(PLAN, unchanged=9),
    "refused": replace(PLAN, refused="x"),
}


@pytest.mark.parametrize("plan", SAME.values(), ids=SAME.keys())
def test_the_digest_ignores_explanations(plan: Plan) -> None:
    assert plan.digest == PLAN.digest


def test_the_digest_of_a_create_covers_its_content() -> None:
    def digest(tag: str, description: str) -> str:
        desired = [declared("a", "1", image(tag), description)]
        return make_plan(desired, {}, Policy(PROJECT), TARGET).digest

    assert len({digest("1", "x"), digest("2", "x"), digest("1", "y")}) == 3


def test_the_digest_does_not_change_between_releases() -> None:
    """Approvals are stored outside of envsync, so every release must compute the same digest."""
    assert PLAN.digest == "sha256:a2a53e57a53b2bd542e4c63d1f5c8fe714e3200f83630a9ec1af3f63e013cc39"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda data: data.update(format_version=2),
            rf"version 2, but this envsync \({__version__}\) reads only 1\. Make the plan again\.$",
        ),
        (lambda data: data.update(digest="sha256:" + "0" * 64), r"edited.*Make the plan again\.$"),
        # The content does not match the digest in the file any more.
        (lambda data: data["changes"].pop(), "edited"),
        (lambda data: data.pop("changes"), "not a plan"),
        (lambda data: data.update(changes=3), "not a plan"),
        (lambda data: data["changes"][0].update(action="delete"), "not a plan"),
        (lambda data: data.update(target=[]), "not a plan"),
        (lambda data: data.clear(), "not a plan"),
    ],
)
def test_edited_or_malformed_plans_are_refused(edit: Any, message: str) -> None:
    data: dict[str, Any] = json.loads(json.dumps(PLAN.to_json()))
    edit(data)

    with pytest.raises(EnvsyncError, match=message):
        Plan.from_json(data)


def test_keys_that_a_later_envsync_added_are_ignored() -> None:
    data: dict[str, Any] = json.loads(json.dumps(PLAN.to_json()))
    parts = (data, data["target"], *data["changes"], *data["rejections"], *data["latest"])
    for part in parts:
        part["surprise"] = 1
        for field in part.get("fields", []):
            field["surprise"] = 1

    assert Plan.from_json(data) == PLAN


def test_keys_that_an_earlier_envsync_did_not_write_can_be_absent() -> None:
    data: dict[str, Any] = json.loads(json.dumps(PLAN.to_json()))
    for change in data["changes"]:
        del change["predecessor"], change["differs"]

    loaded = Plan.from_json(data)

    assert loaded.digest == PLAN.digest


@pytest.mark.parametrize("data", [None, [], "plan", 1, {}])
def test_json_that_is_not_a_plan_is_refused(data: object) -> None:
    with pytest.raises(EnvsyncError, match="not a plan"):
        Plan.from_json(data)


def test_an_empty_plan_needs_no_approval() -> None:
    Plan(PROJECT, TARGET, unchanged=3).ensure_approved("sha256:" + "0" * 64)
    with pytest.raises(PlanRefused, match="plan-stale"):
        replace(PLAN, changes=()).ensure_approved("sha256:" + "0" * 64)


def test_a_plan_with_rejections_can_be_applied_only_if_they_are_skipped() -> None:
    for rejections, count in ((PLAN.rejections, "1 rejection"), ((REJECTION,) * 2, "2 rejections")):
        with pytest.raises(PlanRefused) as caught:
            replace(PLAN, rejections=rejections).ensure_applicable()
        assert caught.value.code == "rejections"
        assert str(caught.value) == (
            f"The plan has {count}, so nothing was applied. Fix the rejected files, or pass "
            "--skip-rejected to apply the rest."
        )
    PLAN.ensure_applicable(skip_rejected=True)
    replace(PLAN, rejections=()).ensure_applicable()


def test_a_rejection_holds_back_every_change_of_its_name() -> None:
    held = replace(REJECTION, name="pydata")
    plan = replace(PLAN, rejections=(held,))

    assert plan.held_back == {"pydata"}
    assert [change.name for change in plan.applicable] == ["old"]


def test_a_plan_that_archives_too_much_cannot_be_applied() -> None:
    with pytest.raises(PlanRefused, match=r"^too much\. .*pass --allow-mass-archive") as caught:
        replace(PLAN, rejections=(), refused="too much.").ensure_applicable(skip_rejected=True)
    assert caught.value.code == "mass-archive"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({}, "the key `format_version` is missing"),
        ([], "the plan is not of the type object"),
        (None, "the plan is not of the type object"),
        (
            PLAN.to_json() | {"changes": [{"action": "create"}]},
            "the key `scope` is missing in `changes[0]`",
        ),
        (PLAN.to_json() | {"target": 1}, "`target` is not of the type object"),
    ],
)
def test_the_message_about_an_invalid_plan_file_contains_no_python_term(
    data: Any, reason: str
) -> None:
    with pytest.raises(EnvsyncError) as caught:
        Plan.from_json(data)
    assert str(caught.value) == (
        f"This is not a plan that envsync wrote: {reason}. Save one with `envsync plan --out FILE`."
    )


def test_the_message_about_an_invalid_plan_file_shortens_what_the_file_contains() -> None:
    data: Any = json.loads(json.dumps(PLAN.to_json()))
    data["rejections"][0]["fields"][0]["files"] = {"k" * 5000: 1}

    for edited in (data, PLAN.to_json() | {"format_version": "9" * 5000}):
        with pytest.raises(EnvsyncError, match="…") as caught:
            Plan.from_json(edited)
        assert len(str(caught.value)) < 1000


def test_a_plan_that_was_read_from_json_is_refused_by_ensure_applicable() -> None:
    with pytest.raises(PlanRefused) as caught:
        Plan.from_json(Plan(PROJECT, TARGET).to_json()).ensure_applicable()
    assert caught.value.code == "read-back"
    assert str(caught.value) == (
        "A plan that was read from a file cannot be applied. Make the plan again, and compare the "
        "digests."
    )


def test_only_the_plan_with_the_approved_digest_can_be_applied() -> None:
    PLAN.ensure_approved(PLAN.digest)
    approved = Plan(PROJECT, TARGET).digest
    with pytest.raises(PlanRefused) as caught:
        PLAN.ensure_approved(approved)
    assert caught.value.code == "plan-stale"
    assert str(caught.value) == (
        f"plan-stale: no plan with the approved digest {approved} can be made now. There are three "
        "possible reasons: the digest is mistyped, the approved plan has another target or other "
        "arguments, or something has changed since the approval (a file, a setting or the "
        f"target). Nothing was applied. The plan now has the digest {PLAN.digest}. Review it."
    )


def test_a_plan_without_changes_and_rejections_is_empty() -> None:
    assert Plan(PROJECT, TARGET, unchanged=3).is_empty
    assert not replace(PLAN, rejections=()).is_empty
    assert not replace(PLAN, changes=()).is_empty


def test_the_approval_of_an_archive_does_not_cover_a_version_that_was_added_later() -> None:
    policy = Policy(PROJECT, max_archive_percent=100)
    keep = container("keep", "1")
    approved, later = (
        make_plan([declared("keep", "1")], state(keep, container("a", *versions)), policy, TARGET)
        for versions in (["1"], ["1", "2"])
    )

    assert [change.hides for change in later.changes] == [("1", "2")]
    assert not {*later.fingerprints.values()} & {*approved.fingerprints.values()}
    with pytest.raises(PlanRefused, match="plan-stale"):
        later.ensure_approved(approved.digest, approved.fingerprints.values())


class TestHiddenCredentials:
    """The JSON of a plan hides credentials, but digests and approvals cover them."""

    @staticmethod
    def plan(password: str) -> Plan:
        url = f"https://user:{password}@conda.example/ml"
        field = FieldChange("conda_file.channels", None, [url, "conda-forge"])
        change = Change(Action.CREATE, "version", "a", "1", "not in the target", fields=(field,))
        return Plan(PROJECT, TARGET, changes=(change,))

    def test_the_json_shows_no_credential(self) -> None:
        text = json.dumps(self.plan("s3cret").to_json())

        assert "s3cret" not in text
        assert "https://***@conda.example/ml" in text

    def test_the_digest_covers_the_credential(self) -> None:
        digests = {self.plan("one").digest, self.plan("two").digest}

        assert len(digests) == 2

    def test_a_saved_plan_approves_only_the_same_credential(self) -> None:
        saved = Plan.from_json(json.loads(json.dumps(self.plan("one").to_json())))

        self.plan("one").ensure_approved(saved.digest, saved.fingerprints.values())
        with pytest.raises(PlanRefused, match="plan-stale"):
            self.plan("two").ensure_approved(saved.digest, saved.fingerprints.values())

    def test_a_plan_that_was_read_is_written_again_as_it_was(self) -> None:
        data = self.plan("one").to_json()

        assert Plan.from_json(data).to_json() == data
        assert Plan.from_json(data).is_left_of(self.plan("one").fingerprints.values())
        assert not Plan.from_json(data).is_left_of(self.plan("two").fingerprints.values())

    def test_an_edit_of_a_saved_plan_is_detected(self) -> None:
        text = json.dumps(self.plan("one").to_json()).replace("conda-forge", "defaults")

        with pytest.raises(EnvsyncError, match="edited"):
            Plan.from_json(json.loads(text))

    def test_an_edit_of_a_saved_plan_with_options_is_detected(self) -> None:
        plan = replace(self.plan("one"), options=Options(take_over=True))
        text = json.dumps(plan.to_json()).replace("conda-forge", "defaults")

        with pytest.raises(EnvsyncError, match="edited"):
            Plan.from_json(json.loads(text))

    def test_a_plan_without_credentials_has_no_second_digest(self) -> None:
        assert "original" not in Plan(PROJECT, TARGET).to_json()
