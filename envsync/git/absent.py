"""Finds files that are in git, but not in the work tree.

A sparse checkout leaves files out, and a submodule is empty until it is fetched. Such files look as
if they were deleted. See https://git-scm.com/docs/git-sparse-checkout
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envsync.git.checkout import above, is_below
from envsync.git.repository import Repository, find_repository
from envsync.model.errors import GitError
from envsync.model.problem import Problem
from envsync.project.presence import presence
from envsync.project.search.globs import Globs
from envsync.project.search.walk import is_yaml

if TYPE_CHECKING:
    from envsync.model.state import RegisteredVersion
    from envsync.project.project import Project
    from envsync.project.settings.config import Config

_SPARSE = "it is in git, but this sparse checkout leaves it out"


@dataclass(frozen=True, slots=True)
class Absent:
    """What is in the index of a repository, but not in its work tree.

    Paths are relative to the top of the work tree.

    Attributes:
        sparse: files that the sparse checkout leaves out.
        submodules: the directories of submodules that are not checked out.
    """

    sparse: frozenset[str]
    submodules: frozenset[str]


def absent(repository: Repository) -> Absent:
    """Returns the files and submodules that are in the index, but not in the work tree.

    Raises:
        GitError: git fails.
    """
    sparse: set[str] = set()
    submodules: set[str] = set()
    # An entry is `<tag> <mode> <object> <stage>\t<path>`. The tag `S` means that the entry has the
    # skip-worktree bit: https://git-scm.com/docs/git-ls-files
    for line in repository.run("ls-files", "-t", "--stage", "-z").split(b"\0"):
        entry, _, name = line.partition(b"\t")
        path = os.fsdecode(name)
        if entry.startswith(b"S ") and not os.path.lexists(repository.top / path):
            sparse.add(path)
        # 160000 is the mode of a submodule. Its directory has a `.git` once it is checked out.
        elif b" 160000 " in entry and not os.path.lexists(repository.top / path / ".git"):
            submodules.add(path)
    return Absent(frozenset(sparse), frozenset(submodules))


def not_checked_out(root: Path, files: Collection[str]) -> dict[str, str]:
    """Returns the files that are in git although they are not in the work tree.

    Args:
        root: the project directory.
        files: paths relative to the project directory that are not in the work tree.

    Returns:
        Maps each file to a reason that completes the sentence "It is not read as an environment:
        …". Empty if the project is not in a repository.
    """
    try:
        repository = find_repository(root)
        found = absent(repository)
    except GitError:
        return {}
    reasons = {}
    for file in files:
        path = repository.relative(root / file)
        if path is None:
            continue
        if path in found.sparse:
            reasons[file] = _SPARSE
        for directory in above(path):
            if directory in found.submodules:
                reasons[file] = f"the submodule {directory} is not checked out"
    return reasons


def still_there(project: Project, versions: Iterable[RegisteredVersion]) -> dict[str, str]:
    """Returns the files that declared these versions and still exist, but were not read.

    Args:
        project: the loaded project.
        versions: versions that the project owns.

    Returns:
        Paths relative to the project directory. Each has a reason that completes the sentence "It
        is not read as an environment: …".
    """
    found = presence(
        project, filter(None, {item.environment.provenance.source for item in versions})
    )
    # Starting git is slow, so git is used only if a file is not in the work tree.
    absent_files = not_checked_out(project.config.root, found.missing) if found.missing else {}
    return {**found.unread, **absent_files}


def absent_problems(config: Config) -> list[Problem]:
    """Returns a problem for each directory of environment files that is not checked out."""
    severity = config.rules["not-checked-out"]
    if severity == "off" or not _may_be_absent(config.root):
        return []
    try:
        repository = find_repository(config.root)
        found = absent(repository)
    except GitError:
        return []
    project = repository.relative(config.root) or ""
    exclude = Globs.of(config.exclude)
    # Paths from here on are relative to the project directory.
    tops = ["" if top == "." else top for top in map(posixpath.normpath, config.environments)]
    sparse: dict[str, list[str]] = {}
    for path in sorted(found.sparse):
        file = posixpath.relpath(path, project or ".")
        if is_yaml(file) and _is_in(file, tops) and not exclude.match(file):
            sparse.setdefault(posixpath.dirname(file) or ".", []).append(posixpath.basename(file))
    modules = [posixpath.relpath(path, project or ".") for path in sorted(found.submodules)]
    problems = [
        (directory, f"This sparse checkout leaves out {_listed(names)}.", "git sparse-checkout add")
        for directory, names in sparse.items()
    ]
    problems += [
        (path, "The submodule is not checked out.", "git submodule update --init")
        for path in modules
        # The submodule is below an environments directory, or contains one.
        if (_is_in(path, tops) or any(_is_in(top, [path]) for top in tops))
        and not exclude.match(path)
    ]
    return [
        Problem(
            rule="not-checked-out",
            severity=severity,
            message=message,
            file=path,
            line=1,
            column=1,
            fix=f"Run `{command} {path}`, or list the path in `exclude` in envsync.yaml.",
        )
        for path, message, command in problems
    ]


def _is_in(path: str, directories: Sequence[str]) -> bool:
    return any(is_below(path, directory) for directory in directories)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3:,} more YAML files"


def _may_be_absent(root: Path) -> bool:
    """Returns False if the repository has neither a sparse checkout nor a submodule.

    Only two files are looked at, because starting git takes longer than validating a small project.
    """
    for directory in (root, *root.parents):
        git = directory / ".git"
        if not os.path.lexists(git):
            continue
        # In a submodule or a linked work tree, `.git` is a file. Only git can resolve such a file.
        return not git.is_dir() or any(
            os.path.lexists(path)
            for path in (git / "info" / "sparse-checkout", directory / ".gitmodules")
        )
    return False
