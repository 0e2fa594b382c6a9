"""Advice for messages: how to fetch the history that a clone lacks."""

from __future__ import annotations

from typing import Final

FETCH_ALL: Final = (
    "Fetch every branch with its whole history: with `fetch-depth: 0` for actions/checkout, with "
    "`fetchDepth: 0` in Azure Pipelines, with `GIT_DEPTH: 0` and "
    "`git fetch origin '+refs/heads/*:refs/remotes/origin/*'` in GitLab, or with "
    "`git fetch --unshallow origin '+refs/heads/*:refs/remotes/origin/*'` in another shallow clone."
)
"""How to fetch the default branch and the history that a pipeline leaves out."""
