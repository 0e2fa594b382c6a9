"""The messages of expected errors."""

from __future__ import annotations

import pytest

from envsync.model.errors import (
    Conflict,
    EnvsyncError,
    GitError,
    InvalidProject,
    PlanRefused,
    TargetError,
)
from envsync.model.problem import Problem

SIGNED = "https://st.blob.core.windows.net/c/f?sv=2024-11-04&sig=a1b2%2Bc3d4%3D&se=2026"
SHOWN = "https://st.blob.core.windows.net/c/f?sv=2024-11-04&sig=***&se=2026"


@pytest.mark.parametrize(
    "error",
    [
        EnvsyncError(f"{SIGNED} failed."),
        TargetError(f"{SIGNED} failed."),
        Conflict(f"{SIGNED} failed."),
        GitError(f"{SIGNED} failed."),
        PlanRefused("plan-stale", f"{SIGNED} failed."),
    ],
)
def test_an_error_hides_the_signature_of_a_url(error: EnvsyncError) -> None:
    assert str(error) == f"{SHOWN} failed."


def test_the_error_about_an_invalid_project_hides_the_password_of_a_url() -> None:
    text = "https://me:secret@example.com is missing."
    problem = Problem("missing-file", "error", text, "a.yml", 1, 1, "Fix it.")

    assert "secret" not in str(InvalidProject([problem]))
