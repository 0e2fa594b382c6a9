"""Text for terminals and for the logs of pipelines."""

from __future__ import annotations

import pytest

from envsync.model.wording import log_lines, printable, shown_lines


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x1b[31mb\n\u202ec\x9b", r"a\x1b[31mb\n\u202ec\x9b"),
        ("say ##vso[task.setvariable variable=a]b", r"say \x23#vso[task.setvariable variable=a]b"),
        ("##VSO[a]", r"\x23#VSO[a]"),
        ("##[error]a", r"\x23#[error]a"),
        # .NET ignores a variation selector when it searches.
        ("##v\ufe0fso[a]", "\\x23#v\ufe0fso[a]"),
        ("## heading [link]", "## heading [link]"),
        ("https://a:b@c/x", "https://***@c/x"),
    ],
)
def test_a_printable_value_is_one_line_without_commands_and_credentials(
    text: str, expected: str
) -> None:
    assert printable(text) == expected


def test_a_credential_is_hidden_before_a_text_is_cut() -> None:
    assert printable("https://user:" + "p" * 40 + "@host/path", 20) == "https://***@host/pa…"


@pytest.mark.parametrize("start", ["", "  ", "\t", "\x1b[1;31m  "])
def test_lines_that_start_like_a_workflow_command_are_escaped(start: str) -> None:
    assert log_lines(f"a\n{start}::error::b\nc ::d::") == f"a\n{start}\\x3a:error::b\nc ::d::"


def test_the_function_shown_lines_escapes_everything_except_line_breaks_and_colours() -> None:
    text = "\x1b[1;31mé\x1b[0m\n\x1b[2J\x07\u2066\r"

    assert shown_lines(text, color=True) == "\x1b[1;31mé\x1b[0m\n\\x1b[2J\\x07\\u2066\\r"
    assert shown_lines(text, color=False) == ("\\x1b[1;31mé\\x1b[0m\n\\x1b[2J\\x07\\u2066\\r")
