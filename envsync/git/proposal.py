"""Proposes the name of the repository as the name of a project that has no name."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from envsync.git.repository import find_repository
from envsync.model.errors import GitError, InvalidProject
from envsync.model.problem import Problem
from envsync.model.wording import MAX_MESSAGE, printable
from envsync.project.settings.config import MAX_PROJECT_LENGTH
from envsync.project.settings.file import FILE_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from envsync.project.settings.config import Config

# A name needs no quotes in YAML if it matches `_PLAIN` and is not in `_WORDS`. For example, YAML
# would read `1.2` as a number and `on` as a boolean.
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def ensure_project(config: Config, target: str) -> None:
    """Checks that the settings contain a project name if a target is in Azure.

    Raises:
        InvalidProject: `project` is missing. The error proposes the name of the repository.
    """
    if problems := missing_project(config, target):
        raise InvalidProject(problems, config.root)


def missing_project(config: Config, target: str | None = None) -> tuple[Problem, ...]:
    """Returns a `missing-project` problem if a target is in Azure and the project has no name.

    A project without a name has the name of its directory. In Azure, this name cannot identify an
    owner: Azure Pipelines checks out every repository to a directory called `s`, so all projects
    would have the same name, and would archive each other's environments.

    Args:
        config: the settings of the project.
        target: the name of a target. If None, all targets are checked.
    """
    used = [each for each in config.targets.values() if target in (None, each.name)]
    shared = next((each for each in used if each.kind != "local"), None)
    if shared is None or not config.has_default_project:
        return ()
    line, column = shared.position
    name = proposed_name(config.root)
    proposal = f"`project: {name}`" if name else "`project: NAME`, with a name of your choice"
    message = (
        f"The target `{shared.name}` is a {shared.kind}, but the file has no `project`. envsync "
        "writes the project as the owner of every environment, and archives only what this owner "
        "created."
    )
    fix = (
        f"Add the line {proposal}. If this project was already applied without `project`, keep "
        f"its owner: `envsync list -t {shared.name} --format json` shows the owner of each "
        "version."
    )
    return (
        Problem(
            rule="missing-project",
            severity="error",
            message=printable(message, MAX_MESSAGE),
            file=FILE_NAME if config.path is None else config.path.name,
            line=line,
            column=column,
            fix=printable(fix, MAX_MESSAGE),
        ),
    )


def proposed_name(root: Path) -> str | None:
    """Derives a project name from the URL of the remote `origin`, and returns it as YAML text.

    If the project is in a subdirectory of the repository, the name also contains the path of this
    directory. Returns None if there is no repository or no remote `origin`.
    """
    try:
        repository = find_repository(root)
        url = os.fsdecode(repository.run("remote", "get-url", "origin"))
        below = repository.relative(root)
    except GitError:
        return None
    name = remote_name(url)
    if name is None or below is None:
        return None
    name = f"{name}/{below}" if below else name
    if len(name) > MAX_PROJECT_LENGTH or not name.isprintable():
        return None
    if _PLAIN.fullmatch(name) and name.lower() not in _WORDS:
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def remote_name(url: str) -> str | None:
    """Returns the last part of the path of a remote's URL, without `.git`.

    The URL can also be a path, or have the form `HOST:PATH` of SSH.
    """
    path = re.split(r"[?#]", url.strip())[0].rstrip("/\\")
    name = unquote(re.split(r"[/\\:]", path)[-1]).removesuffix(".git").strip()
    return name or None
