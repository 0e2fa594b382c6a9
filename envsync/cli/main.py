"""The command line: global options, the list of commands, and the exit codes of errors."""

# No "from __future__ import annotations": typer would evaluate every string annotation at start-up.
import errno
import gc
import io
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, cast

import typer

from envsync._version import __version__
from envsync.cli.repeated import change_directory, repeated_options
from envsync.cli.session import Color, Session
from envsync.cli.signals import EXIT_INTERRUPTED, second_interrupt_ends
from envsync.model.errors import EnvsyncError, InvalidProject, UsageError

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter

EXIT_USAGE: Final = 64
EXIT_BUG: Final = 70

SUMMARIES: Final = {
    "init": "Write the files of a new project and keep existing files.",
    "validate": "Report every problem in the environment files.",
    "check": "Reject edits to immutable fields since a git commit.",
    "plan": "Show the changes that apply would make, without writing.",
    "apply": "Show the plan, ask for confirmation, apply and verify.",
    "bump": "Write the next version into an environment file.",
    "list": "List the environments in a target.",
    "show": "Show one environment or one version in a target.",
    "targets": "List the targets in envsync.yaml.",
    "schema": "Print a JSON Schema for editors and pipelines.",
    "emulator": "Emulate Azure ML on loopback, for a command or as a server.",
}
"""The commands in the order of `--help`. Command `x` is the function `run` of `envsync.cli.x`.

Each summary repeats the first line of the docstring of `run`, so that `--help` imports no command.
"""

_DOCUMENTATION = "https://github.com/envsync/envsync/blob/main/docs/commands.md"

# After "\b", click does not wrap the paragraph, so the link stays on one line and can be opened.
# https://click.palletsprojects.com/en/stable/documentation/
_EPILOG = "\b\nExample:\n  {example}\n\n\b\nDocumentation:\n  {documentation}#envsync-{name}"

# ClickException is the base of all errors for a wrong command line. typer contains a copy of click
# and does not export ClickException. typer exports BadParameter, whose second base is
# ClickException.
_WRONG_USAGE = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[2])


class _LazyGroup(typer.core.TyperGroup):
    """A group of commands. Imports only the command that the user runs."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # Add placeholders instead of commands. Help and completion need only names and summaries.
        for name, summary in SUMMARIES.items():
            self.add_command(typer.core.TyperCommand(name, short_help=summary))

    def resolve_command(
        self, ctx: "Context", args: list[str]
    ) -> "tuple[str | None, Command | None, list[str]]":
        """Returns the name, the imported command and the arguments after the name."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in SUMMARIES:
            command = load_command(name)
            # Global options work after the command as well.
            command.params += repeated_options(self.params, command.params)
        return name, command, rest


class _Command(typer.core.TyperCommand):
    """A command whose help shows no Python types. `--json` is short for `--format json`."""

    def make_parser(self, ctx: "Context") -> Any:
        """Returns the parser of the options."""
        parser = super().make_parser(ctx)
        for parameter in self.params:
            if isinstance(parameter, typer.core.TyperOption) and "--format" in parameter.opts:
                # `--json` sets the parameter of `--format`, so that the last option on a command
                # line with both options has priority.
                parser.add_option(
                    parameter, ["--json"], parameter.name, action="store_const", const="json"
                )
        return parser

    def format_options(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Writes the sections "Arguments" and "Options"."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            if parameter.param_type_name == "argument":
                # typer shows the Python type of an argument, as in `GLOB <list[str]>`. Show only
                # `GLOB`.
                record = (parameter.metavar or record[0], record[1])
                sections["Arguments"].append(record)
            else:
                sections["Options"].append(record)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def load_command(name: str) -> typer.core.TyperCommand:
    """Imports the module of a command and returns the command.

    Args:
        name: a key of `SUMMARIES`.
    """
    module = import_module(f"envsync.cli.{name}")
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(
        name,
        cls=_Command,
        epilog=_EPILOG.format(example=module.EXAMPLE, documentation=_DOCUMENTATION, name=name),
        # In `envsync emulator COMMAND --option`, the option belongs to COMMAND.
        context_settings={"allow_interspersed_args": name != "emulator"},
    )(module.run)
    return cast("typer.core.TyperCommand", typer.main.get_command(single))


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"envsync {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="envsync",
    cls=_LazyGroup,
    help="Keep Azure Machine Learning environments in git: plan, review, apply.",
    epilog=f"\b\nDocumentation:\n  {_DOCUMENTATION}",
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
        typer.Option(
            "--color", help="Print colours; auto means in a terminal, unless NO_COLOR is set."
        ),
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
    context.obj = Session(
        config_file=config, quiet=quiet, verbose=verbose, color=color, debug_http=debug_http
    )


def main() -> NoReturn:
    """Runs the command line and exits with a documented exit code. Never prints a traceback."""
    # Garbage collection would free almost nothing, because a command needs nearly all objects until
    # it ends. With thousands of files, garbage collection takes up to half of the time.
    gc.disable()
    for stream in (sys.stdout, sys.stderr):
        # On Windows, the code page of a pipe may lack characters, such as arrows. Escape them.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    with second_interrupt_ends():
        sys.exit(_run())


def _run() -> int:
    """Runs the command and returns the exit code of the process."""
    try:
        # Without standalone mode, `app` returns the command's result, or the code of a typer.Exit.
        return app(standalone_mode=False) or 0
    except _WRONG_USAGE as error:
        error.show()
        return EXIT_USAGE
    except typer.Abort:
        return EXIT_INTERRUPTED
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return EXIT_INTERRUPTED
    except OSError as error:
        # EPIPE: see below. EIO: the terminal of standard output was closed (SIGHUP).
        if error.errno not in (errno.EPIPE, errno.EIO):
            return _report(error)
        # The reader, such as `head`, has closed the pipe. Python flushes standard output at exit
        # and would report the error again: https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        return _report(error)


def _report(error: Exception) -> int:
    """Prints the message of an expected error. For a bug, writes a log file and prints its path.

    Returns:
        The exit code.
    """
    session = Session()  # not the session of the command, because its options can be invalid
    if isinstance(error, InvalidProject):
        from envsync.render.problems import problems_text

        session.err(problems_text(error.problems, session.paint(sys.stderr)))
        return error.exit_code
    if isinstance(error, EnvsyncError):
        session.err(f"{session.paint(sys.stderr)('bold red', 'Error:')} {error}")
        return error.exit_code

    # Imported here, because only the report of a bug needs these modules.
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="envsync-", suffix=".log", delete=False, encoding="utf-8"
    ) as log:
        log.write(f"envsync {__version__}, Python {sys.version}\n{sys.argv}\n\n")
        log.write("".join(traceback.format_exception(error)))
    session.err(f"This is a bug in envsync: {error!r}. Please report it and attach {log.name}.")
    return EXIT_BUG
