"""Finds what an earlier command has read from a file, and keeps what this command reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct, field

from envsync.project.cache.entries import (
    CondaEntry,
    EnvironmentEntry,
    decode_conda,
    decode_environment,
    encode,
)
from envsync.project.cache.reads import Key, ReadCache, conda_key, environment_key
from envsync.project.environment.draft import Draft
from envsync.project.files import Conda, Files, Unreadable, is_within
from envsync.project.rules import Level
from envsync.project.search.candidate import Candidate
from envsync.project.search.walk import YamlFile


class Kept(Struct, frozen=True):
    """The entries of earlier commands, and the entries that this command uses or makes.

    Attributes:
        cache: the entries of earlier commands.
        files: the cache through which files are read.
        rules: severities that override the defaults of the rules.
        boundary: returns the directory that must contain all paths of the files in a directory.
        used: the encoded entries that this command has used or made, by key.
    """

    cache: ReadCache
    files: Files
    rules: Mapping[str, Level]
    boundary: Callable[[str], str]
    used: dict[Key, bytes] = field(default_factory=dict)

    def find(
        self, file: YamlFile, content: bytes, *, is_wanted: bool
    ) -> tuple[Candidate, Draft | None] | None:
        """Returns what an earlier command has read, or None if a file must be read again.

        Args:
            file: an environment file, or another file.
            content: the bytes of the file.
            is_wanted: whether the draft is needed.
        """
        key = environment_key(file.path, content)
        data = self.cache.entry(key)
        if data is None:
            return None
        entry = decode_environment(data)
        path = conda = draft = None
        if entry.conda_text is not None:
            # A link in the path can lead to another file than before.
            path = self.files.real(file.directory, entry.conda_text)
            if is_wanted:
                conda = self._conda(path, file.directory)
                if conda is None:
                    return None
        if is_wanted:
            draft = entry.draft(self.rules, conda)
        self.used[key] = data
        self.files.named[file.path] = {} if path is None else {"conda_file": path}
        return entry.candidate(file, path), draft

    def _conda(self, path: str, directory: str) -> Conda | None:
        """Returns what an earlier command has read from a conda file, or None."""
        files = self.files
        if not is_within(path, self.boundary(directory)) or not files.is_file(path):
            return None
        content = files.content(path, path)
        if isinstance(content, Unreadable):
            return None
        key = conda_key(path, content)
        data = self.cache.entry(key)
        if data is None:
            return None
        self.used[key] = data
        if path not in files.condas:
            files.condas[path] = decode_conda(data).conda(self.rules)
        return files.condas[path]

    def keep(self, candidate: Candidate, draft: Draft, content: bytes) -> None:
        """Keeps what was read from a file, unless other files decide it.

        Args:
            candidate: the classified file.
            draft: what was read from the file.
            content: the bytes of the file.
        """
        files, path = self.files, candidate.conda
        conda = None if path is None else files.condas.get(path)
        data = encode(EnvironmentEntry.of(candidate, draft, conda))
        if data is None:
            return
        if path is not None and conda is not None:
            read = files.contents[path]
            entry = encode(CondaEntry.of(conda))
            if entry is None or isinstance(read, Unreadable):
                return
            self.used[conda_key(path, read)] = entry
        self.used[environment_key(candidate.file.path, content)] = data
