"""The public Python API, as docs/reference/api.md describes it."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import envsync
from envsync import (
    EnvsyncError,
    InvalidProject,
    Outcome,
    Plan,
    PlanRefused,
    TargetError,
    UsageError,
    apply_plan,
    load_project,
    make_plan,
    read_status,
)
from envsync.api import Verification, apply_and_verify, plan_for
from envsync.model.state import State
from envsync.targets.kinds import open_target
from envsync.targets.local.target import LocalTarget

DOCUMENT = Path(__file__).parents[1] / "docs" / "reference" / "api.md"
ENVIRONMENT = """\
$schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json
name: {name}
version: {version}
description: {description}
image: mcr.microsoft.com/azureml/core:{tag}
"""


def write(
    directory: Path, name: str, version: str = "1", description: str = "About", tag: str = "1"
) -> None:
    path = directory / "environments" / f"{name}-{version}.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        ENVIRONMENT.format(name=name, version=version, description=description, tag=tag)
    )


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write(tmp_path, "a")
    return tmp_path


def test_every_public_name_exists_and_is_documented() -> None:
    text = DOCUMENT.read_text("utf-8")

    for name in envsync.__all__:
        assert getattr(envsync, name) is not None
        # docs/reference/api.md does not describe these two names.
        if name not in {"__version__", "LatestChange"}:
            assert f"`{name}" in text or f" {name}" in text, name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        envsync.nothing  # noqa: B018


def test_the_example_in_the_documentation_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = tmp_path / "my-project"
    project.mkdir()
    write(project, "a")
    monkeypatch.chdir(tmp_path)
    found = re.search(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert found is not None

    # The program is an example of the documentation.
    exec(compile(found[1], str(DOCUMENT), "exec"), {})  # noqa: S102

    assert capsys.readouterr().out == ("create a:1 ['image', 'description']\nTrue ['done']\n")


def test_after_an_apply_the_plan_is_empty(directory: Path) -> None:
    project = load_project(directory)
    plan = make_plan(project)
    applied = apply_plan(project, plan)

    assert plan.summary["create"] == 1
    assert applied.ok
    assert applied.unverified == ()
    assert make_plan(project).is_empty


def test_a_plan_from_json_is_applied_if_it_is_not_stale(directory: Path) -> None:
    project = load_project(directory)
    saved = Plan.from_json(json.loads(json.dumps(make_plan(project).to_json())))

    assert apply_plan(project, saved).ok


def test_a_stale_plan_is_refused_and_nothing_is_written(directory: Path) -> None:
    plan = make_plan(load_project(directory))
    write(directory, "b")
    project = load_project(directory)

    with pytest.raises(PlanRefused) as caught:
        apply_plan(project, plan)
    assert caught.value.code == "plan-stale"
    assert make_plan(project).summary["create"] == 2


def test_a_plan_with_rejections_is_refused_unless_they_are_skipped(directory: Path) -> None:
    project = load_project(directory)
    apply_plan(project, make_plan(project))
    write(directory, "a", tag="2")
    write(directory, "b")
    project = load_project(directory)
    plan = make_plan(project)

    with pytest.raises(PlanRefused, match="1 rejection"):
        apply_plan(project, plan)
    applied = apply_plan(project, plan, skip_rejected=True, verify=False)
    assert [item.change.address for item in applied.outcomes] == ["b:1"]
    assert applied.unverified is None


def test_outcomes_are_returned_even_if_the_target_cannot_be_read_again(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = load_project(directory)
    plan = make_plan(project)
    read, reads = LocalTarget.read, []

    def read_once(self: LocalTarget, *arguments: Any) -> State:
        reads.append(arguments)
        if len(reads) > 1:
            raise TargetError("The network is down.")
        return read(self, *arguments)

    monkeypatch.setattr(LocalTarget, "read", read_once)
    applied = apply_plan(project, plan)

    assert [item.status for item in applied.outcomes] == ["done"]
    assert applied.unverified == ("a:1",)
    assert applied.verification_error == "The network is down."
    assert not applied.ok


def test_the_verification_fails_if_the_lists_of_the_target_cannot_be_read(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise TargetError("The lists cannot be read.")

    monkeypatch.setattr(LocalTarget, "settle", fail)
    project = load_project(directory)
    applied = apply_plan(project, make_plan(project))

    assert [item.status for item in applied.outcomes] == ["done"]
    assert applied.verification_error == "The lists cannot be read."


def test_a_lost_write_is_listed_as_unverified(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This target accepts the create and stores nothing.
    monkeypatch.setattr(LocalTarget, "create", lambda *_: None)
    project = load_project(directory)
    applied = apply_plan(project, make_plan(project))

    assert (applied.unverified, applied.verification_error) == (("a:1",), None)
    assert not applied.ok


def test_outcomes_are_yielded_one_by_one_and_the_verification_comes_last(directory: Path) -> None:
    write(directory, "b")
    project = load_project(directory)
    with closing(open_target(project.config.target(None), project.config.root)) as target:

        def plan_again() -> Plan:
            return plan_for(project, target)

        items = list(apply_and_verify(plan_again(), target, plan_again, parallel=1))

    *outcomes, verification = items
    assert [item.status for item in outcomes if isinstance(item, Outcome)] == ["done", "done"]
    assert verification == Verification(())


def test_a_stopped_apply_is_not_verified(directory: Path) -> None:
    project = load_project(directory)
    with closing(open_target(project.config.target(None), project.config.root)) as target:

        def plan_again() -> Plan:
            return plan_for(project, target)

        items = list(apply_and_verify(plan_again(), target, plan_again, stop=lambda: True))

    assert [item.status for item in items if isinstance(item, Outcome)] == ["skipped"]
    assert len(items) == 1


def test_loading_raises_all_problems_of_all_files(directory: Path) -> None:
    write(directory, "_", version="latest")
    write(directory, "b", version="1.10")

    with pytest.raises(InvalidProject) as caught:
        load_project(directory)
    rules = {problem.rule for problem in caught.value.problems}
    assert {"invalid-name", "invalid-version", "ambiguous-version"} <= rules
    assert "environments/b-1.10.yml:3:10: error[ambiguous-version]" in str(caught.value)


def test_a_project_without_environment_files_is_an_error(tmp_path: Path) -> None:
    project = load_project(tmp_path)

    with pytest.raises(EnvsyncError, match="no environment file below environments/"):
        make_plan(project)
    assert make_plan(project, allow_mass_archive=True).is_empty


def test_an_unknown_target_raises_usage_error(directory: Path) -> None:
    with pytest.raises(UsageError, match="local"):
        make_plan(load_project(directory), target="locale")


def test_a_status_has_the_state_of_each_environment_in_each_target(directory: Path) -> None:
    project = load_project(directory)
    apply_plan(project, make_plan(project))
    write(directory, "b")

    found = read_status(load_project(directory), ["local"])

    assert [(row.key.name, str(row.cells["local"].state)) for row in found.rows] == [
        ("b", "missing"),
        ("a", "in-sync"),
    ]
