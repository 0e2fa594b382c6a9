"""Tests of `envsync validate`, `list`, `show` and `schema`."""

from __future__ import annotations

import shutil
from pathlib import Path

import jsonschema
import pytest
import yaml
from msgspec.structs import replace

from envsync.targets.local.target import LocalTarget
from tests.builders import container, registered, state
from tests.cli.conftest import Run, declare
from tests.command import envsync


def test_validate_prints_all_problems_of_all_files(project: Path, run: Run) -> None:
    declare(project, "a", versoin="1")
    declare(project, "b", os_type="BeOS")
    declare(project, "c", image="python")
    result = run("validate")

    assert result.code == 1
    assert result.err == ""
    lines = result.out.splitlines()
    assert lines[0].startswith("environments/a-1.yml:6:1: error[unknown-field]")
    assert lines[1].startswith("environments/b-1.yml:6:10: error[wrong-type]")
    assert lines[2].startswith("environments/c-1.yml:4:8: warning[unpinned-image]")
    assert lines[3] == "3 environment files: 2 errors, 1 warning."


def test_validate_prints_problems_as_json(project: Path, run: Run) -> None:
    declare(project, "a", versoin="1")
    declare(project, "b")
    data = run("validate", "--format", "json").data

    (problem,) = data["problems"]
    assert (data["format_version"], data["files"], data["environments"]) == (1, 2, 1)
    assert list(problem) == ["rule", "severity", "message", "file", "line", "column", "fix"]
    assert (problem["rule"], problem["line"], problem["column"]) == ("unknown-field", 6, 1)


def test_validate_prints_a_summary_without_problems(project: Path, run: Run) -> None:
    declare(project, "a")

    assert run("validate").out == "Valid. 1 environment file, no problems.\n"
    assert run("-q", "validate").out == ""


def test_validate_with_option_strict_fails_if_there_are_warnings(project: Path, run: Run) -> None:
    declare(project, "a", image="python")

    assert run("validate").code == 0
    assert run("validate", "--strict").code == 1


def test_validate_lists_skipped_files_with_option_verbose(project: Path, run: Run) -> None:
    write(project, "environments/sub/job.yml", "jobs: {}\n")
    write(project, "environments/.old/e.yml", "name: e\nimage: i:1\n")
    reasons = (
        "environments/.old/e.yml: not an environment file: it is in a hidden directory, and "
        "envsync searches a hidden directory only if you name it\n"
        "environments/sub/job.yml: not an environment file: it has neither the `$schema` of "
        "environments nor a `name` with `image` or `build`\n"
    )

    assert run("-v", "validate").out == reasons + run("validate").out
    assert run("-v", "validate", "--json").out == run("validate", "--json").out


def test_validate_searches_a_hidden_directory_on_the_command_line(project: Path, run: Run) -> None:
    write(project, "environments/.old/e.yml", "name: e\nimage: i:1\n")

    assert "environments/.old/e.yml:1:1: warning" in run("validate", "environments/.old").out
    assert ".old" not in run("validate").out


def write(project: Path, path: str, text: str) -> None:
    (project / path).parent.mkdir(parents=True, exist_ok=True)
    (project / path).write_text(text)


def test_validate_accepts_files_and_directories(project: Path, run: Run) -> None:
    declare(project, "a", versoin="1")
    declare(project, "b")

    assert run("validate", "environments/b-1.yml").code == 0
    assert run("validate", "environments/a-1.yml").code == 1
    assert run("validate", "environments").code == 1
    missing = run("validate", "environments/none.yml")
    assert (missing.code, "missing-file" in missing.out) == (1, True)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose target has two versions of `a`, an archived `b` and an active `c`."""
    directory = tmp_path_factory.mktemp("prepared") / "churn"
    (directory / "environments").mkdir(parents=True)
    declare(directory, "a", "1", tags="{team: x}")
    declare(directory, "a", "2")
    b = declare(directory, "b", "1")
    declare(directory, "c", "1")
    assert envsync("apply", "--yes", cwd=directory).returncode == 0
    # The second apply archives `b`, because the file of `b` is deleted.
    b.unlink()
    assert envsync("apply", "--yes", cwd=directory).returncode == 0
    return directory


@pytest.fixture
def filled(project: Path, prepared: Path) -> Path:
    """A copy of `prepared`, for one test."""
    shutil.copytree(prepared, project, dirs_exist_ok=True)
    return project


def test_list_prints_archived_environments_only_with_option_all(filled: Path, run: Run) -> None:
    assert run("list").out.splitlines() == [
        "NAME  LATEST  VERSIONS  OWNER",
        "a     2       2         churn",
        "c     1       1         churn",
    ]
    assert run("list", "--all").out.splitlines() == [
        "NAME  LATEST  VERSIONS  OWNER  STATE",
        "a     2       2         churn  active",
        "b     -       1         churn  archived",
        "c     1       1         churn  active",
    ]


def test_list_prints_environments_and_versions_as_json(filled: Path, run: Run) -> None:
    data = run("list", "--format", "json").data
    assert [(item["name"], item["latest"], item["archived"]) for item in data] == [
        ("a", "2", False),
        ("c", "1", False),
    ]
    assert list(data[0]["versions"][0]) == ["version", "archived", "created", "owner"]

    everything = run("list", "--all", "--format", "json").data
    assert [item["name"] for item in everything] == ["a", "b", "c"]
    assert everything[1]["archived"] is True
    assert everything[1]["versions"][0]["archived"] is True


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("a",), ["a"]),
        (("[ab]*",), ["a"]),
        (("c", "a"), ["a", "c"]),
        (("b", "c", "--all"), ["b", "c"]),
        (("--owned",), ["a", "c"]),
        (("--owned", "--all"), ["a", "b", "c"]),
        (("--owned", "c"), ["c"]),
        (("nothing",), []),
    ],
)
def test_globs_and_option_owned_limit_the_list(
    filled: Path, run: Run, arguments: tuple[str, ...], names: list[str]
) -> None:
    assert [item["name"] for item in run("list", *arguments, "--json").data] == names


def test_list_with_option_owned_leaves_out_environments_of_other_projects(
    filled: Path, run: Run
) -> None:
    (filled / "envsync.yaml").write_text("project: other\n")

    assert run("list", "--owned", "--json").data == []
    assert run("list", "--owned").out == "The target has no environments of project 'other'.\n"
    assert [item["name"] for item in run("list", "--json").data] == ["a", "c"]


def test_a_glob_of_list_matches_names_with_and_without_the_suffix(project: Path, run: Run) -> None:
    (project / "envsync.yaml").write_text(
        "targets: {dev: {kind: local, path: dev.db, suffix: -dev}}\n"
    )
    declare(project, "a")
    declare(project, "b")
    run("apply", "--yes")

    for glob in ("a", "a-dev", "a-*"):
        assert [item["name"] for item in run("list", glob, "--json").data] == ["a-dev"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("A",), "No environment in the target matches 'A'. Names are case-sensitive."),
        (("a:1",), "No environment in the target matches 'a:1'. A GLOB selects an environment"),
        (("x", "y"), "No environment in the target matches 'x' or 'y'."),
        (("b",), "Only archived environments match 'b'. Pass --all to list them."),
        (("x", "--owned"), "No environment of project 'churn' in the target matches 'x'."),
    ],
)
def test_list_says_why_no_environment_is_listed(
    filled: Path, run: Run, arguments: tuple[str, ...], sentence: str
) -> None:
    result = run("list", *arguments)

    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(sentence)


@pytest.fixture
def curated(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the local target contain two environments of the service, and one of a user."""
    (project / "envsync.yaml").write_text("project: churn\n")
    held = state(
        container("AzureML-sklearn", "1"),
        container("sklearn-1.5", replace(registered("sklearn-1.5", "1"), curated=True)),
        container("mine", "1"),
    )
    monkeypatch.setattr(LocalTarget, "read", lambda *_arguments: held)


@pytest.mark.usefixtures("curated")
@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ((), ["mine"]),
        (("--all",), ["AzureML-sklearn", "mine", "sklearn-1.5"]),
        (("*sklearn*",), ["AzureML-sklearn", "sklearn-1.5"]),
        (("AzureML-sklearn", "mine"), ["AzureML-sklearn", "mine"]),
    ],
)
def test_list_leaves_out_curated_environments_unless_they_are_asked_for(
    run: Run, arguments: tuple[str, ...], names: list[str]
) -> None:
    assert [item["name"] for item in run("list", *arguments, "--json").data] == names


@pytest.mark.usefixtures("curated")
def test_list_prints_the_number_of_hidden_curated_environments(run: Run) -> None:
    note = "2 curated environments are not listed. Pass --all to list everything.\n"

    assert (run("list").err, run("list", "--json").err) == (note, note)
    assert [run(*arguments).err for arguments in (("list", "-q"), ("list", "--all"))] == ["", ""]


def test_list_says_that_all_environments_of_a_target_are_archived(
    filled: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        LocalTarget, "read", lambda *_arguments: state(container("b", "1", archived=True))
    )

    assert run("list").out == ("The target has no environments, except archived or curated ones.\n")


def test_list_of_an_empty_target_creates_no_file(project: Path, run: Run) -> None:
    (project / "envsync.yaml").write_text("project: churn\n")
    assert run("list").out == "The target has no environments.\n"
    assert run("list", "--format", "json").data == []
    assert not (project / ".envsync").exists()


def test_show_prints_an_environment(filled: Path, run: Run) -> None:
    text = run("show", "a").out
    assert text.splitlines()[0] == "a"
    assert "2 @latest" in text

    data = run("show", "a", "--format", "json").data
    assert (data["name"], data["latest"], data["archived"]) == ("a", "2", False)
    assert [item["version"] for item in data["versions"]] == ["1", "2"]


@pytest.mark.parametrize(("reference", "version"), [("a:1", "1"), ("a:2", "2"), ("a@latest", "2")])
def test_show_prints_a_version(filled: Path, run: Run, reference: str, version: str) -> None:
    data = run("show", reference, "--format", "json").data

    assert (data["name"], data["version"], data["owner"]) == ("a", version, "churn")
    assert data["image"] == "mcr.microsoft.com/azureml/core:1"
    assert data["source"] == f"environments/a-{version}.yml"
    assert data["latest"] == (version == "2")
    file = yaml.safe_load(run("show", reference).out)
    assert (file["name"], file["version"]) == ("a", version)


@pytest.mark.parametrize(
    ("job", "one", "two"),
    [
        ("azureml:a@latest", [], ["jobs/train.yml"]),
        ("azureml:a:1", ["jobs/train.yml"], []),
        ("azureml:a", [], ["jobs/train.yml"]),
        ("azureml:b:1", [], []),
        ("azureml://registries/shared/environments/a/versions/1", [], []),
    ],
)
def test_show_says_which_files_use_a_version(
    filled: Path, run: Run, job: str, one: list[str], two: list[str]
) -> None:
    (filled / "jobs").mkdir()
    (filled / "jobs" / "train.yml").write_text(f"command: a\nenvironment: {job}\n")
    uses = {
        version: [use["file"] for use in run("show", f"a:{version}", "--json").data["uses"]]
        for version in ("1", "2")
    }

    assert uses == {"1": one, "2": two}
    assert ("used by  jobs/train.yml:2" in run("show", "a:1").out) == bool(one)


def test_show_says_which_files_use_a_version_although_a_file_has_errors(
    filled: Path, run: Run
) -> None:
    (filled / "environments" / "broken.yml").write_text("name: [\nimage: a:1\n")
    (filled / "job.yml").write_text("command: a\nenvironment: azureml:a@latest\n")

    assert "used by  job.yml:2 (" in run("show", "a@latest").out


def test_show_prints_the_history_of_an_environment_or_a_version(filled: Path, run: Run) -> None:
    data = run("show", "b", "--history", "--format", "json").data
    assert [(item["action"], item["version"]) for item in data] == [
        ("create", "1"),
        ("archive", None),
    ]
    assert "archive" in run("show", "b", "--history").out
    versions = run("show", "a:1", "--history", "--format", "json").data
    assert {item["version"] for item in versions} == {"1"}


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("none", "no environment 'none'"),
        ("A", "no environment 'A'. Names are case-sensitive. Did you mean `a`?"),
        ("A:1", "no environment 'A'. Names are case-sensitive. Did you mean `a`?"),
        ("environments/a-1.yml", "This is a path, but environments are selected by name."),
        ("a:9", "no version '9'. Its versions are: 1, 2."),
        ("b@latest", "no active version"),
    ],
)
def test_show_fails_for_an_unknown_name_or_version(
    filled: Path, run: Run, reference: str, message: str
) -> None:
    result = run("show", reference)

    assert (result.code, result.out) == (1, "")
    assert message in result.err


@pytest.mark.parametrize("kind", ["environment", "config", "plan"])
def test_schema_prints_a_valid_json_schema(run: Run, kind: str) -> None:
    schema = run("schema", kind).data

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"]


@pytest.mark.parametrize("output", ["text", "json", "github", "sarif"])
def test_validate_without_an_environment_file_is_an_error(
    project: Path, run: Run, output: str
) -> None:
    declare(project, "a")
    (project / "envsync.yaml").write_text("environments: enviroments\n")
    result = run("validate", "--format", output)

    assert result.code == 1
    assert "There is no environment file below `enviroments`" in result.out
    assert "`enviroments` is not a directory" in result.out


def test_validate_says_first_that_there_is_no_settings_file(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = project.parent / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    result = run("validate")

    assert result.code == 1
    assert f"] There is no envsync.yaml in {elsewhere} or in a directory above it. " in result.out
    assert "pass it with -C, or run `envsync init`" in result.out
    assert "Correct `environments`" not in result.out


def test_validate_names_the_settings_file_that_option_config_names(project: Path, run: Run) -> None:
    (project / "other.yaml").write_text("environments: enviroments\n")

    assert "Correct `environments` in other.yaml" in run("--config", "other.yaml", "validate").out


def test_validate_of_a_directory_without_an_environment_file_is_an_error(
    project: Path, run: Run
) -> None:
    declare(project, "a")
    (project / "docs").mkdir()
    result = run("validate", "docs")

    assert result.code == 1
    assert "There is no environment file at `docs`" in result.out
    assert run("validate", "docs", "environments").code == 0


def test_validate_of_only_excluded_files_is_an_error(project: Path, run: Run) -> None:
    declare(project, "a")
    (project / "envsync.yaml").write_text("exclude: ['*.yml']\n")

    assert "There is no environment file below `environments`" in run("validate").out


@pytest.mark.parametrize("path", ["../other", "..", "link"])
def test_validate_does_not_search_directories_outside_of_the_project(
    project: Path, run: Run, path: str
) -> None:
    declare(project, "a")
    other = project.parent / "other"
    (other / "environments").mkdir(parents=True)
    (other / "environments" / "broken.yml").write_text("name: [\n")
    (project / "link").symlink_to(other)
    result = run("validate", path, "environments")

    assert result.code == 1
    assert "error[path-escape] The directory is outside of the project" in result.out
    assert "broken.yml" not in result.out
    assert "1 environment file: 1 error." in result.out
