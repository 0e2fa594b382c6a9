"""The command line: options, and the one place that turns errors into messages and exit codes."""

# Annotations are no texts here: typer would evaluate each of them at every start.
import gc
import io
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn, cast

import typer

from envsync._version import __version__
from envsync.cli.emulator_options import emulator
from envsync.cli.options import print_version
from envsync.cli.project_options import bump, check, init, schema, targets, validate
from envsync.cli.session import Color, Session
from envsync.cli.signals import EXIT_INTERRUPTED, second_interrupt_ends
from envsync.cli.target_options import apply, list_, plan, show
from envsync.model.errors import EnvsyncError, InvalidProject, UsageError

# typer carries its own click and makes only this leaf public: BadParameter, UsageError,
# ClickException, in that order, are what a wrong command line raises.
_WRONG_USAGE = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[2])

EXIT_USAGE = 64
EXIT_BUG = 70

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
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise UsageError("The working directory is gone. Change to another one.") from error
    context.obj = Session(
        config_file=config, quiet=quiet, verbose=verbose, color=color, debug_http=debug_http
    )


# What a shell shows in its list is in the order in which one meets them.
for _command in (init, validate, check, plan, apply, bump, list_, show, targets, schema):
    app.command(_command.__name__.rstrip("_"))(_command)

# What follows the command's name is the command's, its options too.
app.command(context_settings={"allow_interspersed_args": False})(emulator)


def main() -> NoReturn:
    """Runs the command line and exits with the promised code; never shows a traceback."""
    # What a run builds, it needs until it ends, and none of it in cycles: looking for those over
    # and over takes up to half the time of a run over thousands of files.
    gc.disable()
    for stream in (sys.stdout, sys.stderr):
        # Where a pipe has the code page of Windows, an arrow is no reason to fail.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    with second_interrupt_ends():
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
