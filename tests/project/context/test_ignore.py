"""Ignore files drop the same paths as in azure-ai-ml and in Docker."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from envsync.project.context.automaton import MAX_STEPS, Automaton, Steps, TooManySteps
from envsync.project.context.ignore import (
    MAX_TURNS,
    MAX_WILDCARD_TEXT,
    MAX_WILDCARDS,
    parse_dockerignore,
    parse_ignore_file,
)
from envsync.project.context.pattern import git_segments
from tests.examples import examples

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def sdk() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("azure.ai.ml._utils._asset_utils")


@pytest.mark.parametrize(
    ("text", "path", "dropped"),
    [
        ("*.pyc", "a/b.pyc", True),
        ("name", "name", True),
        ("name", "a/name/b", True),
        ("name/", "name/b", True),
        ("name/", "name", False),
        ("/name", "a/name", False),
        ("a/name", "b/a/name", False),
        ("a/**/name", "a/name", True),
        ("a/**/name", "a/b/c/name", True),
        ("**/", "a", False),
        ("**/", "a/b", True),
        ("a/*", "a/b/c", True),
        ("*\n!keep", "keep", False),
        ("!keep\n*", "keep", True),
        ("# a\n\n  \n/", "# a", False),
        (r"\#a", "#a", True),
        ("  name  ", "name", True),
        ("\ufeffname", "name", True),
        ("name\r\nother\r\n", "name", True),
        ("[!a]b", "cb", True),
        ("[]a]b", "]b", True),
        ("[ab", "[ab", True),
        ("[[]a", "[a", True),
    ],
)
def test_an_ignore_file_drops_matching_paths(text: str, path: str, dropped: bool) -> None:
    assert parse_ignore_file(text).drops(path) == dropped


@pytest.mark.parametrize("line", ["!", "name\\", "[z-a]"])
def test_an_invalid_pattern_is_refused_with_its_line_number(line: str) -> None:
    with pytest.raises(ValueError, match=r"^line 2 is not a valid pattern: "):
        parse_ignore_file("name\n" + line)


PARTS = ("**", "**/", "/**", "[!a]", "[!/]", "[a-b]", "[+-9]", "[]a]", "a*", "*b", "***")
lines = st.one_of(
    st.text(alphabet="ab*?[]!^-\\/# .&|~", max_size=8),
    st.lists(st.sampled_from((*PARTS, *"ab*?/!")), max_size=8).map("".join),
)
paths = st.lists(
    st.text(alphabet="ab[]!^-#.\\&|~\n", min_size=1, max_size=4), min_size=1, max_size=6
)


@settings(max_examples=examples(500), suppress_health_check=[HealthCheck.function_scoped_fixture])
# Python's `re` warns about `--`, `&&`, `~~`, `||` and `[` in a character set, because a later
# Python can read them as set operations.
@example(["[a--]b", "[+--]a"], ["-a"])
@example(["[&&]", "[~~|]", "[[a]"], ["&"])
@given(lines=st.lists(lines, max_size=4), path=paths.map("/".join))
def test_every_pattern_matches_as_in_azure_ai_ml(
    sdk: Any, tmp_path: Path, lines: list[str], path: str | list[str]
) -> None:
    path = path if isinstance(path, str) else "/".join(path)
    # No file can have a path with the name `.` or `..`.
    if {".", ".."} & set(path.split("/")):
        return
    text = "\n".join(lines)
    (tmp_path / ".amlignore").write_text(text, encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        try:
            expected = sdk.get_ignore_file(tmp_path).is_file_excluded(tmp_path / path)
        except (ValueError, re.error):
            expected = "invalid"
    try:
        actual: bool | str = parse_ignore_file(text).drops(path)
    except ValueError:
        actual = "invalid"
    assert actual == expected


@pytest.mark.parametrize(
    ("text", "path", "dropped"),
    [
        ("name", "name", True),
        ("name", "a/name", False),
        ("/name", "name", True),
        ("name/", "name/a/b", True),
        ("./a//name", "a/name", True),
        ("*.md", "a.md", True),
        ("*.md", "a/a.md", False),
        ("**/*.md", "a/b/a.md", True),
        ("**/*.md", "a.md", True),
        ("a/**", "a/b/c", True),
        ("a/**/c", "a/c", True),
        ("*\n!a/keep", "a/keep/b", False),
        ("!a\n*", "a", True),
        ("# a", "# a", False),
        ("a?c", "abc", True),
        ("[^a]", "b", True),
        ("[^a]", "a", False),
        ("[z-a]\nname", "name", True),
        ("a+(b)", "a+(b)", True),
        (r"a\*", "a*", True),
        ("! ", "a", False),
    ],
)
def test_a_dockerignore_drops_a_path_as_in_docker(text: str, path: str, dropped: bool) -> None:
    assert parse_dockerignore(text).drops(path) == dropped


@settings(max_examples=examples(500))
@given(text=lines, tree=st.lists(st.sampled_from("ab/\n+-"), max_size=12).map("".join))
def test_a_random_pattern_matches_random_text_as_in_the_pathspec_of_azure_ai_ml(
    pathspec: Any, text: str, tree: str
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        try:
            regex, drops = pathspec.GitWildMatchPattern.pattern_to_regex(text)
            expected = regex is not None and re.compile(regex).match(tree) is not None
        except (ValueError, re.error):
            with pytest.raises(ValueError, match="is not a valid pattern"):
                parse_ignore_file(text)
            return
    if drops is False:
        text = text.strip()[1:]
        # Without `!`, the rest could be a comment, or start with another `!`.
        if not text.strip() or text != text.strip() or text[0] in "#!" or text == "/":
            return
    assert parse_ignore_file(text).drops(tree) == expected


@pytest.fixture(scope="module")
def pathspec() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("azure.ai.ml._utils._pathspec")


# A plain regular expression for one of these patterns takes years to reject the path.
SLOW = {
    "*a" * 40 + "b": "a" * 250,
    "/".join(["a/**"] * 30) + "/b": "/".join("a" * 150),
    "[!b]*" * 3 + "*a*a*a*a*a*a*a*a*a*a*a*a*a*c": "a" * 250,
    "**/" + "*a*a*a/" * 20 + "b": "/".join(["aaaaaaaa"] * 100),
    "?*" * 100 + "b": "a" * 250,
}


@pytest.mark.parametrize(("text", "path"), SLOW.items())
def test_a_pattern_with_many_wildcards_rejects_a_path_in_linear_time(text: str, path: str) -> None:
    assert not parse_ignore_file(text).drops(path)
    assert not parse_dockerignore(text.replace("!", "^")).drops(path)
    assert not parse_ignore_file(text).drops(path[:100] + "\n")


def test_the_steps_of_an_automaton_grow_with_the_length_of_the_path() -> None:
    def steps(length: int) -> int:
        counted = Steps()
        assert not Automaton(git_segments("*a*a*a*a*b")).matches("a" * length, counted)
        return MAX_STEPS - counted.left

    assert steps(2000) < 2.1 * steps(1000)


@pytest.mark.parametrize("parse", [parse_ignore_file, parse_dockerignore])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n".join(f"*{number}*" for number in range(MAX_WILDCARDS + 1)), "patterns with wild"),
        ("*a" * MAX_WILDCARD_TEXT, "the patterns with wildcards have more than"),
        ("\n".join(f"*{n}\n!*{n}" for n in range(MAX_TURNS)), "alternate more than"),
    ],
)
def test_an_ignore_file_with_too_many_wildcards_is_refused(
    parse: Any, text: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text)


def test_an_ignore_file_can_have_many_names_without_wildcards() -> None:
    rules = parse_ignore_file("".join(f"{n}\n/a/{n}\n!/b/{n}\n" for n in range(20_000)))
    assert [rules.drops(path) for path in ("7", "x/19999/y", "b/7", "c")] == [
        True,
        True,
        False,
        False,
    ]


def test_slow_matching_of_names_with_line_breaks_is_an_error() -> None:
    rules = parse_ignore_file("\n".join(f"name{number}" for number in range(10_000)))
    with pytest.raises(TooManySteps, match="in reasonable time"):
        for number in range(1000):
            rules.drops(f"a\n{number}")


@pytest.mark.parametrize(
    ("text", "path", "dropped"),
    [
        ("a**b", "ab", True),
        ("a**b", "ac/d/b", True),
        ("a**b", "ac/db", False),
        ("a**", "abc/d", True),
        ("**a**b**", "x/a/y/bc", True),
        ("[^a]b", "c/b", False),
        ("[a/]b", "a/b", False),
    ],
)
def test_two_stars_inside_a_name_match_as_in_docker(text: str, path: str, dropped: bool) -> None:
    assert parse_dockerignore(text).drops(path) == dropped
