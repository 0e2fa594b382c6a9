"""`envsync init`: writes the files of a new project."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
import os
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from envsync.cli.new_project import (
    SCHEMA,
    WORKFLOWS,
    NewProject,
    common_directories,
    example,
    hooks_to_add,
    runs_hooks,
    runs_workflow,
    schema,
    target_line,
    working_directory,
)
from envsync.cli.session import Session
from envsync.git.layout import Layout, layout_of
from envsync.git.proposal import proposed_name
from envsync.model.errors import EnvsyncError, GitError
from envsync.model.wording import printable
from envsync.project.discovery import EXCLUDED, discover
from envsync.project.files import Files
from envsync.project.search.globs import Globs
from envsync.project.settings.config import Config, load_config
from envsync.project.settings.file import FILE_NAME
from envsync.project.settings.guesses import guess_targets

EXAMPLE = "envsync init churn-models"


def run(
    context: typer.Context,
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Directory of the project; it is created if necessary.",
            show_default="the current directory",
        ),
    ] = Path(),
) -> None:
    """Write the files of a new project and keep existing files."""
    write_project(context.obj, directory)


def write_project(session: Session, directory: Path) -> None:
    """Writes the files of a new project that do not exist yet.

    Raises:
        EnvsyncError: a file cannot be written.
    """
    root = directory.resolve()
    layout = _layout(session, root)
    existing = _environment_files(root)
    project = NewProject(
        name=(layout and proposed_name(root)) or _directory_name(root),
        environments=common_directories(existing),
        targets=guess_targets(root, layout.top if layout else root),
        below=layout.below if layout else "",
        branch=layout.branch if layout else "main",
    )
    _show_found(session, directory, project, len(existing))

    missing: list[str] = []
    settings = directory / FILE_NAME
    if not _write(session, settings, project.settings()):
        missing += _missing_settings(settings, existing, project)
    # An existing settings file needs the schema only if it refers to the schema.
    if SCHEMA in _text(settings):
        _write(session, directory / SCHEMA, schema())
    declared = existing or _environment_files(root, settings)
    if not declared:
        _write(session, _directory_of_example(settings) / "example.yml", example())
    # GitHub and pre-commit read their files only at the top of the repository.
    top = Path(os.path.relpath(layout.top)) if layout and layout.below else directory
    for name in WORKFLOWS:
        workflow = top / ".github" / "workflows" / name
        if not _write(session, workflow, project.workflow(name)):
            missing += _missing_in_workflow(workflow, project)
    hooks = top / ".pre-commit-config.yaml"
    if not _write(session, hooks, project.hooks()):
        missing += _missing_hooks(hooks, project)

    if missing:
        session.note("\nNothing was changed in the files that existed, so these parts are missing:")
    for text in missing:
        session.note(f"\n{text}")
    at = "" if root == Path.cwd() else f" -C {shlex.quote(str(directory))}"
    session.note(f"\nNext: envsync{printable(at)} {'validate' if declared else 'plan'}")


def _layout(session: Session, root: Path) -> Layout | None:
    try:
        return layout_of(root)
    except GitError as error:
        session.err(
            f"Warning: {error} The workflows and the hooks are written for the branch main and for "
            f"a repository whose top is {root}."
        )
        return None


def _directory_name(root: Path) -> str:
    # A directory name can contain spaces, quotes and colons, which would break the YAML.
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", root.name).strip("-")
    return f'"{name or "project"}"'


def _environment_files(root: Path, settings: Path | None = None) -> list[str]:
    """Returns the environment files of a project, relative to the project directory, with `/`.

    Args:
        root: the project directory.
        settings: the settings file that says where to search. If None, or if the file has errors,
            the whole project directory is searched.
    """
    config = _config(settings) if settings else None
    directories = config.directories if config else [root]
    exclude = Globs.of(config.exclude if config else ())
    existing = [str(path) for path in directories if path.is_dir()]
    found = discover(existing, Files.below(root), exclude)
    paths = [Path(os.path.relpath(path, root)) for path in found.environment_files]
    # A directory with a settings file of its own is another project.
    return [
        path.as_posix()
        for path in paths
        if not any((root / above / FILE_NAME).is_file() for above in [*path.parents][:-1])
    ]


def _config(path: Path) -> Config | None:
    """Reads a settings file. Returns None if the file has errors."""
    try:
        return load_config(path)
    except EnvsyncError:
        return None


def _show_found(session: Session, directory: Path, project: NewProject, count: int) -> None:
    if count:
        files = "1 environment file" if count == 1 else f"{count} environment files"
        below = ", ".join(f"{directory / path}/" for path in project.environments if path != ".")
        session.note(f"found    {files}{f' below {printable(below)}' if below else ''}")
    for guess in project.targets:
        session.note(
            f"found    the {guess.kind} {guess.name} in {printable(str(_relative(guess.source)))}"
        )


def _directory_of_example(settings: Path) -> Path:
    config = _config(settings)
    return settings.parent / (config.environments[0] if config else "environments")


def _missing_settings(
    settings: Path, existing: Sequence[str], project: NewProject
) -> Iterator[str]:
    """Yields a message about each part that an existing settings file lacks."""
    config = _config(settings)
    if config is None:
        yield f"{settings} has errors. Run `envsync validate` to see them."
        return
    read = {*_environment_files(config.root, settings), *_excluded(config)}
    if unread := [path for path in existing if path not in read]:
        yield (
            f"{settings}: `environments` does not include {printable(unread[0])}"
            f"{f' and {len(unread) - 1} more environment files' if len(unread) > 1 else ''}. Add "
            f"their directories: {printable(', '.join(common_directories(unread)))}"
        )
    settings_of_targets = [target.settings.values() for target in config.targets.values()]
    known = {value.lower() for values in settings_of_targets for value in values}
    for guess in project.targets:
        if guess.name.lower() not in known:
            yield (
                f"{settings} has no target for the {guess.kind} {guess.name}, which "
                f"{_relative(guess.source)} uses. Add below `targets:`\n  {target_line(guess)}"
            )


def _excluded(config: Config) -> Iterator[str]:
    found = discover([str(config.root)], Files.below(config.root), Globs.of(config.exclude))
    for path, reason in found.passed_over.items():
        if reason == EXCLUDED:
            yield Path(os.path.relpath(path, config.root)).as_posix()


def _missing_in_workflow(workflow: Path, project: NewProject) -> Iterator[str]:
    """Yields a message if an existing workflow does not run for this project."""
    if runs_workflow(_text(workflow), project.below):
        return
    line = working_directory(project.below or ".")
    yield (
        f"{workflow} does not run for this project. Copy its jobs, and add to each step that uses "
        f"the action envsync\n  {line}"
    )


def _missing_hooks(path: Path, project: NewProject) -> Iterator[str]:
    """Yields a message with the hooks that an existing configuration of pre-commit lacks."""
    if not runs_hooks(_text(path), project.below):
        hooks = "\n".join(hooks_to_add(project.hooks()))
        yield f"{path} has no hooks that check this project. Add below `repos:`\n{hooks}"


def _relative(path: Path) -> str:
    """Returns a path for a message, relative to the working directory."""
    return printable(os.path.relpath(path))


def _text(path: Path) -> str:
    return path.read_bytes().decode(errors="replace") if path.is_file() else ""


def _write(session: Session, path: Path, text: str) -> bool:
    """Writes a file. Returns False if the file exists.

    Raises:
        EnvsyncError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    # NotADirectoryError: a parent of the path is a file.
    except (FileExistsError, NotADirectoryError) as error:
        if not path.is_file():
            raise EnvsyncError(_in_the_way(path)) from error
        session.note(f"kept     {printable(str(path))}")
        return False
    except OSError as error:
        raise EnvsyncError(f"{path} cannot be written: {error.strerror or error}.") from error
    session.note(f"written  {printable(str(path))}")
    return True


def _in_the_way(path: Path) -> str:
    """Returns the message about a file, directory or link that blocks a path."""
    above = next((item for item in path.parents if item.exists()), path)
    place, kind = (path, "file") if above.is_dir() else (above, "directory")
    reason = f"{place} is not a {kind}"
    if place.is_symlink() and not place.exists():
        reason = f"{place} is a symbolic link to a path that does not exist"
    return f"{path} cannot be written: {reason}. Move it away, and run `envsync init` again."
