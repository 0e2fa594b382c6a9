"""Reports files of a project that are in git, but not in the work tree."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from envsync.git.absent import Absent, find_absent, is_searched
from envsync.git.repository import Repository
from envsync.model.errors import GitError, InvalidProject
from envsync.model.problem import Problem, Severity
from envsync.project.context.ignore import parse_ignore_file
from envsync.project.context.rules import IGNORE_FILES
from envsync.project.files import Files, is_within
from envsync.project.locate import locate
from envsync.project.search.globs import Globs
from envsync.project.search.walk import is_yaml

if TYPE_CHECKING:
    from envsync.model.declaration import Declaration
    from envsync.project.project import Project
    from envsync.project.settings.config import Config

RULE = "not-checked-out"


def ensure_checked_out(project: Project) -> None:
    """Checks that every build context is checked out completely.

    Otherwise a plan could register an incomplete build context.

    Raises:
        InvalidProject: a part of a build context is not in the work tree.
    """
    problems = [
        item
        for item in checkout_problems(project.config, project.declarations, project.files)
        if item.severity == "error"
    ]
    if problems:
        raise InvalidProject(problems, project.config.root)


def checkout_problems(
    config: Config, declarations: Iterable[Declaration], files: Files | None = None
) -> list[Problem]:
    """Returns a `not-checked-out` problem for each part of a project that is not checked out.

    An incomplete build context is an error. The level of the rule `not-checked-out` is the severity
    for environment files that are not checked out.

    Args:
        config: the settings of the project.
        declarations: the declared environments.
        files: the files of the project. The position of each problem is looked up in these files.
    """
    severity = config.rules[RULE]
    if severity == "off":
        return []
    try:
        found = find_absent(config.root)
    except GitError as error:
        # Some build contexts may be incomplete, and an incomplete build context must not be
        # registered.
        builds = any(item.spec.local_context for item in declarations)
        return [
            Problem(
                rule=RULE,
                severity="error" if builds else severity,
                message=f"Git cannot say whether all files are checked out: {error}",
                file=config.environments[0],
                line=1,
                column=1,
                fix="Solve the problem that git reported. Until then, files can be missing.",
            )
        ]
    if not found.files and not found.submodules:
        return []
    files = files or Files.below(config.root)
    return [
        *_unchecked_environments(found, config, files, severity),
        *_incomplete_contexts(found, config, declarations, files),
    ]


def _unchecked_environments(
    found: Absent, config: Config, files: Files, severity: Severity
) -> Iterator[Problem]:
    tops = [os.path.realpath(directory) for directory in config.directories]
    exclude = Globs.of(config.exclude)
    sparse: dict[Path, list[str]] = {}
    for path in sorted(found.files):
        inside = any(is_within(str(path), top) for top in tops)
        if inside and is_yaml(path.name) and not exclude.match(files.display(str(path))):
            sparse.setdefault(path.parent, []).append(path.name)
    for directory, names in sparse.items():
        repository = found.files[directory / names[0]].repository
        yield Problem(
            rule=RULE,
            severity=severity,
            message=f"This sparse checkout leaves out {_listed(names)}.",
            file=files.display(str(directory)),
            line=1,
            column=1,
            fix=_command(repository, "sparse-checkout add", directory)
            + ", or list the path in `exclude` in envsync.yaml.",
        )
    for path, repository in sorted(found.submodules.items()):
        shown = files.display(str(path))
        if is_searched(path, config.directories) and not exclude.match(shown):
            yield Problem(
                rule=RULE,
                severity=severity,
                message="The submodule is not checked out.",
                file=shown,
                line=1,
                column=1,
                fix=_command(repository, "submodule update --init --recursive", path)
                + ", or list the path in `exclude` in envsync.yaml.",
            )


def _incomplete_contexts(
    found: Absent, config: Config, declarations: Iterable[Declaration], files: Files
) -> Iterator[Problem]:
    for declaration in declarations:
        context = declaration.spec.local_context
        if context is None or context.directory is None:
            continue
        directory = os.path.realpath(context.directory)
        missing = [
            path
            for path in (*found.files, *found.submodules)
            if is_within(str(path), directory) and not _is_ignored(path, directory)
        ]
        if not missing:
            continue
        first = min(missing)
        sparse = found.files.get(first)
        if sparse is not None:
            fix = _command(sparse.repository, "sparse-checkout add", first.parent)
        else:
            update = "submodule update --init --recursive"
            fix = _command(found.submodules[first], update, first)
        source = declaration.source
        position = locate(str(config.root / source.file), "build.path", files)
        names = [path.relative_to(directory).as_posix() for path in sorted(missing)]
        yield Problem(
            rule=RULE,
            severity="error",
            message=f"The build context is not complete: {_listed(names)} is in git, but not "
            "checked out. The environment would be registered without it.",
            file=source.file,
            line=position.line if position else source.line,
            column=position.column if position else 1,
            fix=f"{fix}, or list the path in an `.amlignore` of the context.",
        )


def _is_ignored(path: Path, directory: str) -> bool:
    """Returns True if the ignore file of a build context excludes a path."""
    for name in IGNORE_FILES:
        ignore = Path(directory, name)
        if ignore.is_file():
            try:
                rules = parse_ignore_file(ignore.read_text("utf-8-sig"))
            except (OSError, ValueError):
                return False  # the rules for contexts report the ignore file
            inner = path.relative_to(directory)
            above = [item.as_posix() for item in (inner, *inner.parents) if item.name]
            return any(rules.drops(item) or rules.drops(f"{item}/") for item in above)
    return False


def _command(repository: Repository, command: str, path: Path) -> str:
    """Returns the advice to run a git command in the working directory of the user."""
    top = os.path.relpath(repository.top)
    at = "" if top == os.curdir else f" -C {shlex.quote(top)}"
    inner = path.relative_to(repository.top).as_posix()
    return f"Run `git{at} {command} {shlex.quote(inner)}`"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3:,} more"
