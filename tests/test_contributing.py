"""The recipes in docs/contributing/ list every file that an addition must change."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from envsync.cli.commands import module_of
from envsync.emulator.settings import Settings
from envsync.project.rules import RULES
from envsync.targets.kinds import OPENERS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "contributing" / "README.md").read_text(encoding="utf-8")
_PATH = re.compile(r"`((?:envsync|tests|docs)/[\w./-]+\.(?:py|md|json))`")

FIELDS = ("description", "tags", "image", "conda_file", "build", "os_type", "inference_config")
COMMANDS = ("apply", "bump", "check", "emulator", "init", "list", "plan", "schema", "show")


def recipe(title: str) -> list[str]:
    """Returns the paths of the files in a recipe."""
    section = PAGE.partition(f"### {title}\n")[2].partition("\n#")[0]
    return _PATH.findall(section)


@cache
def content(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def lacking(paths: Iterable[str], words: Iterable[str]) -> list[tuple[str, str]]:
    """Returns `(path, word)` for each word that is missing in the file at the path."""
    found = list(paths)
    return [(path, word) for word in words for path in found if word not in content(path)]


def test_every_exception_to_a_security_rule_has_a_reason() -> None:
    bare = []
    for path in sorted((ROOT / "envsync").rglob("*.py")):
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            found = re.search(r"# noqa: S\d+(.*)", line)
            if found and not found[1] and not lines[number - 1].lstrip().startswith("#"):
                bare.append(f"{path.name}:{number + 1}")

    assert bare == []


def test_every_file_on_the_page_exists() -> None:
    named = _PATH.findall(PAGE)

    # Without this assertion, the test would pass if the pattern found no path.
    assert named
    assert [path for path in named if "NAME" not in path and not (ROOT / path).exists()] == []


def test_the_tree_on_the_page_lists_exactly_the_existing_folders() -> None:
    tree = PAGE.partition("```text\nenvsync/\n")[2].partition("```")[0]
    found, room = set(), ""
    for line in tree.splitlines():
        name = line.split()[0]
        room, path = (
            (name, name) if line.startswith("  ") and line[2] != " " else (room, room + name)
        )
        found.add(path.rstrip("/"))

    folders = {
        str(path.parent.relative_to(ROOT / "envsync"))
        for path in (ROOT / "envsync").rglob("__init__.py")
    }
    assert found == folders - {"."} - {"targets/azure/http"}


def test_the_recipe_to_add_a_rule_lists_files_that_contain_every_rule() -> None:
    assert lacking(recipe("Add a rule"), RULES) == []


def test_the_recipe_to_add_a_field_lists_files_that_contain_every_field() -> None:
    # wire.py has the names of the REST API instead, such as `condaFile`.
    wire = "envsync/targets/azure/wire.py"
    paths = [path for path in recipe("Add a field of environment files") if path != wire]

    assert lacking(paths, FIELDS) == []
    assert lacking([wire], ["description", "tags", "image", "condaFile", "osType"]) == []


def test_the_recipe_to_add_a_command_lists_files_that_contain_every_command() -> None:
    paths = recipe("Add a command")

    for command in COMMANDS:
        assert (ROOT / f"{module_of(command).replace('.', '/')}.py").exists()
    assert "envsync/cli/commands.py" in paths
    assert lacking(["envsync/cli/commands.py"], (f'"{command}"' for command in COMMANDS)) == []
    assert (
        lacking(["docs/reference/commands.md"], (f"## `envsync {command}`" for command in COMMANDS))
        == []
    )


def test_the_recipe_to_add_a_kind_of_target_lists_files_that_contain_every_kind() -> None:
    # These two files are the same for every kind of target, so they do not contain the kinds.
    paths = set(recipe("Add a kind of target")) - {
        "envsync/model/target.py",
        "tests/targets/contract.py",
    }

    assert lacking(paths, OPENERS) == []


@pytest.mark.parametrize(
    "switch", [name for name, kind in Settings.__annotations__.items() if "Literal" in kind]
)
def test_the_recipe_to_add_a_switch_lists_files_that_contain_each_switch(switch: str) -> None:
    settings, option, page, test, _ = recipe("Add a switch of the emulator")

    assert lacking([settings, option, test], [switch]) == []
    assert lacking([page], [f"`--{switch.replace('_', '-')}"]) == []
