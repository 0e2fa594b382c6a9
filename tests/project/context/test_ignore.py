"""Ignore files drop the same paths as in azure-ai-ml and in Docker."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from envsync.project.context.ignore import parse_dockerignore, parse_ignore_file

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


lines = st.text(alphabet="ab*?[]!^-\\/# .&|~", max_size=8)
paths = st.lists(st.text(alphabet="ab[]!^-#.\\&|~", min_size=1, max_size=4), min_size=1, max_size=4)


@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
