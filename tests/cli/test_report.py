"""`envsync report` writes an HTML page, and `envsync plan --format html` the part about a plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run, declare
from tests.project.project import write

SETTINGS = """\
project: churn
default_target: dev
targets:
  dev: {kind: local, path: dev.db}
  prod: {kind: local, path: prod.db, suffix: -prod}
"""
UNREACHABLE = SETTINGS + (
    '  cloud: {kind: workspace, subscription_id: "${NOT_SET}", resource_group: r, workspace: w}\n'
)
JOB = """\
$schema: https://azuremlschemas.azureedge.net/latest/commandJob.schema.json
command: python train.py
environment: azureml:{name}
"""


@pytest.fixture
def applied(project: Path, run: Run) -> Path:
    """A project whose `a:1` is applied to both targets, and whose `a:2` is not applied."""
    write(project, {"envsync.yaml": SETTINGS, "jobs/a.yml": JOB.replace("{name}", "a:1")})
    declare(project, "a", "1")
    for target in ("dev", "prod"):
        assert run("apply", "--yes", "-t", target).code == 0
    declare(project, "a", "2", image="mcr.microsoft.com/azureml/core:2")
    return project


def test_the_page_shows_changes_states_references_versions_and_history(
    applied: Path, run: Run
) -> None:
    before = (applied / "dev.db").read_bytes()
    result = run("report", "--out", "report.html")
    page = (applied / "report.html").read_text("utf-8")

    assert (result.code, result.out, result.err) == (0, "Wrote report.html.\n", "")
    for part in (
        "<code>a-prod:2</code>",
        '<span class="badge missing">missing</span>',
        "jobs/a.yml:3",
        "prod has no environment <code>a</code>",
        "1 version in dev over time; @latest is 1",
        "<strong>prod</strong> 1 created",
    ):
        assert part in page
    assert (applied / "dev.db").read_bytes() == before


def test_only_the_chosen_targets_are_on_the_page(applied: Path, run: Run) -> None:
    page = run("report", "--out", "-", "-t", "prod").out

    assert page.startswith("<!DOCTYPE html>\n")
    assert "a-prod:2" in page
    assert '<th scope="col">dev</th>' not in page


def test_an_unreachable_target_is_shown_on_the_page_and_causes_an_error(
    applied: Path, run: Run
) -> None:
    write(applied, {"envsync.yaml": UNREACHABLE})
    result = run("report", "--out", "report.html")
    page = (applied / "report.html").read_text("utf-8")

    assert result.code == 1
    assert "The target cloud is unreachable" in result.err
    assert "<strong>The target cloud is unreachable.</strong>" in page
    assert "a-prod:2" in page


def test_a_file_that_cannot_be_written_is_an_error(applied: Path, run: Run) -> None:
    result = run("report", "--out", "missing/report.html")

    assert (result.code, result.out) == (1, "")
    assert "missing/report.html cannot be written" in result.err


def test_plan_with_format_html_prints_only_the_plans(applied: Path, run: Run) -> None:
    page = run("plan", "--format", "html").out
    both = run("plan", "--format", "html", "--all-targets").out

    assert "<h3>dev</h3>" in page
    assert "<h3>prod</h3>" not in page
    assert 'id="status"' not in page
    assert "<h3>dev</h3>" in both
    assert "<h3>prod</h3>" in both
