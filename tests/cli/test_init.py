"""Tests of `envsync init`: in an empty directory, and in an existing repository."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import Run
from tests.repository import ENVIRON, UNSET, git

WORKFLOWS = ("envsync-plan.yml", "envsync-apply.yml", "envsync-nightly.yml", "envsync-update.yml")


def test_init_writes_a_valid_project(project: Path, run: Run) -> None:
    result = run("init", "new")

    assert result.code == 0
    new = project / "new"
    assert sorted(str(path.relative_to(new)) for path in new.rglob("*") if path.is_file()) == [
        ".github/workflows/envsync-apply.yml",
        ".github/workflows/envsync-nightly.yml",
        ".github/workflows/envsync-plan.yml",
        ".github/workflows/envsync-update.yml",
        ".pre-commit-config.yaml",
        ".schemas/envsync.json",
        "environments/example.yml",
        "envsync.yaml",
    ]
    assert run("-C", "new", "validate", "--strict").code == 0
    assert run("-C", "new", "plan", "--detailed-exitcode").code == 2
    assert yaml.safe_load((new / ".pre-commit-config.yaml").read_text())["repos"]


def test_an_editor_finds_the_schema_of_the_settings(project: Path, run: Run) -> None:
    run("init", "new")
    line, *_ = (project / "new" / "envsync.yaml").read_text().splitlines()
    path = line.removeprefix("# yaml-language-server: $schema=")

    assert json.loads((project / "new" / path).read_text()) == run("schema", "config").data


def test_init_writes_no_schema_file_if_the_existing_settings_name_no_schema(
    project: Path, run: Run
) -> None:
    (project / "envsync.yaml").write_text("project: mine\n")
    run("init")

    assert not (project / ".schemas").exists()


def test_init_overwrites_nothing(project: Path, run: Run) -> None:
    (project / "envsync.yaml").write_text("project: mine\n")
    result = run("init")

    assert result.code == 0
    assert "kept     envsync.yaml" in result.out
    assert (project / "envsync.yaml").read_text() == "project: mine\n"
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    again = run("init")
    assert "written" not in again.out
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "name", ["envsync.yaml", ".pre-commit-config.yaml", ".github/workflows/envsync-plan.yml"]
)
def test_init_reports_a_directory_that_has_the_name_of_a_file(
    project: Path, run: Run, name: str
) -> None:
    (project / name).mkdir(parents=True)
    result = run("init")

    assert result.code == 1
    assert f"{name} cannot be written: {name} is not a file. Move it away" in result.err
    assert f"kept     {name}" not in result.out


@pytest.mark.parametrize(
    ("name", "file"),
    [("environments", "environments/example.yml"), (".github", ".github/workflows/envsync-plan")],
)
def test_init_reports_a_file_that_has_the_name_of_a_directory(
    project: Path, run: Run, name: str, file: str
) -> None:
    (project / "new").mkdir()
    (project / "new" / name).write_text("")
    result = run("init", "new")

    assert result.code == 1
    assert f"new/{file}" in result.err
    assert f"cannot be written: new/{name} is not a directory. Move it away" in result.err


def test_init_reports_a_dangling_link(project: Path, run: Run) -> None:
    (project / "envsync.yaml").symlink_to("missing.yaml")
    result = run("init")

    assert result.code == 1
    assert "envsync.yaml is a symbolic link to a path that does not exist." in result.err


@pytest.mark.parametrize("name", ["1.10", "true", "a b: c", "ß{x}"])
def test_init_accepts_any_directory_name(project: Path, run: Run, name: str) -> None:
    assert run("init", name).code == 0
    assert run("-C", name, "plan").code == 0


def test_the_error_of_init_contains_the_file_that_cannot_be_written(
    project: Path, run: Run
) -> None:
    (project / "file").write_text("")
    result = run("init", "file")

    assert result.code == 1
    assert "cannot be written" in result.err


def test_init_with_option_quiet_prints_nothing(project: Path, run: Run) -> None:
    result = run("init", "-q", "new")

    assert (result.code, result.out, result.err) == (0, "", "")
    assert (project / "new" / "envsync.yaml").is_file()
    assert (run("init", "-q", "new").out, run("-q", "init", "new").out) == ("", "")


@pytest.fixture
def repository(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Creates a repository with the default branch `trunk`, whose top is above the project."""
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    git(project.parent, "init", "-q", "-b", "trunk")
    return project.parent


def environment(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    name = f"{path.parent.name}-{path.stem}".translate({ord(" "): "-", ord(":"): "-"})
    path.write_text(f"name: {name}\nimage: mcr.microsoft.com/a:1\n")


def settings(project: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((project / "envsync.yaml").read_text())
    return loaded


class TestEnvironmentFiles:
    @pytest.mark.parametrize(
        ("files", "environments"),
        [
            (["envs/a.yml"], "envs"),
            (["ml/envs/a.yml", "ml/envs/deep/b.yml"], "ml/envs"),
            (["train/env.yml", "serve/env.yml"], ["serve", "train"]),
            (["env.yml", "serve/env.yml"], "."),
            ([f"jobs/j{number}/env.yml" for number in range(9)], "jobs"),
            (["on/a.yml", "1.0/b.yml"], ["1.0", "on"]),
            (["my envs: x/a.yml"], "my envs: x"),
        ],
    )
    def test_init_lists_the_directories_of_existing_environment_files(
        self, project: Path, run: Run, files: list[str], environments: object
    ) -> None:
        for file in files:
            environment(project / file)
        result = run("init")

        assert result.code == 0
        assert settings(project)["environments"] == environments
        assert list(project.rglob("example.yml")) == []
        assert result.out.endswith("\nNext: envsync validate\n")
        count = f"{len(files)} environment file{'s' if len(files) > 1 else ''}"
        assert result.out.startswith(f"found    {count}")
        assert json.loads(run("validate", "--json").out)["environments"] == len(files)

    def test_init_does_not_list_the_files_of_another_project(self, project: Path, run: Run) -> None:
        environment(project / "envs" / "a.yml")
        environment(project / "other" / "envs" / "b.yml")
        (project / "other" / "envsync.yaml").write_text("project: other\nenvironments: envs\n")
        run("init")

        assert settings(project)["environments"] == "envs"

    def test_init_prints_the_files_that_existing_settings_do_not_include(
        self, project: Path, run: Run
    ) -> None:
        for file in ("envs/a.yml", "serve/b.yml", "drafts/c.yml"):
            environment(project / file)
        text = "project: mine\nenvironments: envs\nexclude: [drafts/]\n"
        (project / "envsync.yaml").write_text(text)
        result = run("init")

        assert (project / "envsync.yaml").read_text() == text
        assert (
            "envsync.yaml: `environments` does not include serve/b.yml. Add their directories: "
            "serve\n"
        ) in result.out
        assert "drafts/c.yml" not in result.out

    def test_init_writes_the_example_to_the_directory_in_existing_settings(
        self, project: Path, run: Run
    ) -> None:
        (project / "envsync.yaml").write_text("environments: [ml/envs]\n")
        assert run("init").code == 0

        assert (project / "ml" / "envs" / "example.yml").is_file()
        assert run("plan").code == 0

    def test_init_prints_that_existing_settings_have_errors(self, project: Path, run: Run) -> None:
        (project / "envsync.yaml").write_text("environment: envs\n")
        result = run("init")

        assert result.code == 0
        assert "envsync.yaml has errors. Run `envsync validate` to see them." in result.out


class TestTargets:
    def test_init_writes_the_targets_that_the_repository_uses(
        self, repository: Path, project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (project / ".azureml").mkdir()
        (project / ".azureml" / "config.json").write_text(
            json.dumps(
                {"subscription_id": "s-1", "resource_group": "ml-dev", "workspace_name": "ws-dev"}
            )
        )
        (repository / "release.sh").write_text(
            "az ml environment create -f e.yml \\\n  --registry-name contoso-ml\n"
        )
        result = run("init")
        monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", "s-2")

        assert result.code == 0
        assert "found    the workspace ws-dev in .azureml/config.json\n" in result.out
        assert "found    the registry contoso-ml in ../release.sh\n" in result.out
        written = settings(project)
        assert written["default_target"] == "local"
        assert written["targets"] == {
            "local": {"kind": "local", "path": ".envsync/local.db"},
            "ws-dev": {
                "kind": "workspace",
                "subscription_id": "s-1",
                "resource_group": "ml-dev",
                "workspace": "ws-dev",
            },
            "contoso-ml": {"kind": "registry", "registry": "contoso-ml"},
        }
        names = [target["name"] for target in run("targets", "--json").data["targets"]]
        assert names == ["local", "ws-dev", "contoso-ml"]

    def test_init_prints_the_target_that_existing_settings_lack(
        self, project: Path, run: Run
    ) -> None:
        (project / "run.sh").write_text(
            "az ml job create -g rg-a -w ws-a\naz ml job create -g rg-b -w ws-b\n"
        )
        (project / "envsync.yaml").write_text(
            "project: p\ntargets:\n  dev: {kind: workspace, subscription_id: s, "
            "resource_group: rg-a, workspace: ws-a}\n"
        )
        out = run("init").out

        assert (
            "envsync.yaml has no target for the workspace ws-b, which run.sh uses. Add below "
            "`targets:`\n  ws-b: {kind: workspace, subscription_id: "
            '"${AZURE_SUBSCRIPTION_ID}", resource_group: rg-b, workspace: ws-b}\n'
        ) in out
        assert "workspace ws-a, which" not in out


class TestTheTopOfTheRepository:
    @pytest.mark.parametrize("below", ["churn", "churn/deep", "my models"])
    def test_workflows_and_hooks_run_in_the_project_directory(
        self, repository: Path, run: Run, below: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        directory = repository / below
        directory.mkdir(parents=True, exist_ok=True)
        monkeypatch.chdir(directory)
        assert run("init").code == 0
        assert not (directory / ".github").exists()

        for name in WORKFLOWS:
            workflow = yaml.safe_load((repository / ".github/workflows" / name).read_text())
            uses = [
                step["with"]
                for job in workflow["jobs"].values()
                for step in job["steps"]
                if step.get("uses", "").startswith("envsync/")
            ]
            assert {step["working-directory"] for step in uses} == {below}
        config = yaml.safe_load((repository / ".pre-commit-config.yaml").read_text())
        monkeypatch.chdir(repository)
        for hook in config["repos"][0]["hooks"]:
            # pre-commit splits the entry in the same way.
            program, *arguments = shlex.split(hook["entry"])
            assert (program, run(*arguments).code) == ("envsync", 0)

    def test_workflows_and_hooks_of_a_project_at_the_top_set_no_working_directory(
        self, repository: Path, run: Run
    ) -> None:
        os.chdir(repository)
        assert run("init").code == 0

        for file in [
            *(repository / ".github").rglob("*.yml"),
            repository / ".pre-commit-config.yaml",
        ]:
            assert "working-directory" not in file.read_text()
            assert " -C " not in file.read_text()

    def test_paths_in_the_output_are_relative_to_the_working_directory(
        self, repository: Path, project: Path, run: Run
    ) -> None:
        out = run("init", "sub").out

        assert "written  sub/envsync.yaml\n" in out
        assert "written  ../.github/workflows/envsync-plan.yml\n" in out
        assert out.endswith("Next: envsync -C sub plan\n")

    def test_workflows_contain_the_default_branch(self, repository: Path, run: Run) -> None:
        run("init")
        text = (repository / ".github/workflows/envsync-apply.yml").read_text()

        assert "branches: [trunk]" in text
        assert "github.ref == 'refs/heads/trunk'" in text
        for name in WORKFLOWS:
            workflow = (repository / ".github/workflows" / name).read_text()
            assert "refs/heads/main" not in workflow

    def test_the_project_has_the_name_of_the_remote_repository(
        self, repository: Path, project: Path, run: Run
    ) -> None:
        git(repository, "remote", "add", "origin", "https://github.com/acme/models.git")
        run("init")

        assert settings(project)["project"] == "models/churn"

    def test_init_prints_what_existing_workflows_and_hooks_lack(
        self, repository: Path, project: Path, run: Run
    ) -> None:
        assert run("init").code == 0
        (repository / "second").mkdir()
        before = {path: path.read_bytes() for path in repository.rglob("*.y*ml")}
        os.chdir(repository)
        out = run("init", "second").out

        assert {path: path.read_bytes() for path in before} == before
        for name in WORKFLOWS:
            path = f".github/workflows/{name}"
            assert f"kept     {path}\n" in out
            assert (
                f"{path} does not run for this project. Copy its jobs, and add to each step that "
                "uses the action envsync\n  working-directory: second\n"
            ) in out
        assert "\n.pre-commit-config.yaml has no hooks that check this project." in out
        assert '        entry: "envsync -C second check"\n' in out

    @pytest.mark.parametrize(
        ("first", "second", "directory"),
        [
            # The workflows contain the text `envs` in `envsync`, and `models` in `models/churn`.
            (".", "envs", "envs"),
            ("models/churn", "models", "models"),
            ("models/churn", ".", '"."'),
        ],
    )
    def test_init_sees_that_existing_workflows_and_hooks_are_for_another_project(
        self, repository: Path, run: Run, first: str, second: str, directory: str
    ) -> None:
        os.chdir(repository)
        assert run("init", first).code == 0
        out = run("init", second).out

        for name in WORKFLOWS:
            path = f".github/workflows/{name}"
            assert (
                f"{path} does not run for this project. Copy its jobs, and add to each step that "
                f"uses the action envsync\n  working-directory: {directory}\n"
            ) in out
        assert "\n.pre-commit-config.yaml has no hooks that check this project." in out
        assert "missing" not in run("init", first).out

    def test_hooks_that_init_prints_can_be_added_to_an_existing_configuration(
        self, repository: Path, project: Path, run: Run
    ) -> None:
        config = repository / ".pre-commit-config.yaml"
        config.write_text("repos:\n")
        out = run("init").out
        begin = out.index("  - repo: local")
        config.write_text("repos:\n" + out[begin : out.index("\n\nNext:")] + "\n")

        entries = [
            hook["entry"] for hook in yaml.safe_load(config.read_text())["repos"][0]["hooks"]
        ]
        assert entries == ["envsync -C churn validate", "envsync -C churn check"]
        assert "missing" not in run("init").out

    def test_init_warns_if_git_cannot_read_the_repository(
        self, repository: Path, project: Path, run: Run
    ) -> None:
        (repository / ".git" / "HEAD").write_text("broken")
        result = run("init")

        assert result.code == 0
        assert result.err.startswith("Warning: ")
        assert (project / ".github" / "workflows" / "envsync-plan.yml").is_file()
