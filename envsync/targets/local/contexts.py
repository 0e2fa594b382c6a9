"""Stores the build contexts of a local target, each in its own directory."""

from __future__ import annotations

import os
from pathlib import Path

from envsync.model.environment import BuildContext
from envsync.model.errors import EnvsyncError, TargetError
from envsync.targets.leftovers import locked_directory, remove_leftovers
from envsync.targets.store.database import sync

_INCOMING = ".incoming-"


class ContextStore:
    """The directory with the build contexts of a local target."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._is_made = False

    def location(self, digest: str) -> str:
        """Returns the directory for a digest (`sha256:` and 64 hex digits).

        Does not create the directory.
        """
        return f"{self._directory}{os.sep}{digest.removeprefix('sha256:')}"

    def keep(self, context: BuildContext) -> None:
        """Copies the files of a build context, unless the same content is already stored.

        The copy is atomic, and is on disk when this method returns.

        Raises:
            TargetError: the files have changed since the plan was made, the digest does not match
                the files, or the files cannot be copied.
        """
        files, digest = context.files, context.digest
        if files is None or digest is None or digest != BuildContext.of_files(files).digest:
            raise TargetError(
                f"The digest of the build context {context.directory} does not match its files. "
                "Plan again."
            )
        place = Path(self.location(digest))
        if place.is_dir():
            return
        if context.directory is None:
            raise TargetError(
                f"The build context {digest} cannot be copied: its directory is not known. Plan "
                "again from the project's files."
            )
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

        self._make_directory()
        # Copy into a temporary directory next to the final directory, because a rename is atomic
        # only within one file system. The target removes leftovers before its first write.
        with locked_directory(_INCOMING, self._directory, remove=False) as incoming:
            content = incoming / "context"
            content.mkdir()
            copy_context(context, content)
            # Sync the files before the rename, so that a directory with its final name is complete
            # even after a power failure.
            _sync_tree(content)
            try:
                content.rename(place)
            except OSError:
                # If another process has stored the same content first, the rename fails, but the
                # stored content is complete.
                if not place.is_dir():
                    raise
            sync(self._directory)

    def _make_directory(self) -> None:
        if self._is_made and self._directory.exists():
            return
        above = self._directory.parent
        if not above.exists():
            above.mkdir(exist_ok=True)
            (above / ".gitignore").write_text("*\n")
            sync(above.parent)
        self._directory.mkdir(exist_ok=True)
        # Sync also if the directory exists, because the process that has created the directory has
        # possibly not synced it yet.
        sync(above)
        self._is_made = True

    def remove_leftovers(self) -> None:
        """Removes the unfinished copies that killed processes have left."""
        remove_leftovers(_INCOMING, self._directory)


def copy(context: BuildContext, destination: Path) -> None:
    """Copies the files of a stored build context to a new directory, and verifies their content.

    Raises:
        TargetError: a file is missing or damaged, or cannot be copied.
    """
    from envsync.project.context.copy import copy_context

    try:
        copy_context(context, destination)
    except EnvsyncError as error:
        raise TargetError(str(error)) from error
    except OSError as error:
        raise TargetError(
            f"The build context {context.directory} cannot be copied to {destination}: {error}."
        ) from error


def _sync_tree(directory: Path) -> None:
    for folder, _, files in os.walk(directory):
        for file in files:
            sync(Path(folder, file))
        sync(Path(folder))
