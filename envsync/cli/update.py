"""`envsync update`: writes the newest tags of images and their digests into files."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
from typing import Annotated

import typer

from envsync.api.image_updates import find_updates
from envsync.api.images import images_of, open_registries
from envsync.api.reference_updates import edit_references, find_reference_moves, registry_references
from envsync.cli.files import write_files
from envsync.cli.lock import (
    DigestOnlyOption,
    ImagesFormat,
    ImagesFormatOption,
    NoBumpOption,
    rewrite_images,
    show_images,
)
from envsync.cli.options import GlobsArgument
from envsync.cli.session import Session
from envsync.cli.source import open_registry

EXAMPLE = "envsync update 'churn-*' --dry-run"


def run(
    context: typer.Context,
    globs: GlobsArgument = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the changes, without writing files.")
    ] = False,
    references: Annotated[
        bool,
        typer.Option(
            "--references",
            help="Also write the newest version into references to registry environments.",
        ),
    ] = False,
    digest_only: DigestOnlyOption = False,
    no_bump: NoBumpOption = False,
    output: ImagesFormatOption = ImagesFormat.TEXT,
) -> int:
    """Write the newest tags of images and their digests into files.

    Replaces each tag with the newest tag of the same shape: 22.04 with 24.04, but not with latest.
    Exits with 1 if a registry does not have an image.
    """
    session: Session = context.obj
    project = session.project()
    project.ensure_found()
    used = registry_references(project) if references else {}
    names = {item.name for items in used.values() for item in items if item.name}
    users = images_of(project, globs or [], names)
    with session.progress("Asking registries") as advance:
        registries = open_registries(lambda text: session.err(f"Warning: {text}"))
        findings = find_updates(users, registries, advance)
    edits, bumps = rewrite_images(
        session, project, users, findings, only_digest=digest_only, bump=not no_bump
    )
    contents, moves = dict(edits.contents), None
    if references:
        found = find_reference_moves(
            used,
            globs or [],
            lambda registry: open_registry(session, project, registry),
            lambda text: session.err(f"Warning: {text}"),
        )
        contents, moves = edit_references(project, found, contents)
    if not dry_run:
        write_files(contents)
    show_images(session, project, output, edits, bumps, dry_run=dry_run, moves=moves)
    return int(any(item.state == "missing" for item in findings))
