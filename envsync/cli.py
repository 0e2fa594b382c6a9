"""The command line: options, and the one place that turns errors into messages and exit codes."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn, cast

import typer

from envsync._version import __version__
from envsync.commands.emulator_options import emulator
from envsync.commands.options import (
    Format,
    FormatOption,
    GlobsArgument,
    MassArchiveOption,
    ParallelOption,
    SchemaKind,
    TakeOverOption,
    TargetOption,
    complete_names,
    print_version,
)
from envsync.commands.session import Color, Session
from envsync.errors import EnvsyncError, InvalidProject, UsageError
from envsync.targets.connection import DEFAULT_PARALLEL

# typer carries its own click and makes only this leaf public: BadParameter, UsageError,
# ClickException, in that order, are what a wrong command line raises.
_WRONG_USAGE = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[2])

EXIT_USAGE = 64
EXIT_BUG = 70
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="envsync",
    help="Keeps Azure Machine Learning environments in git: plan, review, apply.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _global_options(
    context: typer.Context,
    directory: Annotated[
        Path | None,
        typer.Option("-C", metavar="DIR", help="Run as if started in this directory."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="This file instead of envsync.yaml."),
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Only results and errors.")] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Show long values whole.")
    ] = False,
    color: Annotated[
        Color, typer.Option("--color", help="When to use colour; NO_COLOR is honoured.")
    ] = Color.AUTO,
    debug_http: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write down requests to Azure, without secrets."),
    ] = None,
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=print_version, is_eager=True),
    ] = False,
) -> None:
    if directory is not None:
        try:
            os.chdir(directory)
        except OSError as error:
            raise UsageError(f"-C {directory}: {error.strerror}.") from error
    context.obj = Session(
        config_file=config, quiet=quiet, verbose=verbose, color=color, debug_http=debug_http
    )


@app.command()
def init(
    context: typer.Context,
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to write.", show_default=False)
    ] = Path(),
) -> None:
    """Write the files of a new project; overwrite nothing."""
    from envsync.commands import init as command

    raise typer.Exit(command.run(context.obj, directory))


@app.command()
def validate(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH", help="Files or directories; without, all.", show_default=False
        ),
    ] = None,
    output: FormatOption = Format.TEXT,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail, too.")] = False,
) -> None:
    """Show all problems of all environment files at once."""
    from envsync.commands import validate as command

    code = command.run(context.obj, paths or [], as_json=output is Format.JSON, strict=strict)
    raise typer.Exit(code)


@app.command()
def plan(
    context: typer.Context,
    globs: GlobsArgument = None,
    target: TargetOption = None,
    output: FormatOption = Format.TEXT,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Save the plan as JSON.")
    ] = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 if there are changes.")
    ] = False,
    all_targets: Annotated[
        bool, typer.Option("--all-targets", help="Plan every target of envsync.yaml.")
    ] = False,
    parallel: ParallelOption = DEFAULT_PARALLEL,
    take_over: TakeOverOption = False,
    allow_mass_archive: MassArchiveOption = False,
) -> None:
    """Show what apply would do; never write to a target."""
    from envsync.commands import plan as command

    if all_targets and (target or out):
        raise UsageError("--all-targets goes neither with --target nor with --out.")
    raise typer.Exit(
        command.run(
            context.obj,
            globs or [],
            target,
            as_json=output is Format.JSON,
            out=out,
            detailed_exitcode=detailed_exitcode,
            all_targets=all_targets,
            parallel=parallel,
            take_over=take_over,
            allow_mass_archive=allow_mass_archive,
        )
    )


@app.command()
def apply(
    context: typer.Context,
    globs: GlobsArgument = None,
    target: TargetOption = None,
    output: FormatOption = Format.TEXT,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    plan_file: Annotated[
        Path | None,
        typer.Option("--plan", metavar="FILE", help="Apply only if the plan is still this one."),
    ] = None,
    approve: Annotated[
        str | None,
        typer.Option("--approve", metavar="DIGEST", help="Apply only the plan with this digest."),
    ] = None,
    skip_rejected: Annotated[
        bool, typer.Option("--skip-rejected", help="Leave out what is rejected; still exits 1.")
    ] = False,
    parallel: ParallelOption = DEFAULT_PARALLEL,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Plan again afterwards.")
    ] = True,
    take_over: TakeOverOption = False,
    allow_mass_archive: MassArchiveOption = False,
) -> None:
    """Plan, show the plan, ask, apply, verify."""
    from envsync.commands import apply as command

    raise typer.Exit(
        command.run(
            context.obj,
            globs or [],
            target,
            as_json=output is Format.JSON,
            yes=yes,
            plan_file=plan_file,
            approve=approve,
            skip_rejected=skip_rejected,
            parallel=parallel,
            verify=verify,
            take_over=take_over,
            allow_mass_archive=allow_mass_archive,
        )
    )


@app.command("list")
def list_(
    context: typer.Context,
    target: TargetOption = None,
    output: FormatOption = Format.TEXT,
    everything: Annotated[bool, typer.Option("--all", help="Archived ones, too.")] = False,
) -> None:
    """List what a target holds."""
    from envsync.commands import list as command

    code = command.run(context.obj, target, as_json=output is Format.JSON, everything=everything)
    raise typer.Exit(code)


@app.command()
def show(
    context: typer.Context,
    reference: Annotated[
        str,
        typer.Argument(metavar="NAME[:VERSION|@latest]", autocompletion=complete_names),
    ],
    target: TargetOption = None,
    output: FormatOption = Format.TEXT,
    history: Annotated[bool, typer.Option("--history", help="Who changed what and when.")] = False,
) -> None:
    """Show one environment or one version as a target holds it."""
    from envsync.commands import show as command

    code = command.run(
        context.obj, reference, target, as_json=output is Format.JSON, history=history
    )
    raise typer.Exit(code)


@app.command()
def schema(
    context: typer.Context,
    kind: Annotated[SchemaKind, typer.Argument(help="Which file it describes.")],
) -> None:
    """Print a JSON Schema, for editors and pipelines."""
    from envsync.commands import schema as command

    raise typer.Exit(command.run(context.obj, kind))


# What follows the command's name is the command's, its options too.
app.command(context_settings={"allow_interspersed_args": False})(emulator)


def main() -> NoReturn:
    """Runs the command line and exits with the promised code; never shows a traceback."""
    # What a run builds, it needs until it ends, and none of it in cycles: looking for those over
    # and over takes up to half the time of a run over thousands of files.
    gc.disable()
    sys.exit(_run())


def _run() -> int:
    try:
        return app(standalone_mode=False) or 0
    except _WRONG_USAGE as error:
        error.show()
        return EXIT_USAGE
    except typer.Abort:
        return EXIT_INTERRUPTED
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        return _report(error)


def _report(error: Exception) -> int:
    """Says what went wrong: an expected failure in its own words, a bug with a log file."""
    session = Session()  # the global options may be what went wrong
    if isinstance(error, InvalidProject):
        from envsync.render.problems import problems_text

        session.err(problems_text(error.problems, session.paint(sys.stderr)))
        return error.exit_code
    if isinstance(error, EnvsyncError):
        session.err(f"{session.paint(sys.stderr)('bold red', 'Error:')} {error}")
        return error.exit_code

    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="envsync-", suffix=".log", delete=False, encoding="utf-8"
    ) as log:
        log.write(f"envsync {__version__}, Python {sys.version}\n{sys.argv}\n\n")
        log.write("".join(traceback.format_exception(error)))
    session.err(f"This is a bug in envsync: {error!r}. Please report it with {log.name}.")
    return EXIT_BUG
