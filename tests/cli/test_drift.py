"""`envsync drift` shows what was changed in a target, and exits with 2."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from envsync.model.environment import EnvironmentKey
from envsync.targets.local.target import LocalTarget
from tests.builders import TARGET
from tests.cli.conftest import Run, declare

Edit = Callable[..., None]


@pytest.fixture
def edit(project: Path) -> Edit:
    """Returns a function that edits the tag `owner` of a version, as another person."""

    def change(name: str, owner: str, path: str = ".envsync/local.db") -> None:
        with closing(LocalTarget(project / path, TARGET, actor="Ada")) as target:
            item = target.read([name])[name].versions[0].environment
            metadata = replace(item.metadata, tags={**item.metadata.tags, "owner": owner})
            target.update(EnvironmentKey(name, "1"), metadata, item.provenance)

    return change


@pytest.fixture
def applied(project: Path, run: Run) -> Path:
    for name in ("train", "score"):
        declare(project, name, tags="{owner: ours}")
    assert run("apply", "--yes").code == 0
    return project


def test_drift_exits_with_0_for_a_target_without_drift(applied: Path, run: Run) -> None:
    result = run("drift")

    assert (result.code, result.err) == (0, "")
    assert result.out == "Target local\n\nNo drift.\n"


def test_drift_exits_with_2_and_lists_pending_changes_separately(
    applied: Path, run: Run, edit: Edit
) -> None:
    edit("train", "theirs")
    declare(applied, "score", tags="{owner: new}")
    before = (applied / ".envsync/local.db").read_bytes()
    result = run("drift")

    assert result.code == 2
    lines = result.out.splitlines()
    assert lines[:4] == [
        "Target local",
        "Each field: value in the file → value in the target.",
        "",
        "  train:1",
    ]
    assert lines[4].startswith("      last changed by Ada at 20")
    assert lines[5:] == [
        "      declared in environments/train-1.yml:2",
        '      tags.owner  "ours" → "theirs"',
        "",
        "1 drifted. 1 change pending, which `envsync plan` shows.",
    ]
    assert (applied / ".envsync/local.db").read_bytes() == before


def test_drift_exits_with_0_if_there_are_only_pending_changes(applied: Path, run: Run) -> None:
    declare(applied, "score", tags="{owner: new}")
    result = run("drift", "--json")

    assert result.code == 0
    assert result.data["targets"] == [
        {
            "target": {"name": "local", "kind": "local", "id": ".envsync/local.db"},
            "drift": [],
            "unknown": [],
            "pending": [{"action": "update", "address": "score:1"}],
        }
    ]


def test_the_json_contains_each_field_and_its_origin(applied: Path, run: Run, edit: Edit) -> None:
    edit("train", "theirs")
    result = run("drift", "train", "--format", "json")
    (item,) = result.data["targets"][0]["drift"]

    assert result.code == 2
    assert (item["name"], item["version"]) == ("train", "1")
    assert (item["edited"], item["by"]) == (True, "Ada")
    assert item["fields"] == [
        {"path": "tags.owner", "target": "theirs", "file": "ours", "origin": "target"}
    ]


def test_the_plan_shows_who_made_the_edit(applied: Path, run: Run, edit: Edit) -> None:
    edit("train", "theirs")

    assert "drifted: tags.owner was changed by Ada at 20" in run("plan").out
    assert "drifted: tags.owner was changed by Ada at 20" in run("plan", "--format=markdown").out
    assert run("plan", "--json").data["changes"][0]["drifted"]["fields"] == ["tags.owner"]


def test_a_saved_plan_with_drift_can_be_applied(applied: Path, run: Run, edit: Edit) -> None:
    edit("train", "theirs")
    run("plan", "--out", "plan.json")

    assert run("apply", "--plan", "plan.json", "--yes").code == 0
    assert run("drift").code == 0


@pytest.mark.parametrize("glob", ["train", "train:1", "tags.*"])
def test_drift_exits_with_0_if_all_drift_is_ignored(
    applied: Path, run: Run, edit: Edit, glob: str
) -> None:
    edit("train", "theirs")

    assert run("drift", "--ignore", glob).code == 0


def test_a_glob_selects_environments(applied: Path, run: Run, edit: Edit) -> None:
    edit("train", "theirs")

    assert run("drift", "score").code == 0
    assert run("drift", "tr*").code == 2
    assert run("drift", "nothing").code == 1


def test_quiet_prints_only_the_summary(applied: Path, run: Run, edit: Edit) -> None:
    edit("train", "theirs")

    assert run("drift", "-q").out == "1 drifted.\n"


def test_drift_checks_all_targets_and_exits_with_1_if_a_target_is_unreadable(
    project: Path, run: Run, edit: Edit
) -> None:
    (project / "envsync.yaml").write_text(
        "project: churn\ntargets:\n  one: {kind: local, path: one.db}\n"
        "  two: {kind: local, path: two.db}\n"
    )
    declare(project, "train", tags="{owner: ours}")
    for target in ("one", "two"):
        assert run("apply", "--yes", "-t", target).code == 0
    edit("train", "theirs", "one.db")
    both = run("drift", "--all-targets", "--json")
    (project / "two.db").write_bytes(b"no database")
    broken = run("drift", "--all-targets", "--json")

    assert (both.code, [len(item["drift"]) for item in both.data["targets"]]) == (2, [1, 0])
    assert broken.code == 1
    assert [item["target"]["name"] for item in broken.data["targets"]] == ["one"]
    assert list(broken.data["unreachable"]) == ["two"]
    assert "Error: The target two cannot be read: " in broken.err
    assert run("drift", "--all-targets", "-t", "one").code == 64


def test_wrong_settings_of_one_target_do_not_hide_drift_in_other_targets(
    project: Path, run: Run, edit: Edit
) -> None:
    settings = project / "envsync.yaml"
    settings.write_text("project: churn\ntargets:\n  one: {kind: local, path: one.db}\n")
    declare(project, "train", tags="{owner: ours}")
    assert run("apply", "--yes").code == 0
    edit("train", "theirs", "one.db")
    with settings.open("a") as file:
        file.write('  two: {kind: local, path: "${NOT_SET}"}\n')
    both = run("drift", "--all-targets", "--json")
    alone = run("drift", "-t", "two")

    assert both.code == 1
    assert [item["target"]["name"] for item in both.data["targets"]] == ["one"]
    assert list(both.data["unreachable"]) == ["two"]
    assert "Error: The target two cannot be read: envsync.yaml:4:" in both.err
    assert alone.code == 1
    assert "error[unset-variable]" in alone.err


def test_a_plan_that_archives_too_much_does_not_prevent_a_drift_report(
    applied: Path, run: Run
) -> None:
    settings = applied / "envsync.yaml"
    target = "kind: local, path: .envsync/local.db"
    settings.write_text(f"targets:\n  local: {{{target}, include: [other]}}\n")
    left_out = run("drift", "--json")
    settings.write_text(f"targets:\n  local: {{{target}}}\n")
    for file in (applied / "environments").glob("*.yml"):
        file.unlink()
    empty = run("drift", "--json")

    for found in (left_out, empty):
        assert found.code == 0
        assert found.data["targets"][0]["pending"] == [
            {"action": "archive", "address": "score"},
            {"action": "archive", "address": "train"},
        ]


def test_the_markdown_has_separate_sections_for_drift_and_pending_changes(
    applied: Path, run: Run, edit: Edit
) -> None:
    edit("train", "`x`\n@team")
    declare(applied, "score", tags="{owner: new}")
    out = run("drift", "--format", "markdown").out

    assert "**1 drifted** (`-` is the file, `+` is the target)" in out
    assert '-   tags.owner  "ours"\n+   tags.owner  "`x`\\n@team"\n```\n' in out
    assert out.endswith(
        "**Pending in git** (`envsync plan` shows the fields)\n\n- update `score:1`\n"
    )
