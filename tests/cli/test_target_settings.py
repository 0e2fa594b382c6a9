"""Tests of `defaults`, and of the targets' settings for environments, in every command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run, declare
from tests.repository import commit, git, new_repository

DEV = "targets:\n  dev: {{kind: local, {}}}\n"


def configure(project: Path, text: str) -> None:
    (project / "envsync.yaml").write_text(f"project: churn\n{text}")


def tags(data: dict[str, object]) -> list[object]:
    """Returns the path and values of each field of the first change, except `image`."""
    changes = data["changes"]
    assert isinstance(changes, list)
    return [
        (field["path"], field["before"], field["after"])
        for field in changes[0]["fields"]
        if field["path"] != "image"
    ]


def addresses(data: dict[str, object]) -> list[str]:
    changes = data["changes"]
    assert isinstance(changes, list)
    return [
        f"{item['action']} {item['name']}" + (f":{item['version']}" if item["version"] else "")
        for item in changes
    ]


def test_every_setting_changes_the_plan_and_its_digest(project: Path, run: Run) -> None:
    declare(project, "a", tags="{team: file}", description='""')
    digests = set()
    for text in (
        DEV.format("path: x.db"),
        "defaults: {tags: {cost: '1'}}\n" + DEV.format("path: x.db"),
        "defaults: {description: D}\n" + DEV.format("path: x.db"),
        DEV.format("path: x.db, tags: {stage: dev}"),
        DEV.format("path: x.db, suffix: -dev"),
        DEV.format("path: x.db, exclude: [a]"),
    ):
        configure(project, text)
        digests.add(run("plan", "--allow-mass-archive", "--format", "json").data["digest"])
    assert len(digests) == 6

    configure(
        project,
        "defaults: {description: D, tags: {cost: '1', team: default}}\n"
        + DEV.format("tags: {stage: dev}, suffix: -dev"),
    )
    data = run("plan", "--format", "json").data
    assert addresses(data) == ["create a-dev:1"]
    assert tags(data) == [
        ("description", None, "D"),
        ("tags.cost", None, "1"),
        ("tags.stage", None, "dev"),
        ("tags.team", None, "file"),
    ]


def test_a_changed_default_causes_an_update(project: Path, run: Run) -> None:
    declare(project, "a")
    for value in ("1", "2"):
        configure(project, f"defaults: {{tags: {{cost: '{value}'}}}}\n")
        data = run("plan", "--format", "json").data
        assert run("apply", "--yes").code == 0

    assert addresses(data) == ["update a:1"]
    assert tags(data) == [("tags.cost", "1", "2")]
    assert run("plan", "--detailed-exitcode").code == 0


def test_an_environment_that_a_target_leaves_out_counts_as_undeclared(
    project: Path, run: Run
) -> None:
    declare(project, "base-cpu")
    declare(project, "churn")
    configure(project, DEV.format("tags: {}"))
    assert run("apply", "--yes").code == 0
    configure(project, DEV.format("include: ['base-*']"))

    assert addresses(run("plan", "--format", "json").data) == ["archive churn"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (DEV.format("include: [kept]"), "left out by `include` of the target dev"),
        (DEV.format("exclude: ['ch*']"), "left out by `exclude` of the target dev"),
        (
            "exclude: [churn-1.yml]\n" + DEV.format("tags: {}"),
            "`exclude` in envsync.yaml names environments/churn-1.yml",
        ),
        # envsync no longer searches the directory. `exclude` says that this is on purpose.
        (
            "exclude: [environments/]\nenvironments: [kept]\n" + DEV.format("tags: {}"),
            "`exclude` in envsync.yaml names environments/churn-1.yml",
        ),
    ],
)
def test_the_reason_for_an_archive_contains_the_setting_that_excludes_the_environment(
    settings: str, reason: str, project: Path, run: Run
) -> None:
    declare(project, "churn")
    (project / "kept").mkdir()
    (project / "kept" / "kept.yml").write_text("name: kept\nimage: i:1\ndescription: d\n")
    configure(project, "environments: [environments, kept]\n" + DEV.format("tags: {}"))
    assert run("apply", "--yes").code == 0
    if "environments: " not in settings:
        settings = "environments: [environments, kept]\n" + settings
    configure(project, settings)

    (change,) = run("plan", "--format", "json").data["changes"]
    assert (change["action"], change["name"], change["reason"]) == ("archive", "churn", reason)


def test_the_reason_for_an_archive_contains_no_setting_if_the_file_was_deleted(
    project: Path, run: Run
) -> None:
    declare(project, "kept")
    file = declare(project, "churn")
    assert run("apply", "--yes").code == 0
    file.unlink()
    for settings in (
        DEV.format("path: .envsync/local.db, include: [kept]"),
        DEV.format("path: .envsync/local.db, exclude: [churn]"),
        "exclude: [churn-1.yml]\n",
    ):
        configure(project, settings)
        (change,) = run("plan", "--format", "json").data["changes"]
        assert (change["name"], change["reason"]) == ("churn", "no file declares it")


def test_validate_warns_if_a_pattern_of_a_target_matches_no_environment(
    project: Path, run: Run
) -> None:
    file = declare(project, "churn")
    configure(
        project,
        "targets:\n  dev: {kind: local, include: [chrun]}\n  prod: {kind: local, exclude: [x]}\n",
    )
    result = run("validate", "--format", "json")
    found = [(item["rule"], item["file"], item["line"]) for item in result.data["problems"]]

    assert found == [
        ("useless-pattern", "envsync.yaml", 3),
        ("useless-pattern", "envsync.yaml", 4),
    ]
    assert (result.code, run("validate", "--strict").code) == (0, 1)
    # With a path on the command line or an error in a file, envsync cannot know all names, so
    # envsync does not report patterns.
    assert run("validate", str(file), "--format", "json").data["problems"] == []
    (project / "environments" / "bad.yml").write_text("name: x\nimage: [i]\n")
    assert "useless-pattern" not in run("validate").out


def test_a_target_that_leaves_out_everything_is_an_error(project: Path, run: Run) -> None:
    declare(project, "churn")
    configure(project, DEV.format("include: ['base-*']"))
    result = run("plan")

    assert result.code == 1
    assert "The settings of the target 'dev' leave out every environment." in result.err
    forced = run("plan", "--allow-mass-archive", "--format", "json").data
    assert forced["warnings"] == [
        "targets.dev.include: the pattern 'base-*' matches no declared environment."
    ]


@pytest.mark.parametrize("glob", ["churn", "churn-dev", "chu*", "*-dev"])
def test_a_glob_matches_a_name_with_and_without_the_suffix(
    glob: str, project: Path, run: Run
) -> None:
    declare(project, "churn")
    configure(project, DEV.format("suffix: -dev"))
    assert run("apply", "--yes").code == 0
    assert run("plan", glob).code == 0
    declare(project, "other")
    (project / "environments" / "churn-1.yml").unlink()

    # No file declares churn any more, so envsync knows only the name in the target, churn-dev.
    assert "archive churn-dev" in addresses(run("plan", glob, "--format", "json").data)


def test_all_targets_are_planned_with_their_own_settings(project: Path, run: Run) -> None:
    declare(project, "base-cpu")
    declare(project, "churn")
    configure(
        project,
        "targets:\n  dev: {kind: local, path: a.db, suffix: -dev}\n"
        "  shared: {kind: local, path: b.db, include: ['base-*'], tags: {stage: prod}}\n",
    )
    plans = run("plan", "--all-targets", "--format", "json").data["plans"]

    assert [addresses(plan) for plan in plans] == [
        ["create base-cpu-dev:1", "create churn-dev:1"],
        ["create base-cpu:1"],
    ]


def test_a_target_that_shares_a_local_file_archives_only_names_with_its_suffix(
    project: Path, run: Run
) -> None:
    declare(project, "a")
    file = declare(project, "b")
    configure(project, "targets:\n  dev: {kind: local, suffix: -dev}\n  prod: {kind: local}\n")
    for target in ("dev", "prod"):
        assert run("apply", "--yes", "-t", target).code == 0
    for target in ("dev", "prod"):
        assert run("plan", "--detailed-exitcode", "-t", target).code == 0
    file.unlink()

    data = [run("plan", "-t", name, "--format", "json").data for name in ("dev", "prod")]
    assert [addresses(each) for each in data] == [["archive b-dev"], ["archive b"]]


@pytest.mark.parametrize("command", ["plan", "apply", "validate"])
def test_every_command_fails_if_a_target_setting_conflicts_with_an_environment(
    command: str, project: Path, run: Run
) -> None:
    declare(project, "a", tags="{stage: prod}")
    declare(project, "a-dev")
    configure(project, DEV.format("tags: {stage: dev}, suffix: -dev"))
    result = run(command)

    assert result.code == 1
    output = result.out + result.err
    assert "envsync.yaml:3:29: error[invalid-tag]" in output
    assert "envsync.yaml:3:50: error[duplicate-environment]" in output
    assert not (project / ".envsync").exists()


def test_check_prints_the_names_in_the_files_and_not_the_names_with_the_suffix(
    project: Path, run: Run
) -> None:
    file = declare(project, "a")
    configure(project, DEV.format("suffix: -dev"))
    new_repository(project)
    commit(project)
    file.write_text(file.read_text().replace("core:1", "core:2"))
    result = run("check")

    assert result.code == 1
    assert "error[immutable] a:1 differs" in result.out
    assert "Run `envsync bump a`" in result.out


class TestSince:
    @pytest.fixture
    def changed(self, project: Path, run: Run) -> Path:
        declare(project, "a", tags="{cost: '0'}")
        declare(project, "b")
        configure(project, "defaults: {tags: {cost: '1'}}\n" + DEV.format("suffix: -dev"))
        new_repository(project)
        commit(project)
        assert run("apply", "--yes").code == 0
        return project

    def since(self, run: Run, *arguments: str) -> list[str]:
        return addresses(run("plan", "--since", "HEAD", "--format", "json", *arguments).data)

    def test_plan_since_a_commit_is_empty_if_nothing_has_changed(
        self, changed: Path, run: Run
    ) -> None:
        assert self.since(run) == []

    def test_plan_since_a_commit_contains_environments_that_use_a_changed_default(
        self, changed: Path, run: Run
    ) -> None:
        configure(changed, "defaults: {tags: {cost: '2'}}\n" + DEV.format("suffix: -dev"))

        assert self.since(run) == ["update b-dev:1"]

    def test_plan_since_a_commit_contains_old_and_new_names_if_the_suffix_has_changed(
        self, changed: Path, run: Run
    ) -> None:
        configure(changed, "defaults: {tags: {cost: '1'}}\n" + DEV.format("suffix: -d"))

        assert self.since(run) == [
            "create a-d:1",
            "archive a-dev",
            "create b-d:1",
            "archive b-dev",
        ]

    def test_plan_since_a_commit_contains_the_name_of_a_changed_environment_in_the_target(
        self, changed: Path, run: Run
    ) -> None:
        declare(changed, "a", tags="{cost: '9'}")
        (changed / "environments" / "b-1.yml").unlink()

        assert self.since(run) == ["update a-dev:1", "archive b-dev"]
        assert self.since(run, "b") == ["archive b-dev"]

    def test_a_saved_plan_contains_the_names_that_changed_since_the_commit(
        self, changed: Path, run: Run
    ) -> None:
        declare(changed, "a", tags="{cost: '9'}")
        declare(changed, "c")
        commit(changed)
        declare(changed, "c", tags="{x: y}")
        assert run("plan", "--since", "HEAD", "--out", "plan.json").code == 0
        # After the commit, `--since HEAD` would select nothing.
        commit(changed)
        result = run("apply", "--plan", "plan.json")

        assert (result.code, "create   c-dev:1  done" in result.out) == (0, True)
        assert "update   a-dev:1  done" not in result.out


class TestTheFixOfARejection:
    @pytest.fixture
    def rejected(self, project: Path, run: Run) -> Path:
        declare(project, "flower-pt", "1.2.0-pytorch")
        declare(project, "date", "2024-05-01")
        declare(project, "two", "v3-cuda12")
        declare(project, "two", "blue")
        configure(project, DEV.format("suffix: -dev"))
        new_repository(project)
        commit(project)
        assert run("apply", "--yes").code == 0
        for file in (project / "environments").glob("*.yml"):
            file.write_text(file.read_text().replace("core:1", "core:2"))
        return project

    def test_every_fix_that_plan_prints_is_a_command_that_works(
        self, rejected: Path, run: Run
    ) -> None:
        rejections = run("plan", "--format", "json").data["rejections"]
        fixes = [item["fix"] for item in rejections]

        assert sorted(fixes) == [
            "envsync bump date --version 2024-05-01.1",
            "envsync bump flower-pt --version 1.2.1-pytorch",
            "envsync bump two:blue --version blue.1",
            "envsync bump two:v3-cuda12 --version v4-cuda12",
        ]
        assert [run(*fix.split()[1:]).code for fix in fixes] == [0, 0, 0, 0]
        assert run("plan").code == 0

    def test_a_fix_contains_a_version_if_the_next_version_already_exists_in_the_target(
        self, project: Path, run: Run
    ) -> None:
        for version in ("1", "2", "3"):
            declare(project, "a", version)
        assert run("apply", "--yes").code == 0
        for version in ("2", "3"):
            (project / "environments" / f"a-{version}.yml").unlink()
        declare(project, "a", "1", image="mcr.microsoft.com/azureml/core:2")
        (rejection,) = run("plan", "--format", "json").data["rejections"]

        assert rejection["fix"] == "envsync bump a --version 4"
        assert run(*rejection["fix"].split()[1:]).code == 0
        assert run("plan").code == 0

    def test_every_fix_that_check_prints_is_a_command_that_works(
        self, rejected: Path, run: Run
    ) -> None:
        problems = run("check", "--format", "json").data["problems"]
        fixes = [item["fix"].split("`")[1] for item in problems]

        assert len(fixes) == 4
        assert [run(*fix.split()[1:]).code for fix in fixes] == [0, 0, 0, 0]
        assert run("check").code == 0

    @pytest.mark.parametrize("name", ["flower-pt", "date", "two:blue", "two:v3-cuda12"])
    def test_bump_without_a_version_prints_the_command_from_the_fix(
        self, name: str, rejected: Path, run: Run
    ) -> None:
        fixes = [item["fix"] for item in run("plan", "--format", "json").data["rejections"]]
        result = run("bump", name)

        assert result.code == 1
        assert any(f"`{fix}`" in result.err for fix in fixes if f" {name} " in fix)

    def test_bump_prints_a_command_for_every_version_that_a_target_rejects(
        self, rejected: Path, run: Run
    ) -> None:
        result = run("bump", "--all-rejected", "-t", "dev")

        assert (result.code, result.err.count("\n  envsync bump ")) == (1, 4)

    def test_bump_skips_the_versions_in_a_target_with_a_suffix(
        self, project: Path, run: Run
    ) -> None:
        declare(project, "a", "2")
        configure(project, DEV.format("suffix: -dev"))
        assert run("apply", "--yes").code == 0
        (project / "environments" / "a-2.yml").unlink()
        declare(project, "a", "1")

        assert run("bump", "a", "-t", "dev").out.endswith("a  1 -> 3\n")
        assert run("bump", "a", "-t", "dev", "--version", "2").code == 1


def test_bump_changes_the_version_in_a_file_and_in_its_copy(project: Path, run: Run) -> None:
    file = declare(project, "a", "7")
    copy = project / "environments" / "z" / "copy.yml"
    copy.parent.mkdir()
    copy.write_text("# A copy.\n" + file.read_text())
    validated = run("validate")

    assert (validated.code, "warning[duplicate-file]" in validated.out) == (0, True)
    assert run("apply", "--yes").code == 0
    assert run("bump", "a").out.splitlines() == [
        "environments/a-7.yml:3:     a  7 -> 8",
        "environments/z/copy.yml:4:  a  7 -> 8",
    ]
    assert addresses(run("plan", "--format", "json").data) == ["create a:8"]


class TestMissingProject:
    @pytest.fixture
    def nameless(self, project: Path) -> Path:
        declare(project, "a")
        (project / "envsync.yaml").write_text(
            "targets:\n  local: {kind: local}\n  shared: {kind: registry, registry: r}\n"
        )
        new_repository(project)
        git(project, "remote", "add", "origin", "git@github.com:contoso/churn-models.git")
        return project

    @pytest.mark.parametrize(
        "command", [("validate",), ("plan", "-t", "shared"), ("apply", "-t", "shared", "--yes")]
    )
    def test_a_target_in_azure_needs_a_project(
        self, command: tuple[str, ...], nameless: Path, run: Run
    ) -> None:
        result = run(*command)
        output = result.out + result.err

        assert result.code == 1
        assert "envsync.yaml:3:3: error[missing-project] The target `shared` is a" in output
        assert "`project: churn-models`" in output

    def test_the_local_target_needs_no_project(self, nameless: Path, run: Run) -> None:
        assert run("plan", "-t", "local", "--format", "json").data["project"] == "churn"

    def test_envsync_accepts_the_project_name_that_its_error_proposes(
        self, nameless: Path, run: Run
    ) -> None:
        file = nameless / "envsync.yaml"
        file.write_text("project: churn-models\n" + file.read_text())

        assert run("validate").code == 0


class TestASavedPlan:
    def test_apply_uses_the_globs_in_a_saved_plan(self, project: Path, run: Run) -> None:
        declare(project, "a")
        declare(project, "b")
        assert run("plan", "a*", "--out", "plan.json").code == 0
        result = run("apply", "--plan", "plan.json")

        assert result.code == 0
        assert "a:1  done" in result.out
        assert addresses(run("plan", "--format", "json").data) == ["create b:1"]

    def test_apply_uses_option_take_over_in_a_saved_plan(self, project: Path, run: Run) -> None:
        declare(project, "a")
        configure(project, "")
        assert run("apply", "--yes").code == 0
        (project / "envsync.yaml").write_text("project: other\n")
        assert run("plan", "--take-over", "--out", "plan.json").code == 0

        assert run("apply", "--plan", "plan.json").code == 0

    def test_apply_uses_option_allow_mass_archive_in_a_saved_plan(
        self, project: Path, run: Run
    ) -> None:
        file = declare(project, "a")
        assert run("apply", "--yes").code == 0
        file.unlink()
        assert run("plan", "--allow-mass-archive", "--out", "plan.json").code == 0

        assert run("apply", "--plan", "plan.json").code == 0

    def test_apply_accepts_only_the_globs_of_the_saved_plan(self, project: Path, run: Run) -> None:
        declare(project, "a")
        declare(project, "b")
        assert run("plan", "a*", "--out", "plan.json").code == 0
        wrong = run("apply", "--plan", "plan.json", "b")

        assert (wrong.code, "was made for a*" in wrong.err) == (64, True)
        assert run("apply", "--plan", "plan.json", "a*").code == 0

    def test_a_plan_saved_by_an_older_envsync_uses_globs_from_the_command_line(
        self, project: Path, run: Run
    ) -> None:
        declare(project, "a")
        declare(project, "b")
        assert run("plan", "a", "--out", "plan.json").code == 0
        file = project / "plan.json"
        data = json.loads(file.read_text())
        del data["options"]
        file.write_text(json.dumps(data))

        assert run("apply", "--plan", "plan.json", "a").code == 0


class TestApprove:
    def test_a_digest_with_blanks_around_it_is_accepted(self, project: Path, run: Run) -> None:
        declare(project, "a")
        digest = run("plan", "--format", "json").data["digest"]

        assert run("apply", "--approve", f" {digest}\n").code == 0

    @pytest.mark.parametrize("edit", ["", "x", "sha256:", "short", "upper"])
    def test_a_malformed_digest_is_wrong_usage(self, edit: str, project: Path, run: Run) -> None:
        declare(project, "a")
        digest = run("plan", "--format", "json").data["digest"]
        text = {"short": digest[:-1], "upper": digest.upper()}.get(edit, edit)
        # An empty digest, for example of an unset variable, must not approve every plan.
        result = run("apply", "--yes", "--approve", text)

        assert result.code == 64
        assert "No plan has such a digest" in result.err
        assert "changed" not in result.err
        assert not (project / ".envsync").exists()

    def test_the_error_for_a_wrong_digest_lists_every_possible_reason(
        self, project: Path, run: Run
    ) -> None:
        declare(project, "a")
        result = run("apply", "--approve", "sha256:" + "0" * 64)

        assert result.code == 1
        assert result.err.startswith(
            f"Error: plan-stale: no plan with the approved digest sha256:{'0' * 64} can be made "
            "now. There are three possible reasons: the digest is mistyped, the approved plan has "
        )
        assert "has changed since the approval (a file, a setting or the target)." in result.err
