"""`load_config` reads the settings, replaces variables, and reports problems."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envsync.model.errors import EnvsyncError, InvalidProject, UsageError
from envsync.project.rules import RULES
from envsync.project.settings.config import Config, find_config, load_config
from tests.examples import examples

WORKSPACE = "kind: workspace, subscription_id: s, resource_group: g, workspace: w"


def read(directory: Path, text: str, environ: Mapping[str, str] | None = None) -> Config:
    (directory / "envsync.yaml").write_text(text)
    return load_config(None, directory, environ or {})


def problems(directory: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(InvalidProject) as caught:
        read(directory, text, environ)
    return [f"{p.line}:{p.column} {p.rule}: {p.message} {p.fix}" for p in caught.value.problems]


def test_the_defaults_apply_without_a_settings_file(tmp_path: Path) -> None:
    directory = tmp_path / "churn-models"
    directory.mkdir()
    config = load_config(None, directory, {})

    assert (config.root, config.path, config.policy.project) == (directory, None, "churn-models")
    assert (config.environments, config.exclude) == (("environments",), ())
    assert config.default_target == "local"
    assert (config.target().kind, dict(config.target().settings)) == (
        "local",
        {"path": ".envsync/local.db"},
    )
    assert (config.policy.prune, config.policy.superseded, config.policy.adopt) == (
        "owned",
        "keep",
        "identical",
    )
    assert (config.versions, config.policy.ignore_tags, config.policy.max_archive_percent) == (
        "auto",
        (),
        30,
    )
    assert dict(config.rules) == RULES


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "{}", "---\n"])
def test_an_empty_file_has_the_default_settings(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, text).target().name == "local"


def test_every_setting_is_read(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        "project: churn\nenvironments: envs/ml\ndefault_target: dev\ntargets:\n"
        "  here: {kind: local, path: /tmp/x.db}\n"
        "  dev: {kind: workspace, subscription_id: s-1, resource_group: rg.(x), workspace: w,"
        " credential: cli, cloud: AzureUSGovernment, operation_timeout: 60}\n"
        "  shared: {kind: registry, registry: r, subscription_id: s, resource_group: g}\n"
        "prune: none\nsuperseded: archive\nadopt: never\nversions: explicit\n"
        "ignore_tags: [cost-*, 'team']\nmax_archive_percent: 0\nmax_archives: 0\n"
        "rules: {unpinned-image: error, missing-description: off, invalid-name: 'warning'}\n",
    )

    assert (config.root, config.path) == (tmp_path, tmp_path / "envsync.yaml")
    assert (config.policy.project, config.environments) == ("churn", ("envs/ml",))
    assert list(config.targets) == ["here", "dev", "shared"]
    assert dict(config.target("here").settings) == {"path": "/tmp/x.db"}
    assert dict(config.target().settings) == {
        "subscription_id": "s-1",
        "resource_group": "rg.(x)",
        "workspace": "w",
        "credential": "cli",
        "cloud": "AzureUSGovernment",
        "operation_timeout": "60",
    }
    assert config.target("shared").kind == "registry"
    assert (config.policy.prune, config.policy.superseded, config.policy.adopt) == (
        "none",
        "archive",
        "never",
    )
    assert (config.versions, config.policy.max_archive_percent) == ("explicit", 0)
    assert config.policy.max_archives == 0
    assert config.policy.ignore_tags == ("cost-*", "team")
    changed = {rule: level for rule, level in config.rules.items() if level != RULES[rule]}
    assert changed == {
        "unpinned-image": "error",
        "missing-description": "off",
        "invalid-name": "warning",
    }


# YAML 1.1 reads `off` and `No` without quotes as false.
@pytest.mark.parametrize("off", ["off", "'off'", "false", "No"])
def test_off_without_quotes_disables_a_rule(off: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"rules: {{unpinned-image: {off}}}").rules["unpinned-image"] == "off"


class TestTheEnvironmentsDirectories:
    def test_a_list_of_directories_is_read_without_duplicates(self, tmp_path: Path) -> None:
        config = read(tmp_path, "environments: [models/a, .azure, models/a]\n")

        assert config.environments == ("models/a", ".azure")
        assert config.directories == [tmp_path / "models/a", tmp_path / ".azure"]

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("environments: []", "1:15 invalid-config: `environments` names no directory."),
            ("environments: [a, 1]", "1:19 wrong-type: `environments` must be a string."),
            ("environments: [a, '']", "1:19 wrong-type: `environments` is empty."),
            ("environments: [a, ../b]", "1:19 path-escape: The environments directory `../b` is"),
            ("environments: {a: b}", "1:15 wrong-type: `environments` must be a string."),
        ],
    )
    def test_each_directory_must_be_in_the_project(
        self, text: str, problem: str, tmp_path: Path
    ) -> None:
        found = problems(tmp_path, text)

        assert len(found) == 1
        assert found[0].startswith(problem)

    @pytest.mark.parametrize("glob", ["/a", "../a", "a/../../b"])
    def test_a_glob_of_exclude_must_not_lead_out_of_the_project(
        self, glob: str, tmp_path: Path
    ) -> None:
        assert problems(tmp_path, f"exclude: ['b', '{glob}']") == [
            "1:10 invalid-config: `exclude` has a glob that leads out of the project. "
            "Write globs relative to the directory of envsync.yaml, without `..`."
        ]

    def test_the_globs_of_exclude_are_read(self, tmp_path: Path) -> None:
        config = read(tmp_path, "exclude: ['*.template.yml', copies/]\n")

        assert config.exclude == ("*.template.yml", "copies/")


class TestTheDefaultTarget:
    @pytest.mark.parametrize(
        ("targets", "default"),
        [
            (f"{{dev: {{{WORKSPACE}}}}}", "dev"),
            (f"{{dev: {{{WORKSPACE}}}, local: {{kind: local}}}}", "local"),
            (f"{{dev: {{{WORKSPACE}}}, prod: {{{WORKSPACE}}}}}", None),
        ],
    )
    def test_default_target_is_the_only_target_or_the_target_named_local(
        self, targets: str, default: str | None, tmp_path: Path
    ) -> None:
        assert read(tmp_path, f"targets: {targets}").default_target == default

    def test_command_must_name_a_target_if_there_is_no_default_target(self, tmp_path: Path) -> None:
        config = read(tmp_path, f"targets: {{dev: {{{WORKSPACE}}}, prod: {{{WORKSPACE}}}}}")

        with pytest.raises(UsageError, match=r"Pass `-t NAME`.*: dev, prod\."):
            config.target()

    def test_default_target_must_exist(self, tmp_path: Path) -> None:
        assert problems(tmp_path, f"default_target: dve\ntargets: {{dev: {{{WORKSPACE}}}}}") == [
            "1:17 invalid-config: The target `dve` does not exist. Did you mean `dev`?"
        ]


def test_an_unknown_target_is_a_usage_error(tmp_path: Path) -> None:
    config = read(tmp_path, f"targets: {{dev: {{{WORKSPACE}}}}}")

    with pytest.raises(UsageError, match=r"target `dve` does not exist\. Did you mean `dev`\?"):
        config.target("dve")
    with pytest.raises(UsageError, match=r"target `zzz` does not exist\. Known targets: dev\."):
        config.target("zzz")


class TestVariables:
    def test_variables_are_replaced_by_their_values(self, tmp_path: Path) -> None:
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
        self, text: str, where: str, tmp_path: Path
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
    def test_only_targets_can_use_variables(self, setting: str, tmp_path: Path) -> None:
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
    @pytest.mark.parametrize(
        "setting", ["path: 'x-${%s}'", "suffix: '${%s}'", "tags: {a: '${%s}'}"]
    )
    @pytest.mark.parametrize("is_set", [True, False])
    def test_a_variable_whose_name_looks_like_a_secret_is_refused(
        self, name: str, setting: str, is_set: bool, tmp_path: Path
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

    def test_an_unset_variable_of_a_target_fails_when_the_target_is_used(
        self, tmp_path: Path
    ) -> None:
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
    def test_malformed_variables_are_reported(self, text: str, tmp_path: Path) -> None:
        for settings_text in (
            f"project: '{text}'",
            f"targets: {{x: {{kind: local, path: '{text}'}}}}",
        ):
            assert [
                "invalid-config" in problem for problem in problems(tmp_path, settings_text)
            ] == [True]

    def test_messages_do_not_show_the_value_of_a_variable(self, tmp_path: Path) -> None:
        found = problems(tmp_path, "prune: ${A}", {"A": "secret"})

        assert ["secret" in problem for problem in found] == [False]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "projct: a",
            ["1:1 unknown-field: The setting `projct` does not exist. Did you mean `project`?"],
        ),
        ("project: 1", ['1:10 wrong-type: `project` must be a string. Put it in quotes: `"1"`.']),
        ("project: ''", ["1:10 wrong-type: `project` is empty. Write a value."]),
        ("project: [a]", ["1:10 wrong-type: `project` must be a string. Write a single string."]),
        (
            "project:",
            ["1:1 wrong-type: `project` has no value. Write a value, or remove the line."],
        ),
        ("prune: ownd", ["1:8 invalid-config: `prune` cannot be `ownd`. Did you mean `owned`?"]),
        (
            "adopt: 'yes'",
            ["1:8 invalid-config: `adopt` cannot be `yes`. Choose one of `identical`, `never`."],
        ),
        ("- a", ["1:1 wrong-type: The settings file must be a mapping. Write `key: value` lines."]),
        (
            "prune: none\nprune: owned",
            [
                "2:1 duplicate-key: The key `prune` is repeated. YAML keeps only the last value. "
                "Keep only one of these keys."
            ],
        ),
        (
            "environments: ../x",
            [
                "1:15 path-escape: The environments directory `../x` is outside of the project. "
                "Write the path of a directory below the directory of envsync.yaml."
            ],
        ),
        (
            "targets: {}",
            ["1:10 invalid-config: `targets` has no target. Add a target, or remove the line."],
        ),
        (
            "targets: {x: {path: a}}",
            [
                "1:11 invalid-config: The target `x` has no `kind`. "
                "Add a `kind:` line with one of local, workspace, registry."
            ],
        ),
        (
            "targets: {x: {kind: workspac}}",
            [
                "1:21 invalid-config: `targets.x.kind` cannot be `workspac`. "
                "Did you mean `workspace`?"
            ],
        ),
        (
            "targets: {x: {kind: registry, registy: a}}",
            [
                "1:11 invalid-config: The target `x` has no `registry`. Add a `registry:` line.",
                "1:31 unknown-field: The setting `targets.x.registy` does not exist. "
                "Did you mean `registry`?",
            ],
        ),
        (
            "targets: {x: {kind: registry, registry: a/b}}",
            [
                "1:41 invalid-config: `targets.x.registry` cannot be `a/b`. Write only the name or "
                "id, without white space, `/`, `?`, `#` or `%`."
            ],
        ),
        (
            "targets: {x: {kind: local, cloud: AzureCloud}}",
            [
                "1:28 unknown-field: The setting `targets.x.cloud` does not exist. "
                "Did you mean `include`?"
            ],
        ),
        (
            "targets: {a/b: {kind: local}}",
            [
                "1:11 invalid-config: `a/b` is not a valid target name. "
                "Use up to 64 letters, digits, `.`, `_` and `-`, starting with a letter or digit."
            ],
        ),
        (
            "rules: {unpinned-imag: off}",
            [
                "1:9 unknown-field: The setting `rules.unpinned-imag` does not exist. "
                "Did you mean `unpinned-image`?"
            ],
        ),
        (
            "rules: {missing-file: warning}",
            [
                "1:9 invalid-config: The rule `missing-file` is always an error. "
                "Remove the line, and correct the problems that the rule reports."
            ],
        ),
        (
            "rules: {unpinned-image: warn}",
            [
                "1:25 invalid-config: `rules.unpinned-image` cannot be `warn`. "
                "Did you mean `warning`?"
            ],
        ),
        (
            "ignore_tags: a",
            [
                "1:14 wrong-type: `ignore_tags` must be a list. "
                "Write each item on its own line, after `- `."
            ],
        ),
        *(
            (
                f"max_archive_percent: {text}",
                [
                    "1:22 wrong-type: `max_archive_percent` must be an integer from 0 to 100. "
                    "Write a number without a unit, such as `30`."
                ],
            )
            for text in ("101", "-1", "30%", "'30'", "true", "1.5")
        ),
    ],
)
def test_a_problem_is_reported_with_its_position(
    text: str, expected: list[str], tmp_path: Path
) -> None:
    assert problems(tmp_path, text) == expected


def test_all_problems_are_reported_at_once_in_order(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        "rules: {x: off}\ntargets:\n  a: 1\n  b: {kind: local, path: 2}\nprune: x\nproject: ${A}\n",
    )

    assert [problem.split(":")[0] for problem in found] == ["1", "3", "4", "5", "6"]


# The project is the value of the tag `envsync.owner`.
@pytest.mark.parametrize("project", ["x" * 257, '"a\\nb"', '"a\\u2028b"'])
def test_the_project_must_be_a_valid_tag_value(project: str, tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, f"project: {project}")

    assert "must have at most 256 characters" in problem


class TestTheFile:
    def test_settings_file_is_found_in_a_parent_directory(self, tmp_path: Path) -> None:
        below = tmp_path / "a" / "b"
        below.mkdir(parents=True)
        (tmp_path / "envsync.yaml").write_text("project: x")

        assert find_config(below) == tmp_path / "envsync.yaml"
        assert load_config(None, below, {}).root == tmp_path

    def test_directory_of_a_named_settings_file_is_the_project(self, tmp_path: Path) -> None:
        (tmp_path / "conf").mkdir()
        (tmp_path / "conf" / "my.yaml").write_text("projct: x")

        with pytest.raises(InvalidProject) as caught:
            load_config(Path("conf/my.yaml"), tmp_path, {})
        assert caught.value.problems[0].file == "my.yaml"

        (tmp_path / "conf" / "my.yaml").write_text("project: x")
        assert load_config(Path("conf/my.yaml"), tmp_path, {}).root == tmp_path / "conf"

    @pytest.mark.parametrize("name", ["no.yaml", ".", "broken.yaml"])
    def test_a_path_without_a_file_is_wrong_usage(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "broken.yaml").symlink_to("nowhere")
        with pytest.raises(UsageError, match="cannot be read"):
            load_config(tmp_path / name, tmp_path, {})

    # A test cannot take away the permission to read a file from the user `root`.
    @pytest.mark.parametrize(
        ("kind", "reason"),
        [
            ("link", "it is a link to a file that does not exist"),
            ("loop", "Too many levels of symbolic links"),
            ("directory", "it is not a regular file"),
            ("pipe", "it is not a regular file"),
        ],
    )
    def test_settings_file_that_cannot_be_read_is_not_ignored(
        self, tmp_path: Path, kind: str, reason: str
    ) -> None:
        below = tmp_path / "below"
        below.mkdir()
        # If envsync ignored the unreadable file, it would read this file.
        (tmp_path / "envsync.yaml").write_text("project: other")
        path = below / "envsync.yaml"
        if kind == "directory":
            path.mkdir()
        elif kind == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to({"link": "nowhere", "loop": "envsync.yaml"}[kind])

        with pytest.raises(EnvsyncError, match=reason) as caught:
            load_config(None, below, {})
        assert caught.value.exit_code == 1
        assert str(path) in str(caught.value)

    def test_an_error_of_reading_the_settings_file_is_reported(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "envsync.yaml").write_text("project: x")

        def refuse(_path: Path) -> bytes:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("envsync.project.settings.config.read_regular_file", refuse)
        for path in (None, tmp_path / "envsync.yaml"):
            with pytest.raises(EnvsyncError, match=r"Permission denied\. Make the file") as caught:
                load_config(path, tmp_path, {})
            assert caught.value.exit_code == 1

    def test_config_without_a_settings_file_says_where_the_file_is_missing(
        self, tmp_path: Path
    ) -> None:
        sentence = f"There is no envsync.yaml in {tmp_path} or in a directory above it."
        assert load_config(None, tmp_path, {}).without_file == sentence

        (tmp_path / "envsync.yaml").write_text("project: x")
        assert load_config(None, tmp_path, {}).without_file == ""

    def test_settings_file_must_be_yaml(self, tmp_path: Path) -> None:
        assert problems(tmp_path, "a: [")[0].startswith("1:5 yaml-syntax")


@settings(max_examples=examples(300), deadline=None)
@given(
    st.binary(max_size=200)
    | st.lists(
        st.tuples(
            st.sampled_from(
                ["project", "targets", "rules", "environments", "prune", "ignore_tags", "a", "<<"]
            ),
            st.sampled_from(
                ["${A}", "${", "{x: {kind: local}}", "[a, 1]", "~", "1", "..", "\\0", "a"]
            ),
        )
    ).map(lambda pairs: "\n".join(f"{key}: {value}" for key, value in pairs).encode())
)
def test_arbitrary_content_raises_no_other_exception_than_invalid_project(data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "envsync.yaml"
        path.write_bytes(data)
        try:
            load_config(path, None, {})
        except InvalidProject as error:
            assert error.problems


def test_the_file_policy_contains_the_line_of_each_setting(tmp_path: Path) -> None:
    text = (
        "defaults: {tags: {team: a}}\npolicy:\n  images: [a/*]\n  require_tags: [team, owner]\n"
        "  names: '[a-z]+'\n"
    )
    policy = read(tmp_path, text).file_policy

    assert (policy.images, policy.channels, policy.names) == (("a/*",), (), "[a-z]+")
    # Every environment has the tags in `defaults`.
    assert policy.require_tags == ("owner",)
    assert policy.place("images") == "`policy.images` (envsync.yaml:3)"
    assert policy.place("names") == "`policy.names` (envsync.yaml:5)"


@pytest.mark.parametrize("pattern", ["[a", "(", "a**", "(?P<a>", "a{99999999999999999999}"])
def test_an_invalid_pattern_of_names_is_reported(pattern: str, tmp_path: Path) -> None:
    (found,) = problems(tmp_path, f"policy: {{names: '{pattern}'}}\n")

    assert found.startswith("1:17 invalid-config: `policy.names` is not a valid regular expression")


def test_a_policy_cannot_use_variables(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, "policy: {images: ['${A}/*']}\n", {"A": "a"})

    assert "only targets can use variables" in found
