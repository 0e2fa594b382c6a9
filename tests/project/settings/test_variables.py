"""`load_config` replaces the variables in the settings of targets by their values."""

from __future__ import annotations

from pathlib import Path

import pytest

from envsync.model.errors import InvalidProject
from tests.project.settings.config_file import WORKSPACE, problems, read


def test_variables_are_replaced_by_their_values(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        "targets: {x: {kind: registry, registry: 'r-${A}', tags: {b: '${A}-${B_2}'}}}\n"
        # `$$` is an escaped `$`, and a variable needs braces.
        "ignore_tags: ['$${A}', '$$${A}', '$A']\n",
        # The value of a variable is not expanded again.
        {"A": "a", "B_2": "${A}"},
    )

    assert config.target().scope.tags == {"b": "a-${A}"}
    assert config.target().settings["registry"] == "r-a"
    assert config.policy.ignore_tags == ("${A}", "$${A}", "$A")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("path: ${A}", "3:11"),
        ("path: x-${A}", "3:13"),
        ('path: "x-${A}"', "3:14"),
        # Columns count characters, not bytes.
        ("path: é😀${A}", "3:13"),
        # If a string is on several lines, the position is the start of the string.
        ("path: >-\n      a\n      ${A}", "3:11"),
    ],
)
def test_unset_variables_are_reported_with_their_position(
    text: str, where: str, tmp_path: Path
) -> None:
    config = read(tmp_path, f"targets:\n  x:\n    {text}\n    kind: local\n")

    with pytest.raises(InvalidProject) as caught:
        config.target("x")
    assert [
        f"{p.line}:{p.column} {p.rule}: {p.message} {p.fix}" for p in caught.value.problems
    ] == [
        f"{where} unset-variable: The environment variable `A` is not set. "
        "Set the variable, or write the value here."
    ]


@pytest.mark.parametrize(
    "setting",
    [
        "project: x-${A}",
        "environments: ['${A}']",
        "exclude: ['${A}']",
        "default_target: ${A}",
        "prune: ${A}",
        "superseded: ${A}",
        "ignore_tags: [a, '${A}']",
        "rules: {unpinned-image: '${A}'}",
    ],
)
def test_only_targets_can_use_variables(setting: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidProject) as caught:
        read(tmp_path, f"{setting}\ntargets: {{dev: {{{WORKSPACE}}}}}", {"A": "hidden"})

    assert [(problem.rule, problem.message) for problem in caught.value.problems] == [
        ("invalid-config", "`${A}` is a variable, but only targets can use variables.")
    ]


@pytest.mark.parametrize(
    "name",
    [
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_RUNTIME_TOKEN",
        "SYSTEM_ACCESSTOKEN",
        "AZURE_CLIENT_SECRET",
        "github_token",
        "DbPassword",
        "AZURE_STORAGE_KEY",
        "BLOB_SAS_URL",
    ],
)
@pytest.mark.parametrize("setting", ["path: 'x-${%s}'", "suffix: '${%s}'", "tags: {a: '${%s}'}"])
@pytest.mark.parametrize("is_set", [True, False])
def test_a_variable_whose_name_looks_like_a_secret_is_refused(
    name: str, setting: str, is_set: bool, tmp_path: Path
) -> None:
    text = f"targets: {{x: {{kind: local, {setting % name}}}, y: {{kind: local}}}}"
    with pytest.raises(InvalidProject) as caught:
        read(tmp_path, text, {name: "hidden"} if is_set else {})

    problem = caught.value.problems[0]
    assert (problem.rule, problem.message) == (
        "invalid-config",
        f"The name of the environment variable `{name}` looks like a secret.",
    )
    assert "hidden" not in str(caught.value)


def test_an_unset_variable_of_a_target_fails_when_the_target_is_used(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        "targets:\n  local: {kind: local}\n  dev: {kind: workspace, subscription_id: '${S}',"
        " resource_group: '${G}', workspace: w}\n",
        # `S` is not set, and `G` is empty.
        {"G": ""},
    )

    assert config.target("local").kind == "local"
    with pytest.raises(InvalidProject) as caught:
        config.target("dev")
    assert [f"{p.line}:{p.column} {p.rule}" for p in caught.value.problems] == [
        "3:44 unset-variable",
        "3:67 wrong-type",
    ]


@pytest.mark.parametrize("text", ["${", "${A", "${}", "${A B}", "${1}", "${A-x}"])
def test_malformed_variables_are_reported(text: str, tmp_path: Path) -> None:
    for settings_text in (
        f"project: '{text}'",
        f"targets: {{x: {{kind: local, path: '{text}'}}}}",
    ):
        assert ["invalid-config" in problem for problem in problems(tmp_path, settings_text)] == [
            True
        ]


def test_messages_do_not_show_the_value_of_a_variable(tmp_path: Path) -> None:
    found = problems(tmp_path, "prune: ${A}", {"A": "secret"})

    assert ["secret" in problem for problem in found] == [False]
