"""Makes a build context without the files that git ignores, for comparisons with a commit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from msgspec.structs import replace

from envsync.git.checkout import above
from envsync.git.repository import Repository, find_repository
from envsync.model.environment import BuildContext, EnvironmentSpec


def without_ignored(
    spec: EnvironmentSpec, repository: Repository, ignored: Collection[str]
) -> EnvironmentSpec:
    """Returns the spec, but its build context lacks the files that git ignores.

    Args:
        spec: the spec of the work tree.
        repository: the repository of the project.
        ignored: the ignored files among `project_paths`, relative to the repository.

    Raises:
        GitError: git cannot list the ignored files of a submodule.
    """
    context = spec.local_context
    if spec.build is None or context is None or context.directory is None:
        return spec
    directory = Path(context.directory)
    # In the outer repository, git does not list the ignored files of submodules.
    if _is_in_submodule(directory, repository):
        repository = find_repository(directory)
        ignored = repository.untracked([repository.relative(directory) or ""], ignored=True)
    found = context.files or {}
    ignored = {*ignored, *_ignored_in_submodules(directory, found, repository)}
    start = repository.relative(directory)

    def is_kept(path: str) -> bool:
        own_path = f"{start}/{path}".lstrip("/")
        # Git can ignore the file itself, a directory or link above the file, or a link's target.
        return not ignored or (
            ignored.isdisjoint((own_path, *above(own_path)))
            and repository.relative(directory / path) not in ignored
        )

    files = {path: digest for path, digest in found.items() if is_kept(path)}
    if len(files) == len(found):
        return spec
    kept = BuildContext.of_files(files, directory=context.directory)
    return replace(spec, build=replace(spec.build, context=kept))


def _ignored_in_submodules(
    directory: Path, files: Iterable[str], repository: Repository
) -> Iterator[str]:
    """Yields the ignored files of the submodules in a context.

    Their paths are relative to the outer repository.
    """
    # Look for `.git` in the work tree to find submodules, because `files` never contains `.git`.
    for below in {item for path in files for item in above(path)} - {""}:
        if (directory / below / ".git").exists():
            inner = find_repository(directory / below)
            start = repository.relative(inner.top)
            # If a `.git` directory is not a repository, git finds the outer repository instead.
            if inner.top != repository.top:
                yield from (f"{start}/{item}" for item in inner.untracked([""], ignored=True))


def _is_in_submodule(directory: Path, repository: Repository) -> bool:
    return any(
        (path / ".git").exists()
        for path in (directory, *directory.parents)
        if path != repository.top and path.is_relative_to(repository.top)
    )
