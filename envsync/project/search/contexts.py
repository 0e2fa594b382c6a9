"""Finds the YAML files that are not read, because they are conda files or in build contexts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct, field

from envsync.project.files import Files, is_within
from envsync.project.search.candidate import Candidate
from envsync.project.search.walk import YamlFile


def hidden_by_contexts(candidates: Sequence[Candidate]) -> dict[str, Candidate]:
    """Returns the candidates that are not read, because they are in a build context.

    A build context does not hide files if it contains the environment file that names the context,
    as with `build: {path: .}` and `build: {path: ..}`. A file with the environment schema is never
    hidden. A hidden file does not hide other files, so the outermost contexts are handled first.

    Returns:
        For the path of each hidden candidate, the environment file that names the build context.
    """
    hidden: dict[str, Candidate] = {}
    contexts: dict[str, Candidate] = {}
    undecided = list(candidates)
    while undecided:
        possible = {context: item for item in undecided if (context := _hiding(item))}
        free = [item for item in undecided if not _owner(item, possible)]
        if not free:
            # Each remaining file is in the context of another remaining file. Files that name a
            # context are read, because ignoring an environment without a message would be worse.
            free = [item for item in undecided if _hiding(item)]
        decided = {item.file.path for item in free}
        contexts |= {context: item for item in free if (context := _hiding(item))}
        undecided = [item for item in undecided if item.file.path not in decided]
        hidden |= {item.file.path: owner for item in undecided if (owner := _owner(item, contexts))}
        undecided = [item for item in undecided if item.file.path not in hidden]
    return hidden


class Named(Struct, frozen=True):
    """The conda files and build contexts that environments name.

    Attributes:
        condas: the environment of each conda file, by the resolved path of the conda file.
        contexts: the environment of each context that hides files, by the resolved path of the
            context.
        targets: the resolved paths of all conda files and contexts.
        environments: the absolute paths of the environment files. No context hides these files.
    """

    condas: Mapping[str, Candidate]
    contexts: Mapping[str, Candidate]
    targets: frozenset[str]
    environments: frozenset[str]
    # The environment whose context contains a directory, for the directories seen so far.
    _around: dict[str, Candidate | None] = field(default_factory=dict)

    @classmethod
    def of(cls, environments: Sequence[Candidate]) -> Named:
        """Collects the conda files and build contexts that environments name."""
        named = (path for item in environments for path in (item.conda, item.context) if path)
        return cls(
            {item.conda: item for item in environments if item.conda},
            {context: item for item in environments if (context := _hiding(item))},
            frozenset(named),
            frozenset(item.file.path for item in environments),
        )

    def reason(self, file: YamlFile, files: Files) -> str | None:
        """Returns why a conda file or a file in a build context is not read, otherwise None."""
        conda = self.condas.get(file.real)
        # A file that names itself as its conda file is an environment file, so that `load` reports
        # the mistake.
        if conda is not None and conda.file.path != file.path:
            return f"it is the conda file of {files.display(conda.file.path)}"
        if not self.contexts or file.path in self.environments:
            return None
        context = self._context_around(file.directory)
        if context is None:
            return None
        return f"it is in the build context of {files.display(context.file.path)}"

    def _context_around(self, directory: str) -> Candidate | None:
        """Returns the environment whose build context is or contains a directory, or None."""
        passed = []
        for path in _upwards(directory):
            if path in self._around:
                break
            passed.append(path)
            self._around[path] = self.contexts.get(path)
            if self._around[path]:
                break
        found = self._around[path]
        self._around.update(dict.fromkeys(passed, found))
        return found


def _context_of(directory: str, contexts: Mapping[str, Candidate]) -> Candidate | None:
    """Returns the environment whose build context is or contains a directory, or None."""
    return next((contexts[path] for path in _upwards(directory) if path in contexts), None)


def _hiding(candidate: Candidate) -> str | None:
    """Returns the build context of a candidate if the context hides files, otherwise None."""
    context = candidate.context
    return None if context is None or is_within(candidate.file.directory, context) else context


def _owner(candidate: Candidate, contexts: Mapping[str, Candidate]) -> Candidate | None:
    if candidate.has_schema or not contexts:
        return None
    return _context_of(candidate.file.directory, contexts)


def _upwards(directory: str) -> Iterator[str]:
    """Yields a directory and all directories above it."""
    while True:
        yield directory
        parent = os.path.dirname(directory)
        if parent == directory:
            return
        directory = parent
