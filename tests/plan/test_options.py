"""The arguments that a plan was made with, and the arguments for making a saved plan again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from envsync.model.errors import EnvsyncError, UsageError
from envsync.model.target import TargetIdentity
from envsync.model.wording import MAX_WORD
from envsync.plan.options import Options, digest_of, options_again
from envsync.plan.plan import Plan

SAVED = Options(("a*",), ("ab", "ac"), take_over=True)
PLAN = Plan("p", TargetIdentity("dev", "local", "x"), options=SAVED)
DIGEST = "sha256:" + "0f" * 32


def test_the_options_of_a_plan_are_equal_after_a_json_round_trip() -> None:
    assert Plan.from_json(json.loads(json.dumps(PLAN.to_json()))).options == SAVED


def test_options_do_not_change_the_digest() -> None:
    assert PLAN.digest == Plan(PLAN.project, PLAN.target).digest


def test_the_digest_of_options_does_not_change_between_releases() -> None:
    options: Any = PLAN.to_json()["options"]

    # Otherwise, a release would refuse the saved plans of an earlier release as edited.
    assert options["digest"] == (
        "sha256:6fd3e5dc304f60daa65ba50d1274785549ec12ef4d404c61aa7ac143cd4708c6"
    )


def test_a_plan_without_options_can_be_read() -> None:
    data = PLAN.to_json()
    del data["options"]

    assert Plan.from_json(data).options is None


@pytest.mark.parametrize(
    "options", [None, [], {"globs": "a"}, {"globs": [1]}, {"names": "a"}, {"globs": None}]
)
def test_options_of_the_wrong_type_are_reported(options: Any) -> None:
    with pytest.raises(EnvsyncError, match="not a plan that envsync wrote"):
        Plan.from_json(PLAN.to_json() | {"options": options})


@pytest.mark.parametrize(
    "edit",
    [
        {"allow_mass_archive": True},
        {"allow_in_use": True},
        {"take_over": False},
        {"globs": []},
        {"names": None},
        {"digest": DIGEST},
    ],
)
def test_edited_options_are_refused(edit: dict[str, Any]) -> None:
    data: Any = json.loads(json.dumps(PLAN.to_json()))
    data["options"].update(edit)

    with pytest.raises(EnvsyncError, match="The plan was edited"):
        Plan.from_json(data)


def test_the_options_of_another_plan_are_refused() -> None:
    other = Plan("other", PLAN.target, options=Options(allow_mass_archive=True))
    data = PLAN.to_json() | {"options": other.to_json()["options"]}

    with pytest.raises(EnvsyncError, match="The plan was edited"):
        Plan.from_json(data)


def test_options_with_hidden_credentials_can_be_read() -> None:
    plan = Plan("p", PLAN.target, options=Options(("https://me:secret@example.com/*",)))
    data = plan.to_json()

    assert "secret" not in json.dumps(data)
    assert Plan.from_json(json.loads(json.dumps(data))).digest == plan.digest


def again(saved: Options | None, *globs: str, take_over: bool = False) -> Options:
    return options_again(saved, globs, take_over=take_over, allow_mass_archive=False)


def test_the_json_of_options_has_every_option() -> None:
    assert Options().to_json() == {
        "globs": [],
        "names": None,
        "take_over": False,
        "allow_mass_archive": False,
        "allow_in_use": False,
    }


def test_options_that_an_older_envsync_saved_get_defaults() -> None:
    assert Options.from_json({}) == Options()


@pytest.mark.parametrize("globs", ["a", [1], ["a", None], None, {"a": 1}])
def test_globs_that_are_no_list_of_strings_have_the_wrong_type(globs: Any) -> None:
    with pytest.raises(TypeError, match="is not a list of strings"):
        Options.from_json({"globs": globs})


def test_a_saved_plan_is_made_again_with_its_options() -> None:
    assert again(SAVED) == SAVED
    assert again(SAVED, "a*") == SAVED


def test_a_saved_plan_without_options_uses_the_options_of_the_command_line() -> None:
    assert again(None, "b", take_over=True) == Options(("b",), take_over=True)


def test_option_allow_in_use_is_kept_and_can_be_added() -> None:
    allowed = Options(allow_in_use=True)

    assert Options.from_json(allowed.to_json()) == allowed
    assert again(allowed) == allowed
    added = options_again(
        Options(), (), take_over=False, allow_mass_archive=False, allow_in_use=True
    )
    assert added == allowed


def test_an_option_can_be_added_to_a_saved_plan() -> None:
    assert again(Options(), take_over=True) == Options(take_over=True)
    added = options_again(Options(), (), take_over=False, allow_mass_archive=True)
    assert added == Options(allow_mass_archive=True)


def test_an_option_of_a_saved_plan_cannot_be_removed() -> None:
    saved = Options(take_over=True, allow_mass_archive=True, allow_in_use=True)

    assert again(Options.from_json(saved.to_json())) == saved


@pytest.mark.parametrize(
    ("saved", "made"),
    [
        (SAVED, "for a*"),
        (Options(("a*", "c")), "for a* c"),
        (Options(), "without a GLOB"),
    ],
)
def test_globs_that_differ_from_the_saved_plan_are_wrong_usage(saved: Options, made: str) -> None:
    with pytest.raises(UsageError) as error:
        again(saved, "b", "d")
    assert str(error.value) == (
        f"The saved plan was made {made}, so it cannot be applied for b d. Leave out the GLOBs: "
        "the saved plan contains its own. To apply another selection, save another plan."
    )


@pytest.mark.parametrize("text", [DIGEST, f" {DIGEST}", f"{DIGEST}\n", f"\t{DIGEST} \r\n"])
def test_blanks_around_a_digest_are_ignored(text: str) -> None:
    assert digest_of(text) == DIGEST


@pytest.mark.parametrize(
    "text",
    [DIGEST[:-1], DIGEST + "0", DIGEST[7:], DIGEST.upper(), DIGEST.replace("0", "g"), "x", "", " "],
)
def test_a_malformed_digest_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match=r"^No plan has such a digest: "):
        digest_of(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("x", "`x`"), (" ", "An empty text"), ("x" * 1000, f"`{'x' * (MAX_WORD - 1)}…`")],
)
def test_the_message_about_a_malformed_digest_names_the_text_and_its_form(
    text: str, shown: str
) -> None:
    with pytest.raises(UsageError) as error:
        digest_of(text)
    assert str(error.value) == (
        f"No plan has such a digest: {shown} is not `sha256:` and 64 hexadecimal digits in lower "
        "case. Copy the digest from the end of the plan, or from `digest` in its JSON."
    )
