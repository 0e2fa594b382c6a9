"""The defaults of a policy, and the places of its settings."""

from __future__ import annotations

from envsync.model.policy import FilePolicy, Policy


def test_a_policy_has_the_documented_defaults() -> None:
    assert Policy("churn") == Policy(
        project="churn",
        prune="owned",
        superseded="keep",
        adopt="identical",
        versions="auto",
        ignore_tags=(),
        max_archive_percent=30,
        max_archives=5,
        protect=(),
        take_over=False,
        allow_mass_archive=False,
        allow_in_use=False,
        commit=None,
    )


def test_a_setting_is_shown_with_its_line_or_with_the_first_line() -> None:
    policy = FilePolicy(file="envsync.yaml", lines={"images": 9})

    assert policy.place("images") == "`policy.images` (envsync.yaml:9)"
    assert policy.place("names") == "`policy.names` (envsync.yaml:1)"
