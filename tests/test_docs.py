"""Compares the docs with the program: commands, options, rules, links and examples.

Examples in a Markdown file are marked as follows:

- ```` ```console ````: each line that begins with `$ ` is a command. The commands of a page run in
  order, in one copy of the examples. Only `envsync` and `cd` are run. `# exit 1` at the end of a
  line is the expected exit code, which is otherwise 0. The lines below a command are its whole
  output. In a line, `…` stands for any text. A line with only `…` stands for any lines.
- ```` ```yaml environment ````: an environment file without any problem.
- ```` ```yaml config ````: an `envsync.yaml`.
- ```` ```yaml bad ```` and ```` ```yaml good ````, below the heading of a rule: bad files break
  only this rule, and good files break no rule. The test adds a name, a description and an image if
  they are missing, except after the word `whole`. `# beside it: a, b (200 MB), c (Git LFS pointer),
  d (password)`
  lists further files that the test creates. With `config` after `bad` or `good`, the file is an
  `envsync.yaml`.
- `<!-- file: PATH -->` above a block: the block is written to this path before the next command.
- `<!-- before: COMMANDS -->` above a block: a shell runs these commands before the block.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from envsync._version import __version__
from envsync.api.importing import Failed, Imported
from envsync.api.references import find_references
from envsync.cli.commands import SUMMARIES, load_command
from envsync.cli.drift import drift_json
from envsync.cli.import_ import import_json
from envsync.cli.main import app
from envsync.git.proposal import missing_project
from envsync.model import errors
from envsync.model.declaration import Source
from envsync.model.image import Image, ImageUse
from envsync.model.problem import Problem
from envsync.model.target import TargetIdentity
from envsync.plan.bump import Bump
from envsync.plan.change import Action, Change, FieldChange, Rejection
from envsync.plan.drift import Difference, Origin
from envsync.plan.drift_report import DriftReport
from envsync.plan.image_findings import ImageFinding, images_json
from envsync.plan.imports import NotImported
from envsync.plan.options import Options
from envsync.plan.plan import Plan
from envsync.plan.version_drift import VersionDrift
from envsync.project.files import parse
from envsync.project.for_target import useless_pattern_problems
from envsync.project.images.environment_file import read_environment_image
from envsync.project.load import load
from envsync.project.project import load_project
from envsync.project.rules import COMPARED, FIXED, IMAGES, REFERENCES, RULES
from envsync.project.search.globs import Globs
from envsync.project.settings.config import load_config
from envsync.render.sarif import problems_sarif
from tests import command
from tests.forked import EMULATOR, path_with_program, program
from tests.repository import commit, new_repository

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
WITH_LINKS = [*PAGES, *(ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"))]
# Links to this repository on GitHub. They are also checked, without a network.
REPOSITORY = "https://github.com/envsync/envsync/blob/main/"

BLOCK = re.compile(
    r"(?:^<!-- (?P<note>[^\n]+) -->\n)?^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*|-[a-zA-Z])(?![\w-])")
BESIDE = re.compile(r"^# beside it: (.+)$", re.MULTILINE)
SIZE = re.compile(
    r"(?P<path>\S+)"
    r"(?: \((?:(?P<megabytes>\d+) MB|(?P<pointer>Git LFS pointer)|(?P<password>password))\))?"
)
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        info: the words after the opening fence.
        text: the content.
        note: the HTML comment above the block.
        line: the line of the opening fence.
    """

    info: str
    text: str
    note: str
    line: int


def blocks(text: str) -> list[Block]:
    return [
        Block(
            found["info"],
            found["text"],
            found["note"] or "",
            text.count("\n", 0, found.start("info")) + 1,
        )
        for found in BLOCK.finditer(text)
    ]


def sections(page: Path) -> dict[str, str]:
    """Returns the text below each heading of the second level."""
    parts = re.split(r"^## (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def code_sections(page: Path, prefix: str = "") -> dict[str, str]:
    """Returns the sections whose heading is code, such as `envsync plan`."""
    return {
        heading.strip("`").removeprefix(prefix): text
        for heading, text in sections(page).items()
        if heading.startswith("`" + prefix)
    }


@pytest.fixture(autouse=True)
def signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    # The examples use this variable in settings, and an unset variable is a problem.
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", "00000000-0000-0000-0000-000000000000")


def identity(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


# Commands and options


def commands() -> dict[str, typer.core.TyperCommand]:
    return {name: load_command(name) for name in SUMMARIES}


def options(command: typer.core.TyperCommand | typer.core.TyperGroup) -> set[str]:
    return {
        option
        for parameter in command.params
        if isinstance(parameter, typer.core.TyperOption) and not parameter.hidden
        for option in (*parameter.opts, *parameter.secondary_opts)
    }


def test_every_command_is_documented() -> None:
    assert sorted(code_sections(REFERENCE / "commands.md", "envsync ")) == sorted(commands())


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_option_of_a_command_is_documented(name: str) -> None:
    section = code_sections(REFERENCE / "commands.md", "envsync ")[name]
    table = "\n".join(line for line in section.splitlines() if line.startswith("| `-"))

    assert documented_options(table) == options(commands()[name])


def test_every_global_option_is_documented() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    section = sections(REFERENCE / "commands.md")["Global options"]
    table = "\n".join(line for line in section.splitlines() if line.startswith("| `-"))

    assert documented_options(table) - {"-h", "--help"} == options(group)


def documented_options(table: str) -> set[str]:
    """Returns the options in the first column of a table."""
    return {
        option
        for line in table.splitlines()
        for code in re.findall(r"`([^`]+)`", re.split(r"(?<!\\)\|", line)[1])
        for option in OPTION.findall(code)
    }


def test_every_exit_code_is_documented() -> None:
    # No error class has the exit codes of success, of a plan with changes, and of a bug in envsync.
    codes = {0, 2, 70} | {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.EnvsyncError)
    }
    section = sections(REFERENCE / "commands.md")["Exit codes"]

    assert {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)} == codes


# Rules

RULE_SECTIONS = code_sections(REFERENCE / "rules.md")
# Only a git repository can break the first rule: see tests/git/test_absent.py. The next two need
# `--solve`: see tests/cli/test_validate_solve.py.
SOLVED = {"unsolvable-conda", "unreachable-channel"}
WITHOUT_EXAMPLES = {"not-checked-out", *SOLVED, *REFERENCES, *IMAGES}


def test_every_rule_is_documented_with_its_severity() -> None:
    documented = {
        rule: re.findall(r"^\*([\w ]+)\.\*", text, re.MULTILINE)
        for rule, text in RULE_SECTIONS.items()
    }
    expected = {
        rule: ["Always an error" if rule in FIXED else level.capitalize()]
        for rule, level in RULES.items()
    }

    assert documented == expected
    assert list(documented) == list(expected)


@pytest.mark.parametrize("rule", [rule for rule in RULE_SECTIONS if rule not in WITHOUT_EXAMPLES])
def test_a_bad_example_breaks_only_its_rule_and_a_good_example_breaks_no_rule(
    rule: str, tmp_path: Path
) -> None:
    expected = {"bad": {rule}, "good": set[str]()}
    examples = blocks(RULE_SECTIONS[rule])

    assert {kind: rules_broken(examples, kind, tmp_path / kind) for kind in expected} == expected


@pytest.mark.parametrize("rule", REFERENCES)
def test_a_bad_reference_breaks_only_its_rule_and_a_good_reference_breaks_no_rule(
    rule: str, tmp_path: Path
) -> None:
    (tmp_path / "environments").mkdir()
    environment = completed("version: '2'\n")
    (tmp_path / "environments" / "pydata.yml").write_text(environment, encoding="utf-8")
    (tmp_path / "envsync.yaml").write_text(f"rules: {{{rule}: error}}\n", encoding="utf-8")
    schema = "$schema: https://azuremlschemas.azureedge.net/latest/commandJob.schema.json\n"
    broken = {}
    for block in blocks(RULE_SECTIONS[rule]):
        (tmp_path / "job.yml").write_text(schema + block.text, encoding="utf-8")
        found = find_references(load_project(tmp_path))
        broken[block.info] = {problem.rule for problem in found.problems}

    # Only a target or the whole repository shows what breaks the other rules.
    without = {"archived-reference", "unused-environment"}
    expected = {"yaml bad job": {rule}, "yaml good job": set[str]()}
    assert broken == ({} if rule in without else expected)


def test_only_the_good_example_of_the_rule_image_unlocked_has_a_digest() -> None:
    examples = {
        block.info: read_environment_image("a.yml", parse(block.text.encode()))
        for block in blocks(RULE_SECTIONS["image-unlocked"])
    }
    digests = {info: use and use.image.digest is not None for info, use in examples.items()}

    assert digests == {"yaml bad image": False, "yaml good image": True}


def test_every_rule_of_check_is_documented() -> None:
    section = code_sections(REFERENCE / "commands.md", "envsync ")["check"]

    assert re.findall(r"^\| `([a-z-]+)` \| (?:error|warning)", section, re.MULTILINE) == [*COMPARED]


def rules_broken(examples: list[Block], kind: str, project: Path) -> set[str]:
    """Writes all examples of one kind to one project, and returns the rules that they break."""
    (project / "environments").mkdir(parents=True)
    fragments = [completed(block.text) for block in examples if block.info == f"yaml {kind}"]
    whole = [block.text for block in examples if block.info == f"yaml {kind} whole"]
    snippets = [*fragments, *whole]
    configs = (f"yaml {kind} config", "yaml config")
    settings = [block.text for block in examples if block.info in configs]
    assert snippets or settings
    if settings:
        (project / "envsync.yaml").write_text("".join(settings), encoding="utf-8")
    for number, snippet in enumerate(snippets):
        write_example(project / "environments" / f"{number}.yml", snippet)
    return {problem.rule for problem in problems(project)}


def completed(text: str) -> str:
    """Returns an example with the lines that the page leaves out of its examples."""
    lines = {
        "name": "name: pydata\n",
        "description": "description: Notebooks and reports.\n",
        "image|build": "image: mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20241215.v1\n",
    }
    missing = (
        line for key, line in lines.items() if not re.search(f"^(?:{key}):", text, re.MULTILINE)
    )
    return "".join(missing) + text


def write_example(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    for names in BESIDE.findall(text):
        for name in names.split(", "):
            found = SIZE.fullmatch(name)
            assert found, name
            beside = path.parent / found["path"]
            beside.parent.mkdir(parents=True, exist_ok=True)
            if found["pointer"]:
                beside.write_text(POINTER, encoding="utf-8")
                continue
            if found["password"]:
                beside.write_text("index-url = https://build:hunter22@pypi.contoso.com/\n")
                continue
            # The file is sparse, so it needs no space on the disk.
            with beside.open("wb") as file:
                file.truncate(int(found["megabytes"] or 0) << 20)


def problems(project: Path) -> tuple[Problem, ...]:
    """Returns every problem of a project, of its settings and of its default target."""
    try:
        config = load_config(None, project)
        config.target()
    except errors.InvalidProject as error:
        return error.problems
    loaded = load(
        project,
        config.directories,
        rules=config.rules,
        versions=config.versions,
        exclude=Globs.of(config.exclude),
        policy=config.file_policy,
    )
    patterns = useless_pattern_problems(loaded.declarations, config, config.target())
    return (*missing_project(config), *loaded.problems, *patterns)


def envsync(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs the command line without colour. The output is as wide as in the docs."""
    if arguments[0] != "emulator":
        return command.envsync(*arguments, cwd=cwd, merged=True, NO_COLOR="1", COLUMNS="80")
    # The emulator starts a program, which writes to the standard output of this process.
    return subprocess.run(
        [program(*EMULATOR), *arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )


def shell(text: str, cwd: Path) -> None:
    environment = {**os.environ, "PATH": path_with_program(*EMULATOR)}
    # The commands are examples of the documentation.
    subprocess.run(  # noqa: S602
        text, shell=True, check=True, cwd=cwd, env=environment, stdout=subprocess.DEVNULL
    )


# Examples


def tagged(info: str) -> list[object]:
    return [
        pytest.param(block.text, id=f"{identity(page)}:{block.line}")
        for page in PAGES
        for block in blocks(page.read_text(encoding="utf-8"))
        if block.info == info
    ]


@pytest.mark.parametrize("text", tagged("yaml environment"))
def test_each_example_of_an_environment_file_has_no_problem(text: str, tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "example.yml").write_text(text, encoding="utf-8")

    assert problems(tmp_path) == ()


@pytest.mark.parametrize("text", tagged("yaml config"))
def test_each_example_of_a_settings_file_has_no_problem(text: str, tmp_path: Path) -> None:
    named = (yaml.safe_load(text) or {}).get("environments", "environments")
    for directory in [named] if isinstance(named, str) else named:
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / "envsync.yaml").write_text(text, encoding="utf-8")

    assert problems(tmp_path) == ()


@pytest.mark.parametrize("text", tagged("json"))
def test_each_json_example_is_valid(text: str) -> None:
    json.loads(text)


def examples_project(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    shutil.copytree(ROOT / "environments", project / "environments")
    shutil.copy(ROOT / "envsync.yaml", project)
    return project


@pytest.mark.parametrize("page", PAGES, ids=identity)
def test_the_commands_of_a_page_print_the_documented_output(page: Path, tmp_path: Path) -> None:
    directory = examples_project(tmp_path)
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.note.startswith("before: "):
            shell(block.note.removeprefix("before: "), cwd=directory)
        if block.note.startswith("file: "):
            (directory / block.note.removeprefix("file: ")).write_text(block.text, encoding="utf-8")
        if block.info == "console":
            for command, exit_code, output in transcript(block.text):
                program, *arguments = shlex.split(command)
                if program == "cd":
                    directory = directory.joinpath(*arguments)
                if program == "envsync":
                    done = envsync(*arguments, cwd=directory)
                    where = f"{identity(page)}:{block.line}: {command}\n{done.stdout}"
                    assert done.returncode == exit_code, where
                    assert not output or shows(output, done.stdout), where


def transcript(text: str) -> Iterator[tuple[str, int, str]]:
    """Yields each command of a console block, its exit code, and the documented output."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        command, _, code = line.partition("  # exit ")
        yield command, int(code or 0), tidy(output)


def tidy(text: str) -> str:
    """Removes white space at the ends of lines, and empty lines at the start and the end."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def shows(expected: str, output: str) -> bool:
    """Returns True if an output matches the documented output, in which `…` stands for any text."""
    lines = (
        r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + r"\n"
        for line in expected.splitlines()
    )
    return re.fullmatch("".join(lines), tidy(output) + "\n") is not None


# JSON


@pytest.mark.usefixtures("clean_git")
def test_the_json_output_of_commands_has_the_documented_keys(tmp_path: Path) -> None:
    project = examples_project(tmp_path)
    commit(new_repository(project))
    file = project / "environments" / "base" / "cpu-base.yml"
    # Remove the fixed version of the image, so that `validate` reports a problem.
    file.write_text(file.read_text().replace("20241215.v1", "latest"))
    (project / "jobs").mkdir()
    (project / "jobs" / "train.yml").write_text("environment: azureml:pydata:latest\n")
    (project / "jobs" / "pinned.yml").write_text("environment: azureml:pydata:2\n")
    # A new version of an environment whose newest version is in use, so that `check` reports it.
    (project / "jobs" / "other.yml").write_text("environment: azureml:cpu-base@latest\n")
    second = file.read_text().replace('version: "1"', 'version: "2"')
    assert 'version: "2"' in second
    file.with_name("cpu-base-2.yml").write_text(second)
    runs = {
        "validate": ("validate",),
        "check": ("check",),
        "apply": ("apply", "--yes"),
        "status": ("status",),
        "refs": ("refs",),
        "list": ("list",),
        "show": ("show", "pydata:2"),
        "targets": ("targets",),
        "bump": ("bump", "pydata", "churn-train"),
    }
    actual = {
        name: shape(json.loads(envsync("-q", *run, "--format", "json", cwd=project).stdout))
        for name, run in runs.items()
    }
    actual["import"] = shape(
        import_json(
            [Imported("a", "1", ("environments/a/env.yml",), ("why",)), Failed("b", "1", "why")],
            [NotImported("c", None, "why")],
            [],
            dry_run=False,
            adopt=False,
        )
    )
    field = Difference(FieldChange("tags.a", "1", "2"), Origin.TARGET)
    drifted = VersionDrift("a", "1", Source("a.yml", 1), edited=True, differences=(field,))
    target = TargetIdentity("dev", "local", "dev.db")
    report = DriftReport(target, (drifted,), (), (("update", "b:1"),))
    actual["drift"] = shape(drift_json([report], {}))
    image = ImageFinding(ImageUse("a.yml", 1, 1, Image("a", "1"), environments=("a",)), "unlocked")
    problem = Problem("image-unlocked", "warning", "Why.", "a.yml", 1, 1, "Fix.")
    bump = Bump("a", "1", "2", Source("a.yml", 1))
    actual["lock"] = shape(images_json([image], [], [bump], [problem]))
    documented = {
        name: shape(json.loads(block.text))
        for name, section in code_sections(REFERENCE / "commands.md", "envsync ").items()
        for block in blocks(section)
        if block.info == "json"
    }

    assert actual == documented


def shape(value: object) -> object:
    """Returns the keys of JSON data, without its values.

    Only the first item of a list is returned. A plan is left out, because docs/reference/plan.md
    describes plans.
    """
    if isinstance(value, dict):
        return {key: None if key == "plan" else shape(item) for key, item in value.items()}
    return [shape(item) for item in value[:1]] if isinstance(value, list) else None


def test_every_key_in_the_json_of_a_plan_is_documented() -> None:
    everything = Plan(
        project="docs",
        target=TargetIdentity("local", "local", "local"),
        changes=(Change(Action.UPDATE, "version", "a", "1", "why", (FieldChange("x", 1, 2),)),),
        rejections=(Rejection("immutable", "b", "1", "why", "fix"),),
        options=Options(),
    ).to_json()
    section = sections(REFERENCE / "plan.md")["JSON"]
    (example,) = (json.loads(block.text) for block in blocks(section) if block.info == "json")

    assert example.keys() == everything.keys()
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)[: len(everything)] == list(
        everything
    )
    assert example["changes"][0].keys() == json_keys(everything["changes"])
    assert json_keys(everything["rejections"]) <= set(re.findall(r"`(\w+)`", section))


def json_keys(value: object) -> set[str]:
    assert isinstance(value, list)
    assert isinstance(value[0], dict)
    return set(value[0])


# Links


def anchors(page: Path) -> set[str]:
    """Returns the anchors that GitHub gives to the headings of a page."""
    headings = (
        title for _, title in HEADING.findall(BLOCK.sub("", page.read_text(encoding="utf-8")))
    )
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


@pytest.mark.parametrize("page", WITH_LINKS, ids=identity)
def test_every_link_has_an_existing_target(page: Path) -> None:
    broken = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if path.startswith(REPOSITORY):
            target = ROOT / path.removeprefix(REPOSITORY)
        elif path.startswith("https://"):
            # The tests run without a network.
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


def test_every_page_for_users_is_in_the_index() -> None:
    linked = set(LINK.findall((DOCS / "README.md").read_text("utf-8")))
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")} - {"README.md"}
    internal = {page for page in pages if page.startswith("contributing/")}

    assert {link for link in linked if link.endswith(".md")} == (pages - internal) | {
        "contributing/README.md"
    }


def test_every_page_for_contributors_is_in_their_index() -> None:
    index = DOCS / "contributing" / "README.md"
    linked = set(LINK.findall(index.read_text("utf-8")))

    assert {page.name for page in index.parent.glob("*.md")} - {"README.md"} <= linked


def test_the_readme_has_no_relative_links() -> None:
    # PyPI shows this page as well, and has none of the files of the repository.
    links = LINK.findall((ROOT / "README.md").read_text("utf-8"))

    assert [link for link in links if not link.startswith("https://")] == []


@pytest.mark.parametrize("page", WITH_LINKS, ids=identity)
def test_every_version_in_the_docs_is_the_current_version(page: Path) -> None:
    pattern = r"(?:envsync/envsync@v|envsync\.git#v|^    rev: v)(\d[\w.]*)"
    found = re.findall(pattern, page.read_text("utf-8"), re.MULTILINE)

    assert set(found) <= {__version__}


NAMED_PAGE = re.compile(r"(?<!git-lfs/blob/main/)docs/[\w./-]+\.md(?:#[\w-]+)?")
SOURCES = ("action.yml", "Dockerfile", ".pre-commit-hooks.yaml", "envsync", "environments")


def test_every_documentation_page_that_the_code_links_to_exists() -> None:
    """Messages, help, templates and comments name pages as `docs/…` or as a link to GitHub."""
    files = [
        path
        for name in SOURCES
        for path in ([ROOT / name] if (ROOT / name).is_file() else (ROOT / name).rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    ]
    named = {
        (path.relative_to(ROOT).as_posix(), page)
        for path in files
        for page in NAMED_PAGE.findall(path.read_text("utf-8").replace("{DOCUMENTATION}", "docs"))
    }

    assert len(named) > 10
    missing = []
    for path, page in sorted(named):
        name, _, anchor = page.partition("#")
        target = ROOT / name
        if not target.exists() or (anchor and anchor not in anchors(target)):
            missing.append((path, page))
    assert missing == []


def test_sarif_links_to_the_description_of_each_rule() -> None:
    found = [Problem(rule, "error", "Why.", "a.yml", 1, 1, "Fix.") for rule in (*RULES, *COMPARED)]
    log: Any = problems_sarif(found)
    links = {
        rule["id"]: rule["helpUri"].removeprefix(REPOSITORY).partition("#")
        for rule in log["runs"][0]["tool"]["driver"]["rules"]
    }

    assert links.keys() == {*RULES, *COMPARED}
    assert [
        rule for rule, (page, _, anchor) in links.items() if anchor not in anchors(ROOT / page)
    ] == []


# Messages


def message_texts() -> set[str]:
    """Returns the texts in the code. `…` stands for each value that the code inserts."""
    texts = set()
    for path in (ROOT / "envsync").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (v.value if isinstance(v, ast.Constant) else "…" for v in node.values)
                texts.add("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
    return texts


def test_every_message_in_troubleshooting_exists_in_the_code() -> None:
    page = DOCS / "how-to" / "troubleshooting.md"
    messages = [
        cell.strip()
        for line in page.read_text("utf-8").splitlines()
        if line.startswith("| ") and not line.startswith("| message")
        for cell in [re.split(r"(?<!\\)\|", line)[1]]
    ]
    texts = message_texts()

    assert len(messages) > 20
    assert [text for text in messages if not any(text in known for known in texts)] == []
