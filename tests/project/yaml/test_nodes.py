"""YAML nodes have the values of YAML 1.1, and messages are short and printable."""

from __future__ import annotations

import pytest
import yaml
from yaml.nodes import MappingNode, ScalarNode

from envsync.model.wording import MAX_MESSAGE, nearest, printable
from envsync.project.yaml.nodes import entries, value
from envsync.project.yaml.text import compose


# YAML 1.1 has octal numbers with a leading 0 and sexagesimal numbers, and floats need a dot:
# https://yaml.org/type/
@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("1.10", 1.1),
        ("010", 8),
        ("08", "08"),
        ("1:30", 90),
        ("1_000", 1000),
        ("0x1F", 31),
        ("1e3", "1e3"),
        ("yes", True),
        ("off", False),
        ("~", None),
        ("'1.10'", "1.10"),
        ("!!str 1.10", "1.10"),
    ],
)
def test_scalars_are_read_as_yaml_1_1(text: str, meaning: object) -> None:
    root = compose(text.encode()).root

    assert isinstance(root, ScalarNode)
    assert repr(value(root)) == repr(meaning)


def test_the_text_of_a_scalar_is_kept_as_written() -> None:
    root = compose(b"1_000").root

    assert isinstance(root, ScalarNode)
    assert root.value == "1_000"


def test_written_entries_override_merged_entries() -> None:
    root = compose(b"<<: [{a: 1, b: 1}, {a: 2, c: 2}]\nb: 3").root

    assert isinstance(root, MappingNode)
    assert {key.value: item.value for key, item in entries(root)} == {"a": "1", "b": "3", "c": "2"}


# The order of merged entries depends on the installed release of PyYAML.
@pytest.mark.parametrize(
    "text",
    [
        "<<: [{name: first, b: 1}, {name: second, c: 2}]",
        "<<: [{a: 1}, {a: 2}]\nb: 3",
        "<<: {name: first}\n<<: {name: second}",
        "name: own\n<<: [{name: first}, {name: second}]",
        "<<: {<<: [{name: deep}, {name: deeper}], b: 1}",
        "x: &x {name: e}\n<<: [*x, {name: f}, *x]",
        "<<: []\na: 1",
    ],
)
def test_entries_are_merged_as_in_the_installed_pyyaml(text: str) -> None:
    root = compose(text.encode()).root

    assert isinstance(root, MappingNode)
    expected = {key: str(item) for key, item in yaml.safe_load(text).items() if key != "x"}
    for _ in range(2):  # reading the entries changes no node
        found = {key.value: item.value for key, item in entries(root) if key.value != "x"}
        assert found == expected


@pytest.mark.parametrize(
    ("word", "near"),
    [("nmae", "name"), ("condaFile", "conda_file"), ("NAME", "name"), ("zzz", None)],
)
def test_the_nearest_word_is_suggested(word: str, near: str | None) -> None:
    assert nearest(word, ["name", "conda_file", "image"]) == near


def test_a_message_is_one_printable_line_of_limited_length() -> None:
    assert printable("a\n\x1b[31mé😀", MAX_MESSAGE) == r"a\n\x1b[31mé😀"
    assert len(printable("x" * 10_000, MAX_MESSAGE)) == MAX_MESSAGE
