"""Reads a local target while other processes read the environment files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Final

from envsync.cli.session import Session
from envsync.model.errors import EnvsyncError

if TYPE_CHECKING:
    from envsync.model.target import Target
    from envsync.project.settings.config import Config

_NEEDED: Final = ("envsync.api.planning", "envsync.render.places", "envsync.render.plan_text")
"""The modules that a plan needs after the project is loaded."""


class EarlyTarget:
    """A target that is read before the project is loaded, if it is a local target.

    A local target keeps what it has read. When the plan is made, the target reads only what has
    changed since then, so an early read never makes a plan stale.
    """

    def __init__(self, session: Session, name: str | None, parallel: int, stack: ExitStack) -> None:
        """Does not open the target.

        Args:
            session: the global options.
            name: the name of the target. If None, the default target is opened.
            parallel: see `Session.connection`.
            stack: closes the target.
        """
        self._session = session
        self._name = name
        self._parallel = parallel
        self._stack = stack
        self._opened: Target | None = None

    def read(self, config: Config) -> None:
        """Imports the modules that a plan needs. Opens the target and reads it, if it is local.

        Raises no `EnvsyncError`: `open` and the read of the plan meet the same error, after the
        problems of the project are reported.
        """
        for module in _NEEDED:
            import_module(module)
        with suppress(EnvsyncError):
            if config.target(self._name).kind == "local":
                self.open(config).read(None)

    def open(self, config: Config) -> Target:
        """Returns the open target.

        Raises:
            UsageError: the settings contain no target of this name.
        """
        if self._opened is None:
            target = self._session.target(config, self._name, self._parallel)
            self._opened = self._stack.enter_context(target)
        return self._opened


@contextmanager
def early_target(session: Session, name: str | None, parallel: int) -> Iterator[EarlyTarget]:
    """Yields a target that is not open yet, and closes it at the end of the block."""
    with ExitStack() as stack:
        yield EarlyTarget(session, name, parallel, stack)
