"""`load_config` reads `defaults`, and the scope settings of a target."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from envsync.model.environment import Metadata
from envsync.model.errors import InvalidProject
from envsync.project.settings.config import Config, load_config


def read(directory: Path, text: str, environ: Mapping[str, str] | None = None) -> Config:
    (directory / "envsync.yaml").write_text(text)
    return load_config(None, directory, environ or {})


def local(settings: str) -> str:
    return f"targets:\n  dev:\n    kind: local\n    {settings}\n"


def problems(directory: Path, text: str) -> list[str]:
    with pytest.raises(InvalidProject) as caught:
        read(directory, text)
    return [f"{p.line}:{p.column} {p.rule}: {p.message}" for p in caught.value.problems]


def test_default_tags_have_the_text_that_is_in_the_file(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        "defaults: {description: About, tags: {a: b, version: 1.10, new: yes, empty: ''}}\n",
    )

    assert config.defaults == Metadata(
        "About", {"a": "b", "version": "1.10", "new": "yes", "empty": ""}
    )


def test_every_setting_of_a_target_is_read(tmp_path: Path) -> None:
    text = (
        'include: ["base-*", a]\n    exclude: [b]\n    tags: {stage: "${STAGE}"}\n    suffix: -dev'
    )
    scope = read(tmp_path, local(text), {"STAGE": "dev"}).target("dev").scope

    assert (scope.include, scope.exclude) == (("base-*", "a"), ("b",))
    assert (dict(scope.tags), scope.suffix) == ({"stage": "dev"}, "-dev")
    assert dict(scope.positions) == {
        "include[0]": (4, 15),
        "include[1]": (4, 25),
        "exclude[0]": (5, 15),
        "tags.stage": (6, 12),
        "suffix": (7, 13),
    }


@pytest.mark.parametrize("text", ["suffix: ''", 'suffix: ""', "exclude: []", "tags: {}"])
def test_an_empty_scope_setting_has_the_same_effect_as_no_setting(
    text: str, tmp_path: Path
) -> None:
    scope = read(tmp_path, local(text)).target("dev").scope

    assert (scope.include, scope.exclude, dict(scope.tags), scope.suffix) == ((), (), {}, "")


def test_an_unset_variable_in_a_tag_is_reported_when_the_target_is_used(tmp_path: Path) -> None:
    config = read(tmp_path, local("tags: {a: '${A}', b: 'x-${B}'}"))

    with pytest.raises(InvalidProject) as caught:
        config.target("dev")
    assert [(item.rule, item.line, item.column) for item in caught.value.problems] == [
        ("unset-variable", 4, 16),
        ("unset-variable", 4, 29),
    ]


@pytest.mark.parametrize("text", ["suffix: '-${A}'", "include: [a, '${A}']", "exclude: ['${A}']"])
def test_an_unset_variable_is_reported_when_the_target_is_used(text: str, tmp_path: Path) -> None:
    config = read(tmp_path, local(text))

    with pytest.raises(InvalidProject, match="The environment variable `A` is not set"):
        config.target("dev")


def test_a_default_description_satisfies_the_rule_about_descriptions(tmp_path: Path) -> None:
    assert read(tmp_path, "defaults: {description: d}").rules["missing-description"] == "off"
    assert read(tmp_path, "defaults: {tags: {a: b}}").rules["missing-description"] == "warning"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("defaults: [a]", ["1:11 wrong-type: `defaults` must be a mapping."]),
        (
            "defaults: {tag: {a: b}}",
            ["1:12 unknown-field: The setting `defaults.tag` does not exist."],
        ),
        ("defaults: {tags: [a]}", ["1:18 wrong-type: `tags` must be a mapping."]),
        (
            "defaults: {tags: {envsync.owner: me}}",
            ["1:19 reserved-tag: Tags that start with `envsync.` are reserved for envsync."],
        ),
        (
            "defaults: {tags: {a: [b], c: , 1: d}}",
            [
                "1:22 invalid-tag: The value of the tag `a` is not a string, number or boolean.",
                "1:30 invalid-tag: The tag `c` has no value.",
                "1:32 invalid-tag: The tag key `1` is not a string.",
            ],
        ),
        ("defaults: {tags: {[a]: b}}", ["1:19 yaml-syntax: "]),
        (
            "defaults: {description: 1}",
            ["1:25 wrong-type: `defaults.description` must be a string."],
        ),
        (
            "defaults: {description: '${A}', tags: {b: '${C}'}}",
            [
                "1:25 invalid-config: `${A}` uses a variable, but `defaults` cannot use variables.",
                "1:43 invalid-config: `${C}` uses a variable, but `defaults` cannot use variables.",
            ],
        ),
        (
            local("tags: {envsync.digest: x}"),
            ["4:12 reserved-tag: Tags that start with `envsync.` are reserved for envsync."],
        ),
        (local("include: base-*"), ["4:14 wrong-type: `targets.dev.include` must be a list."]),
        (local("include: []"), ["4:14 invalid-config: `targets.dev.include` has no pattern."]),
        (local("exclude: [1]"), ["4:15 wrong-type: `targets.dev.exclude` must be a string."]),
        (local("suffix: -1"), ["4:13 wrong-type: `targets.dev.suffix` must be a string."]),
        (local("suffix: ' dev'"), ["4:13 invalid-config: `targets.dev.suffix` cannot be ` dev`."]),
        (local("suffix: -ä"), ["4:13 invalid-config: `targets.dev.suffix` cannot be `-ä`."]),
        (local("suffix: [a]"), ["4:13 wrong-type: `targets.dev.suffix` must be a string."]),
        (
            local("sufix: -dev"),
            ["4:5 unknown-field: The setting `targets.dev.sufix` does not exist."],
        ),
    ],
)
def test_a_problem_is_reported_with_its_position(
    text: str, expected: list[str], tmp_path: Path
) -> None:
    found = problems(tmp_path, text)

    assert [item[: len(start)] for item, start in zip(found, expected, strict=True)] == expected
