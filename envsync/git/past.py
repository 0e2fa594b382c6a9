"""Which versions commits declared, however long ago: a target may hold them still."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Sequence

from yaml.nodes import ScalarNode

from envsync.git.repository import Repository, find_repository
from envsync.project.files import fields, parse
from envsync.project.settings.config import Config


def declared_before(config: Config, names: Collection[str]) -> dict[str, set[str]]:
    """The versions that any commit of the current branch or of the default one declared.

    Only what the clone holds is looked at; nothing is fetched.

    Args:
        config: the settings of the project.
        names: of these environments.

    Raises:
        GitError: there is no repository.
    """
    repository = find_repository(config.root)
    directory = repository.relative(config.root / config.environments)
    tips = [tip for tip in (repository.head(), repository.default_branch()) if tip]
    if directory is None or not tips:
        return {}
    found: dict[str, set[str]] = {}
    words = [name.encode() for name in names]
    for data in _contents(repository, tips, directory):
        if any(word in data for word in words):
            top = fields(parse(data))
            name, version = top.get("name"), top.get("version")
            if isinstance(name, ScalarNode) and isinstance(version, ScalarNode):
                found.setdefault(name.value, set()).add(version.value)
    return {name: found[name] for name in names if name in found}


def _contents(repository: Repository, tips: Sequence[str], directory: str) -> Iterator[bytes]:
    """Every content that a YAML file below a directory had in the history of some commits."""
    # A clone may leave content out; to ask for it would fetch it, one file after the other.
    listing = repository.run(
        "rev-list", "--objects", "--missing=print", *tips, "--", directory or "."
    )
    lines = [line.partition(b" ") for line in listing.splitlines() if not line.startswith(b"?")]
    ids = [key for key, _, path in lines if path.endswith((b".yml", b".yaml"))]
    output = repository.run("cat-file", "--batch", data=b"".join(key + b"\n" for key in ids))
    stream = io.BytesIO(output)
    for head in stream:  # the id, the kind and the size; then the content and a line end
        yield stream.read(int(head.split()[2]))
        stream.read(1)
