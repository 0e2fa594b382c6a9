"""Writes small projects to disk and loads them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from envsync.model.policy import NO_FILE_POLICY, FilePolicy, Versions
from envsync.project.load import Loaded, load
from envsync.project.rules import Level
from envsync.project.search.globs import Globs

REPOSITORY = Path(__file__).parents[2]
DATA = Path(os.environ.get("ENVSYNC_TEST_DATA", REPOSITORY.parent / "shared"))

Contents = Mapping[str, str | bytes]


def write(root: Path, files: Contents) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


# The paths in `files` and in `environments` are relative to `root`.
def load_files(
    root: Path,
    files: Contents,
    *,
    rules: Mapping[str, Level] | None = None,
    versions: Versions = "auto",
    paths: Sequence[Path] | None = None,
    environments: Sequence[str] = ("environments",),
    exclude: Sequence[str] = (),
    policy: FilePolicy = NO_FILE_POLICY,
) -> Loaded:
    write(root, files)
    return load(
        root,
        [root / directory for directory in environments],
        rules=rules or {},
        versions=versions,
        exclude=Globs.of(exclude),
        paths=paths,
        policy=policy,
    )


def found(loaded: Loaded) -> list[str]:
    """Returns every problem as `file:line:column severity rule`."""
    return [
        f"{p.file.removeprefix('environments/')}:{p.line}:{p.column} {p.severity} {p.rule}"
        for p in loaded.problems
    ]
