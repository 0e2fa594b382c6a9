"""Lists the commands, and imports only the command that the user runs."""

from __future__ import annotations

from importlib import import_module
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, Final, cast

import typer

from envsync.cli.repeated import repeated_options
from envsync.model.addresses import DOCUMENTATION

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter
    from typer._click.shell_completion import CompletionItem

SUMMARIES: Final = {
    "init": "Write the files of a new project and keep existing files.",
    "validate": "Report every problem in the environment files.",
    "check": "Reject edits to immutable fields since a git commit.",
    "plan": "Show the changes that apply would make, without writing.",
    "apply": "Show the plan, ask for confirmation, apply and verify.",
    "drift": "Show edits in a target that do not come from git.",
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
    "emulator": "Emulate Azure ML on loopback, while a command runs or as a server.",
}
"""The commands in the order of `--help`. Command `x` is the function `run` of `module_of("x")`.

Each summary repeats the first line of the docstring of `run`, so that `--help` imports no command.
"""

COMMANDS_PAGE: Final = f"{DOCUMENTATION}/reference/commands.md"

# After "\b", click does not wrap the paragraph, so the link stays on one line and can be opened.
# https://click.palletsprojects.com/en/stable/documentation/
_EPILOG = "\b\nExample:\n  {example}\n\n\b\nDocumentation:\n  {documentation}#envsync-{name}"


class LazyGroup(typer.core.TyperGroup):
    """A group of commands. Imports only the command that the user runs."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # Add placeholders instead of commands. Help and completion need only names and summaries.
        for name, summary in SUMMARIES.items():
            self.add_command(typer.core.TyperCommand(name, short_help=summary))

    def resolve_command(
        self, ctx: Context, args: list[str]
    ) -> tuple[str | None, Command | None, list[str]]:
        """Returns the name, the imported command and the arguments after the name."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in SUMMARIES:
            command = load_command(name)
            # Global options work after the command as well.
            command.params += repeated_options(self.params, command.params)
        return name, command, rest


class _Command(typer.core.TyperCommand):
    """A command whose help shows no Python types. `--json` is short for `--format json`."""

    def make_parser(self, ctx: Context) -> Any:
        """Returns the parser of the options."""
        parser = super().make_parser(ctx)
        for parameter in self.params:
            if isinstance(parameter, typer.core.TyperOption) and "--format" in parameter.opts:
                # `--json` sets the parameter of `--format`. If a command line has both options, the
                # last one has priority.
                parser.add_option(
                    parameter, ["--json"], parameter.name, action="store_const", const="json"
                )
        return parser

    def shell_complete(self, ctx: Context, incomplete: str) -> list[CompletionItem]:
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

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
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
        epilog=_EPILOG.format(example=module.EXAMPLE, documentation=COMMANDS_PAGE, name=name),
        # In `envsync emulator COMMAND --option`, the option belongs to COMMAND.
        context_settings={"allow_interspersed_args": name != "emulator"},
    )(module.run)
    return cast("typer.core.TyperCommand", typer.main.get_command(single))
