"""Inputs that fuzzing found interesting are read, or refused with an expected error."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzzing import CORPUS, READERS, mutated, read

INPUTS = sorted(path for kind in READERS for path in (CORPUS / kind).iterdir())


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_input_of_the_corpus_is_read_or_refused(path: Path) -> None:
    read(path.parent.name, path.read_bytes())


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=30)
@given(data=st.data())
def test_a_mutated_input_is_read_or_refused(kind: str, data: st.DataObject) -> None:
    read(kind, data.draw(mutated(kind)))


def test_the_corpus_is_small() -> None:
    assert sum(path.stat().st_size for path in INPUTS) < 200_000
