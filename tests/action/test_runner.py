"""What a step tells the machine that runs it, and what text from files cannot tell it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from envsync.action.runner import Runner
from envsync.model.errors import EnvsyncError


def parse(text: str) -> dict[str, str]:
    """Outputs as GitHub reads them."""
    found = re.finditer(r"(.+?)<<(.+)\n((?:.*\n)*?)\2\n", text)
    return {match[1]: match[3].removesuffix("\n") for match in found}


def test_no_value_of_an_output_sets_another_one(tmp_path: Path) -> None:
    hostile = "x\nEOF\ndigest<<EOF\nforged\nEOF"
    Runner(tmp_path, tmp_path, outputs=tmp_path / "out").output({"summary": hostile, "digest": "d"})

    assert parse((tmp_path / "out").read_text()) == {"summary": hostile, "digest": "d"}


def test_no_text_of_the_log_is_obeyed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Runner(tmp_path, tmp_path).log("::error::forged\n::stop-commands::x\n::x::\n")
    first, *lines, last = capsys.readouterr().out.splitlines()
    fence = first.removeprefix("::stop-commands::")

    assert re.fullmatch("[0-9a-f]{32}", fence)
    assert lines == ["::error::forged", "::stop-commands::x", "::x::"]
    assert last == f"::{fence}::"


def test_an_empty_text_is_not_logged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Runner(tmp_path, tmp_path).log(" \n")

    assert capsys.readouterr().out == ""


def test_a_notice_stays_on_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Runner(tmp_path, tmp_path).notice("100%\n::error::x", "warning")

    assert capsys.readouterr().out == "::warning title=envsync::100%25%0A::error::x\n"


def test_summaries_are_added_to_what_is_there(tmp_path: Path) -> None:
    runner = Runner(tmp_path, tmp_path, summary=tmp_path / "summary")
    runner.summarize("one")
    runner.summarize("two\n\n")

    assert (tmp_path / "summary").read_text() == "one\ntwo\n"


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvsyncError, match="cannot be written: Is a directory"):
        Runner(tmp_path, tmp_path, summary=tmp_path).summarize("text")


def test_a_runner_is_what_the_variables_say(tmp_path: Path) -> None:
    runner = Runner.from_environment(
        {
            "GITHUB_WORKSPACE": str(tmp_path / "w"),
            "RUNNER_TEMP": str(tmp_path / "t"),
            "GITHUB_OUTPUT": str(tmp_path / "o"),
        }
    )

    assert runner == Runner(tmp_path / "w", tmp_path / "t", tmp_path / "o", None)
