"""`envsync lock`: writes the digests of image tags into files, and changes nothing else."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated

import typer
from msgspec.structs import replace

from envsync.api.images import (
    Edits,
    edit_images,
    find_locks,
    image_problems,
    images_of,
    open_registries,
)
from envsync.cli.bump import rewrite_files
from envsync.cli.files import write_files
from envsync.cli.options import GlobsArgument
from envsync.cli.problems import show_findings
from envsync.cli.session import Session
from envsync.cli.used_versions import compare, used_versions, with_past
from envsync.model.declaration import Declaration
from envsync.model.errors import EnvsyncError, UsageError
from envsync.model.image import ImageUse
from envsync.plan.bump import Bump, decide
from envsync.plan.image_findings import ImageFinding, images_json
from envsync.plan.reference_moves import ReferenceMove
from envsync.project.project import Project
from envsync.render.bumps import bumps_text
from envsync.render.images import (
    images_markdown,
    images_summary,
    images_text,
    unresolved_text,
)
from envsync.render.moves import moves_markdown, moves_text
from envsync.render.places import placed_bumps, placed_problems
from envsync.render.problems import problems_text

EXAMPLE = "envsync lock 'churn-*'"


class ImagesFormat(StrEnum):
    """Output format of `lock` and `update`."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    GITHUB = "github"
    SARIF = "sarif"


ImagesFormatOption = Annotated[
    ImagesFormat,
    typer.Option("--format", help="Output format; --json is short for --format json."),
]
NoBumpOption = Annotated[
    bool, typer.Option("--no-bump", help="Keep the versions of changed environments.")
]
DigestOnlyOption = Annotated[
    bool,
    typer.Option(
        "--digest-only", help="Write only the digest into the image, and the tag into a comment."
    ),
]


def run(
    context: typer.Context,
    globs: GlobsArgument = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit with 2 if a tag moved or is not locked."),
    ] = False,
    digest_only: DigestOnlyOption = False,
    no_bump: NoBumpOption = False,
    output: ImagesFormatOption = ImagesFormat.TEXT,
) -> int:
    """Write the digests of image tags into files.

    Reads the digests from container registries. Exits with 1 if a registry does not have an image.
    """
    session: Session = context.obj
    if check and (digest_only or no_bump):
        option = "--digest-only" if digest_only else "--no-bump"
        raise UsageError(f"{option} has no effect with --check. Remove one of the two.")
    project = session.project()
    project.ensure_found()
    users = images_of(project, globs or [])
    with session.progress("Asking registries") as advance:
        registries = open_registries(lambda text: session.err(f"Warning: {text}"))
        findings = find_locks(users, registries, advance)
    if check:
        return _show_check(session, project, output, findings)
    edits, bumps = rewrite_images(
        session, project, users, findings, only_digest=digest_only, bump=not no_bump
    )
    write_files(edits.contents)
    show_images(session, project, output, edits, bumps)
    return int(any(item.state == "missing" for item in findings))


def rewrite_images(
    session: Session,
    project: Project,
    users: Mapping[ImageUse, Sequence[Declaration]],
    findings: Sequence[ImageFinding],
    *,
    only_digest: bool,
    bump: bool,
) -> tuple[Edits, list[Bump]]:
    """Rewrites digests, tags and versions in memory.

    Args:
        session: the global options.
        project: the result of `load_project`.
        users: the declarations that use each image.
        findings: the images, compared with their registries.
        only_digest: whether to write digests without tags.
        bump: whether to write the next versions.

    Raises:
        EnvsyncError: a version cannot be chosen, or a file cannot be read.
    """
    edits = edit_images(project, findings, only_digest=only_digest)
    contents = dict(edits.contents)
    bumps: list[Bump] = []
    if bump:
        changed = {item.source: item for use in edits.written for item in users[use.use]}
        bumps = _next_versions(session, project, list(changed.values()))
        bumps = rewrite_files(project.config.root, bumps, contents)
    return replace(edits, contents=contents), bumps


def _next_versions(
    session: Session, project: Project, declarations: Sequence[Declaration]
) -> list[Bump]:
    """Returns the new version of each declaration whose version is in git.

    A version that git does not contain does not change, because it is usually not registered yet.
    If git cannot be used, every declaration gets a new version.
    """
    versioned = [item for item in declarations if item.version is not None]
    if not versioned:
        return []
    checked = compare(project, None, needed=False)
    if checked is not None:
        versioned = [item for item in versioned if item.version in checked.used.get(item.name, ())]
    used = used_versions(project, checked, {}, target=None)
    try:
        return decide(versioned, with_past(session, project, versioned, used))
    except EnvsyncError as error:
        raise EnvsyncError(f"{error} Or pass --no-bump, and bump these versions later.") from error


def show_images(
    session: Session,
    project: Project,
    output: ImagesFormat,
    edits: Edits,
    bumps: Sequence[Bump],
    *,
    dry_run: bool = False,
    moves: Sequence[ReferenceMove] | None = None,
) -> None:
    """Prints the changes, and a warning for each registry that did not answer.

    Args:
        session: the global options.
        project: the result of `load_project`.
        output: the output format.
        edits: the images, and which of them were changed.
        bumps: the versions that were changed.
        dry_run: True if no file was written.
        moves: the references to registry environments; None if `update` did not search for
            references.
    """
    _warn_unresolved(session, edits.findings)
    if output is ImagesFormat.JSON:
        document = images_json(edits.findings, edits.written, bumps, dry_run=dry_run)
        if moves is not None:
            document["references"] = [item.to_json() for item in moves]
        session.out_json(document)
    elif output is ImagesFormat.MARKDOWN:
        text = images_markdown(edits.findings, edits.written, bumps)
        session.out(text + moves_markdown(moves or ()))
    elif output is ImagesFormat.TEXT:
        paint = session.paint(sys.stdout)
        text = images_text(
            edits.findings, edits.written, session.shown, paint, verbose=session.verbose
        )
        text += moves_text(moves or (), session.shown, paint)
        text += bumps_text(placed_bumps(bumps, session.shown), [], paint)
        if not session.quiet:
            text += images_summary(edits.findings, edits.written, bumps)
            text += "Nothing was written (--dry-run).\n" if dry_run else ""
        if text:
            session.out(text)
    else:
        left = [item for item in edits.findings if item not in edits.written]
        problems = image_problems(left, project.config.rules)
        show_findings(session, problems, sarif=output is ImagesFormat.SARIF)


def _show_check(
    session: Session, project: Project, output: ImagesFormat, findings: Sequence[ImageFinding]
) -> int:
    problems = image_problems(findings, project.config.rules)
    _warn_unresolved(session, findings)
    if output is ImagesFormat.JSON:
        session.out_json(images_json(findings, (), (), problems, dry_run=True))
    elif output is ImagesFormat.MARKDOWN:
        pending = [item for item in findings if item.after(only_digest=False) is not None]
        session.out(images_markdown(findings, pending, ()))
    elif output is ImagesFormat.TEXT:
        text = problems_text(placed_problems(problems, session.shown), session.paint(sys.stdout))
        text += "" if session.quiet else images_summary(findings, (), ())
        if text:
            session.out(text)
    else:
        show_findings(session, problems, sarif=output is ImagesFormat.SARIF)
    if any(item.rule == "image-missing" for item in problems):
        return 1
    return 2 if problems else 0


def _warn_unresolved(session: Session, findings: Sequence[ImageFinding]) -> None:
    for text in unresolved_text(findings):
        session.err(f"Warning: {text}")
