"""Lists the files that azure-ai-ml uploads for a build context, and the parts that it hashes.

azure-ai-ml walks a context twice, with different rules. The first walk computes the hash, and does
not enter a directory that the ignore file drops. The second walk uploads the files. The second walk
enters every directory, even a dropped directory or a link, and applies the ignore file only to
files. This module combines both walks. Unlike azure-ai-ml, this module leaves out the names in
`LEFT_OUT`.
"""

# One plan can read thousands of small contexts. Paths are plain strings, because creating `Path`
# objects would take longer than hashing the files.

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from envsync.project.context.automaton import TooManySteps
from envsync.project.context.names import is_left_out, nfc
from envsync.project.context.reading import FoundFile
from envsync.project.context.rules import IGNORE_FILES, ContextRules
from envsync.project.context.upload_hashes import GitFile, Part
from envsync.project.disk import is_utf8

MAX_REPEATED_ENTRIES: Final = 10_000
"""Maximum number of entries of directories that the walk visits again through links.

Through links, eight directories that lead to each other can have a million entries.
"""

MAX_DEPTH: Final = 200
"""Maximum directory depth. azure-ai-ml has a limit as well (Python's recursion limit)."""


class ContextWalk:
    """One walk through a build context, with its results.

    Attributes:
        files: the files that are uploaded.
        git: each `.git` that `az ml environment create` would upload. The path of a directory ends
            in `/`.
        escapes: links that lead out of the project.
        broken: `path: reason` for each file that cannot be uploaded.
    """

    def __init__(self, top: str, root: str) -> None:
        """Prepares a walk. `run` performs the walk.

        Args:
            top: the build context, with symbolic links resolved.
            root: the project directory, with symbolic links resolved. Links must not lead out of
                this directory.
        """
        self._top = top
        self._root = root
        self.files: list[FoundFile] = []
        self.git: list[str] = []
        self.escapes: list[str] = []
        self.broken: list[str] = []
        self._rules = ContextRules(top)
        self._parts: list[Part] = []
        self._has_git_directory = False
        self._above: set[str] = set()
        self._walked: set[str] = set()
        self._repeated = 0

    def run(self) -> None:
        """Walks the whole context."""
        if not self._inside(self._top):
            self.escapes.append(".")
            return
        entries = self._listed(self._top, "", hashed=True)
        self._read_ignore_file(IGNORE_FILES if entries is None else _ignore_files(entries))
        try:
            self._entries(self._top, "", entries or [], hashed=True, hidden=False)
        except TooManySteps as error:
            self.broken.append(f"{self._rules.name}: {error}")
        except _TooManyEntries:
            self.broken.append(".: too many files behind links")

    @property
    def hashed_parts(self) -> tuple[Part, ...]:
        """Everything that azure-ai-ml hashes, in the order in which azure-ai-ml hashes it.

        A hash that includes a `.git` directory is useless, because the content of this directory
        differs between checkouts. If the context has a `.git` directory, the result therefore
        contains no `.git`.
        """
        with_git = not self._has_git_directory
        return tuple(item for item in self._parts if with_git or not isinstance(item, GitFile))

    def _inside(self, path: str) -> bool:
        return path == self._root or path.startswith(os.path.join(self._root, ""))

    def _read_ignore_file(self, names: Iterable[str]) -> None:
        """Reads the ignore file that azure-ai-ml would use, if there is one.

        Args:
            names: the names of `IGNORE_FILES` that can exist in the context.
        """
        for name in names:
            path = os.path.join(self._top, name)
            if not os.path.exists(path):
                continue
            path = os.path.realpath(path)
            if not self._inside(path):
                self.escapes.append(name)
                return
            if not os.path.isfile(path):
                self.broken.append(f"{name}: not a file")
                return
            if reason := self._rules.read(path, name):
                self.broken.append(f"{name}: {reason}")
            return

    def _directory(self, path: str, shown: str, *, hashed: bool, hidden: bool) -> None:
        """Walks one directory.

        Args:
            path: the absolute path, with links resolved. azure-ai-ml matches patterns against this
                path.
            shown: the path relative to the context, with links not resolved. The path ends in `/`,
                or is empty for the context itself.
            hashed: True if azure-ai-ml's hash includes the directory.
            hidden: True if the ignore file drops every file in the directory, except files behind
                links.
        """
        # A link to a parent directory would be followed forever, so the walk stops here. If
        # `hidden` is True, the link is not reported, because azure-ai-ml uploads no file from a
        # hidden directory.
        if path in self._above:
            if not hidden:
                self.report(shown, "a link to a parent directory, which makes an endless loop")
            return
        if len(self._above) == MAX_DEPTH:
            self.report(shown, f"more than {MAX_DEPTH} directories deep")
            return
        entries = self._listed(path, shown, hashed=hashed)
        if entries is not None:
            self._entries(path, shown, entries, hashed=hashed, hidden=hidden)

    def _listed(self, path: str, shown: str, *, hashed: bool) -> list[os.DirEntry[str]] | None:
        """Lists a directory, or reports why it cannot be listed, and returns None."""
        try:
            with os.scandir(path) as iterator:
                return list(iterator)
        except OSError as error:
            if hashed:  # the walk that uploads skips a directory that it cannot list
                self.report(shown, error.strerror or str(error))
            return None

    def _entries(
        self,
        path: str,
        shown: str,
        entries: list[os.DirEntry[str]],
        *,
        hashed: bool,
        hidden: bool,
    ) -> None:
        """Processes the entries of a directory. The other arguments are those of `_directory`."""
        # azure-ai-ml sorts entries by their lower-case names. Names that differ only in case keep
        # the order of the file system, so the hash of a context with such names differs between
        # machines.
        entries.sort(key=lambda entry: entry.name.lower())
        # Patterns are matched against the resolved path, not against the path through links.
        below = self._rules.relative(path) + "/" if path != self._rules.base else ""
        self._above.add(path)
        self._count(path, len(entries))
        drop = self._rules.drop
        for entry in entries:
            name = entry.name
            dropped = hidden or drop(below + name)
            if is_left_out(entry):
                if name == ".git" and not dropped:
                    self._git(entry, shown + name, hashed=hashed)
            elif dropped:
                self._dropped(entry, shown + name)
            else:
                self._kept(entry, shown + name, hashed=hashed)
        self._above.discard(path)

    def _count(self, path: str, entries: int) -> None:
        """Counts the entries of a directory if the walk visits the directory again."""
        if path in self._walked:
            self._repeated += 1 + entries
            if self._repeated > MAX_REPEATED_ENTRIES:
                raise _TooManyEntries
        self._walked.add(path)

    def _kept(self, entry: os.DirEntry[str], shown: str, *, hashed: bool) -> None:
        """Processes one entry that the ignore file does not drop."""
        if not is_utf8(entry.name):
            self.report(shown, "a name that is not UTF-8")
            return
        if hashed:
            # The hash includes the names of files and directories, but no paths and no sizes.
            self._parts.append(entry.name)
        path = entry.path
        if entry.is_symlink():
            path = os.path.realpath(path)
            if not self._inside(path):
                self.escapes.append(nfc(shown))
                return
        try:
            status = entry.stat()
        except OSError as error:
            self.report(shown, _reason(error))
            return
        if stat.S_ISDIR(status.st_mode):
            self._directory(path, shown + "/", hashed=hashed, hidden=False)
        elif stat.S_ISREG(status.st_mode):
            file = FoundFile.of(path, shown, status, hashed=hashed)
            self.files.append(file)
            if hashed:
                self._parts.append(file)
        else:
            self.report(shown, "neither a file nor a directory")

    def _git(self, entry: os.DirEntry[str], shown: str, *, hashed: bool) -> None:
        """Processes a `.git` that the ignore file does not drop.

        envsync leaves this `.git` out of the context.
        """
        try:
            # The `.git` of a submodule is a small regular file. A named pipe is not read, because
            # reading it would block.
            is_file = entry.is_file(follow_symlinks=False)
            content = Path(entry.path).read_bytes() if is_file and hashed else b""
        except OSError:
            return
        if is_file and hashed:
            self._parts.append(GitFile(content))
        else:
            self._has_git_directory = True
        self.git.append(nfc(shown) if is_file else nfc(shown) + "/")

    def _dropped(self, entry: os.DirEntry[str], shown: str) -> None:
        """Searches a dropped entry for files that azure-ai-ml uploads in spite of the ignore file.

        azure-ai-ml uploads a file in a dropped directory if a `!` pattern re-includes the file.
        azure-ai-ml also uploads a file behind a dropped link if no pattern drops the resolved path
        of the file.
        """
        path = entry.path
        # Without a `!` pattern, no file below a dropped directory can be re-included.
        hidden = not self._rules.re_includes
        if entry.is_symlink():
            path = os.path.realpath(path)
            if not os.path.isdir(path):
                return
            if not self._inside(path):
                self.escapes.append(nfc(shown))
                return
            hidden = hidden and self._rules.drop(self._rules.relative(path))
        elif not entry.is_dir(follow_symlinks=False):
            return
        if is_utf8(entry.name):
            self._directory(path, shown + "/", hashed=False, hidden=hidden)

    def report(self, shown: str, reason: str) -> None:
        """Adds a file or directory to `broken`.

        Args:
            shown: the path relative to the context, not in NFC.
            reason: why the file or directory cannot be uploaded.
        """
        # Python decodes a name that is not UTF-8 to lone surrogates, which cannot be printed.
        path = nfc(shown.rstrip("/") or ".")
        self.broken.append(f"{os.fsencode(path).decode(errors='backslashreplace')}: {reason}")


class _TooManyEntries(Exception):
    """Links lead to the same directories again and again."""


def _ignore_files(entries: Iterable[os.DirEntry[str]]) -> list[str]:
    """Returns the names of `IGNORE_FILES` that a directory with these entries can have."""
    # Some file systems ignore the case of names.
    found = {entry.name.lower() for entry in entries}
    return [name for name in IGNORE_FILES if name in found]


def _reason(error: OSError) -> str:
    """Returns why `stat` failed for an entry of a directory."""
    match error.errno:
        case errno.ENOENT:
            return "a link to a file that does not exist"
        case errno.ELOOP:
            return "a link to itself"
        case _:
            return error.strerror or str(error)
