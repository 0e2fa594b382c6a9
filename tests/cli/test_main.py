"""Tests of global options, help, completion, exit codes and error messages."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from copy import copy
from importlib import import_module
from pathlib import Path

import pytest
import typer

from envsync import __version__
from envsync.cli.commands import SUMMARIES, load_command, module_of
from envsync.cli.main import app
from envsync.cli.repeated import repeated_options
from envsync.targets.local.target import LocalTarget
from tests.cli.conftest import Run, declare
from tests.forked import program

ENVSYNC = [sys.executable, "-m", "envsync"]


def test_version_prints_the_version(run: Run) -> None:
    assert run("--version").out == f"envsync {__version__}\n"


def test_help_lists_every_command_with_its_whole_summary(run: Run) -> None:
    result = run("--help")
    listed = dict(re.findall(r"^  (\w+)  +(\S.*)$", result.out, re.MULTILINE))

    assert result.code == 0
    assert listed == SUMMARIES


@pytest.mark.parametrize("name", SUMMARIES)
def test_the_summary_of_a_command_is_the_first_line_of_its_docstring(name: str) -> None:
    docstring = import_module(module_of(name)).run.__doc__

    assert docstring.splitlines()[0] == SUMMARIES[name]


@pytest.mark.parametrize("name", SUMMARIES)
def test_the_help_of_a_command_ends_with_an_example_and_a_link(run: Run, name: str) -> None:
    result = run(name, "--help")
    *_, example_title, example, _, link_title, link = result.out.splitlines()

    assert result.code == 0
    assert (example_title, link_title) == ("  Example:", "  Documentation:")
    assert example.startswith(f"    envsync {name}")
    assert link == (
        f"    https://github.com/envsync/envsync/blob/main/docs/reference/commands.md#envsync-{name}"
    )


@pytest.mark.parametrize("name", SUMMARIES)
def test_the_example_in_the_help_of_a_command_is_a_valid_command_line(name: str) -> None:
    example = import_module(module_of(name)).EXAMPLE.partition(" > ")[0]
    arguments = shlex.split(example)

    assert arguments[:2] == ["envsync", name]
    load_command(name).make_context(name, arguments[2:])


@pytest.mark.parametrize("name", SUMMARIES)
def test_the_help_of_a_command_shows_no_python_types(run: Run, name: str) -> None:
    assert not re.search(r"<(list|str|int|float|bool|path|file|directory)\b", run(name, "-h").out)


def test_help_imports_no_command() -> None:
    code = (
        "import sys\n"
        "from envsync.cli.commands import SUMMARIES, module_of\n"
        "from envsync.cli.main import app\n"
        "app(['--help'], standalone_mode=False)\n"
        "names = [name for name in SUMMARIES if module_of(name) in sys.modules]\n"
        "sys.exit(str(names))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert result.stderr == "[]\n"


def test_a_command_imports_no_other_command() -> None:
    code = (
        "import sys\n"
        "from envsync.cli.commands import SUMMARIES, module_of\n"
        "from envsync.cli.main import app\n"
        "app(['schema', 'plan'], standalone_mode=False)\n"
        "names = [name for name in SUMMARIES if module_of(name) in sys.modules]\n"
        "sys.exit(str(names))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert result.stderr == "['schema']\n"


def test_the_error_for_a_misspelt_command_suggests_a_command(run: Run) -> None:
    result = run("aply")

    assert result.code == 64
    assert "Did you mean 'apply'?" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["plan", "--frobnicate"],
        ["plan", "--format", "yaml"],
        ["plan", "--out"],
        ["apply", "--parallel", "0"],
        ["apply", "--parallel", "many"],
        ["schema", "nothing"],
        ["schema"],
        ["show"],
        ["show", "a@newest"],
        ["plan", "-t", "prod"],
        ["--color", "sometimes", "plan"],
        ["-C", "nowhere", "plan"],
    ],
)
def test_wrong_usage_exits_with_64_and_an_error_message(
    project: Path, run: Run, arguments: list[str]
) -> None:
    declare(project, "a")
    result = run(*arguments)

    assert result.code == 64
    assert result.out == ""
    assert result.err
    assert "Traceback" not in result.err


def test_the_error_for_an_unknown_target_lists_the_known_targets(project: Path, run: Run) -> None:
    declare(project, "a")
    result = run("plan", "-t", "locall")

    assert "locall" in result.err
    assert "local" in result.err.replace("locall", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan"],
        ["apply", "--yes"],
        ["plan", "-t", "dev"],
        ["check"],
        ["bump", "a"],
        ["bump", "--all-rejected"],
        ["show", "a"],
    ],
)
def test_an_error_begins_with_the_missing_settings_file(
    project: Path, run: Run, arguments: list[str]
) -> None:
    result = run(*arguments)

    assert (result.code != 0, result.out) == (True, "")
    sentence = f"There is no envsync.yaml in {project} or in a directory above it. "
    assert result.err.startswith(f"Error: {sentence}")


@pytest.mark.parametrize("command", ["list", "targets"])
def test_a_result_from_default_settings_comes_with_a_note_about_the_missing_file(
    project: Path, run: Run, command: str
) -> None:
    note = f"There is no envsync.yaml in {project} or in a directory above it. "

    assert run(command).err == f"{note}The default settings are used.\n"
    assert run(command, "-q").err == ""
    (project / "envsync.yaml").write_text("project: churn\n")
    assert run(command).err == ""


def test_environment_files_without_a_settings_file_can_be_planned(project: Path, run: Run) -> None:
    declare(project, "a")

    assert (run("plan").code, run("plan").err) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["plan"], 1),
        (["validate"], 1),
        (["list"], 1),
        (["targets"], 1),
        (["--config", "envsync.yaml", "plan"], 64),
        (["--config", "none.yaml", "plan"], 64),
    ],
)
def test_unreadable_settings_and_a_wrong_option_config_have_different_exit_codes(
    project: Path, run: Run, arguments: list[str], code: int
) -> None:
    declare(project, "a")
    (project / "envsync.yaml").symlink_to("nowhere")
    result = run(*arguments)

    assert (result.code, result.out) == (code, "")
    assert "cannot be read" in result.err


def test_option_directory_runs_the_command_in_another_directory(project: Path, run: Run) -> None:
    declare(project, "a")
    elsewhere = project.parent

    os.chdir(elsewhere)
    assert run("-C", "churn", "plan", "--format", "json").data["summary"]["create"] == 1


def test_the_project_is_found_from_a_subdirectory(project: Path, run: Run) -> None:
    (project / "envsync.yaml").write_text("project: found\n")
    declare(project, "a")

    result = run("-C", "environments", "plan", "--format", "json")
    assert result.data["project"] == "found"
    assert result.data["changes"][0]["source"]["file"] == "environments/a-1.yml"


def test_option_config_selects_another_file(project: Path, run: Run) -> None:
    (project / "other.yaml").write_text("project: other\n")
    declare(project, "a")

    assert run("--config", "other.yaml", "plan", "--format", "json").data["project"] == "other"
    missing = run("--config", "none.yaml", "plan")
    assert missing.code in {1, 64}
    assert "none.yaml" in missing.err


def test_an_error_in_the_settings_has_file_line_and_column(project: Path, run: Run) -> None:
    (project / "envsync.yaml").write_text("project: x\nprun: owned\n")
    result = run("plan")

    assert result.code == 1
    assert "envsync.yaml:2:1: error[unknown-field]" in result.err
    assert "prune" in result.err


@pytest.mark.parametrize(
    ("arguments", "no_color", "colored"),
    [
        ([], None, False),  # in tests, standard output is not a terminal
        (["--color", "always"], None, True),
        (["--color", "always"], "1", True),
        (["--color", "never"], None, False),
        (["--color", "auto"], "1", False),
    ],
)
def test_option_color_overrides_the_variable_no_color(
    project: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    no_color: str | None,
    colored: bool,
) -> None:
    declare(project, "a")
    if no_color:
        monkeypatch.setenv("NO_COLOR", no_color)

    assert ("\x1b[" in run(*arguments, "plan").out) is colored


@pytest.mark.parametrize(
    "options",
    [
        ["-q"],
        ["--quiet"],
        ["-v"],
        ["--verbose"],
        ["--color", "always"],
        ["--color=always"],
        ["--config", "other.yaml"],
        ["-C", "environments"],
        ["-C", "environments", "--config", "../other.yaml", "-qv"],
    ],
)
def test_global_options_work_before_and_after_the_command(
    project: Path, run: Run, options: list[str]
) -> None:
    (project / "envsync.yaml").write_text("project: found\n")
    (project / "other.yaml").write_text("project: other\nenvironments: environments/other\n")
    declare(project, "a")
    (project / "environments/other").mkdir()
    (project / "environments/a-1.yml").rename(project / "environments/other/a.yml")

    before = run(*options, "plan")
    assert before.code == 0
    assert run("plan", *options) == before


@pytest.mark.parametrize("name", [name for name in SUMMARIES if name != "init"])
def test_every_command_accepts_global_options_after_its_name(name: str, run: Run) -> None:
    assert run(name, "-v", "-q", "--color", "never", "-C", ".", "--help").code == 0


def test_a_global_option_after_the_command_has_priority(project: Path, run: Run) -> None:
    declare(project, "a")

    assert "\x1b[" not in run("--color", "always", "plan", "--color", "never").out
    assert "\x1b[" in run("--color", "never", "plan", "--color", "always").out


def test_the_second_option_directory_is_relative_to_the_first_option_directory(
    project: Path, run: Run
) -> None:
    (project / "deep" / "deeper").mkdir(parents=True)

    assert run("-C", "deep", "init", "-C", "deeper").code == 0
    assert (project / "deep" / "deeper" / "envsync.yaml").is_file()


def test_option_out_is_relative_to_option_directory(project: Path, run: Run) -> None:
    declare(project, "a")
    elsewhere = project.parent / "elsewhere"
    elsewhere.mkdir()
    os.chdir(elsewhere)

    assert run("plan", "--out", "plan.json", "-C", "../churn").code == 0
    assert (project / "plan.json").is_file()


@pytest.mark.parametrize(
    "arguments",
    [["plan", "-C", "nowhere"], ["plan", "--color", "sometimes"], ["list", "--config"]],
)
def test_a_wrong_global_option_after_the_command_is_wrong_usage(
    project: Path, run: Run, arguments: list[str]
) -> None:
    result = run(*arguments)

    assert (result.code, result.out) == (64, "")
    assert arguments[1] in result.err


def test_an_option_of_a_command_hides_the_global_option_with_the_same_name() -> None:
    options = typer.main.get_command(app).params
    own = copy(options[0])
    own.opts = ["-v", "--config"]
    names = {name for twin in repeated_options(options, [own]) for name in twin.opts}

    assert names == {"-C", "-q", "--quiet", "--verbose", "--color", "--debug-http"}


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("validate", []),
        ("plan", []),
        ("apply", ["--yes"]),
        ("list", []),
        ("show", ["a"]),
        ("targets", []),
    ],
)
def test_option_json_is_short_for_format_json(
    project: Path, run: Run, command: str, arguments: list[str]
) -> None:
    declare(project, "a")
    run("apply", "--yes")
    result = run(command, *arguments, "--json")

    assert result.code == 0
    assert result.data == run(command, *arguments, "--format", "json").data


@pytest.mark.parametrize("command_name", SUMMARIES)
def test_every_command_with_a_format_accepts_json(command_name: str) -> None:
    command = load_command(command_name)
    formats = [item for item in command.params if "--format" in item.opts]

    for parameter in formats:
        parser = command.make_parser(command.context_class(command))
        name = str(parameter.name)
        assert parser.parse_args(["--json"])[0][name] == "json"
        assert parser.parse_args(["--json", "--format", "x"])[0][name] == "x"


def test_a_bug_is_reported_with_a_log_file_and_without_traceback(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    declare(project, "a")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    def fail(*_: object) -> None:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(LocalTarget, "read", fail)
    result = run("plan")

    assert result.code == 70
    assert "Traceback" not in result.err
    found = re.search(r"\S+envsync-\S+\.log", result.err)
    assert found is not None
    log = Path(found[0].rstrip(".") if found[0].endswith("..") else found[0]).read_text()
    assert "ZeroDivisionError: boom" in log


def test_no_error_is_printed_if_the_output_pipe_is_closed(project: Path) -> None:
    for number in range(300):
        declare(project, f"e{number}")
    process = subprocess.Popen(
        [program(), "plan"], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    # The plan is longer than the buffer of a pipe, so envsync is still writing at the close.
    process.stdout.read(10)
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=30)

    assert err == b""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_shell_completion_is_printed(shell: str, project: Path) -> None:
    environment = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    result = subprocess.run(
        ["envsync", "--show-completion", shell],
        executable=str(Path(sys.executable).with_name("envsync")),
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert result.returncode == 0, result.stderr
    assert "_ENVSYNC_COMPLETE" in result.stdout


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("envsync pl", {"plan"}),
        ("envsync plan -t st", {"staging"}),
        ("envsync plan tr", {"train-a"}),
        ("envsync show tr", {"train-a"}),
    ],
)
def test_shell_completion_offers_commands_targets_and_names(
    project: Path, typed: str, offered: set[str]
) -> None:
    (project / "envsync.yaml").write_text(
        "targets:\n  staging: {kind: local, path: s.db}\n  prod: {kind: local, path: p.db}\n"
    )
    declare(project, "train-a")
    declare(project, "serve-b")

    assert set(completions(project, typed)) == offered


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("envsync -C other plan ze", ["zed"]),
        ("envsync plan -C other ze", ["zed"]),
        ("envsync -C .. plan -C churn/other ze", ["zed"]),
        ("envsync --config other.yaml plan -t q", ["qa"]),
        ("envsync plan --config other.yaml -t q", ["qa"]),
        ("envsync -C other --config ../other.yaml list -t q", ["qa"]),
        ("envsync -C missing plan -t q", []),
        ("envsync --config missing.yaml plan ze", []),
    ],
)
def test_shell_completion_reads_the_global_options(
    project: Path, typed: str, offered: list[str]
) -> None:
    (project / "other.yaml").write_text("targets: {qa: {kind: local}}\n")
    (project / "other" / "environments").mkdir(parents=True)
    declare(project / "other", "zed")

    assert completions(project, typed) == offered


@pytest.mark.parametrize("command", ["show", "list", "bump", "plan"])
def test_shell_completion_offers_the_names_in_files_although_a_file_has_errors(
    project: Path, command: str
) -> None:
    declare(project, "zed")
    (project / "environments" / "broken.yml").write_text("name: zone\nimage: [\n")
    # Nobody could sign in to this target, so completion must not read it.
    (project / "envsync.yaml").write_text(
        "project: p\ndefault_target: dev\ntargets: {dev: {kind: workspace, resource_group: a, "
        "subscription_id: 00000000-0000-0000-0000-000000000000, workspace: w}}\n"
    )

    assert completions(project, f"envsync {command} z") == ["zed"]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("envsync plan --j", ["--json"]),
        ("envsync targets --j", ["--json"]),
        ("envsync bump --verb", ["--verbose"]),
        ("envsync list --conf", ["--config"]),
        ("envsync schema --debug", ["--debug-http"]),
        ("envsync schema --j", []),
    ],
)
def test_shell_completion_offers_options_that_the_help_of_a_command_hides(
    project: Path, typed: str, offered: list[str]
) -> None:
    assert completions(project, typed) == offered


def completions(project: Path, typed: str) -> list[str]:
    """Returns what bash offers for the last word of a command line."""
    environment = {
        **os.environ,
        "_ENVSYNC_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
    }
    result = subprocess.run(
        [program()], cwd=project, env=environment, capture_output=True, text=True
    )
    return result.stdout.split()


def test_the_command_line_imports_no_slow_package() -> None:
    """Checks that `--version` and `--help` start without the packages that are slow to import."""
    code = (
        "import sys, envsync.cli.main; "
        "heavy = {'yaml', 'ruamel', 'git', 'sqlite3', 'deepdiff', 'azure', 'rich', 'msgspec'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert result.stdout == "[]\n"


def test_validating_valid_files_imports_nothing_for_git_build_contexts_or_colours(
    project: Path,
) -> None:
    (project / "envsync.yaml").write_text("project: churn\n")
    declare(project, "a", conda_file="conda.yml")
    (project / "environments" / "conda.yml").write_text("dependencies: [python=3.12]\n")
    code = (
        "import sys\n"
        "from envsync.cli.main import app\n"
        "app(['validate'], standalone_mode=False)\n"
        "unused = {'git', 'rich', 'ruamel', 'sqlite3', 'envsync.git.repository', "
        "'envsync.project.context.scan', 'envsync.project.environment.build'}\n"
        "sys.exit(str(sorted(unused & set(sys.modules))))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True
    )

    assert result.stderr == "[]\n"


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_characters_that_a_pipe_cannot_encode_are_escaped(project: Path, encoding: str) -> None:
    declare(project, "a", description="→")
    environ = {**os.environ, "PYTHONIOENCODING": encoding}

    def output(*arguments: str) -> str:
        command = [*ENVSYNC, "plan", *arguments]
        done = subprocess.run(command, check=True, env=environ, capture_output=True)
        return done.stdout.decode("ascii")

    assert 'description  "\\u2192"\n' in output()
    assert '"after": "\\u2192"' in output("--format", "json")


def test_a_deleted_working_directory_is_wrong_usage(project: Path) -> None:
    gone = project / "gone"
    gone.mkdir()
    # The shell deletes its own working directory, and then starts envsync.
    script = 'rmdir "$PWD" && exec "$@"'
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *ENVSYNC, "plan"], cwd=gone, capture_output=True, text=True
    )

    assert (done.returncode, done.stderr.splitlines()[-1:]) == (
        64,
        ["Error: The working directory no longer exists. Change to another directory."],
    )
