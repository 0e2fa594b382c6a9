"""envsync parses YAML with positions, as azure-ai-ml does, and refuses hostile files."""

from __future__ import annotations

import io

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from envsync.project.yaml import text as yamlfile
from envsync.project.yaml.check import check
from envsync.project.yaml.nodes import MAX_DEPTH, entries, value, walk
from envsync.project.yaml.text import Document, compose
from tests.examples import examples


def rules(data: bytes) -> list[str]:
    """Returns the problems of a text as `line:column rule`."""
    document = compose(data)
    found = list(document.problems)
    if document.root is not None:
        found += check(document.root)
    return [f"{item.line}:{item.column} {item.rule}" for item in found]


def data_of(node: Node) -> object:
    if isinstance(node, ScalarNode):
        return value(node)
    if isinstance(node, SequenceNode):
        return [data_of(item) for item in node.value]
    assert isinstance(node, MappingNode)
    return {data_of(key): data_of(item) for key, item in entries(node)}


def position_of(document: Document, text: str) -> tuple[int, int]:
    assert document.root is not None
    node = next(
        node for node in walk(document.root) if isinstance(node, ScalarNode) and node.value == text
    )
    return node.start_mark.line + 1, node.start_mark.column + 1


@pytest.fixture(params=["c", "python"])
def _parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a test with each of PyYAML's two parsers."""
    if request.param == "python":
        monkeypatch.setattr(yamlfile, "_has_c_parser", False)
        monkeypatch.setattr(yamlfile, "_Loader", yamlfile._PythonLoader)


@pytest.mark.usefixtures("_parser")
@pytest.mark.parametrize(
    ("data", "position"),
    [
        pytest.param("a: x", (1, 4), id="plain"),
        pytest.param("\ufeffa: x", (1, 4), id="byte order mark"),
        pytest.param("é: 1\n日本: x", (2, 5), id="two and three bytes"),
        pytest.param("{😀😀: x}", (1, 6), id="four bytes"),
        pytest.param("b: 1\r\na: x\r\n", (2, 4), id="CRLF"),
        pytest.param("b: 1\ra: x\r", (2, 4), id="CR"),
        pytest.param("b: 'c\td'\na: x", (2, 4), id="tab"),
        pytest.param("b: |\n  c\n  d\n\na: x", (5, 4), id="after a block"),
    ],
)
def test_positions_count_characters(data: str, position: tuple[int, int]) -> None:
    assert position_of(compose(data.encode()), "x") == position


@pytest.mark.usefixtures("_parser")
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"a: [\n", ["2:1 yaml-syntax"], id="open bracket"),
        pytest.param(b"a: 1\n\tb: 2\n", ["2:1 yaml-syntax"], id="tab for indentation"),
        pytest.param(b"a: 1\n---\nb: 2\n", ["2:1 yaml-syntax"], id="two documents"),
        pytest.param(b"a: \xc3\xa9\xff", ["1:5 yaml-syntax"], id="not UTF-8"),
        pytest.param("a: é".encode("utf-16"), ["1:1 yaml-syntax"], id="UTF-16"),
        pytest.param(b"a: 1\nb: \x00", ["2:4 yaml-syntax"], id="null character"),
        pytest.param(b"a: \x1b[31m", ["1:4 yaml-syntax"], id="control character"),
        pytest.param(b"%YAML 2.0\n---\na: 1\n", ["1:1 yaml-syntax"], id="YAML 2"),
        pytest.param(b'a: "\\ud800"', ["1:4 yaml-syntax"], id="unpaired surrogate"),
        pytest.param(b"a: *b", ["1:4 yaml-syntax"], id="undefined alias"),
        pytest.param(b"a: !!python/object:os.system x", ["1:4 yaml-syntax"], id="Python object"),
        pytest.param(b"a: !foo {b: 1}", ["1:4 yaml-syntax"], id="unknown tag"),
        pytest.param(b"a: 2024-13-45", ["1:4 yaml-syntax"], id="invalid date"),
        pytest.param(b"a: !!int x", ["1:4 yaml-syntax"], id="invalid integer"),
        pytest.param(b"a: !!bool maybe", ["1:4 yaml-syntax"], id="invalid boolean"),
        pytest.param(b"a: " + b"9" * 5000, ["1:4 yaml-syntax"], id="huge integer"),
        pytest.param(b"a: 0x" + b"f" * 3900, ["1:4 yaml-syntax"], id="huge hexadecimal"),
        pytest.param(b"a: 1" + b":59" * 2000, ["1:4 yaml-syntax"], id="huge sexagesimal"),
        pytest.param(b"a: =", ["1:4 yaml-syntax"], id="value tag"),
        pytest.param(b"a: <<", ["1:4 yaml-syntax"], id="merge as a value"),
        pytest.param(b"<<: [{a: 1}, {a: 2}]", ["1:1 duplicate-key"], id="two merged values"),
        pytest.param(b"<<: {a: 1}\n<<: {a: 2}", ["1:1 duplicate-key"], id="two merge keys"),
        pytest.param(
            b"b: {<<: [{a: [1]}, {a: [1]}]}", ["1:5 duplicate-key"], id="two merged lists"
        ),
        pytest.param(b"<<: [{a: 1}, {a: 1}]", [], id="equal merged values"),
        pytest.param(b"<<: [{a: 1}, {a: 2}]\na: 3", [], id="merged values that are overridden"),
        pytest.param(b"<<: [{a: 1}, {b: 2}]", [], id="merged values of two keys"),
        pytest.param(b"<<: 1", ["1:5 yaml-syntax"], id="merge of a scalar"),
        pytest.param(b"? [a]\n: 1", ["1:3 yaml-syntax"], id="list as a key"),
        pytest.param(b"a: 1\nb: 2\na: 3", ["3:1 duplicate-key"], id="duplicate key"),
        pytest.param(
            b"a: {b: 1, 'b': 2}", ["1:11 duplicate-key"], id="duplicate key in a nested mapping"
        ),
        pytest.param(b"1: a\n0x1: b", ["2:1 duplicate-key"], id="the same number"),
        pytest.param(b"a: &a {b: *a}", ["1:4 alias-bomb"], id="contains itself"),
        pytest.param(b"a: &a [*a, *a]", ["1:4 alias-bomb", "1:4 alias-bomb"], id="twice"),
        pytest.param(
            b"a: &a {b: 1}\n" + b"".join(b"k%d: {<<: *a}\n" % n for n in range(5001)),
            ["1:1 alias-bomb"],
            id="thousands of merges",
        ),
        pytest.param(
            b"a: &a {b: *a}\n" + b"".join(b"k%d: {<<: *a}\n" % n for n in range(5001)),
            ["1:4 alias-bomb"],
            id="contains itself, with thousands of merges",
        ),
        pytest.param(b"", [], id="empty"),
        pytest.param(b"# nothing\n", [], id="comment"),
        pytest.param(b"a: &a 1\nb: *a", [], id="alias"),
        pytest.param(b"a: &a {b: 1}\nc: {<<: *a, b: 2}", [], id="merge that is overridden"),
        pytest.param(b"%YAML 1.1\n---\na: 1\n...\n", [], id="directive"),
        pytest.param(b"a: 'it\ts'", [], id="tab in quotes"),
        pytest.param(b"=: 1", [], id="equals sign as a key"),
    ],
)
def test_a_syntax_problem_is_reported_at_its_position(data: bytes, expected: list[str]) -> None:
    assert rules(data) == expected


@pytest.mark.parametrize(
    "text",
    [
        "name: e\n<<<<<<< HEAD\nimage: a\n=======\nimage: b\n>>>>>>> topic\n",
        "name: e\n<<<<<<< HEAD\nimage: a\n||||||| 1234567\n=======\nimage: b\n>>>>>>> topic\n",
        "name: e\r\n<<<<<<<\r\nimage: a\r\n=======\r\nimage: b\r\n>>>>>>>\r\n",
        "name: e\n>>>>>>> topic\nimage: b\n",  # only one of the lines was removed
    ],
)
def test_a_merge_conflict_is_reported_at_its_first_line(text: str) -> None:
    (problem,) = compose(text.encode()).problems

    assert (problem.rule, problem.line, problem.column) == ("yaml-syntax", 2, 1)
    assert problem.message == "The file contains an unresolved merge conflict."


@pytest.mark.parametrize(
    "text",
    [
        "name: e\ndescription: |\n  <<<<<<< HEAD\n",
        "name: e  # <<<<<<< HEAD\n",
        "name: e\n# >>>>>>> topic\n",
    ],
)
def test_conflict_markers_in_valid_yaml_are_not_reported(text: str) -> None:
    assert compose(text.encode()).problems == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<<: [1, 2]\n", ["1:6 yaml-syntax"]),
        ("<<: [{a: 1}, x, [y]]\n", ["1:14 yaml-syntax"]),
        ("<<: x\nb:\n  <<: [1, 2]\n", ["1:5 yaml-syntax", "3:8 yaml-syntax"]),
    ],
)
def test_a_merge_of_several_values_is_reported_once_if_they_are_not_mappings(
    text: str, expected: list[str]
) -> None:
    assert rules(text.encode()) == expected


def test_a_pair_of_surrogates_is_read_as_one_character() -> None:
    document = compose(b'a: "\\ud83d\\ude00"')

    assert document.root is not None
    assert data_of(document.root) == {"a": "😀"}


@pytest.mark.usefixtures("_parser")
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"[" * 50_000, id="brackets"),
        pytest.param(b"a: " + b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), id="just too deep"),
        pytest.param(b"{a: " * 50_000, id="braces"),
        pytest.param(b"- " * 50_000 + b"x", id="dashes"),
        pytest.param(b"? " * 50_000, id="question marks"),
        pytest.param(b"".join(b" " * i + b"a:\n" for i in range(1000)), id="indentation"),
    ],
)
def test_deep_nesting_is_refused(data: bytes) -> None:
    document = compose(data)

    assert document.root is None
    assert [item.rule for item in document.problems] == ["yaml-syntax"]
    assert "nested more than 300 levels deep" in document.problems[0].message


@pytest.mark.usefixtures("_parser")
def test_nesting_up_to_the_limit_is_read() -> None:
    depth = MAX_DEPTH - 1
    assert rules(b"a: " + b"[" * depth + b"]" * depth) == []


def bomb(levels: int, width: int) -> bytes:
    """Returns a file with aliases that expand to `width ** levels` values."""
    lines = [f"a0: &a0 [{', '.join(['x'] * width)}]"]
    for level in range(1, levels):
        aliases = ", ".join([f"*a{level - 1}"] * width)
        lines.append(f"a{level}: &a{level} [{aliases}]")
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(bomb(9, 10), id="billion laughs"),
        pytest.param(bomb(5000, 2), id="2 to the power of 5000"),
        pytest.param(
            b"a0: &a0 {k: v}\n"
            + b"".join(
                b"a%d: &a%d {<<: [*a%d, *a%d]}\n" % (i, i, i - 1, i - 1) for i in range(1, 40)
            ),
            id="merges",
        ),
        pytest.param(
            b"a0: &a0 [x]\n"
            + b"".join(b"a%d: &a%d [*a%d]\n" % (i, i, i - 1) for i in range(1, 999)),
            id="a deep chain",
        ),
    ],
)
def test_alias_bombs_are_detected_without_expanding_them(data: bytes) -> None:
    # After expansion, each file except the last would need more memory than any machine has.
    assert rules(data) == ["1:1 alias-bomb"]


def test_a_long_file_with_one_alias_is_not_an_alias_bomb() -> None:
    # The file has more values than `MAX_EXPANSION`, but its alias does not multiply them.
    items = "\n".join(f"- item{number}" for number in range(120_000))
    assert rules(f"a: &a\n{items}\nb: *a\n".encode()) == []


# fmt: off
TOKENS = [
    "a", "b: ", "- ", "\n", "  ", "[", "]", "{", "}", ",", ":", " ", "#", "'", '"', "|", "> ",
    "&x ", "*x", "? ", "?", "%", "@", "`", "\\", "\\u00e9", "\\x41", "---", "...", "\u2028",
    "\x85", "é", "😀", "\ufeff", "-", "1", "=", "<<: ", "\r\n", "\n ", "\n  ", "~", "|2", "|+\n",
    "%YAML 1.1\n", "://", "a:b", ".1", "\t", "1:30", "2024-01-01", "yes", "0x1F", "010", "1_0",
    "{a: b}", "&y {a: 1}", "*y", "1.5", ".inf", "1e3", "null", "!",
]
# fmt: on


@settings(max_examples=examples(800), deadline=None)
@given(st.lists(st.sampled_from(TOKENS), max_size=14).map("".join))
@example("a: {b: x?y}")
@example("a:\tb")
@example("a: |#b")
@example("\ufeff\ufeff*x")
@example("? !")
@example("=:")
def test_texts_are_read_as_azure_ai_ml_reads_them(text: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8-sig")
    try:
        expected = repr(yaml.safe_load(stream))
    except (yaml.YAMLError, ValueError, LookupError):
        expected = "invalid"

    document = compose(text.encode())
    broken = any(rule.endswith(("yaml-syntax", "alias-bomb")) for rule in rules(text.encode()))
    if broken:
        # azure-ai-ml reads a value that contains itself, but envsync refuses the value. The `repr`
        # of such a value contains `...`.
        assert expected == "invalid" or "..." in expected
    else:
        assert repr(None if document.root is None else data_of(document.root)) == expected


@settings(max_examples=examples(500), deadline=None)
@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_arbitrary_bytes_raise_no_exception(data: bytes) -> None:
    for rule in rules(data):
        line, column = rule.split(" ")[0].split(":")
        assert int(line) >= 1
        assert int(column) >= 1
