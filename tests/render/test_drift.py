"""Tests of the text and the Markdown of a report about drift."""

from __future__ import annotations

from envsync.model.declaration import Source
from envsync.model.state import Modification
from envsync.plan.change import FieldChange
from envsync.plan.drift import Difference, Origin
from envsync.plan.drift_report import DriftReport
from envsync.plan.version_drift import VersionDrift
from envsync.render.drift import drift_markdown, drift_summary, drift_text
from envsync.render.paint import painter
from tests.builders import TARGET

EDITED = VersionDrift(
    "a",
    "1",
    Source("environments/a.yml", 3),
    edited=True,
    differences=(
        Difference(FieldChange("tags.owner", "theirs", "ours"), Origin.TARGET),
        Difference(FieldChange("tags.team", "theirs", "ours"), Origin.BOTH),
    ),
    modified=Modification("Ada", "2026-01-01T00:00:00.5+00:00"),
)
POSSIBLE = VersionDrift(
    "b",
    "1",
    Source("environments/b.yml", 1),
    edited=True,
    differences=(Difference(FieldChange("tags.owner", "theirs", "ours"), Origin.UNKNOWN),),
)
LEFT = VersionDrift("c", "1", edited=True, note="No file declares this version.")
UNKNOWN = VersionDrift(
    "d",
    "1",
    Source("environments/d.yml", 1),
    differences=(Difference(FieldChange("description", None, "About d"), Origin.UNKNOWN),),
)
REPORT = DriftReport(
    TARGET, (EDITED, POSSIBLE, LEFT), (UNKNOWN,), (("update", "b:1"), ("create", "e:1"))
)


def test_the_text_has_one_paragraph_for_each_version_with_drift() -> None:
    assert drift_text(REPORT, lambda path: f"../{path}", painter(False), 100) == (
        "Target local\n"
        "Each field: value in the file → value in the target.\n"
        "\n"
        "  a:1\n"
        "      last changed by Ada at 2026-01-01T00:00:00Z\n"
        "      declared in ../environments/a.yml:3\n"
        "      tags.team: changed in the file as well\n"
        '      tags.owner  "ours" → "theirs"\n'
        '      tags.team   "ours" → "theirs"\n'
        "\n"
        "  b:1\n"
        "      declared in ../environments/b.yml:1\n"
        "      tags.owner: possibly changed in the file only\n"
        '      tags.owner  "ours" → "theirs"\n'
        "\n"
        "  c:1\n"
        "      No file declares this version.\n"
        "\n"
        "These versions differ from their files, but it is unknown who made the difference: "
        "the tag\n"
        "envsync.applied is missing, or another project owns the version.\n"
        "\n"
        "  d:1\n"
        "      declared in ../environments/d.yml:1\n"
        '      description  "About d" → (none)\n'
        "\n"
        "3 drifted. 1 unknown. 2 changes pending, which `envsync plan` shows.\n"
    )


def test_every_line_fits_into_the_terminal() -> None:
    text = drift_text(REPORT, lambda path: path, painter(False), 40)

    assert [line for line in text.splitlines() if len(line) > 40] == []


def test_the_summary_says_that_there_is_no_drift() -> None:
    assert drift_summary(DriftReport(TARGET, (), (), ()), painter(False)) == "No drift."


def test_markdown_has_a_section_for_drift_unknown_and_pending() -> None:
    text = drift_markdown(REPORT, directory="models")

    assert text.startswith("### envsync · local · `models/`\n")
    assert "**3 drifted** (`-` is the file, `+` is the target)\n\n```diff\n! a:1\n" in text
    assert "**Unknown**: These versions differ from their files" in text
    assert text.endswith("\n- update `b:1`\n- create `e:1`\n")


def test_markdown_lists_at_most_twenty_pending_changes() -> None:
    pending = tuple(("update", f"a{number}:1") for number in range(25))
    text = drift_markdown(DriftReport(TARGET, (), (), pending))

    assert text.startswith("### envsync · local\n\n**No drift**\n")
    assert text.endswith("- update `a19:1`\n- and 5 more\n")
