"""The defaults of a policy."""

from __future__ import annotations

from envsync.model.policy import Policy


def test_a_policy_has_the_documented_defaults() -> None:
    assert Policy("churn") == Policy(
        project="churn",
        prune="owned",
        superseded="keep",
        adopt="identical",
        ignore_tags=(),
        max_archive_percent=30,
        protect=(),
        take_over=False,
        allow_mass_archive=False,
        allow_in_use=False,
        commit=None,
    )
