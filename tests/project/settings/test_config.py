"""`load_config` reads the settings and reports problems."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envsync.model.errors import InvalidProject, UsageError
from envsync.project.rules import RULES
from envsync.project.settings.config import load_config
from tests.examples import examples
from tests.project.settings.config_file import WORKSPACE, problems, read


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


def test_a_config_without_a_settings_file_says_where_the_file_is_missing(tmp_path: Path) -> None:
    sentence = f"There is no envsync.yaml in {tmp_path} or in a directory above it."
    assert load_config(None, tmp_path, {}).without_file == sentence

    (tmp_path / "envsync.yaml").write_text("project: x")
    assert load_config(None, tmp_path, {}).without_file == ""


def test_settings_file_must_be_yaml(tmp_path: Path) -> None:
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


def test_the_file_policy_contains_the_values_and_lines_of_its_settings(tmp_path: Path) -> None:
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
