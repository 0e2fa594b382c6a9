"""An outline contains the top-level keys that PyYAML reads from the text."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from yaml.nodes import MappingNode, ScalarNode

from envsync.project.search.outline import outline
from envsync.project.yaml.nodes import NULL, entries
from envsync.project.yaml.text import compose

FIELDS = {"name", "image", "build", "conda_file", "$schema"}
# fmt: off
TOKENS = [
    "name", "image", "build: ", "$schema: ", ": ", ":", "\n", "\n  ", "- ", "{", "}", "[", "]",
    ", ", "'", '"', "# ", "| ", ">-", "&x ", "*x", "? ", "!!str ", "<<: ", "<<: *x", "---\n",
    "--- ", "...", "\\", "\\x6e", "\u2028", "\x85", "\r", "\r\n", "\t", "%YAML 1.1\n",
]
# fmt: on


@given(st.lists(st.sampled_from(TOKENS), max_size=14).map("".join))
def test_an_outline_without_doubts_contains_every_key_that_yaml_reads(text: str) -> None:
    data = text.encode()
    found, document = outline(data), compose(data)
    if document.problems or not found.is_certain:
        return
    root = document.root
    try:
        pairs = entries(root) if isinstance(root, MappingNode) else []
    except (yaml.YAMLError, AttributeError, TypeError):
        return  # `<<` merges a value that is not a mapping
    keys = {key.value for key, _ in pairs if isinstance(key, ScalarNode)}

    assert keys & FIELDS <= found.keys
    assert not found.is_empty or root is None or root.tag == NULL


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("name: e\nimage: i\n", {"name", "image"}),
        ("# x\n---\n\n  'name': e\n  \"image\": i\n", {"name", "image"}),
        ("\ufeffname: e\r\nimage: i\r\n", {"name", "image"}),
        ("name: e\rimage: i\r", {"name", "image"}),
        ("{name: e, image: i}", {"name", "image"}),
        ("a:\n  name: e\n", {"a"}),
    ],
)
def test_an_outline_contains_the_top_level_keys(text: str, keys: set[str]) -> None:
    found = outline(text.encode())

    assert (set(found.keys), found.is_certain, found.is_empty) == (keys, True, False)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("a: 1\n---\nb: 1\n", [{"a"}, {"b"}]),
        ("# x\n---\na: 1\n...\n---\n  b: 1\n--- # x\n{c: 1}\n", [{"a"}, {"b"}, {"c"}]),
        ("---\na: 1\n---\n# nothing\n", [{"a"}]),
        ("a: |\n  ---\n  b: 1\n", [{"a"}]),
        ("a: 1\n---b: 1\n", [{"a"}]),
    ],
)
def test_an_outline_has_the_keys_of_each_document(text: str, keys: list[set[str]]) -> None:
    assert [set(part.keys) for part in outline(text.encode()).parts] == keys


@pytest.mark.parametrize("text", ["&a\nname: e\n", "<<: *x\n", "? name\n: e\n", '"n\\x61me": e\n'])
def test_an_outline_is_uncertain_if_keys_can_be_hidden(text: str) -> None:
    assert not outline(text.encode()).is_certain


@pytest.mark.parametrize("text", ["", "\n\n", "# only this\n...\n", "%YAML 1.1\n---\n  # x"])
def test_the_outline_of_a_text_with_only_comments_is_empty(text: str) -> None:
    assert outline(text.encode()).is_empty


@pytest.mark.parametrize("text", ["$schema: x # y\n", "$schema:\n  'x'\n", "$schema: >-\n  x y\n"])
def test_an_outline_contains_only_the_first_word_of_the_schema(text: str) -> None:
    assert outline(text.encode()).schema == "x"
