"""Fixtures of the tests of a project."""

from __future__ import annotations

from collections import Counter

import pytest

from envsync.project.yaml.text import Document, compose


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Counter[bytes]:
    """Counts how often each text is parsed."""
    counts: Counter[bytes] = Counter()

    def count(data: bytes) -> Document:
        counts[data] += 1
        return compose(data)

    monkeypatch.setattr("envsync.project.files.compose", count)
    return counts
