"""The command line: global options, and the exit codes of errors."""

# No "from __future__ import annotations": typer would evaluate every string annotation at start-up.
import gc
import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Final, NoReturn, cast

import typer

from envsync._version import __version__
from envsync.cli.color import Color
from envsync.cli.commands import COMMANDS_PAGE, LazyGroup
from envsync.cli.place import remember_start, shown_path
from envsync.cli.repeated import change_directory
from envsync.cli.signals import EXIT_INTERRUPTED, second_interrupt_ends
from envsync.cli.streams import error_of, line_width, reason_of, unfailing_streams
from envsync.model.errors import EnvsyncError, InvalidProject, UsageError

EXIT_CHANGES: Final = 2
EXIT_USAGE: Final = 64
EXIT_BUG: Final = 70

# ClickException is the base of all errors for a wrong command line. typer contains a copy of click
# and does not export ClickException. typer exports BadParameter, whose second base is
# ClickException.
_WRONG_USAGE = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[2])


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"envsync {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="envsync",
    cls=LazyGroup,
    help="Keep Azure Machine Learning environments in git: plan, review, apply.",
    epilog=f"\b\nDocumentation:\n  {COMMANDS_PAGE}",
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
        typer.Option("-C", metavar="DIR", help="Run as if envsync was started in this directory."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Use this file instead of envsync.yaml."),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Print only results and errors.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Print all fields, and long values in full.")
    ] = False,
    color: Annotated[
        Color,
        typer.Option("--color", help="Print colours. auto: in a terminal, unless NO_COLOR is set."),
    ] = Color.AUTO,
    debug_http: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Log each request to Azure in this file, without secrets."
        ),
    ] = None,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    remember_start()
    # Change the directory first, because relative paths in other options start at DIR.
    if directory is not None:
        change_directory(directory)
    # Every command needs the working directory, but another process can have deleted it.
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise UsageError(
            "The working directory no longer exists. Change to another directory."
        ) from error
    # Imported here, because `--version` and `--help` need no session.
    from envsync.cli.session import Session

    context.obj = Session(
        config_file=config, quiet=quiet, verbose=verbose, color=color, debug_http=debug_http
    )


def main() -> NoReturn:
    """Runs the command line and exits with a documented exit code. Never prints a traceback."""
    # Garbage collection would free almost nothing, because a command needs nearly all objects until
    # it ends. With thousands of files, garbage collection takes up to half of the time.
    gc.disable()
    with second_interrupt_ends(), unfailing_streams():
        code = _with_lost_output(_run())
        # Python collects garbage once more at its end, but leaves out frozen objects.
        gc.freeze()
        sys.exit(code)


def _run() -> int:
    """Runs the command and returns the exit code of the process."""
    try:
        # Without standalone mode, `app` returns the command's result, or the code of a typer.Exit.
        return app(standalone_mode=False, terminal_width=_help_width()) or 0
    except _WRONG_USAGE as error:
        from envsync.model.wording import printable

        # The message contains words of the command line, which can contain any characters.
        error.message = printable(error.message)
        error.show()
        return EXIT_USAGE
    except typer.Abort:
        return EXIT_INTERRUPTED
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return EXIT_INTERRUPTED
    except Exception as error:
        return _report(error)


def _help_width() -> int | None:
    """Returns the width of the help in columns, or None for the default of click."""
    if sys.stdout.isatty() and not os.environ.get("COLUMNS"):
        return None
    return line_width(sys.stdout)


def _with_lost_output(code: int) -> int:
    """Prints an error if standard output could not be written. Returns the exit code.

    A closed pipe is not an error: its reader, such as `head`, has read enough.
    """
    sys.stdout.flush()
    error = error_of(sys.stdout)
    if error is None or isinstance(error, BrokenPipeError):
        return code
    from envsync.cli.session import Session

    session = Session()
    session.err(
        f"{session.paint(sys.stderr)('bold red', 'Error:')} The output is incomplete, because "
        f"standard output cannot be written: {reason_of(error)}. Redirect standard output to a "
        "file or a pipe that can be written."
    )
    return 1 if code in (0, EXIT_CHANGES) else code


def _report(error: Exception) -> int:
    """Prints the message of an expected error. For a bug, writes a log file and prints its path.

    Returns:
        The exit code.
    """
    from envsync.cli.session import Session

    session = Session()  # not the session of the command, because its options can be invalid
    if isinstance(error, InvalidProject):
        from envsync.render.places import placed_problems
        from envsync.render.problems import problems_text

        problems = error.problems
        if error.root is not None:
            problems = placed_problems(problems, partial(shown_path, error.root))
        session.err(problems_text(problems, session.paint(sys.stderr)))
        return error.exit_code
    if isinstance(error, EnvsyncError):
        session.error(error)
        return error.exit_code

    # Imported here, because only the report of a bug needs these modules.
    import tempfile
    import traceback

    from envsync.model.masking import masked
    from envsync.model.wording import printable

    reason = printable(repr(error))
    details = f"envsync {__version__}, Python {sys.version}\n{sys.argv}\n\n"
    details = masked(details + "".join(traceback.format_exception(error)))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="envsync-", suffix=".log", delete=False, encoding="utf-8"
        ) as log:
            log.write(details)
    except OSError:
        # The disk can be full. If there is no log file, print the details to standard error.
        session.err(f"This is a bug in envsync: {reason}. Please report it with this text:")
        session.err(details)
    else:
        session.err(f"This is a bug in envsync: {reason}. Please report it and attach {log.name}.")
    return EXIT_BUG
