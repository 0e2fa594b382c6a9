"""The keys that are found without parsing, compared with those that PyYAML reads."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from yaml.nodes import MappingNode, ScalarNode

from envsync.project.search.outline import Outline, outline
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
def test_a_certain_outline_has_every_key_that_yaml_reads(text: str) -> None:
    data = text.encode()
    found, document = outline(data), compose(data)
    if document.problems or not found.is_certain:
        return
    root = document.root
    try:
        pairs = entries(root) if isinstance(root, MappingNode) else []
    except (yaml.YAMLError, AttributeError, TypeError):
        return  # a `<<` that merges something else
    keys = {key.value for key, _ in pairs if isinstance(key, ScalarNode)}

    assert keys & FIELDS <= found.keys
    assert not found.is_empty or root is None or root.tag == NULL


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: e\nimage: i\n", Outline(frozenset({"name", "image"}))),
        ("# x\n---\n\n  'name': e\n  \"image\": i\n", Outline(frozenset({"name", "image"}))),
        ("\ufeffname: e\r\nimage: i\r\n", Outline(frozenset({"name", "image"}))),
        ("{name: e, image: i}", Outline(frozenset({"name", "image"}))),
        ("$schema: x # y\n", Outline(frozenset({"$schema"}), "x")),
        ("$schema:\n  'x'\n", Outline(frozenset({"$schema"}), "x")),
        ("a:\n  name: e\n", Outline(frozenset({"a"}))),
        ("&a\nname: e\n", Outline(frozenset({"name"}), is_certain=False)),
        ("<<: *x\n", Outline(is_certain=False)),
        ("# only this\n...\n", Outline(is_empty=True)),
    ],
)
def test_an_outline_has_the_top_level_keys(text: str, expected: Outline) -> None:
    assert outline(text.encode()) == expected
