"""Build contexts as a commit would hold them: without what git ignores."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from envsync.git.checkout import above
from envsync.git.repository import Repository, find_repository
from envsync.model.environment import BuildContext, EnvironmentSpec


def without_ignored(
    spec: EnvironmentSpec, repository: Repository, ignored: Collection[str]
) -> EnvironmentSpec:
    """A spec as a commit would hold it: its build context without what git has or ignores.

    Args:
        spec: as the work tree has it.
        repository: the one of the project.
        ignored: the files that git ignores in it, at the places of `project_paths`.

    Raises:
        GitError: git cannot tell, of a context in a submodule.
    """
    context = spec.local_context
    if spec.build is None or context is None or context.directory is None:
        return spec
    directory = Path(context.directory)
    if _is_in_submodule(directory, repository):
        repository = find_repository(directory)
        ignored = repository.untracked([repository.relative(directory) or ""], ignored=True)
    found = context.files or {}
    ignored = {*ignored, *_ignored_in_submodules(directory, found, repository)}
    start = repository.relative(directory)

    def is_kept(path: str) -> bool:
        if ".git" in path.split("/"):
            return False
        place = f"{start}/{path}".lstrip("/")
        # Git may ignore the file, a link that leads to it, or what that link leads to.
        return not ignored or (
            ignored.isdisjoint((place, *above(place)))
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
    """What git ignores in the submodules below a context, as paths of the repository around."""
    for path in files:
        below, _, last = path.rpartition("/")
        if below and last == ".git":
            inner = find_repository(directory / below)
            start = repository.relative(inner.top)
            yield from (f"{start}/{item}" for item in inner.untracked([""], ignored=True))


def _is_in_submodule(directory: Path, repository: Repository) -> bool:
    return any(
        (path / ".git").exists()
        for path in (directory, *directory.parents)
        if path != repository.top and path.is_relative_to(repository.top)
    )
