"""`envsync update`: writes the newest tags of images and their digests into files."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
from typing import Annotated

import typer

from envsync.api.image_updates import find_updates
from envsync.api.images import images_of, open_registries
from envsync.cli.lock import (
    DigestOnlyOption,
    ImagesFormat,
    ImagesFormatOption,
    NoBumpOption,
    show_images,
    write_images,
)
from envsync.cli.options import GlobsArgument
from envsync.cli.session import Session

EXAMPLE = "envsync update 'churn-*' --dry-run"


def run(
    context: typer.Context,
    globs: GlobsArgument = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the changes, without writing files.")
    ] = False,
    digest_only: DigestOnlyOption = False,
    no_bump: NoBumpOption = False,
    output: ImagesFormatOption = ImagesFormat.TEXT,
) -> int:
    """Write the newest tags of images and their digests into files.

    A tag is replaced by the newest one of the same shape. Exits with 1 if a registry does not have
    an image.
    """
    session: Session = context.obj
    project = session.project()
    project.ensure_found()
    users = images_of(project, globs or [])
    with session.progress("Asking registries") as advance:
        registries = open_registries(lambda text: session.err(f"Warning: {text}"))
        findings = find_updates(users, registries, advance)
    edits, bumps = write_images(
        session,
        project,
        users,
        findings,
        only_digest=digest_only,
        bump=not no_bump,
        dry_run=dry_run,
    )
    show_images(session, project, output, edits, bumps, dry_run=dry_run)
    return int(any(item.state == "missing" for item in findings))
