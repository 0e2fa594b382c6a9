"""Settings, arguments, git histories, and the commands that write files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

from tests.hostile import (
    BUILD,
    CONDA,
    FILE,
    HostileInput,
    filled,
    git,
    in_project,
    numbered,
    packages,
    project,
    tags,
)
from tests.hostile_inputs import BASE, SETTINGS, lines_of, write_files

_LOCAL: Final = "targets:\n  local:\n    kind: local\n    path: .envsync/local.db\n"
_STARS: Final = "*a" * 100 + "b"


def _settings_files() -> dict[str, str]:
    return {
        "comments": SETTINGS + filled("# a\n"),
        "ignore comments": SETTINGS + filled("# envsync: ignore[a]\n"),
        "ignore comments without an end": SETTINGS + "# a" + filled(" # envsync: ignore[a"),
        "long project": "project: " + filled("a") + "\n",
        "variables in the project": "project: " + filled("${A}") + "\n",
        "starts of variables": _LOCAL + "    suffix: '" + filled("${") + "'\n",
        "many environments": SETTINGS + "environments:\n" + lines_of("- {0}"),
        "one directory many times": SETTINGS + "environments:\n" + filled("- environments\n"),
        "protected patterns": SETTINGS + "protect:\n" + lines_of("- '*{0}*'"),
        "ignored tags": SETTINGS + "ignore_tags:\n" + lines_of("- '*{0}*'"),
        "numbers": SETTINGS + "max_archives: " + filled("1") + "\n",
        "choices": SETTINGS + "prune: " + filled("owned") + "\n",
        "defaults": SETTINGS + "defaults:\n  tags:\n" + lines_of("    {0}: a"),
        "default target": SETTINGS + "default_target: " + filled("local") + "\n",
        "long name of a target": "targets:\n  ? " + filled("a") + "\n  : {kind: local}\n",
        "levels": SETTINGS + "rules:\n" + filled("  floating-image: eror\n"),
        "suffix": _LOCAL + "    suffix: " + filled("a") + "\n",
        "vars of a target": _LOCAL + "    vars:\n" + lines_of("      {0}: a"),
        "aliases": SETTINGS + "exclude:\n- &x a\n" + filled("- *x\n"),
    }


def _settings(text: str) -> HostileInput:
    return HostileInput(partial(project, {"envsync.yaml": text}), (("validate",), ("plan",)))


def _patterns_and_names(setting: str, root: Path) -> None:
    files = {
        "envsync.yaml": SETTINGS + f"{setting}:\n" + lines_of("- '*{0}*'", 450_000),
        "environments/e.yml": BASE + "tags:\n" + lines_of("  {0}: a", 450_000),
    }
    project(files, root)


def _patterns_and_files(setting: str, root: Path) -> None:
    files = {f"environments/e{n}.yml": BASE.replace(": e", f": e{n}", 1) for n in range(400)}
    text = SETTINGS + f"{setting}:\n" + lines_of("- '*{0}*'")
    project({**files, "envsync.yaml": text}, root)


# --- states of a target, and plans


def _committed(before: Mapping[str, str], after: Mapping[str, str], root: Path) -> None:
    project(before, root)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "a")
    for name in before.keys() - after.keys():
        (root / name).unlink()
    write_files(root, dict(after))


def _commit(before: Mapping[str, str], after: Mapping[str, str]) -> HostileInput:
    commands = (("check", "--base", "HEAD"), ("plan", "--since", "HEAD"))
    return HostileInput(partial(_committed, before, after), commands)


def _histories() -> dict[str, HostileInput]:
    return {
        "packages": _commit(
            {FILE: CONDA, "environments/conda.yml": packages(1)},
            {FILE: CONDA, "environments/conda.yml": packages(2)},
        ),
        "tags": _commit({FILE: tags("a")}, {FILE: tags("b")}),
        "files": _commit(
            numbered("environments/{0}.yml", "i:1"), numbered("environments/{0}.yml", "i:2")
        ),
        "renamed files": _commit(
            numbered("environments/{0}.yml", "i:1"), numbered("environments/a{0}.yml", "i:1")
        ),
        "removed files": _commit(numbered("environments/{0}.yml", "i:1"), {}),
        "new files": _commit({}, numbered("environments/{0}.yml", "i:1")),
        "the same files twice": _commit(
            numbered("environments/{0}.yml", "i:1"),
            {
                **numbered("environments/{0}.yml", "i:1"),
                **numbered("environments/b/{0}.yml", "i:2"),
            },
        ),
        "brackets": _commit({FILE: BASE + "tags: " + filled("[")}, {FILE: BASE}),
        "an error at the end": _commit(
            {FILE: BASE + "tags:\n" + lines_of("  {0}: a") + "]\n"}, {FILE: BASE}
        ),
        "a file of a context": _commit(
            {FILE: BUILD, "environments/c/Dockerfile": "FROM a:1\n" + filled("# a\n", 450_000)},
            {FILE: BUILD, "environments/c/Dockerfile": "FROM a:1\n" + filled("# b\n", 450_000)},
        ),
        "files of a context": _commit(
            {
                FILE: BUILD,
                "environments/c/Dockerfile": "FROM a:1\n",
                **{f"environments/c/{n}": "a" for n in range(2000)},
            },
            {
                FILE: BUILD,
                "environments/c/Dockerfile": "FROM a:1\n",
                **{f"environments/c/{n}": "b" for n in range(2000)},
            },
        ),
    }


def _without_settings(files: Mapping[str, str], root: Path) -> None:
    write_files(root, dict(files))
    git(root, "init", "-q")


def _new_projects() -> dict[str, dict[str, str]]:
    return {
        "a workflow of blank lines": {".github/workflows/envsync.yml": filled("\n")},
        "a workflow of blanks": {".github/workflows/envsync.yml": filled(" \n")},
        "a workflow of directories": {
            ".github/workflows/envsync.yml": filled("working-directory: a\n")
        },
        "hooks of blank lines": {".pre-commit-config.yaml": filled("\n")},
        "hooks": {".pre-commit-config.yaml": filled("- id: envsync-a\n")},
        "a script of commands": {"deploy.sh": filled("az ml -w a -g b\n")},
        "a script of one command": {"deploy.sh": "az ml" + filled(" -w a")},
        "a script of continued lines": {"deploy.sh": filled("\\\n")},
        "a script of blanks": {"deploy.sh": "az ml -w " + filled(" ")},
        "settings of az": {".azure/config": "[defaults]\n" + lines_of("{0}=a")},
        "a JSON file": {"config.json": filled("[")},
        "an ignore file": {".gitignore": lines_of("{0}")},
    }


def inputs() -> dict[str, HostileInput]:
    """Returns the inputs by title."""
    return {
        **{f"settings: {title}": _settings(text) for title, text in _settings_files().items()},
        **{
            f"settings: {setting} and tags": HostileInput(
                partial(_patterns_and_names, setting), (("plan",),)
            )
            for setting in ("ignore_tags", "protect")
        },
        **{
            f"settings: {setting} and files": HostileInput(
                partial(_patterns_and_files, setting), (("plan",), ("validate",))
            )
            for setting in ("exclude", "protect", "environments")
        },
        **{f"history: {title}": item for title, item in _histories().items()},
        "argument: stars": in_project(
            (f"plan {_STARS}", f"refs {_STARS}", f"list {_STARS}"),
            {FILE: BASE.replace(": e", ": " + "a" * 250, 1)},
        ),
        "argument: long": in_project((f"plan {'a' * 100_000}", f"show {'a' * 100_000}"), {}),
        "argument: long path": in_project((f"validate {'a/' * 50_000}",), {}),
        "bump: many comments": in_project(("bump e",), {FILE: BASE + filled("# a\n")}),
        "bump: many tags": in_project(("bump e",), {FILE: BASE + "tags:\n" + lines_of("  {0}: a")}),
        "bump: many files": in_project(
            ("bump e1", "bump --all-rejected"), numbered("environments/{0}.yml", "i:1")
        ),
        "bump: a long version": in_project(
            ("bump e",), {FILE: BASE.replace("'1'", "'" + "1." * 120 + "'")}
        ),
        **{
            f"init: {title}": HostileInput(partial(_without_settings, files), (("init",),))
            for title, files in _new_projects().items()
        },
    }
