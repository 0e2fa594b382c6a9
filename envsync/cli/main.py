"""The command line: global options, the list of commands, and the exit codes of errors."""

# No "from __future__ import annotations": typer would evaluate every string annotation at start-up.
import gc
import os
import sys
from functools import partial
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, cast

import typer

from envsync._version import __version__
from envsync.cli.color import Color
from envsync.cli.place import remember_start, shown_path
from envsync.cli.repeated import change_directory, repeated_options
from envsync.cli.signals import EXIT_INTERRUPTED, second_interrupt_ends
from envsync.cli.streams import error_of, line_width, reason_of, unfailing_streams
from envsync.model.addresses import DOCUMENTATION
from envsync.model.errors import EnvsyncError, InvalidProject, UsageError

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter
    from typer._click.shell_completion import CompletionItem

EXIT_CHANGES: Final = 2
EXIT_USAGE: Final = 64
EXIT_BUG: Final = 70

SUMMARIES: Final = {
    "init": "Write the files of a new project and keep existing files.",
    "validate": "Report every problem in the environment files.",
    "check": "Reject edits to immutable fields since a git commit.",
    "plan": "Show the changes that apply would make, without writing.",
    "apply": "Show the plan, ask for confirmation, apply and verify.",
    "drift": "Show what was changed in a target, apart from changes in git.",
    "bump": "Write the next version into an environment file.",
    "lock": "Write the digests of image tags into files.",
    "update": "Write the newest tags of images and their digests into files.",
    "import": "Write environment files for the versions in a target.",
    "status": "Show which environment is in which target, and in which state.",
    "report": "Write an HTML page about environments and targets.",
    "refs": "List which files of the repository use which environments.",
    "list": "List the environments in a target.",
    "show": "Show one environment or one version in a target.",
    "targets": "List the targets in envsync.yaml.",
    "schema": "Print a JSON Schema for editors and pipelines.",
    "emulator": "Emulate Azure ML on loopback, for a command or as a server.",
}
"""The commands in the order of `--help`. Command `x` is the function `run` of `module_of("x")`.

Each summary repeats the first line of the docstring of `run`, so that `--help` imports no command.
"""

_DOCUMENTATION = f"{DOCUMENTATION}/reference/commands.md"

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

    def shell_complete(self, ctx: "Context", incomplete: str) -> "list[CompletionItem]":
        """Returns the completions of an option name or an argument.

        Also returns the options that the help of a command does not list: `--json`, and the global
        options.
        """
        from typer._click.shell_completion import CompletionItem

        found = super().shell_complete(ctx, incomplete)
        if incomplete.startswith("-"):
            options = [item for item in self.params if isinstance(item, typer.core.TyperOption)]
            names = [name for option in options if option.hidden for name in option.opts]
            names += ["--json" for option in options if "--format" in option.opts]
            found += [CompletionItem(name) for name in names if name.startswith(incomplete)]
        return found

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


def module_of(name: str) -> str:
    """Returns the name of the module of a command.

    `import` is a keyword of Python, so its module is `import_`.
    """
    return f"envsync.cli.{name}_" if iskeyword(name) else f"envsync.cli.{name}"


def load_command(name: str) -> typer.core.TyperCommand:
    """Imports the module of a command and returns the command.

    Args:
        name: a key of `SUMMARIES`.
    """
    module = import_module(module_of(name))
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
    """Reports that a result could not be written to standard output. Returns the exit code.

    A reader that closes the pipe, such as `head`, has read enough, so this is not an error.
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
