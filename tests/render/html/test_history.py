"""The applies that a report shows."""

from __future__ import annotations

from msgspec.structs import replace

from envsync.model.history import HistoryEntry
from envsync.model.state import Container, Modification
from envsync.render.html.history import ApplyView, apply_views
from tests.render.html.reports import entry, example, version


def counts(*history: HistoryEntry) -> list[str]:
    report = example()
    target = replace(report.targets[0], history=history)
    return [item.counts for item in apply_views(replace(report, targets=(target,)))]


def test_changes_of_one_user_in_one_minute_are_an_apply() -> None:
    found = apply_views(replace(example(), targets=example().targets[:1]))

    assert found[0] == ApplyView(
        "dev",
        "2026-02-01 00:00",
        "ada",
        "abc",
        "1 created, 1 archived",
        (("create", "pydata:2"), ("archive", "gone")),
    )
    assert [item.at for item in found] == ["2026-02-01 00:00", "2026-01-01 00:00"]


def test_a_new_user_or_commit_or_a_pause_starts_a_new_apply() -> None:
    first = entry("2026-01-01T00:00:00Z", "create", "a", "1")

    assert counts(first, entry("2026-01-01T00:00:01Z", "update", "a", "1", actor="bob")) == [
        "1 created",
        "1 updated",
    ]
    assert len(counts(first, entry("2026-01-01T00:00:01Z", "update", "a", "1", commit="d"))) == 2
    assert len(counts(first, entry("2026-01-01T00:05:00Z", "update", "a", "1"))) == 2


def test_a_target_without_history_tells_who_wrote_a_version_last() -> None:
    report = example()
    item = version("a", "1", "2026-01-01T00:00:00Z")
    written = replace(item, modified=Modification("bob", "2026-01-05T00:00:00Z"))
    target = replace(report.targets[1], containers={"a": Container("a", (written,))})

    found = apply_views(replace(report, targets=(target,)))
    assert [(item.at, item.actor, item.commit, item.counts) for item in found] == [
        ("2026-01-05 00:00", "bob", "abc", "1 updated"),
        ("2026-01-01 00:00", "", "", "1 created"),
    ]


def test_a_target_without_history_tells_when_its_versions_were_created() -> None:
    found = apply_views(replace(example(), targets=example().targets[1:]))

    assert [(item.target, item.at, item.commit, item.counts) for item in found] == [
        ("staging", "2026-02-01 00:00", "abc", "1 created"),
        ("staging", "2026-01-01 00:00", "abc", "1 created"),
    ]
