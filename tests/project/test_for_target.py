"""A target selects and extends environments, and conflicts with the files are reported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from envsync.model.declaration import Declaration
from envsync.model.environment import Metadata
from envsync.project.for_target import (
    declared_for,
    left_out_names,
    of_other_targets,
    target_problems,
    useless_pattern_problems,
    useless_patterns,
)
from envsync.project.settings.config import Config, load_config
from tests.builders import declared

WORKSPACE = "kind: workspace, subscription_id: s, resource_group: g, workspace: w"

ELSEWHERE = WORKSPACE.replace("workspace: w", "workspace: v")
UNKNOWN = WORKSPACE.replace("subscription_id: s", "subscription_id: '${S}'")


def config(directory: Path, text: str) -> Config:
    (directory / "envsync.yaml").write_text(f"project: p\n{text}")
    return load_config(None, directory, {})


def with_tags(name: str, description: str | None = None, **tags: str) -> Declaration:
    return replace(declared(name, "1"), metadata=Metadata(description, tags))


def names(declarations: Sequence[Declaration]) -> list[str]:
    return [item.name for item in declarations]


def messages(declarations: Sequence[Declaration], found: Config, target: str) -> list[str]:
    problems = target_problems(declarations, found, found.targets[target])
    return [f"{p.file}:{p.line}:{p.column} {p.rule}: {p.message}" for p in problems]


def test_tags_of_a_file_override_tags_of_the_target_and_of_defaults(
    tmp_path: Path,
) -> None:
    found = config(
        tmp_path,
        "defaults: {description: D, tags: {a: default, b: default, c: default}}\n"
        "targets: {dev: {kind: local, tags: {b: target, c: target, d: target}}}\n",
    )
    (item,) = declared_for([with_tags("e", c="file", e="file")], found, "dev")

    assert item.metadata == Metadata(
        "D", {"a": "default", "b": "target", "c": "file", "d": "target", "e": "file"}
    )


@pytest.mark.parametrize(("own", "expected"), [("Own", "Own"), (None, "D"), ("", "D")])
def test_an_environment_without_a_description_gets_the_default_description(
    own: str | None, expected: str, tmp_path: Path
) -> None:
    found = config(tmp_path, "defaults: {description: D}\n")

    (item,) = declared_for([with_tags("e", own)], found, "local")
    assert item.metadata.description == expected


def test_declarations_for_an_unknown_target_get_only_the_defaults(tmp_path: Path) -> None:
    found = config(tmp_path, "defaults: {tags: {a: b}}\n")

    for target in (None, "other"):
        (item,) = declared_for([with_tags("e")], found, target)
        assert (item.name, dict(item.metadata.tags)) == ("e", {"a": "b"})


def test_a_suffix_is_added_to_the_name_and_the_declared_name_is_kept(tmp_path: Path) -> None:
    found = config(tmp_path, "targets: {dev: {kind: local, suffix: -dev}}\n")

    items = declared_for([declared("a", "1"), declared("a-dev-x", "1")], found, "dev")
    assert names(items) == ["a-dev", "a-dev-x-dev"]
    assert [item.declared_name for item in items] == ["a", "a-dev-x"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("include: ['base-*']", ["base-a", "base-b"]),
        ("exclude: ['base-*']", ["churn", "churn-old"]),
        ("include: ['base-*', churn], exclude: ['*-b']", ["base-a", "churn"]),
        # The patterns match the names in the files, which have no suffix.
        ("include: ['*-dev'], suffix: -dev", []),
        ("include: [CHURN]", []),
    ],
)
def test_include_and_exclude_select_declared_names(
    settings: str, expected: list[str], tmp_path: Path
) -> None:
    found = config(tmp_path, f"targets: {{dev: {{kind: local, {settings}}}}}\n")
    declarations = [declared(name, "1") for name in ("base-a", "base-b", "churn", "churn-old")]

    assert names(declared_for(declarations, found, "dev")) == expected


def test_the_function_useless_patterns_returns_each_pattern_that_matches_no_name(
    tmp_path: Path,
) -> None:
    found = config(tmp_path, "targets: {dev: {kind: local, include: [a, 'bse-*'], exclude: [c]}}\n")

    assert useless_patterns([declared("a", "1"), declared("base-x", "1")], found, "dev") == [
        "targets.dev.include: the pattern 'bse-*' matches no declared environment.",
        "targets.dev.exclude: the pattern 'c' matches no declared environment.",
    ]
    assert useless_patterns([], found, None) == []


def test_a_useless_pattern_is_reported_at_its_position(tmp_path: Path) -> None:
    text = "targets:\n  dev:\n    kind: local\n    include: [a, 'bse-*']\n    exclude: [c]\n"
    declarations = [declared("a", "1"), declared("base-x", "1")]

    for rules, severity in (("", "warning"), ("rules: {useless-pattern: error}\n", "error")):
        found = config(tmp_path, text + rules)
        problems = useless_pattern_problems(declarations, found, found.targets["dev"])
        assert [(p.severity, p.rule, p.line, p.column) for p in problems] == [
            (severity, "useless-pattern", 5, 18),
            (severity, "useless-pattern", 6, 15),
        ]
    off = config(tmp_path, text + "rules: {useless-pattern: off}\n")
    assert useless_pattern_problems(declarations, off, off.targets["dev"]) == []


def test_the_function_left_out_names_returns_the_setting_as_the_reason(tmp_path: Path) -> None:
    scope = "include: ['base-*', churn], exclude: [churn, 'x*'], suffix: -dev"
    found = config(tmp_path, f"targets: {{dev: {{kind: local, {scope}}}, prod: {{kind: local}}}}\n")
    declarations = [declared(name, "1") for name in ("base-a", "churn", "other", "xy")]

    assert left_out_names(declarations, found, "dev") == {
        "churn-dev": "left out by `exclude` of the target dev",
        "other-dev": "left out by `include` of the target dev",
        "xy-dev": "left out by `include` of the target dev",
    }
    assert left_out_names(declarations, found, "prod") == {}


def test_a_tag_that_the_file_sets_to_another_value_is_an_error(tmp_path: Path) -> None:
    found = config(
        tmp_path, "targets:\n  dev: {kind: local, tags: {team: a, stage: dev}, exclude: [c]}\n"
    )
    declarations = [
        with_tags("a", stage="prod"),
        with_tags("b", stage="dev"),
        with_tags("c", stage="x"),
    ]

    assert messages(declarations, found, "dev") == [
        "envsync.yaml:3:38 invalid-tag: The target `dev` sets the tag `stage`, but "
        f"{declarations[0].source.file}:{declarations[0].source.line} sets it to another value, "
        "`prod`."
    ]


def test_a_suffix_that_makes_a_name_too_long_is_an_error(tmp_path: Path) -> None:
    found = config(tmp_path, "targets:\n  dev: {kind: local, suffix: -dev}\n")

    assert messages([declared("a" * 251, "1"), declared("b" * 252, "1")], found, "dev") == [
        f"envsync.yaml:3:30 invalid-name: With the suffix `-dev`, the name `{'b' * 252}` "
        "has 256 characters. A name has at most 255 characters."
    ]


def test_a_suffix_that_makes_two_names_equal_is_an_error(tmp_path: Path) -> None:
    found = config(
        tmp_path,
        "targets:\n  dev: {kind: local, suffix: -dev}\n"
        "  other: {kind: local, path: b.db, exclude: [a], suffix: -dev}\n",
    )
    declarations = [declared("a", "1"), declared("a", "2"), declared("a-dev", "1")]

    assert messages(declarations, found, "dev") == [
        "envsync.yaml:3:30 duplicate-environment: With the suffix `-dev`, the name `a` "
        f"becomes `a-dev`, which {declarations[2].source.file}:{declarations[2].source.line} "
        "already declares."
    ]
    assert messages(declarations, found, "other") == []


def test_a_name_that_another_target_declares_in_the_same_workspace_is_an_error(
    tmp_path: Path,
) -> None:
    found = config(
        tmp_path,
        f"targets:\n  dev: {{{WORKSPACE}, suffix: -dev, exclude: ['*-dev']}}\n"
        f"  prod: {{{WORKSPACE.replace('g,', 'G,')}}}\n",
    )
    declarations = [declared("a", "1"), declared("a-dev", "1")]

    (message,) = messages(declarations, found, "dev")
    assert message.endswith("already declares for the target `prod`.")


class TestSeveralTargetsInOneWorkspace:
    DECLARATIONS = (declared("a", "1"), declared("b", "1"))

    def others(self, found: Config, target: str, *registered: str) -> list[str]:
        return sorted(of_other_targets(registered, self.DECLARATIONS, found, target))

    def test_names_that_another_target_declares_belong_to_that_target(self, tmp_path: Path) -> None:
        found = config(
            tmp_path,
            f"targets:\n  dev: {{{WORKSPACE}, suffix: -dev}}\n  prod: {{{WORKSPACE}}}\n",
        )

        assert self.others(found, "prod", "a", "a-dev", "old", "old-dev") == ["a-dev", "old-dev"]
        assert self.others(found, "dev", "a", "b", "old", "old-dev") == ["a", "b", "old"]

    def test_a_name_belongs_to_the_target_with_the_longest_suffix(self, tmp_path: Path) -> None:
        found = config(
            tmp_path,
            f"targets:\n  x: {{{WORKSPACE}, suffix: -x}}\n  yx: {{{WORKSPACE}, suffix: -y-x}}\n",
        )

        assert self.others(found, "x", "old-x", "old-y-x") == ["old-y-x"]
        assert self.others(found, "yx", "old-x", "old-y-x") == ["old-x"]
        # A name without a suffix belongs to no other target.
        assert self.others(found, "x", "old") == []

    def test_a_name_belongs_to_the_target_that_selects_the_name(self, tmp_path: Path) -> None:
        found = config(
            tmp_path,
            f"targets:\n  x: {{{WORKSPACE}, include: [a]}}\n  y: {{{WORKSPACE}, exclude: [a]}}\n",
        )

        assert self.others(found, "x", "a", "b", "old") == ["b"]
        assert self.others(found, "y", "a", "b", "old") == ["a"]

    def test_no_name_belongs_to_a_target_of_another_workspace(self, tmp_path: Path) -> None:
        found = config(
            tmp_path,
            f"targets:\n  v: {{{ELSEWHERE}, suffix: -dev}}\n"
            f"  t: {{{WORKSPACE.replace('_id: s', '_id: t')}, suffix: -dev}}\n"
            "  registry: {kind: registry, registry: w, suffix: -dev}\n"
            f"  prod: {{{WORKSPACE}, include: [a]}}\n",
        )

        assert self.others(found, "prod", "b", "old-dev") == []

    def test_targets_with_an_unset_variable_are_assumed_to_be_the_same_workspace(
        self, tmp_path: Path
    ) -> None:
        found = config(
            tmp_path,
            f"targets:\n  dev: {{{ELSEWHERE}, suffix: -dev}}\n"
            f"  test: {{{UNKNOWN}, suffix: -test}}\n"
            f"  prod: {{{WORKSPACE}}}\n",
        )

        assert self.others(found, "prod", "old", "old-dev", "old-test") == ["old-test"]
