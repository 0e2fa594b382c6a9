"""`envsync bump`: writes the next version into an environment file, and changes nothing else."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from envsync.api import plan_for
from envsync.cli.files import write_files
from envsync.cli.options import Format, FormatOption, complete_names, complete_targets
from envsync.cli.place import shown_path
from envsync.cli.session import Session
from envsync.cli.used_versions import compare, used_versions, warn_without_git, with_past
from envsync.git.check import Checked
from envsync.model.declaration import Declaration, Source
from envsync.model.errors import EnvsyncError, UsageError
from envsync.model.target import Target
from envsync.plan.bump import Bump, Used, bumps_json, choose, decide
from envsync.project.environment.identity import version_problem
from envsync.project.project import Project
from envsync.project.rewrite import rewrite_version
from envsync.render.bumps import bumps_text
from envsync.render.places import placed_bumps, placed_source

EXAMPLE = "envsync bump churn-score demand-forecast:2024.12"


def run(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME[:VERSION]",
            help="Environments to bump. Without VERSION, the highest declared version is bumped.",
            show_default=False,
            autocompletion=complete_names,
        ),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option("--version", metavar="V", help="Write version V instead of the next version."),
    ] = None,
    all_rejected: Annotated[
        bool,
        typer.Option(
            "--all-rejected",
            help="Bump every version that `envsync check` rejects; with -t, every version that the "
            "plan for the target rejects.",
        ),
    ] = False,
    base: Annotated[
        str | None,
        typer.Option(
            metavar="REF",
            help="Git commit to compare with, as in `envsync check`.",
            show_default="where the branch began",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "-t",
            "--target",
            metavar="NAME",
            help="Never write a version that this target already has. Without -t, no target is "
            "read.",
            autocompletion=complete_targets,
        ),
    ] = None,
    output: FormatOption = Format.TEXT,
) -> None:
    """Write the next version into an environment file.

    No other byte of the file changes. If one file cannot be written, no file is written.
    """
    session: Session = context.obj
    if bool(names) == all_rejected:
        raise UsageError("Pass either names or --all-rejected.")
    if version is not None and (all_rejected or len(names or []) != 1):
        raise UsageError("--version needs exactly one NAME.")
    if version is not None and (problem := version_problem(version)):
        raise UsageError(" ".join(problem))
    project = session.project()
    project.ensure_found()
    chosen, used = _choose(session, project, names or [], base=base, target=target)
    unversioned = [declaration for declaration in chosen if declaration.version is None]
    if version is not None and unversioned:
        file = session.shown(unversioned[0].source.file)
        raise EnvsyncError(
            f"{file} has no version, so envsync assigns the versions. "
            f'To choose the version yourself, add the line `version: "{version}"`.'
        )
    # With --version, do not read old commits. Reading old commits is slow, and the user is allowed
    # to choose a version that an old commit declared.
    if version is None and len(unversioned) < len(chosen):
        used = with_past(session, project, chosen, used)
    elif version is not None:
        warn_without_git(session, project)
    declared = Counter(declaration.name for declaration in project.declarations)
    alone = {name for name, count in declared.items() if count == 1}
    bumps = _write(project.config.root, decide(chosen, used, version, alone=alone))
    if output is Format.JSON:
        session.out_json(bumps_json(bumps, unversioned))
    elif chosen:
        place = session.shown
        shown = [replace(item, source=placed_source(item.source, place)) for item in unversioned]
        paint, versions = session.paint(sys.stdout), project.config.versions
        session.out(bumps_text(placed_bumps(bumps, place), shown, paint, versions))
    else:
        session.out("No version is rejected, so there is nothing to bump.")


def _choose(
    session: Session,
    project: Project,
    names: Sequence[str],
    *,
    base: str | None,
    target: str | None,
) -> tuple[list[Declaration], Used]:
    """Returns the declarations to bump, and the versions that are already used.

    Args:
        session: the global options.
        project: the result of `load_project`.
        names: `NAME` or `NAME:VERSION`. If there are no names, the rejected versions are chosen.
        base: the commit that `check` compares with.
        target: the name of a target. The versions in this target count as used.
    """
    checked = compare(project, base, needed=base is not None or not (names or target))
    with session.target(project.config, target) if target else nullcontext() as opened:
        references = names or _rejected(project, checked, opened)
        chosen = choose(project.declarations, references, session.shown)
        suffix = project.config.target(target).scope.suffix if target else ""
        state = opened.read({item.name + suffix for item in chosen}) if opened else {}
    held = {
        name.removesuffix(suffix): [item.version for item in container.versions]
        for name, container in state.items()
    }
    return chosen, used_versions(project, checked, held, target=target)


def _rejected(project: Project, checked: Checked | None, target: Target | None) -> list[str]:
    """Returns the addresses of the versions with rejected edits.

    The rejections come from the plan for the target. If `target` is None, the rejections come from
    the comparison with git.
    """
    suffix = ""
    if target is not None:
        rejections = plan_for(project, target).rejections
        suffix = project.config.target(target.identity.name).scope.suffix
    else:
        rejections = checked.rejections if checked else ()
    # Names in a target end with the suffix of the target, but names in files do not.
    return [
        f"{rejection.name.removesuffix(suffix)}:{rejection.version}"
        for rejection in rejections
        if rejection.code == "immutable"
    ]


def _write(root: Path, bumps: Iterable[Bump]) -> list[Bump]:
    """Writes all files or none. Returns the bumps. The `source` of a bump is the changed line.

    Raises:
        EnvsyncError: a file cannot be read, rewritten or written.
    """
    contents: dict[Path, bytes] = {}
    written = rewrite_files(root, bumps, contents)
    write_files(contents)
    return written


def rewrite_files(root: Path, bumps: Iterable[Bump], contents: dict[Path, bytes]) -> list[Bump]:
    """Rewrites files in memory, so that an error leaves every file unchanged.

    Args:
        root: the project directory.
        bumps: the new versions.
        contents: the new bytes of files, by absolute path. A file that is not in `contents` is
            read. The function adds the new bytes of each rewritten file to `contents`.

    Returns:
        The bumps. The `source` of a bump is the changed line.

    Raises:
        EnvsyncError: a file cannot be read or rewritten.
    """
    written: list[Bump] = []
    for bump in bumps:
        file, shown = bump.source.file, shown_path(root, bump.source.file)
        try:
            data = contents.get(root / file) or (root / file).read_bytes()
        except OSError as error:
            raise EnvsyncError(f"{shown} cannot be read: {error.strerror or error}.") from error
        rewritten = rewrite_version(shown, data, before=bump.before, after=bump.after)
        contents[root / file] = rewritten.data
        written.append(replace(bump, source=Source(file, rewritten.line)))
    return written
