"""Finds the files that are conda files or parts of build contexts, and so are no environments."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from envsync.project.files import Files, is_within
from envsync.project.search.candidate import Candidate


def hidden_by_contexts(candidates: Sequence[Candidate]) -> dict[str, Candidate]:
    """Returns each candidate that is in a build context, with the environment of the context.

    A build context hides a file only if it does not contain the environment file that declares it:
    `build: {path: .}` and `build: {path: ..}` hide nothing. A file with the environment schema is
    never hidden. A hidden file does not hide other files itself, so the outermost contexts are
    decided first.
    """
    hidden: dict[str, Candidate] = {}
    contexts: dict[str, Candidate] = {}
    undecided = list(candidates)
    while undecided:
        possible = {context: item for item in undecided if (context := _hiding(item))}
        free = [item for item in undecided if not _owner(item, possible)]
        if not free:
            # Every remaining file is in the context of another one, so they hide each other. Two
            # environments too many are better than one that is missing without a word.
            free = [item for item in undecided if _hiding(item)]
        decided = {item.path for item in free}
        contexts |= {context: item for item in free if (context := _hiding(item))}
        undecided = [item for item in undecided if item.path not in decided]
        hidden |= {item.path: owner for item in undecided if (owner := _owner(item, contexts))}
        undecided = [item for item in undecided if item.path not in hidden]
    return hidden


@dataclass(frozen=True, slots=True)
class Named:
    """The conda files and build contexts that environments name.

    Attributes:
        condas: environments by the resolved path of their conda file.
        contexts: environments by the resolved path of their context, if the context hides files.
        targets: the resolved paths of all conda files and contexts.
        environments: the absolute paths of the environments. No context hides them.
    """

    condas: Mapping[str, Candidate]
    contexts: Mapping[str, Candidate]
    targets: frozenset[str]
    environments: frozenset[str]

    @classmethod
    def of(cls, environments: Sequence[Candidate]) -> Named:
        """Collects what environments name."""
        named = (path for item in environments for path in (item.conda, item.context) if path)
        return cls(
            {item.conda: item for item in environments if item.conda},
            {context: item for item in environments if (context := _hiding(item))},
            frozenset(named),
            frozenset(item.path for item in environments),
        )

    def reason(self, path: str, directory: str, files: Files) -> str | None:
        """Returns why a file is not an environment file, or None if no environment names it.

        Args:
            path: the absolute path of the file.
            directory: the directory of the file, with symbolic links resolved.
            files: the cache, which resolves the path.
        """
        conda = self.condas.get(files.real(*os.path.split(path)))
        # A file that names itself as its conda file is read, so that the mistake is reported.
        if conda is not None and conda.path != path:
            return f"{files.display(conda.path)} names it as its conda file"
        if not self.contexts or path in self.environments:
            return None
        context = _context_of(directory, self.contexts)
        if context is None:
            return None
        return f"it is in the build context of {files.display(context.path)}"


def _context_of(directory: str, contexts: Mapping[str, Candidate]) -> Candidate | None:
    """Returns the environment whose build context contains a directory, or None."""
    return next((contexts[path] for path in _upwards(directory) if path in contexts), None)


def _hiding(candidate: Candidate) -> str | None:
    """Returns the context of a candidate, or None if it has none that hides files."""
    context = candidate.context
    return None if context is None or is_within(candidate.directory, context) else context


def _owner(candidate: Candidate, contexts: Mapping[str, Candidate]) -> Candidate | None:
    if candidate.has_schema or not contexts:
        return None
    return _context_of(candidate.directory, contexts)


def _upwards(directory: str) -> Iterator[str]:
    """Yields a directory and all directories above it."""
    while True:
        yield directory
        parent = os.path.dirname(directory)
        if parent == directory:
            return
        directory = parent
