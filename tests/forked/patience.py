"""Hides the progress of commands in the tests."""

from envsync.cli import progress


def hide_progress() -> None:
    """Makes the commands of this process wait ten minutes before they show progress.

    On a busy machine, any command can take longer than the second of envsync itself.
    """
    progress.PATIENCE = 600.0  # type: ignore[misc]  # a constant that only tests replace
