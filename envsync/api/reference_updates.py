"""Pins references to environments of registries, such as `azureml`, to the newest version."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from envsync.git.references import references_of
from envsync.model.errors import EnvsyncError, TargetError
from envsync.plan.reference_moves import ReferenceMove, in_registries, moved_references
from envsync.plan.selection import matches

if TYPE_CHECKING:
    from envsync.model.reference import Reference
    from envsync.model.target import Target
    from envsync.project.project import Project


def registry_references(project: Project) -> dict[str, tuple[Reference, ...]]:
    """Returns the references to environments of registries, by registry.

    References to the registries that are targets of the project are left out.
    """
    targets = project.config.targets.values()
    own = [item.settings.get("registry", "") for item in targets if item.kind == "registry"]
    return in_registries(references_of(project).references, own)


def find_reference_moves(
    references: Mapping[str, Sequence[Reference]],
    globs: Sequence[str],
    open_registry: Callable[[str], AbstractContextManager[Target]],
    warn: Callable[[str], None],
) -> list[ReferenceMove]:
    """Returns the references of the repository that do not name the newest version.

    Args:
        references: the result of `registry_references`.
        globs: patterns for the names of environments. If empty, every name is included.
        open_registry: a function that opens a registry by its name.
        warn: a function that is called with a sentence for each registry that cannot be read.
    """
    moves: list[ReferenceMove] = []
    for registry, items in references.items():
        chosen = [
            item
            for item in items
            if not globs or any(matches(item.name or "", glob) for glob in globs)
        ]
        if not chosen:
            continue
        try:
            with open_registry(registry) as opened:
                state = opened.read({item.name for item in chosen if item.name})
        except TargetError as error:
            count = len(chosen)
            warn(
                f"The registry {registry} cannot be read, so {count} "
                f"reference{' was' if count == 1 else 's were'} not checked. {error}"
            )
            continue
        moves += moved_references(chosen, state)
    return moves


def edit_references(
    project: Project, moves: Iterable[ReferenceMove], contents: Mapping[Path, bytes]
) -> tuple[dict[Path, bytes], list[ReferenceMove]]:
    """Rewrites references in memory. All other bytes stay the same.

    Args:
        project: the result of `load_project`.
        moves: the references that do not name the newest version.
        contents: the new bytes of files that are already rewritten, by absolute path.

    Returns:
        The new bytes of all rewritten files, and the moves. If a file does not contain a reference
        as one piece of text, the move of this reference has a `reason`.

    Raises:
        EnvsyncError: a file cannot be read.
    """
    rewritten = dict(contents)
    results: list[ReferenceMove] = []
    # In each line, the last reference is replaced first, so that the columns of earlier references
    # stay correct.
    for move in sorted(moves, key=lambda item: item.reference.order, reverse=True):
        path = (project.config.root / move.reference.file).resolve()
        try:
            data = rewritten.get(path) or path.read_bytes()
        except OSError as error:
            raise EnvsyncError(f"{path} cannot be read: {error.strerror or error}.") from error
        new = _replaced(data, move)
        if new is None:
            reason = "The file does not contain the reference as one piece of text."
            results.append(replace(move, reason=reason))
        else:
            rewritten[path] = new
            results.append(move)
    return rewritten, results[::-1]


def _replaced(data: bytes, move: ReferenceMove) -> bytes | None:
    """Returns the bytes of a file with the new reference, or None if the text is not found."""
    item: Reference = move.reference
    lines = data.decode(errors="surrogateescape").splitlines(keepends=True)
    if item.line > len(lines):
        return None
    line = lines[item.line - 1]
    start = line.find(item.text, max(0, item.column - 1))
    if start < 0:
        return None
    lines[item.line - 1] = line[:start] + move.text + line[start + len(item.text) :]
    return "".join(lines).encode(errors="surrogateescape")
