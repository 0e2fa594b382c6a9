"""Finds environment files and settings files inside build contexts.

Such a file is part of the content of the context. Each edit of the file, such as a new tag, changes
this content. The environment that has the context then needs a new version.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Final

from envsync.model.environment import BuildContext
from envsync.model.wording import MAX_FIX
from envsync.project.environment.draft import Draft
from envsync.project.files import Files
from envsync.project.settings.file import FILE_NAME

_MAX_SHOWN: Final = 3
# Maximum number of characters of the file list in the fix. A longer list would be cut, so another
# fix is suggested.
_MAX_LISTED: Final = MAX_FIX - 500


def check_own_context(drafts: Mapping[str, Draft], files: Files) -> None:
    """Reports each build context that contains an environment file or `envsync.yaml`.

    Args:
        drafts: the drafts of all environment files, by absolute path.
        files: the cache through which the files were read.
    """
    contexts = {
        context.directory: context
        for draft in drafts.values()
        if (context := _context(draft)) and context.directory
    }
    if not contexts:
        return
    # Imported here, because most projects have no local build context.
    from envsync.project.context.names import nfc

    found: dict[str, list[str]] = {}
    around: dict[str, list[str]] = {}
    for path in (*drafts, os.path.join(files.root, FILE_NAME)):
        own, name = os.path.split(path)
        if own not in around:
            around[own] = [item for item in _upwards(files.real(own)) if item in contexts]
        for directory in around[own]:
            real = os.path.join(files.real(own), name)
            inner = nfc(real[len(directory) :].replace(os.sep, "/").lstrip("/"))
            # `files` does not contain the files that the ignore file of the context drops.
            if inner in (contexts[directory].files or {}):
                found.setdefault(directory, []).append(inner)
    for draft in drafts.values():
        context = _context(draft)
        if context and context.directory in found:
            _report(draft, context, found[context.directory])


def _context(draft: Draft) -> BuildContext | None:
    return None if draft.spec is None else draft.spec.local_context


def _upwards(directory: str) -> Iterator[str]:
    """Yields a directory and the directories above it."""
    yield directory
    while (parent := os.path.dirname(directory)) != directory:
        yield parent
        directory = parent


def _report(draft: Draft, context: BuildContext, paths: list[str]) -> None:
    if draft.build_mark is None:
        return
    paths = [f"`{path}`" for path in paths]
    shown = ", ".join(paths[:_MAX_SHOWN])
    if len(paths) > _MAX_SHOWN:
        shown += f" and {len(paths) - _MAX_SHOWN:,} more"
    what = "a file that envsync reads" if len(paths) == 1 else "files that envsync reads"
    message = (
        f"The build context contains {what}: {shown}. Each edit of these files, such as a new "
        "description, changes the build context, so this environment needs a new version."
    )
    lines = [path.replace("`", "`/", 1) for path in paths]
    listed = ", ".join(lines[:-1]) + " and " + lines[-1] if len(lines) > 1 else lines[0]
    files = context.files or {}
    if len(listed) > _MAX_LISTED:
        fix = "Give the context a directory of its own."
    elif ".amlignore" not in files and ".gitignore" in files:
        # azure-ai-ml reads `.gitignore` only if there is no `.amlignore`.
        fix = f"Copy `.gitignore` of the context to `.amlignore`, and add {listed} to the copy."
    else:
        fix = (
            f"Add {listed} to `.amlignore` in the context, or give the context a directory of its "
            "own."
        )
    draft.report.add("self-context", draft.build_mark, message, fix=fix)
