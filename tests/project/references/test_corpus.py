"""The references in public jobs, pipelines, components and deployments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from envsync.model.reference import Reference
from envsync.project.files import Files
from envsync.project.references.find import files_below, find_references
from tests.project.project import DATA

CORPUS = DATA / "corpus"

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"there is no {CORPUS}")


@pytest.fixture(scope="module")
def found() -> list[Reference]:
    return find_references(files_below(str(CORPUS)), Files.below(CORPUS), str(CORPUS))


def test_the_corpus_has_the_references_that_were_counted_by_hand(found: list[Reference]) -> None:
    assert Counter(item.form for item in found) == {
        "registry-label": 122,
        # Ten of them are in templates, which are no valid YAML.
        "inline": 100,
        "label": 41,
        "registry-version": 10,
        "version": 2,
        "file": 1,
        "template": 1,
    }
    assert Counter(item.certainty for item in found) == {"exact": 266, "probable": 11}


def test_every_environment_key_is_a_reference_except_in_prompt_flow(found: list[Reference]) -> None:
    """Compares the number of references in each file with a walk through the parsed YAML."""
    counts: Counter[str] = Counter()
    templates = set()
    for path in map(Path, files_below(str(CORPUS))):
        file = path.relative_to(CORPUS).as_posix()
        try:
            document = yaml.safe_load(path.read_text("utf-8-sig"))
        except yaml.YAMLError:
            templates.add(file)
            continue
        if "Flow.schema.json" not in str(document.get("$schema", "")):
            counts[file] += sum(1 for _ in environments(document))
    actual = Counter(item.file for item in found if item.file not in templates)

    assert actual == +counts
    assert {item.file for item in found if item.file in templates} == templates


def environments(document: Any) -> Iterator[Any]:
    if isinstance(document, dict):
        for key, value in document.items():
            if key == "environment":
                yield value
            yield from environments(value)
    elif isinstance(document, list):
        for item in document:
            yield from environments(item)
