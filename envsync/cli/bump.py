"""`envsync bump`: the next version, written into a file and nothing else with it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from envsync.api import plan_for
from envsync.cli.files import write_files
from envsync.cli.session import Session
from envsync.git.check import Checked, check
from envsync.git.past import declared_before
from envsync.model.declaration import Declaration, Source
from envsync.model.errors import EnvsyncError, GitError, UsageError
from envsync.plan.bump import Bump, Used, choose, decide
from envsync.project.environment.identity import version_problem
from envsync.project.project import Project
from envsync.project.rewrite import rewrite_version
from envsync.render.bumps import bumps_json, bumps_text

if TYPE_CHECKING:
    from pathlib import Path

    from envsync.model.state import State
    from envsync.model.target import Target


def run(
    session: Session,
    names: Sequence[str],
    *,
    version: str | None,
    base: str | None,
    target: str | None,
    as_json: bool,
) -> int:
    """Bumps what is named or, where nothing is, what `check` or the plan of a target rejects.

    Args:
        session: the run.
        names: `NAME` or `NAME:VERSION`.
        version: write this one.
        base: the commit that `check` compares with.
        target: skip what it holds, and bump what its plan rejects.
        as_json: print JSON.

    Raises:
        EnvsyncError: a name means nothing, or a version cannot be chosen or written. Then no file
            was changed.
    """
    if version is not None and (problem := version_problem(version)):
        raise UsageError(" ".join(problem))
    project = session.project()
    chosen, used = _choose(session, project, names, base, target)
    unversioned = [declaration for declaration in chosen if declaration.version is None]
    if version is not None and unversioned:
        raise EnvsyncError(
            f"{unversioned[0].source.file} has no version, so envsync counts by itself. To decide "
            f'it yourself, add the line `version: "{version}"`.'
        )
    if version is None:
        used = _with_past(project, chosen, used)
    bumps = _write(project.config.root, decide(chosen, used, version))
    if as_json:
        session.out_json(bumps_json(bumps, unversioned))
    elif chosen:
        session.out(bumps_text(bumps, unversioned, session.paint(sys.stdout)))
    else:
        session.out("Nothing is rejected, so there is nothing to bump.")
    return 0


def _choose(
    session: Session,
    project: Project,
    names: Sequence[str],
    base: str | None,
    target: str | None,
) -> tuple[list[Declaration], Used]:
    """The declarations to bump, and the versions that are taken."""
    checked = _check(project, base, needed=base is not None or not (names or target))
    with session.target(project.config, target) if target else nullcontext() as opened:
        chosen = choose(project.declarations, names or _rejected(project, checked, opened))
        state = opened.read({item.name for item in chosen}) if opened else {}
    return chosen, _used(project, checked, state, target)


def _check(project: Project, base: str | None, *, needed: bool) -> Checked | None:
    """What git says; None where it cannot say anything and nobody asked it to."""
    try:
        return check(project, base)
    except GitError:
        if needed:
            raise
        return None


def _rejected(project: Project, checked: Checked | None, target: Target | None) -> list[str]:
    """What the plan of a target rejects as immutable, or without one what `check` rejects."""
    if target is not None:
        rejections = plan_for(project, target).rejections
    else:
        rejections = checked.rejections if checked else ()
    return [rejection.address for rejection in rejections if rejection.code == "immutable"]


def _used(project: Project, checked: Checked | None, state: State, target: str | None) -> Used:
    """Every version that is taken, as far as anybody could look."""
    used: dict[str, dict[str, str]] = {}
    for container in state.values():
        for item in container.versions:
            used.setdefault(container.name, {})[item.version] = f"in the target '{target}'"
    for name, versions in checked.used.items() if checked else ():
        used.setdefault(name, {}).update(dict.fromkeys(versions, "in git"))
    for declaration in project.declarations:
        if declaration.version is not None:
            where = f"in {declaration.source.file}"
            used.setdefault(declaration.name, {})[declaration.version] = where
    return used


def _with_past(project: Project, chosen: Sequence[Declaration], used: Used) -> Used:
    """The same with what commits declared long ago, as far as git can tell."""
    try:
        past = declared_before(project.config, {item.name for item in chosen})
    except GitError:
        return used
    return {
        name: dict.fromkeys(past.get(name, ()), "in git") | dict(used.get(name, {}))
        for name in {item.name for item in chosen}
    }


def _write(root: Path, bumps: Iterable[Bump]) -> list[Bump]:
    """Writes all files or none; the bumps come back with the lines that changed."""
    contents: dict[Path, bytes] = {}
    written: list[Bump] = []
    for bump in bumps:
        file = bump.source.file
        try:
            data = (root / file).read_bytes()
        except OSError as error:
            raise EnvsyncError(f"{file} cannot be read: {error.strerror or error}.") from error
        rewritten = rewrite_version(file, data, before=bump.before, after=bump.after)
        contents[root / file] = rewritten.data
        written.append(replace(bump, source=Source(file, rewritten.line)))
    write_files(contents)
    return written
