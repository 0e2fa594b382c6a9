"""Wrapped values: widths in terminal columns, and where long words are broken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from envsync.model.wording import printable
from envsync.render.paint import middle_cut
from envsync.render.values import wrapped

texts = st.text(alphabet=st.characters(categories=["L", "N", "P"], include_characters=" /:"))


@given(texts.map(printable), st.integers(2, 30))
def test_wrapped_lines_fit_and_lose_only_spaces(text: str, width: int) -> None:
    lines = list(wrapped(text, width))

    assert max(map(cell_len, lines)) <= width
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_long_word_is_broken_after_a_separator() -> None:
    assert list(wrapped("registry.example.com/team/image:tag", 26)) == [
        "registry.example.com/team/",
        "image:tag",
    ]


def test_a_word_moves_to_the_next_line_before_it_is_broken() -> None:
    assert list(wrapped("a " + "b" * 9 + " c", 9)) == ["a", "b" * 9, "c"]


def test_wide_characters_take_two_columns() -> None:
    assert list(wrapped("日本語 日本", 6)) == ["日本語", "日本"]


@given(texts.map(printable), st.integers(2, 30))
def test_a_text_that_is_cut_in_the_middle_fits(text: str, width: int) -> None:
    cut = middle_cut(text, width)

    assert cell_len(cut) <= width
    assert cut == text or "…" in cut


def test_a_text_that_is_cut_in_the_middle_keeps_both_ends() -> None:
    assert middle_cut("/subscriptions/0000/workspaces/ws-dev", 20) == "/subscrip…ces/ws-dev"
