"""The log, outputs and summary of a step, which can contain text from files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from envsync.action.job import Job
from envsync.model.errors import EnvsyncError


def parse(text: str) -> dict[str, str]:
    """Reads the outputs of a step, as GitHub reads them."""
    found = re.finditer(r"(.+?)<<(.+)\n((?:.*\n)*?)\2\n", text)
    return {match[1]: match[3].removesuffix("\n") for match in found}


def test_the_value_of_an_output_cannot_set_another_output(tmp_path: Path) -> None:
    hostile = "x\nEOF\ndigest<<EOF\nforged\nEOF"
    Job(tmp_path, tmp_path, outputs=tmp_path / "out").set_outputs(
        {"summary": hostile, "digest": "d"}
    )

    assert parse((tmp_path / "out").read_text()) == {"summary": hostile, "digest": "d"}


def test_workflow_commands_in_the_log_are_not_executed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Job(tmp_path, tmp_path).log("::error::forged\n::stop-commands::x\n::x::\n")
    first, *lines, last = capsys.readouterr().out.splitlines()
    fence = first.removeprefix("::stop-commands::")

    assert re.fullmatch("[0-9a-f]{32}", fence)
    assert lines == ["::error::forged", "::stop-commands::x", "::x::"]
    assert last == f"::{fence}::"


def test_blank_text_is_not_logged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Job(tmp_path, tmp_path).log(" \n")

    assert capsys.readouterr().out == ""


def test_line_breaks_in_an_annotation_are_escaped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Job(tmp_path, tmp_path).annotate("100%\n::error::x", "warning")

    assert capsys.readouterr().out == "::warning title=envsync::100%25%0A::error::x\n"


def test_summaries_are_appended(tmp_path: Path) -> None:
    job = Job(tmp_path, tmp_path, summary=tmp_path / "summary")
    job.add_summary("one")
    job.add_summary("two\n\n")

    assert (tmp_path / "summary").read_text() == "one\ntwo\n"


def test_the_error_for_an_unwritable_file_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(EnvsyncError, match="cannot be written: Is a directory"):
        Job(tmp_path, tmp_path, summary=tmp_path).add_summary("text")


def test_a_job_is_read_from_environment_variables(tmp_path: Path) -> None:
    job = Job.from_environment(
        {
            "GITHUB_WORKSPACE": str(tmp_path / "w"),
            "RUNNER_TEMP": str(tmp_path / "t"),
            "GITHUB_OUTPUT": str(tmp_path / "o"),
        }
    )

    assert job == Job(
        workspace=tmp_path / "w", temporary=tmp_path / "t", outputs=tmp_path / "o", summary=None
    )
