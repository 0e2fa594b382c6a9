"""`envsync validate`: reports all problems of the environment files in one run."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from envsync.cli.options import ProblemsFormat, ProblemsFormatOption
from envsync.cli.problems import show_problems
from envsync.cli.session import Session
from envsync.git.skipped import may_skip
from envsync.model.errors import InvalidProject, UsageError
from envsync.model.problem import Problem
from envsync.model.wording import MAX_MESSAGE, printable
from envsync.project.for_target import target_problems, useless_pattern_problems
from envsync.project.load import Loaded, load
from envsync.project.search.globs import Globs
from envsync.project.settings.config import Config

EXAMPLE = "envsync validate environments/training --strict"


def run(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH",
            help="Files or directories to validate.",
            show_default="all environment files",
        ),
    ] = None,
    output: ProblemsFormatOption = ProblemsFormat.TEXT,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 if there are warnings.")
    ] = False,
    solve: Annotated[
        bool,
        typer.Option(
            "--solve", help="Also solve the conda files for linux-64. Reads their channels."
        ),
    ] = False,
    channels: Annotated[
        list[str] | None,
        typer.Option(
            "--channel",
            metavar="CHANNEL",
            help="Solve with this channel instead of the channels in the files. Can be repeated.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Report every problem in the environment files.

    Exits with 1 if a file has an error. Needs no network, except for `--solve`.
    """
    if channels and not solve:
        raise UsageError("--channel can only be used with --solve.")
    if not all(channel.strip() for channel in channels or []):
        raise UsageError("--channel: expected the name or the address of a channel.")
    return validate(
        context.obj,
        paths or [],
        output,
        strict=strict,
        channels=(channels or []) if solve else None,
    )


def validate(
    session: Session,
    paths: Sequence[Path],
    output: ProblemsFormat,
    *,
    strict: bool,
    channels: Sequence[str] | None = None,
) -> int:
    """Prints the problems of the files at `paths`, or of every file if `paths` is empty.

    If `channels` is a list, conda files are solved with these channels. If the list is empty, each
    file is solved with its own channels.

    Returns the exit code: 1 if there is an error, or if there is a warning and `strict` is set.
    """
    loaded = _load(session, paths)
    if channels is not None:
        loaded = _with_solved(session, loaded, channels)
    if session.verbose and output is ProblemsFormat.TEXT:
        _show_passed_over(session, loaded.passed_over)
    show_problems(
        session,
        output,
        loaded.problems,
        files=loaded.files,
        environments=len(loaded.declarations),
    )
    # `--strict` changes only the exit code, not the severities in the output.
    failing = {"error", "warning"} if strict else {"error"}
    return int(any(problem.severity in failing for problem in loaded.problems))


def _with_solved(session: Session, loaded: Loaded, channels: Sequence[str]) -> Loaded:
    """Solves the conda files. Adds the problems that the solver finds to the loaded problems."""
    from envsync.api.solving import solve_conda_files

    if not loaded.declarations:
        return loaded
    with session.progress("Solving conda files") as advance:
        solved = solve_conda_files(session.config(), loaded.declarations, channels, advance)
    if not session.quiet:
        session.err(solved.summary)
    problems = sorted((*loaded.problems, *solved.problems), key=attrgetter("order"))
    return replace(loaded, problems=tuple(problems))


def _show_passed_over(session: Session, passed_over: Mapping[str, str]) -> None:
    """Prints each YAML file that is not an environment file, with the reason."""
    root, place = session.root, session.shown
    for path, reason in sorted(passed_over.items()):
        inside = Path(path).relative_to(root) if Path(path).is_relative_to(root) else Path(path)
        session.out(printable(f"{place(inside.as_posix())}: not an environment file: {reason}"))


def _load(session: Session, paths: Sequence[Path]) -> Loaded:
    """Loads the environment files.

    If `envsync.yaml` has errors, returns only these errors, because the settings are needed to read
    the other files.
    """
    try:
        config = session.config()
    except InvalidProject as error:
        return Loaded((), (), error.problems)
    loaded = load(
        config.root,
        config.directories,
        rules=config.rules,
        versions=config.versions,
        exclude=Globs.of(config.exclude),
        policy=config.file_policy,
        # Paths on the command line are relative to the working directory, not to the project.
        paths=[path.absolute() for path in paths] or None,
        keep_reads=True,
    )
    problems = [*loaded.problems, *_settings_problems(config, loaded)]
    if not loaded.files and not any(problem.severity == "error" for problem in problems):
        problems.append(_nothing_found(config, paths))
    if not paths:
        # Report the files that git has not checked out. Paths on the command line are not searched
        # for such files, because each path must exist.
        if may_skip(config.root):
            # Imported here, because importing git is slow, and few work trees lack files.
            from envsync.git.checked_out import checkout_problems

            problems += checkout_problems(config, loaded.declarations)
        # Report useless patterns only if there are no errors. After an error, a pattern may match a
        # name in a file that was not read.
        if not any(problem.severity == "error" for problem in problems):
            for target in config.targets.values():
                problems += useless_pattern_problems(loaded.declarations, config, target)
    return replace(loaded, problems=tuple(sorted(problems, key=attrgetter("order"))))


def _nothing_found(config: Config, paths: Sequence[Path]) -> Problem:
    """Returns the error for a run that found no environment file, such as after a typo in a path.

    Without this error, `validate` would report success, although it has validated nothing.
    """
    if paths:
        message = f"There is no environment file at {_listed(map(str, paths))}."
        fix = "Pass the path of an environment file, or of a directory that contains one."
    else:
        message = f"There is no environment file below {_listed(config.environments)}."
        lists = "`envsync validate -v` says why other YAML files are not environment files."
        if config.path is None:
            fix = (
                f"Change to the project directory, pass it with -C, or run `envsync init`. {lists}"
            )
        else:
            settings = printable(config.path.name)
            fix = f"Correct `environments` in {settings}, or add an environment file. {lists}"
    missing = [item for item in config.environments if not (config.root / item).is_dir()]
    if missing and not paths:
        message = f"{message[:-1]}, because {_listed(missing)} is not a directory."
    # Without a settings file, the directory is probably not the project directory.
    message = f"{config.without_file} {message}".lstrip()
    if paths:
        shown = paths[0].as_posix()
    else:
        shown = config.path.name if config.path else config.environments[0]
    return Problem(
        rule="missing-file",
        severity="error",
        message=printable(message, MAX_MESSAGE),
        file=shown,
        line=1,
        column=1,
        fix=fix,
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _settings_problems(config: Config, loaded: Loaded) -> Iterator[Problem]:
    """Yields the problems in the project name and in the settings of targets."""
    if config.has_default_project:
        # Import git only if the project has no name, because the import is slow.
        from envsync.git.proposal import missing_project

        yield from missing_project(config)
    for target in config.targets.values():
        yield from target_problems(loaded.declarations, config, target)
