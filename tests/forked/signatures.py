"""Reads the options of each command only once in a process."""

import functools

import typer.main
from typer.utils import get_params_from_function


def read_signatures_once() -> None:
    """Makes typer keep the options of each command.

    A command line reads the options of one command once, but the tests run hundreds of commands in
    one process, and a server (`server`) reads the options for its forks.
    """
    once = functools.cache(get_params_from_function)
    setattr(typer.main, "get_params_from_function", once)  # noqa: B010 - mypy knows no such name
