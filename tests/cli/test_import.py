"""Tests of `envsync import` with a local target."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from envsync.model.canonical import canonical_json
from envsync.model.content_version import content_version
from envsync.model.environment import (
    Build,
    BuildContext,
    Environment,
    EnvironmentKey,
    EnvironmentSpec,
    Metadata,
)
from envsync.model.provenance import Provenance
from envsync.model.target import TargetIdentity
from envsync.project.context.scan import scan_context
from envsync.project.writing.staging import publish, remove_staging, staging
from envsync.targets.local.target import LocalTarget
from tests.cli.conftest import Run, declare

CONDA = canonical_json({"name": "c", "dependencies": ["python=3.11"]})
IMAGE = EnvironmentSpec(image="mcr.microsoft.com/base:1")
WITH_CONDA = EnvironmentSpec(image="mcr.microsoft.com/base:1", conda_file=CONDA)


def register(
    project: Path,
    name: str,
    version: str = "1",
    spec: EnvironmentSpec = IMAGE,
    description: str | None = "About",
    tags: Mapping[str, str] | None = None,
    owner: str | None = None,
) -> None:
    """Registers a version in the local target of the project, as somebody without envsync would."""
    identity = TargetIdentity("local", "local", ".envsync/local.db")
    with closing(LocalTarget(project / ".envsync/local.db", identity)) as target:
        target.create(
            Environment(
                EnvironmentKey(name, version),
                spec,
                Metadata(description, tags or {}),
                Provenance(owner),
            )
        )


def built(directory: Path, files: Mapping[str, str], dockerfile: str = "Dockerfile") -> Any:
    for path, content in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(content)
    context = scan_context(directory, directory).context
    assert isinstance(context, BuildContext)
    return EnvironmentSpec(build=Build(context, dockerfile))


def written(project: Path) -> dict[str, str]:
    """Returns the content of each file below the environments directory."""
    top = project / "environments"
    return {
        path.relative_to(top).as_posix(): path.read_text()
        for path in sorted(top.rglob("*"))
        if path.is_file()
    }


def reasons(run: Run) -> list[str]:
    return [
        f"{change['action']} {change['name']}:{change['version']} {change['reason']}"
        for change in run("plan", "--json").data["changes"]
    ]


ADOPT = "new owner: the version belongs to no project"


def test_an_import_writes_an_environment_file_beside_a_conda_file(project: Path, run: Run) -> None:
    register(project, "sklearn-1.5", "2024.1", WITH_CONDA, tags={"team": "data"})
    result = run("import")

    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "+ sklearn-1.5:2024.1: wrote environments/sklearn-1.5/env.yml, "
        "environments/sklearn-1.5/environment.yml\nImported: 1 version.\n"
    )
    assert written(project) == {
        "sklearn-1.5/env.yml": """\
$schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json
name: sklearn-1.5
version: "2024.1"
description: About
image: mcr.microsoft.com/base:1
conda_file: environment.yml
tags:
  team: data
""",
        "sklearn-1.5/environment.yml": "name: c\ndependencies:\n  - python=3.11\n",
    }


def test_the_plan_after_an_import_contains_only_adoptions(project: Path, run: Run) -> None:
    register(project, "a", spec=WITH_CONDA)
    register(project, "b", description=None, tags={"empty": ""})
    run("import")

    assert reasons(run) == [f"update a:1 {ADOPT}", f"update b:1 {ADOPT}"]
    assert run("apply", "--yes").code == 0
    assert reasons(run) == []


def test_the_plan_after_an_import_with_adopt_is_empty(project: Path, run: Run) -> None:
    register(project, "a", spec=WITH_CONDA)
    register(project, "a", "2")
    result = run("import", "--adopt")

    assert result.code == 0
    assert result.out.endswith(
        "Applied: 1 done.\nVerified: the target shows every change that was done.\n"
    )
    assert reasons(run) == []


def test_adopt_with_json_prints_one_document(project: Path, run: Run) -> None:
    register(project, "a")
    data = run("import", "--adopt", "--json").data

    assert data == {
        "format_version": 1,
        "dry_run": False,
        "imported": [
            {"name": "a", "version": "1", "files": ["environments/a/env.yml"], "notes": []}
        ],
        "not_imported": [],
        "failed": [],
        "adopted": [
            {
                "action": "update",
                "scope": "version",
                "name": "a",
                "version": "1",
                "status": "done",
                "error": None,
            }
        ],
    }


def test_adopt_writes_nothing_if_the_plan_has_other_changes(project: Path, run: Run) -> None:
    (project / "envsync.yaml").write_text("project: churn\nadopt: never\n")
    register(project, "a")
    result = run("import", "--adopt")

    assert result.code == 1
    assert "the versions were not adopted, because the plan has a rejection" in result.err
    assert "a/env.yml" in written(project)
    assert run("list", "--json").data[0]["versions"][0]["owner"] is None
    register(project, "b")
    refused = run("import", "--adopt", "--json")
    assert refused.code == 1
    assert [item["name"] for item in refused.data["imported"]] == ["b"]
    assert refused.data["adopted"] == []


def test_option_all_versions_writes_a_directory_for_each_version(project: Path, run: Run) -> None:
    for version in ("1", "1.10", "v2-rc_1"):
        register(project, "a", version)
    run("import", "--all-versions")

    assert list(written(project)) == ["a/1/env.yml", "a/1.10/env.yml", "a/v2-rc_1/env.yml"]
    assert reasons(run) == [f"update a:{version} {ADOPT}" for version in ("1", "1.10", "v2-rc_1")]


def test_option_unversioned_adopts_the_newest_version(project: Path, run: Run) -> None:
    register(project, "a", "7")
    register(project, "a", "3", WITH_CONDA)
    run("import", "--unversioned")

    assert "version:" not in written(project)["a/env.yml"]
    assert reasons(run) == [f"update a:3 {ADOPT}"]


def test_option_unversioned_keeps_a_version_that_is_not_derived_from_the_content(
    project: Path, run: Run
) -> None:
    with (project / "envsync.yaml").open("a") as settings:
        settings.write("versions: content\n")
    spec = EnvironmentSpec(image="i:1")
    register(project, "a", content_version(spec), spec)
    register(project, "b", "3", spec)
    run("import", "--unversioned")

    files = written(project)
    assert "version:" not in files["a/env.yml"]
    assert 'version: "3"' in files["b/env.yml"]
    assert reasons(run) == [f"update a:{content_version(spec)} {ADOPT}", f"update b:3 {ADOPT}"]


def test_an_inline_import_writes_one_file(project: Path, run: Run) -> None:
    register(project, "a", spec=WITH_CONDA)
    run("import", "--inline")

    assert list(written(project)) == ["a/env.yml"]
    assert (
        "conda_file:\n  name: c\n  dependencies:\n    - python=3.11\n"
        in (written(project)["a/env.yml"])
    )
    assert reasons(run) == [f"update a:1 {ADOPT}"]


def test_a_dry_run_lists_the_files_and_writes_none(project: Path, run: Run, tmp_path: Path) -> None:
    register(project, "a", spec=WITH_CONDA)
    register(project, "b", spec=built(tmp_path / "ctx", {"Dockerfile": "FROM x:1\n"}))
    result = run("import", "--dry-run")

    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "+ a:1: would write environments/a/env.yml, environments/a/environment.yml\n"
        "+ b:1: would write environments/b/env.yml, environments/b/context/\n"
        "Would import: 2 versions.\n"
    )
    assert written(project) == {}
    before = run("import", "--dry-run", "--json").data["imported"]
    assert run("import", "--json").data["imported"] == before


def test_a_second_import_changes_nothing(project: Path, run: Run) -> None:
    register(project, "a", spec=WITH_CONDA)
    run("import")
    before = written(project)
    result = run("import")

    assert (result.code, written(project)) == (0, before)
    assert result.out == (
        "Nothing to import: a file declares every environment that can be imported.\n"
    )


def test_an_import_changes_no_existing_file(project: Path, run: Run) -> None:
    declare(project, "a", "1")
    (project / "environments/b").mkdir()
    (project / "environments/b/env.yml").write_text("not an environment\n")
    before = written(project)
    for name, version in (("a", "1"), ("a", "2"), ("b", "1")):
        register(project, name, version)
    run("import")
    after = written(project)

    assert {path: after[path] for path in before} == before
    assert sorted(after.keys() - before.keys()) == ["a/env.yml", "b/1/env.yml"]


def test_an_import_writes_no_file_into_an_existing_build_context(project: Path, run: Run) -> None:
    (project / "environments/a").mkdir()
    (project / "environments/a/Dockerfile").write_text("FROM x:1\n")
    (project / "environments/a/a.yml").write_text("name: a\nversion: '1'\nbuild: {path: .}\n")
    run("apply", "--yes")
    register(project, "a", "2")
    run("import")

    assert "a-2/env.yml" in written(project)
    assert reasons(run) == [f"update a:2 {ADOPT}"]


def test_a_build_context_is_copied(project: Path, run: Run, tmp_path: Path) -> None:
    files = {"docker/Dockerfile": "FROM x:1\n", "app/größe.txt": "1", "app/env.yml": "a: 1\n"}
    register(project, "a", spec=built(tmp_path / "ctx", files, "docker/Dockerfile"))
    run("import")
    after = written(project)

    assert after.pop("a/env.yml").endswith(
        "build:\n  path: context\n  dockerfile_path: docker/Dockerfile\n"
    )
    assert after == {f"a/context/{path}": content for path, content in files.items()}
    assert reasons(run) == [f"update a:1 {ADOPT}"]


def test_a_build_context_with_environment_files_is_written_to_a_hidden_directory(
    project: Path, run: Run, tmp_path: Path
) -> None:
    schema = "https://azuremlschemas.azureedge.net/latest/environment.schema.json"
    files = {"Dockerfile": "FROM x:1\n", "env.yml": f"$schema: {schema}\nname: z\nimage: x:1\n"}
    register(project, "a", spec=built(tmp_path / "ctx", files))
    run("import")

    assert "a/.context/env.yml" in written(project)
    assert reasons(run) == [f"update a:1 {ADOPT}"]


def test_a_build_context_that_the_target_lost_is_reported(
    project: Path, run: Run, tmp_path: Path
) -> None:
    register(project, "a", spec=built(tmp_path / "ctx", {"Dockerfile": "FROM x:1\n"}))
    register(project, "b")
    for path in (project / ".envsync/contexts").rglob("Dockerfile"):
        path.write_text("FROM y:1\n")
    result = run("import")

    assert result.code == 1
    assert result.err.startswith("! a:1: The build context ")
    assert list(written(project)) == ["b/env.yml"]


def test_an_import_keeps_the_url_of_a_build_context(project: Path, run: Run) -> None:
    url = "https://github.com/contoso/app.git#main:docker"
    register(project, "a", spec=EnvironmentSpec(build=Build(url)))
    run("import")

    assert f"build:\n  path: {url}\n" in written(project)["a/env.yml"]
    assert reasons(run) == [f"update a:1 {ADOPT}"]


def test_an_import_adds_ignore_comments_to_content_that_azure_ml_accepted(
    project: Path, run: Run
) -> None:
    local = canonical_json({"dependencies": ["python=3.11", "pip", {"pip": ["-r a.txt"]}]})
    odd = canonical_json({"dependencies": ["python=3.11"], "dependancies": ["x"]})
    base = "mcr.microsoft.com/base:1"
    register(project, "a", spec=EnvironmentSpec(image=base, conda_file=local))
    register(project, "b", spec=EnvironmentSpec(image=base, conda_file=odd))
    register(project, "c", spec=EnvironmentSpec(image=base, conda_file=local))
    assert run("import", "a", "b").code == 0
    assert run("import", "c", "--inline").code == 0

    ignore = "  # envsync: ignore[conda-local-file]\n"
    assert written(project)["a/environment.yml"].endswith(f"- -r a.txt{ignore}")
    assert written(project)["c/env.yml"].endswith(f"- -r a.txt{ignore}")
    assert (
        "dependancies:  # envsync: ignore[unknown-field]\n"
        in (written(project)["b/environment.yml"])
    )
    assert reasons(run) == [f"update {name}:1 {ADOPT}" for name in "abc"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (EnvironmentSpec(image="Not An Image"), "(invalid-image)."),
        (
            EnvironmentSpec(image="mcr.microsoft.com/base:1", conda_file='"text"'),
            "The conda file `text` does not exist",
        ),
        (
            EnvironmentSpec(
                image="mcr.microsoft.com/base:1",
                conda_file=canonical_json({"dependencies": [1.5]}),
            ),
            "(invalid-conda).",
        ),
        (EnvironmentSpec(build=Build("wasbs://c@a.blob/x/")), "(missing-file)."),
    ],
)
def test_an_import_skips_a_version_that_no_file_can_declare(
    project: Path, run: Run, spec: EnvironmentSpec, message: str
) -> None:
    register(project, "a", spec=spec)
    register(project, "b")
    result = run("import", "--inline")

    assert result.code == 1
    assert result.err.startswith("! a:1: The version was not imported, because envsync does not ")
    assert message in result.err
    assert result.out.endswith("Imported: 1 version, 1 failed.\n")
    assert list(written(project)) == ["b/env.yml"]


def test_versions_of_other_projects_are_counted_by_project(project: Path, run: Run) -> None:
    for number in range(7):
        register(project, f"a{number}", owner="fraud")
    result = run("import")

    assert (result.code, result.out) == (0, "Nothing was imported.\n")
    assert result.err == (
        "- Not imported: a0:1, a1:1, a2:1, a3:1, a4:1 and 2 more: it belongs to project 'fraud'.\n"
    )
    assert "a4:1, a5:1, a6:1: it belongs" in run("import", "-v").err
    assert len(run("import", "--json").data["not_imported"]) == 7


def test_an_import_does_not_write_metadata_that_the_settings_add(project: Path, run: Run) -> None:
    (project / "envsync.yaml").write_text(
        "project: churn\n"
        "defaults: {description: Common, tags: {team: data}}\n"
        'ignore_tags: ["ci-*"]\n'
        "targets:\n"
        "  local: {kind: local, tags: {stage: prod}, suffix: -p, exclude: [x]}\n"
    )
    tags = {"team": "data", "stage": "prod", "ci-run": "7", "own": "1"}
    register(project, "a-p", description="Common", tags=tags)
    register(project, "x-p")
    register(project, "b")
    result = run("import")

    assert written(project)["a/env.yml"].endswith('base:1\ntags:\n  own: "1"\n')
    assert "description" not in written(project)["a/env.yml"]
    assert result.err == (
        "- Not imported: b: its name does not end with the suffix of the target, `-p`.\n"
        "- Not imported: x-p: left out by `exclude` of the target local.\n"
    )
    assert reasons(run) == [f"update a-p:1 {ADOPT}"]


def test_environments_of_another_target_with_the_same_file_are_not_imported(
    project: Path, run: Run
) -> None:
    (project / "envsync.yaml").write_text(
        "project: churn\ntargets:\n  local: {kind: local}\n  next: {kind: local, suffix: -next}\n"
    )
    register(project, "a-next")
    register(project, "b")
    result = run("import", "-t", "local")

    assert list(written(project)) == ["b/env.yml"]
    assert "a-next: it belongs to another target of envsync.yaml" in result.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--all-versions", "--unversioned"], "exclude each other"),
        (["--dry-run", "--adopt"], "exclude each other"),
        (["a", "--as", "b", "--all-versions"], "exclude each other"),
        (["a", "--as", "b", "--adopt"], "exclude each other"),
        (["--as", "b"], "exactly one version"),
        (["a", "b", "--as", "c"], "exactly one version"),
        (["a", "--as", "AzureML-b"], "is reserved"),
        (["a", "--as", "b c"], "is not a valid environment name"),
        (["azureml://x/y", "--as", "b"], "is not the address of a version"),
        (["azureml://registries/azureml/environments/a/labels/latest"], "Pass `--as NAME`"),
    ],
)
def test_import_refuses_a_wrong_command_line(
    project: Path, run: Run, arguments: list[str], message: str
) -> None:
    result = run("import", *arguments)

    assert result.code == 64
    assert message in result.err


def test_option_unversioned_is_refused_if_the_settings_require_versions(
    project: Path, run: Run
) -> None:
    (project / "envsync.yaml").write_text("project: a\nversions: explicit\n")

    assert run("import", "--unversioned").code == 64


def test_a_glob_that_matches_nothing_is_an_error(project: Path, run: Run) -> None:
    register(project, "abc")
    result = run("import", "abd")

    assert result.code == 1
    assert result.err == (
        "Error: No environment in the target matches 'abd'. Did you mean `abc`?\n"
    )


def test_files_with_errors_stop_an_import(project: Path, run: Run) -> None:
    register(project, "a")
    declare(project, "b", os_type="BeOS")
    result = run("import")

    assert result.code == 1
    assert "a/env.yml" not in written(project)


@pytest.mark.parametrize("address", ["base:1", "base@latest", "base", "azureml:base:1"])
def test_option_as_writes_a_new_environment_with_the_content_of_a_version(
    project: Path, run: Run, address: str
) -> None:
    register(project, "base", spec=WITH_CONDA, description="Old", tags={"a": "b"})
    result = run("import", address, "--as", "my-name")

    assert (result.code, result.err) == (0, "")
    assert list(written(project)) == ["my-name/env.yml", "my-name/environment.yml"]
    assert written(project)["my-name/env.yml"].splitlines()[1:] == [
        "name: my-name",
        'version: "1"',
        "description: Started as a copy of base:1 in the local target local.",
        "image: mcr.microsoft.com/base:1",
        "conda_file: environment.yml",
    ]
    assert [item.partition(" ")[0] for item in reasons(run)] == ["create"]


def test_option_as_with_option_unversioned_writes_a_file_without_version(
    project: Path, run: Run
) -> None:
    register(project, "base")
    run("import", "base", "--as", "b", "--unversioned", "--inline")

    assert "version" not in written(project)["b/env.yml"]


def test_option_as_requires_a_new_name_and_an_existing_version(project: Path, run: Run) -> None:
    declare(project, "b")
    register(project, "base")

    assert "already declares an environment 'b'" in run("import", "base", "--as", "b").err
    assert "base has no version '2'." in run("import", "base:2", "--as", "c").err
    assert "no environment 'bse'. Did you mean `base`?" in run("import", "bse", "--as", "c").err


def test_an_interrupted_import_is_completed_by_the_next_one(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"a{number:02}" for number in range(40)]
    for name in names:
        register(project, name)
    published: list[Path] = []
    first = threading.Lock()

    def interrupt(staged: Path, final: Path) -> None:
        # Several threads publish, and a second signal would end the process of the tests.
        if first.acquire(blocking=False):
            os.kill(os.getpid(), signal.SIGINT)
        published.append(final)
        publish(staged, final)

    with monkeypatch.context() as patch:
        patch.setattr("envsync.api.importing.publish", interrupt)
        result = run("import")

    assert result.code == 130
    assert "Interrupted. Run the command again" in result.err
    assert published == [path for path in published if (path / "env.yml").is_file()]
    assert {path.name for path in (project / "environments").iterdir()} == {
        path.name for path in published
    }
    assert run("import").code == 0
    assert sorted(path.name for path in (project / "environments").iterdir()) == names


def test_remove_staging_removes_a_directory_whose_block_still_runs(tmp_path: Path) -> None:
    with staging(tmp_path) as staged:
        remove_staging()
        assert not staged.exists()
