"""Build contexts that a local target keeps: one directory for each content, named by its digest."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from envsync.model.environment import BuildContext
from envsync.model.errors import EnvsyncError, TargetError
from envsync.targets.store.database import sync

_INCOMING = ".incoming-"
_ABANDONED_AFTER = 24 * 60 * 60  # seconds; a copy that is still going on is younger


class ContextStore:
    """The directory that holds the build contexts of a local target."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def location(self, digest: str) -> str:
        """Where the content with this digest (`sha256:` and 64 hex digits) lies, or would lie."""
        return f"{self._directory}{os.sep}{digest.removeprefix('sha256:')}"

    def keep(self, context: BuildContext) -> None:
        """Copies a context's files from its directory, unless the same content is here already.

        It appears whole, or not at all, and is on disk when this returns.

        Raises:
            TargetError: the files on disk are not what the context says, its digest is not that of
                its files, or it cannot be copied.
        """
        files, digest = context.files, context.digest
        if files is None or digest is None or digest != BuildContext.of_files(files).digest:
            raise TargetError("The build context's digest is not that of its files.")
        place = Path(self.location(digest))
        if place.is_dir():
            return
        if context.directory is None:
            raise TargetError("The build context cannot be kept: it is nowhere on this machine.")
        try:
            self._copy(context, place)
        except EnvsyncError as error:
            raise TargetError(str(error)) from error
        except OSError as error:
            raise TargetError(
                f"The build context {context.directory} cannot be copied to {place}: {error}."
            ) from error

    def _copy(self, context: BuildContext, place: Path) -> None:
        from envsync.project.context.copy import copy_context

        self._directory.mkdir(exist_ok=True)
        sync(self._directory.parent)
        self._sweep()
        incoming = Path(tempfile.mkdtemp(prefix=_INCOMING, dir=self._directory))
        try:
            content = incoming / "context"
            content.mkdir()
            copy_context(context, content)
            _sync_tree(content)
            try:
                content.rename(place)
            except OSError:
                if not place.is_dir():  # else another process was first with the same content
                    raise
            sync(self._directory)
        finally:
            shutil.rmtree(incoming, ignore_errors=True)

    def _sweep(self) -> None:
        """Removes what copies that were killed have left behind."""
        for leftover in self._directory.glob(_INCOMING + "*"):
            with suppress(OSError):
                if time.time() - leftover.stat().st_mtime > _ABANDONED_AFTER:
                    shutil.rmtree(leftover)


def _sync_tree(directory: Path) -> None:
    for folder, _, files in os.walk(directory):
        for file in files:
            sync(Path(folder, file))
        sync(Path(folder))
