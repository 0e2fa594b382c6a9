"""Finds the versions that earlier commits declared. A target can still contain these versions."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Sequence

from envsync.git.branches import likely_branch
from envsync.git.merge import merge_heads
from envsync.git.repository import Repository, find_repository
from envsync.project.environment.identity import written_identity
from envsync.project.settings.config import Config


def declared_before(config: Config, names: Collection[str]) -> dict[str, set[str]]:
    """Returns the versions that commits of the current branch or the default branch declare.

    During a merge, the branches that are being merged are searched as well. Only commits and
    contents in this clone are searched. Nothing is fetched.

    Args:
        config: the settings of the project.
        names: the names of the environments.

    Returns:
        Maps each name to its versions. Names without versions are left out.

    Raises:
        NoRepository: the project is not in a repository.
        GitError: git cannot be used, so the versions are unknown.
    """
    repository = find_repository(config.root)
    directories = repository.relatives(config.directories)
    tips = _tips(repository)
    if not directories or not tips:
        return {}
    found: dict[str, set[str]] = {}
    words = [name.encode() for name in names]
    for data in _contents(repository, tips, directories):
        # Parse only contents in which a name occurs, because parsing a long history is slow.
        if any(word in data for word in words):
            identity = written_identity(data)
            if identity is not None:
                name, version = identity
                found.setdefault(name, set()).add(version)
    return {name: found[name] for name in names if name in found}


def lacks_contents(config: Config) -> bool:
    """Returns True if `declared_before` cannot read some contents, because the clone is partial.

    Raises:
        NoRepository: the project is not in a repository.
        GitError: git cannot be used.
    """
    repository = find_repository(config.root)
    directories = repository.relatives(config.directories)
    tips = _tips(repository)
    if not directories or not tips:
        return False
    return any(line.startswith(b"?") for line in _objects(repository, tips, directories))


def _tips(repository: Repository) -> list[str]:
    """Returns the newest commits of the history that is searched."""
    branch = likely_branch(repository)
    tips = [tip for tip in (repository.head, branch.ref if branch else None) if tip]
    tips += merge_heads(repository)
    return tips


def _objects(
    repository: Repository, tips: Sequence[str], directories: Sequence[str]
) -> list[bytes]:
    """Returns a line `<id> <path>` for each object below the directories, and for each commit."""
    # A partial clone lacks the content of some files. `--missing=print` marks the missing content
    # with `?`. Without this option, git would send one request for each missing content.
    below = [directory or "." for directory in directories]
    options = ("--objects", "--missing=print")
    return repository.run("rev-list", *options, *tips, "--", *below).splitlines()


def _contents(
    repository: Repository, tips: Sequence[str], directories: Sequence[str]
) -> Iterator[bytes]:
    """Yields the content of each YAML file in each commit that is reachable from `tips`."""
    lines = [
        line.partition(b" ")
        for line in _objects(repository, tips, directories)
        if not line.startswith(b"?")
    ]
    ids = [key for key, _, path in lines if path.endswith((b".yml", b".yaml"))]
    output = repository.run("cat-file", "--batch", data=b"".join(key + b"\n" for key in ids))
    stream = io.BytesIO(output)
    # `git cat-file --batch` prints a line `<id> <type> <size>`, the content and a line feed.
    for head in stream:
        yield stream.read(int(head.split()[2]))
        stream.read(1)
