"""Finds the versions of an environment that files, git or a target already use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from envsync.cli.place import shown_path
from envsync.cli.session import Session
from envsync.git.branches import lacks_default_branch
from envsync.git.check import Checked, check
from envsync.git.past import declared_before, lacks_contents
from envsync.git.repository import find_repository
from envsync.model.declaration import Declaration
from envsync.model.errors import EnvsyncError, GitError, NoRepository
from envsync.plan.bump import Used
from envsync.project.project import Project


def compare(project: Project, base: str | None, *, needed: bool) -> Checked | None:
    """Compares the declared environments with their content at the base commit.

    Returns None if the comparison fails and `needed` is False.

    Raises:
        GitError: the comparison is needed, but fails.
    """
    try:
        return check(project, base)
    except GitError:
        # If the command line contains the names, no repository is necessary.
        if needed:
            raise
        return None


def used_versions(
    project: Project,
    checked: Checked | None,
    held: Mapping[str, Sequence[str]],
    *,
    target: str | None,
) -> Used:
    """Returns the versions in use, by environment name.

    Each version has a phrase that says where it is in use, such as "in git". `held` maps declared
    names to the versions that the target contains.
    """
    # Archived versions count as used, because they can be restored.
    where = f"in the target '{target}'"
    used = {name: dict.fromkeys(versions, where) for name, versions in held.items()}
    for name, versions in checked.used.items() if checked else ():
        used.setdefault(name, {}).update(dict.fromkeys(versions, "in git"))
    # Add the phrases that name a file last, so that they replace the other phrases. If a file
    # declares a version, a message about the version must name the file.
    for declaration in project.declarations:
        if declaration.version is not None:
            where = f"in {shown_path(project.config.root, declaration.source.file)}"
            used.setdefault(declaration.name, {})[declaration.version] = where
    return used


def with_past(
    session: Session, project: Project, chosen: Sequence[Declaration], used: Used
) -> Used:
    """Returns the versions in `used`, and the versions that earlier commits declared.

    Raises:
        EnvsyncError: git cannot say which versions earlier commits declared.
    """
    try:
        past = declared_before(project.config, {item.name for item in chosen})
        repository = find_repository(project.config.root)
        is_narrow = lacks_default_branch(repository)
        is_partial = lacks_contents(project.config)
    except NoRepository:
        return used
    except GitError as error:
        raise EnvsyncError(
            "Cannot choose the next version, because git cannot say which versions earlier commits "
            f"used. {error} Or choose the version yourself with --version."
        ) from error
    if repository.is_shallow and not session.quiet:
        session.err(
            "Warning: this clone is shallow, so an older commit may already have used the next "
            "version. To take all commits into account, run `git fetch --unshallow` first."
        )
    if is_partial and not session.quiet:
        session.err(
            "Warning: this is a partial clone (`--filter`), so an older commit may already have "
            "used the next version. To take all commits into account, run envsync in a clone "
            "without `--filter`."
        )
    if is_narrow and not session.quiet:
        session.err(
            "Warning: this clone does not contain the default branch, so the default branch may "
            "already use the next version. To take all branches into account, run "
            "`git fetch origin '+refs/heads/*:refs/remotes/origin/*'` first."
        )
    return {
        name: dict.fromkeys(past.get(name, ()), "in git") | dict(used.get(name, {}))
        for name in {item.name for item in chosen}
    }


def warn_without_git(session: Session, project: Project) -> None:
    """Prints a warning if git cannot say whether an earlier commit used the chosen version."""
    try:
        find_repository(project.config.root)
    except NoRepository:
        return
    except GitError as error:
        session.err(f"Warning: git cannot say whether an earlier commit used this version. {error}")
