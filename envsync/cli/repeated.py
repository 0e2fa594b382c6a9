"""Accepts global options after the command: `envsync plan -v` means `envsync -v plan`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from envsync.cli.color import Color
from envsync.model.errors import UsageError

if TYPE_CHECKING:
    from typer._click import Context, Parameter

    from envsync.cli.session import Session

# Maps the name of each global option to an attribute of Session, and to the type of the value.
_ATTRIBUTES: Final[dict[str, tuple[str, Callable[[Any], Any]]]] = {
    "config": ("config_file", Path),
    "quiet": ("quiet", bool),
    "verbose": ("verbose", bool),
    "color": ("color", Color),
    "debug_http": ("debug_http", Path),
}
_DIRECTORY: Final = "directory"


def change_directory(directory: Path) -> None:
    """Changes the working directory to the value of `-C`.

    Raises:
        UsageError: the directory cannot be entered.
    """
    try:
        os.chdir(directory)
    except OSError as error:
        raise UsageError(f"-C {directory}: {error.strerror}.") from error


def repeated_options(options: Iterable[Parameter], own: Iterable[Parameter]) -> list[Parameter]:
    """Returns the global options as hidden options of a command.

    An option after the command changes the session of the command. An option after the command has
    priority over the same option before the command. With two `-C`, the second directory is
    relative to the first directory.

    Args:
        options: the global options, which are defined for use before the command.
        own: the options of the command. If a global option has the same name as an option of the
            command, the name refers to the option of the command.
    """
    taken = {name for option in own for name in option.opts}
    repeated = []
    for option in options:
        if option.name not in (*_ATTRIBUTES, _DIRECTORY):
            continue
        twin: Any = copy(option)
        twin.opts = [name for name in option.opts if name not in taken]
        # A command can have an argument of the same name, such as the DIR of `init`.
        twin.name = f"global_{option.name}"
        twin.default = None
        twin.hidden = True
        # The directory must be changed before the paths of other options are checked.
        twin.is_eager = True
        twin.expose_value = False
        twin.callback = _setter(option.name or "")
        if twin.opts:
            repeated.append(twin)
    return repeated


def completing_session(context: Context) -> Session:
    """Returns the session of a command, also while a shell completes the command line.

    During completion, there is no session yet: click parses the global options, but does not call
    the function that makes the session.

    Raises:
        UsageError: the directory of `-C` cannot be entered.
    """
    if context.obj is None:
        options = context.find_root().params
        if directory := options.get(_DIRECTORY):
            change_directory(directory)
        # Imported here, because `--help` needs no session.
        from envsync.cli.session import Session

        context.obj = Session(config_file=options.get("config"))
    session: Session = context.obj
    return session


def _setter(name: str) -> Callable[[Context, Parameter, Any], None]:
    def change(context: Context, _option: Parameter, value: Any) -> None:
        if not value:
            return
        completing_session(context)
        if name == _DIRECTORY:
            change_directory(Path(value))
        else:
            from msgspec.structs import replace

            attribute, kind = _ATTRIBUTES[name]
            context.obj = replace(context.obj, **{attribute: kind(value)})

    return change
