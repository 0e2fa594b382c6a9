"""Finds environment files, and explains why each other YAML file is not an environment file.

A YAML file is an environment file if its `$schema` is the environment schema. A file without
`$schema` is an environment file if it has a `name` and an `image` or `build`. A file is passed over
if `exclude` matches its path, or if it is in a hidden directory. A file is also passed over if it
is the conda file of an environment, or is in the build context of an environment.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct, field

from envsync.project.files import Files, Unreadable, fields, nested_field
from envsync.project.search.candidate import Candidate, classify, target
from envsync.project.search.contexts import Named, hidden_by_contexts
from envsync.project.search.globs import NO_GLOBS, Globs
from envsync.project.search.suspect import escaping_link, unread_link, unreadable_directory
from envsync.project.search.walk import OUTSIDE, Walk, YamlFile, is_yaml, walk
from envsync.project.yaml.nodes import TextProblem

EXCLUDED: Final = "`exclude` in envsync.yaml names it"
"""`Discovered.passed_over` contains this reason for each file that `exclude` matches."""

_HIDDEN: Final = (
    "it is in a hidden directory, and envsync searches a hidden directory only if you name it"
)


class Discovered(Struct, frozen=True):
    """The result of `discover`: environment files, other YAML files, and unread directories.

    Every path is absolute, and its symbolic links are not resolved.

    Attributes:
        environment_files: the environment files, sorted.
        passed_over: every other YAML file, with a reason that completes the sentence "It is not
            read as an environment: …".
        unreadable: the directories that could not be read, each with the reason. These include
            links to directories that do not exist or are outside of the project.
        problems: the problems of the rules `unrecognised-environment`, `unreadable-directory` and
            `path-escape`, each with the path of its file or directory.
    """

    environment_files: tuple[str, ...] = ()
    passed_over: Mapping[str, str] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[tuple[str, TextProblem], ...] = ()


def discover(
    directories: Sequence[str],
    files: Files,
    exclude: Globs = NO_GLOBS,
    classify_all: Callable[[Sequence[YamlFile]], Sequence[Candidate]] | None = None,
) -> Discovered:
    """Finds the environment files below directories.

    Args:
        directories: the directories to search. A hidden directory is searched only if this list
            contains it.
        files: the cache through which files are read.
        exclude: globs of files that are not environment files.
        classify_all: classifies the YAML files that were found, and keeps their order. If None,
            `classify` is called for each file.
    """
    tops = [os.path.abspath(directory) for directory in directories]
    found = walk(tops, files)
    excluded = _excluded(found, files, exclude)
    kept = [file for file in found.files if file.path not in excluded]
    candidates = classify_all(kept) if classify_all else [classify(file, files) for file in kept]
    named = _named(candidates)
    reasons = {
        item.file.path: reason for item in candidates if (reason := _reason(item, named, files))
    }
    # A missing directory is reported as a warning only if `directories` has several items. If it is
    # the only item, `plan` fails with an error.
    unreadable = {
        path: reason
        for path, reason in found.unreadable.items()
        if path not in excluded and (path not in tops or len(tops) > 1 or os.path.lexists(path))
    }
    links = {path: reason for path, reason in found.links.items() if path not in excluded}
    problems = [
        (item.file.path, item.suspicion.problem)
        for item in candidates
        if item.suspicion is not None and reasons[item.file.path] == item.reason
    ]
    problems += [(path, unreadable_directory(reason)) for path, reason in unreadable.items()]
    problems += [
        (path, escaping_link() if reason == OUTSIDE else unread_link(path, reason))
        for path, reason in links.items()
        if not _is_named(path, named, files)
    ]
    return Discovered(
        tuple(sorted(item.file.path for item in candidates if item.file.path not in reasons)),
        passed_over={
            **dict.fromkeys(found.hidden, _HIDDEN),
            **{path: reason for path, reason in links.items() if is_yaml(path)},
            **dict.fromkeys(filter(is_yaml, excluded), EXCLUDED),
            **reasons,
        },
        unreadable={
            **unreadable,
            **{path: reason for path, reason in links.items() if not is_yaml(path)},
        },
        problems=tuple(problems),
    )


def references(path: str, files: Files) -> dict[str, str]:
    """Returns the local paths in `conda_file` and `build.path` of a file, with links resolved."""
    known = files.named.get(path)
    if known is not None:
        return known
    parsed = files.read(path)
    if isinstance(parsed, Unreadable):
        return {}
    directory, top = os.path.dirname(path), fields(parsed)
    nodes = {
        "conda_file": top.get("conda_file"),
        "build.path": nested_field(parsed, top.get("build"), "path"),
    }
    found = {field: target(files, directory, node) for field, node in nodes.items()}
    return {field: path for field, path in found.items() if path is not None}


def _named(candidates: Sequence[Candidate]) -> Named:
    """Returns the conda files and build contexts of the candidates that are environments."""
    possible = [item for item in candidates if item.reason is None]
    hidden = hidden_by_contexts(possible)
    return Named.of([item for item in possible if item.file.path not in hidden])


def _reason(candidate: Candidate, named: Named, files: Files) -> str | None:
    """Returns why a candidate is not an environment file, or None if it is an environment file."""
    by_name = None
    if not candidate.has_schema:
        by_name = named.reason(candidate.file, files)
    return by_name or candidate.reason


def _is_named(link: str, named: Named, files: Files) -> bool:
    """Returns True if a link is in a build context, or leads to a path that an environment names.

    This module reports no problem for such a link, because the rules `missing-file` and
    `path-escape` check it.
    """
    file = YamlFile(link, files.real(os.path.dirname(link)), os.path.realpath(link))
    return file.real in named.targets or named.reason(file, files) is not None


def _excluded(found: Walk, files: Files, exclude: Globs) -> set[str]:
    """Returns the files, links and directories that `exclude` matches."""
    if exclude == NO_GLOBS:
        return set()
    paths: Iterable[str] = (
        *(file.path for file in found.files),
        *found.hidden,
        *found.links,
        *found.unreadable,
    )
    return {path for path in paths if exclude.match(files.display(path))}
