"""The search accepts every text, and each reference that it finds is inside the text."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from envsync.project.files import Files
from envsync.project.references.find import references_in
from envsync.project.references.inline import Place
from tests.examples import examples

ROOT = Path("/nowhere")

WORDS = st.sampled_from(
    [
        *"{}[]:,&*!|>'\"%@#-\n\t\\ ",
        "\n  ",
        ": ",
        "environment",
        "environment: ",
        "azureml:a:1",
        "azureml:a@latest",
        "azureml://registries/r/environments/a/versions/1",
        "jobs:\n  x:\n    ",
        "$schema: azureml/commandJob.schema.json\n",
        "&x ",
        "*x",
        "<<: ",
        "{{ v }}",
        "{% if %}",
        "---\n",
        "image: i",
        "build: ",
        "conda_file: {}",
        "f(environment=",
        ")",
        "f'{x}'",
        "x = ",
        "environments.get('a', version=",
        "é\u2028\x85\ue000\x00",
        "\U0001f600",
    ]
)
TEXTS = st.lists(WORDS, max_size=30).map("".join)


def search(name: str, data: bytes) -> None:
    place = Place(Files.below(ROOT), str(ROOT), str(ROOT), with_specs=True)
    lines = data.decode("utf-8", "replace").count("\n") + 1
    for item in references_in(name, name, data, place):
        # Other line breaks of YAML and Python can add lines.
        extra = sum(map(data.decode("utf-8", "replace").count, "\r\x0b\x0c\x85\u2028\u2029"))
        assert 1 <= item.line <= lines + extra
        assert item.column >= 1


@given(TEXTS)
@settings(max_examples=examples(300), deadline=None)
def test_any_text_can_be_searched_as_yaml(text: str) -> None:
    search("a.yml", f"{text}\n# environment".encode())


@given(TEXTS)
@settings(max_examples=examples(300), deadline=None)
def test_any_text_can_be_searched_as_python(text: str) -> None:
    search("a.py", f"{text}\n# azureml".encode())


@given(st.lists(TEXTS, max_size=4), TEXTS)
@settings(max_examples=examples(200), deadline=None)
def test_any_text_can_be_searched_as_a_notebook(sources: list[str], text: str) -> None:
    cells = [{"cell_type": "code", "source": source.splitlines(True)} for source in sources]
    search("a.ipynb", json.dumps({"azureml": 1, "cells": cells}, indent=1).encode())
    search("a.ipynb", f'{{"cells": [{text}], "azureml": 1}}'.encode())


@given(st.binary(max_size=200), st.sampled_from(["a.yml", "a.py", "a.ipynb"]))
@settings(max_examples=examples(200), deadline=None)
def test_any_bytes_can_be_searched(data: bytes, name: str) -> None:
    search(name, b"environment azureml" + data)
