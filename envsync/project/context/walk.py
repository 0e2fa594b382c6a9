"""One walk through a build context: every hash from one read of each file.

azure-ai-ml walks a context twice, once to hash and once to upload, with different rules. Where it
hashes, a dropped directory is not entered. Where it uploads, every directory is entered, dropped
ones and links to directories too, and only files are held against the ignore file. Both walks are
one here.
"""

# Thousands of small contexts are read for one plan: paths stay plain strings, since making `Path`
# objects of them would take longer than hashing the files.

from __future__ import annotations

import errno
import hashlib
import os
import stat
import unicodedata
from typing import TYPE_CHECKING, Final

from envsync.project.context.ignore import parse_ignore_file

if TYPE_CHECKING:
    from envsync.project.context.ignore import IgnoreRules

IGNORE_FILES: Final = (".amlignore", ".gitignore")
"""The first of these in the context's root decides what is left out; the other is a plain file."""

SEED: Final = b"Initialize for october 2021 AML CLI version"
"""What azure-ai-ml's hash starts from."""

CHUNK: Final = 1 << 20
"""Bytes that are read at once; no larger file is looked at for its line ends."""

MAX_ENTRIES_BEHIND_LINKS: Final = 100_000
"""Links that lead to directories of links multiply: 30 of them can hold a billion files."""

MAX_DEPTH: Final = 200
"""Directories below each other; azure-ai-ml breaks off somewhere, too."""

_TEXT_PROBE: Final = 8192


def nfc(path: str) -> str:
    """A path in the one Unicode form that counts; file systems keep names in several."""
    return path if path.isascii() else unicodedata.normalize("NFC", path)


class ContextWalk:
    """One walk through a context, and what it found so far.

    Attributes:
        files: path to hex SHA-256.
        total_bytes: the size of all files together.
        crlf: text files with CRLF line ends.
        unhashed: files that are uploaded but not part of azure-ai-ml's hash.
        escapes: links that lead out of the project.
        broken: `path: reason` for what cannot be uploaded.
        dockerignore: the content of a root `.dockerignore`.
        sha256: azure-ai-ml's hash, while it grows.
        md5: the same of azure-ai-ml up to 1.26.
    """

    def __init__(self, top: str, root: str) -> None:
        """Sets out.

        Args:
            top: the context, symbolic links resolved.
            root: the project, symbolic links resolved; no link may lead out of it.
        """
        self._top = top
        self._root = root
        self.files: dict[str, str] = {}
        self.total_bytes = 0
        self.crlf: list[str] = []
        self.unhashed: list[str] = []
        self.escapes: list[str] = []
        self.broken: list[str] = []
        self.dockerignore = b""
        self.sha256 = hashlib.sha256(SEED)
        self.md5 = hashlib.md5(SEED, usedforsecurity=False)
        self._rules: IgnoreRules | None = None
        self._brings_back = False
        self._rules_base = top
        self._above: set[str] = set()
        self._behind_links = 0

    def run(self) -> None:
        """Walks all of it."""
        if not self._inside(self._top):
            self.escapes.append(".")
            return
        self._read_ignore_file()
        self._directory(self._top, "", linked=False, hashed=True, hidden=False)

    def _inside(self, path: str) -> bool:
        return path == self._root or path.startswith(os.path.join(self._root, ""))

    def _read_ignore_file(self) -> None:
        """Takes the rules of the ignore file that azure-ai-ml would take, if there is one."""
        for name in IGNORE_FILES:
            path = os.path.realpath(os.path.join(self._top, name))
            if not os.path.exists(path):
                continue
            if not self._inside(path):
                self.escapes.append(name)
                return
            if not os.path.isfile(path):
                self.broken.append(f"{name}: not a file")
                return
            try:
                with open(path, encoding="utf-8-sig", newline="") as file:
                    rules = parse_ignore_file(file.read())
            except OSError as error:
                self.broken.append(f"{name}: {error.strerror or error}")
            except UnicodeDecodeError:
                self.broken.append(f"{name}: not UTF-8")
            except ValueError as error:
                self.broken.append(f"{name}: {error}")
            else:
                # Where the ignore file is a link, azure-ai-ml matches from its target's directory.
                self._rules = rules if rules.patterns else None
                self._brings_back = rules.brings_back
                self._rules_base = os.path.dirname(path)
            return

    def _directory(
        self, path: str, shown: str, *, linked: bool, hashed: bool, hidden: bool
    ) -> None:
        """Walks one directory.

        Args:
            path: where it is, links resolved: azure-ai-ml matches patterns against that, too.
            shown: where it is in the context, links kept, with a `/` at its end; empty at the top.
            linked: whether a link led here.
            hashed: whether azure-ai-ml's hash gets here.
            hidden: whether nothing in here can be uploaded, except what links lead to.
        """
        if path in self._above:
            if not hidden:
                self._break(shown, "a link that leads to a directory above it, round and round")
            return
        if len(self._above) == MAX_DEPTH:
            self._break(shown, f"more than {MAX_DEPTH} directories deep")
            return
        try:
            with os.scandir(path) as iterator:
                entries = list(iterator)
        except OSError as error:
            if hashed:  # where it only uploads, azure-ai-ml passes over such a directory
                self._break(shown, error.strerror or str(error))
            return
        # Names that differ in case only keep the order in which the file system lists them. That is
        # what azure-ai-ml does, so its hash of such a context differs from machine to machine.
        entries.sort(key=lambda entry: entry.name.lower())
        below = self._matched(path) + "/" if path != self._rules_base else ""
        self._above.add(path)
        for entry in entries:
            if linked:
                self._behind_links += 1
                if self._behind_links > MAX_ENTRIES_BEHIND_LINKS:
                    self._break(shown, "links that lead to too many files")
                    break
            if hidden or (self._rules is not None and self._rules.drops(below + entry.name)):
                self._dropped(entry, shown + entry.name, linked=linked)
            else:
                self._kept(entry, shown + entry.name, linked=linked, hashed=hashed)
        self._above.discard(path)

    def _matched(self, path: str) -> str:
        """The text that patterns are matched against for a path with its links resolved."""
        if self._rules is None:
            return ""
        return os.path.relpath(path, self._rules_base).replace(os.sep, "/")

    def _kept(self, entry: os.DirEntry[str], shown: str, *, linked: bool, hashed: bool) -> None:
        """Walks one entry that the ignore file does not drop."""
        if not _is_utf8(entry.name):
            self._break(shown, "a name that is not UTF-8")
            return
        if hashed:
            name = entry.name.encode()
            self.sha256.update(name)
            self.md5.update(name)
        path = entry.path
        if entry.is_symlink():
            linked = True
            path = os.path.realpath(path)
            if not self._inside(path):
                self.escapes.append(nfc(shown))
                return
        try:
            mode = entry.stat().st_mode
        except OSError as error:
            self._break(shown, _reason(error))
            return
        if stat.S_ISDIR(mode):
            self._directory(path, shown + "/", linked=linked, hashed=hashed, hidden=False)
        elif stat.S_ISREG(mode):
            self._file(path, shown, hashed=hashed)
        else:
            self._break(shown, "neither a file nor a directory")

    def _dropped(self, entry: os.DirEntry[str], shown: str, *, linked: bool) -> None:
        """Walks one entry that the ignore file drops, for what is uploaded all the same.

        That is what a `!` pattern brings back, and what lies behind a link to a directory: its
        files are matched where they really are, whatever the link is called.
        """
        path = entry.path
        hidden = not self._brings_back
        if entry.is_symlink():
            linked = True
            path = os.path.realpath(path)
            if not os.path.isdir(path):
                return
            if not self._inside(path):
                self.escapes.append(nfc(shown))
                return
            hidden = hidden and self._rules is not None and self._rules.drops(self._matched(path))
        elif not entry.is_dir(follow_symlinks=False):
            return
        if _is_utf8(entry.name):
            self._directory(path, shown + "/", linked=linked, hashed=False, hidden=hidden)

    def _file(self, path: str, shown: str, *, hashed: bool) -> None:
        """Reads one file, once, for all hashes."""
        key = nfc(shown)
        if key in self.files:
            self._break(shown, "two names that are the same once Unicode is normalised (NFC)")
            return
        sha256 = hashlib.sha256()
        size = 0
        first = b""
        try:
            with open(path, "rb", buffering=0) as file:
                while chunk := file.read(CHUNK):
                    first = first or chunk
                    size += len(chunk)
                    sha256.update(chunk)
                    if hashed:
                        self.sha256.update(chunk)
                        self.md5.update(chunk)
        except OSError as error:
            self._break(shown, error.strerror or str(error))
            return
        self.files[key] = sha256.hexdigest()
        self.total_bytes += size
        if not hashed:
            self.unhashed.append(key)
        if size == len(first) and b"\r\n" in first and b"\0" not in first[:_TEXT_PROBE]:
            self.crlf.append(key)
        if key == ".dockerignore":
            self.dockerignore = first

    def _break(self, shown: str, reason: str) -> None:
        # Names that are not UTF-8 hold lone surrogates, which no output takes.
        path = nfc(shown.rstrip("/") or ".")
        self.broken.append(f"{os.fsencode(path).decode(errors='backslashreplace')}: {reason}")


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _reason(error: OSError) -> str:
    """Why an entry that a directory lists cannot be found."""
    match error.errno:
        case errno.ENOENT:
            return "a link that leads nowhere"
        case errno.ELOOP:
            return "a link that leads to itself"
        case _:
            return error.strerror or str(error)
