"""The texts of the files that `envsync init` writes. They depend on the files of the repository."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Final

from msgspec import Struct

from envsync.project.settings.guesses import Guess

WORKFLOWS: Final = (
    "envsync-plan.yml",
    "envsync-apply.yml",
    "envsync-nightly.yml",
    "envsync-update.yml",
)
SCHEMA: Final = ".schemas/envsync.json"
"""The file to which the first line of `envsync.yaml` refers. Editors read the schema from there.

A file of the repository works without a network, for everybody who clones the repository, and
describes the settings of the envsync that the project uses. An address would fail offline, and
describe another release.
"""

_MOST_DIRECTORIES: Final = 5
"""The maximum number of directories in `environments`, unless more directories at the top of the
project contain environment files."""

# YAML reads these words as booleans or as null.
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


class NewProject(Struct, frozen=True):
    """The values that `init` writes into the files of a new project.

    Attributes:
        name: the project name, as YAML text.
        environments: the directories of the environment files that exist, relative to the project
            directory. Empty if the project has no environment file yet.
        targets: the targets that the files of the repository use.
        below: the path of the project directory relative to the top of the repository, with `/`.
            Empty if the project directory is the top.
        branch: the default branch of the repository.
    """

    name: str
    environments: tuple[str, ...] = ()
    targets: tuple[Guess, ...] = ()
    below: str = ""
    branch: str = "main"

    def settings(self) -> str:
        """Returns the text of `envsync.yaml`."""
        text = _template("envsync.yaml").replace('"{project}"', self.name)
        if self.environments:
            listed = ", ".join(map(_quoted, self.environments))
            value = listed if len(self.environments) == 1 else f"[{listed}]"
            text = text.replace("environments: environments\n", f"environments: {value}\n")
        return text + "".join(f"  {target_line(guess)}\n" for guess in self.targets)

    def workflow(self, name: str) -> str:
        """Returns the text of a GitHub workflow."""
        text = _template(name)
        text = text.replace("branches: [main]", f"branches: [{_quoted(self.branch)}]")
        # In an expression, a quote is escaped by a second quote.
        escaped = self.branch.replace("'", "''")
        text = text.replace("'refs/heads/main'", f"'refs/heads/{escaped}'")
        if self.below:
            # `command` is an input of every step that uses the action of envsync.
            line = working_directory(self.below)
            text = re.sub(r"(?m)^( +)command: .*$", lambda at: f"{at[0]}\n{at[1]}{line}", text)
        return text

    def hooks(self) -> str:
        """Returns the text of `.pre-commit-config.yaml`."""
        text = _template("pre-commit.yaml")
        if self.below:
            # pre-commit runs at the top of the repository, and splits `entry` as a shell does.
            at = f"envsync -C {shlex.quote(self.below)}"
            text = re.sub(
                r"(?m)^( +entry: )envsync (.*)$",
                lambda found: found[1] + _quoted(f"{at} {found[2]}"),
                text,
            )
        return text


def working_directory(below: str) -> str:
    """Returns the workflow line that makes the action run in the project directory."""
    return f"working-directory: {_quoted(below)}"


def runs_workflow(text: str, below: str) -> bool:
    """Returns whether a workflow seems to run the action of envsync in the project directory.

    Args:
        text: the text of the workflow.
        below: the project directory relative to the top of the repository. Empty if the project
            directory is the top.
    """
    if below:
        return _names(text, below)
    steps = re.findall(r"(?m)^[ \t]*(?:- +)?uses: *[\"']?[^\s\"']*/envsync@", text)
    elsewhere = re.findall(r"(?m)^[ \t]*working-directory: *(?![\"']?\.?[\"']?[ \t\r]*$)", text)
    return len(steps) > len(elsewhere)


def runs_hooks(text: str, below: str) -> bool:
    """Returns whether a configuration of pre-commit seems to check the project directory.

    Args:
        text: the text of the configuration.
        below: the project directory relative to the top of the repository. Empty if the project
            directory is the top.
    """
    if below:
        return "envsync" in text and _names(text, below)
    hooks = re.findall(r"(?m)^[ \t]*(?:- +)?id: *[\"']?envsync-", text)
    elsewhere = re.findall(r"envsync -C\b", text)
    return len(hooks) > len(elsewhere) or ("envsync" in text and not (hooks or elsewhere))


def _names(text: str, directory: str) -> bool:
    """Returns whether a text contains a path as a whole: `a/envs` does not contain `envs`."""
    return bool(re.search(rf"(?<![\w./-]){re.escape(directory)}(?![\w.-]|/\w)", text))


def target_line(guess: Guess) -> str:
    """Returns the line that declares a target, for `targets` in `envsync.yaml`."""
    pairs = {"kind": guess.kind, **guess.settings}.items()
    settings = ", ".join(f"{key}: {_quoted(value)}" for key, value in pairs)
    return f"{_quoted(guess.name)}: {{{settings}}}"


def schema() -> str:
    """Returns the text of the schema of `envsync.yaml`."""
    return (files("envsync") / "schemas" / "config.json").read_text("utf-8")


def example() -> str:
    """Returns the text of an example environment file."""
    return _template("example.yml")


def common_directories(paths: Iterable[str]) -> tuple[str, ...]:
    """Returns the fewest and deepest directories that together contain all files.

    Args:
        paths: the files, relative to the project directory, with `/`.
    """
    parents = sorted({_encodable(path.rpartition("/")[0] or ".") for path in paths})
    if len(_outermost(parents)) > _MOST_DIRECTORIES:
        parents = [parent.partition("/")[0] for parent in parents]
    return tuple(_outermost(parents))


def _outermost(directories: Iterable[str]) -> list[str]:
    """Drops the directories that are below another directory, and returns the rest."""
    found = sorted(set(directories))
    if "." in found:
        return ["."]
    return [one for one in found if not any(one.startswith(f"{each}/") for each in found)]


def _encodable(directory: str) -> str:
    """Returns a directory. If its path is not UTF-8, returns the nearest UTF-8 parent."""
    while True:
        try:
            directory.encode()
        except UnicodeEncodeError:
            directory = directory.rpartition("/")[0] or "."
        else:
            return directory


def _quoted(text: str) -> str:
    """Returns a text as YAML, with quotes if YAML could read the text as something else."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9._/-]*", text) and text.lower() not in _WORDS
    return text if plain else json.dumps(text, ensure_ascii=False)


def _template(name: str) -> str:
    return (files("envsync") / "cli" / "templates" / name).read_text("utf-8")


def hooks_to_add(text: str) -> Sequence[str]:
    """Returns only the lines of the hooks, to add them to an existing configuration file."""
    lines = text.splitlines()
    return lines[lines.index("repos:") + 1 :]
