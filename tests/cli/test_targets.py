"""Tests of `envsync targets`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

CONFIG = """\
default_target: dev
targets:
  local: {kind: local}
  dev:
    kind: workspace
    subscription_id: "${ENVSYNC_TEST_SUBSCRIPTION}"
    resource_group: ml-dev
    workspace: ws-dev
    credential: cli
  shared: {kind: registry, registry: contoso-ml}
"""


@pytest.fixture(autouse=True)
def config(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENVSYNC_TEST_SUBSCRIPTION", raising=False)
    (project / "envsync.yaml").write_text(CONFIG)


def test_targets_are_listed_in_the_order_of_the_settings(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVSYNC_TEST_SUBSCRIPTION", "0000")

    assert run("targets").out.splitlines() == [
        "NAME           KIND       WHERE",
        "local          local      .envsync/local.db",
        "dev (default)  workspace  0000/ml-dev/ws-dev",
        "shared         registry   contoso-ml",
    ]


def test_targets_prints_a_reference_to_an_unset_variable_unchanged(run: Run) -> None:
    result = run("targets")

    assert (result.code, result.err) == (0, "")
    assert "${ENVSYNC_TEST_SUBSCRIPTION}/ml-dev/ws-dev" in result.out


def test_a_target_with_an_unset_variable_cannot_be_used(run: Run) -> None:
    result = run("list", "-t", "dev")

    assert result.code == 1
    assert "envsync.yaml:6:23: error[unset-variable]" in result.err


def test_json_contains_the_settings_of_each_target(run: Run) -> None:
    assert run("targets", "--format", "json").data == {
        "format_version": 1,
        "targets": [
            {
                "name": "local",
                "kind": "local",
                "default": False,
                "settings": {"path": ".envsync/local.db"},
            },
            {
                "name": "dev",
                "kind": "workspace",
                "default": True,
                "settings": {
                    "subscription_id": "${ENVSYNC_TEST_SUBSCRIPTION}",
                    "resource_group": "ml-dev",
                    "workspace": "ws-dev",
                    "credential": "cli",
                },
            },
            {
                "name": "shared",
                "kind": "registry",
                "default": False,
                "settings": {"registry": "contoso-ml"},
            },
        ],
    }


def test_a_matrix_is_one_line_with_workspaces_and_registries(run: Run) -> None:
    out = run("targets", "--format", "matrix").out

    assert out.count("\n") == 1
    assert json.loads(out) == {"target": ["dev", "shared"]}


def test_a_matrix_without_workspaces_and_registries_is_empty_with_a_notice(
    project: Path, run: Run
) -> None:
    (project / "envsync.yaml").unlink()
    result = run("targets", "--format", "matrix")

    assert (result.code, result.data) == (0, {"target": []})
    assert "The matrix is empty, because `envsync.yaml` has no workspace" in result.err
    assert run("-q", "targets", "--format", "matrix").err == ""


def test_an_error_in_the_settings_exits_with_one(project: Path, run: Run) -> None:
    (project / "envsync.yaml").write_text("targts: {}\n")
    result = run("targets", "--format", "json")

    assert (result.code, result.out) == (1, "")
    assert "envsync.yaml:1:1: error[unknown-field]" in result.err
