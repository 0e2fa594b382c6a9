"""A local build context: its content digest, its upload hashes, and what is odd about it.

The digest counts what the service would get: the files that azure-ai-ml uploads, by relative path
and content. The upload hashes are azure-ai-ml's own, under which it stores the content; they tell
whether a registered version was made from this content. docs/digest.md describes both.

azure-ai-ml walks a context twice, once to hash and once to upload, with different rules. Where it
hashes, a dropped directory is not entered. Where it uploads, every directory is entered, dropped
ones and links to directories too, and only files are held against the ignore file. One walk does
both here, and each file is read once.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from envsync.errors import EnvsyncError
from envsync.model import BuildContext
from envsync.source.ignore import IgnoreRules, parse_dockerignore, parse_ignore_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

IGNORE_FILES: Final = (".amlignore", ".gitignore")
"""The first of these in the context's root decides what is left out; the other is a plain file."""

CLUTTER_DIRECTORIES: Final = frozenset(
    {
        *("__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".mypy_cache", ".ruff_cache"),
        *(".git", ".hg", ".svn", ".venv", ".idea"),
    }
)
CLUTTER_FILES: Final = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
CLUTTER_PREFIXES: Final = ("._", ".#")
CLUTTER_SUFFIXES: Final = (".pyc", ".pyo", ".swp", ".swo", "~")

_SEED: Final = b"Initialize for october 2021 AML CLI version"
_CHUNK: Final = 1 << 20
_TEXT_PROBE: Final = 8192
_MAX_DEPTH: Final = 200
# Links that lead to directories of links multiply: n of them can hold 2**n files.
_MAX_ENTRIES_BEHIND_LINKS: Final = 100_000


@dataclass(frozen=True, slots=True)
class ContextScan:
    """What a build context holds. All paths are relative to it, `/`-separated, NFC and sorted.

    Attributes:
        context: the content. Without `uploads` where `escapes` or `broken` has an entry, since
            azure-ai-ml would fail there, or hash what envsync does not read.
        total_bytes: the size of all files together.
        crlf: text files with CRLF line ends.
        clutter: what tools leave behind; a directory once, with a `/` at its end.
        docker_ignored: files that are uploaded and hashed though a root `.dockerignore` drops
            them. The root `Dockerfile` and `.dockerignore` are not among them: Docker reads both.
        unhashed: files that azure-ai-ml uploads but leaves out of its hash, because the ignore file
            drops a directory above them and brings them back, or drops the link that leads to
            them. A change to nothing else keeps the hash, and azure-ai-ml uploads nothing.
        escapes: symbolic links that lead out of the project; they are not followed.
        broken: `path: reason` for what cannot be uploaded; not part of the content.
    """

    context: BuildContext
    total_bytes: int
    crlf: tuple[str, ...] = ()
    clutter: tuple[str, ...] = ()
    docker_ignored: tuple[str, ...] = ()
    unhashed: tuple[str, ...] = ()
    escapes: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


def scan_context(directory: Path, root: Path) -> ContextScan:
    """Reads a build context.

    Args:
        directory: the context.
        root: the project; symbolic links may not lead out of it.

    Returns:
        The content and its oddities. What cannot be read is reported in it, never raised.
    """
    walk = _Walk(os.path.realpath(directory), os.path.realpath(root))
    walk.run()
    whole = not walk.escapes and not walk.broken
    uploads = {walk.sha256.hexdigest(), walk.md5.hexdigest()} if whole else set()
    return ContextScan(
        context=BuildContext.of_files(
            walk.files, uploads=frozenset(uploads), directory=str(directory)
        ),
        total_bytes=walk.total_bytes,
        crlf=tuple(sorted(walk.crlf)),
        clutter=tuple(sorted(set(_clutter(walk.files)))),
        docker_ignored=tuple(sorted(_docker_ignored(walk.files, walk.dockerignore))),
        unhashed=tuple(sorted(walk.unhashed)),
        escapes=tuple(sorted(walk.escapes)),
        broken=tuple(sorted(walk.broken)),
    )


def copy_context(context: BuildContext, destination: Path) -> None:
    """Copies exactly the files of a scanned context, contents verified, links resolved.

    Args:
        context: as `scan_context` returned it.
        destination: a directory, made if it is missing. A failed copy removes it if it made it.

    Raises:
        EnvsyncError: a file is gone or has changed since the scan, or cannot be read.
        ValueError: the context does not say which files it holds, or where.
    """
    if context.files is None or context.directory is None:
        raise ValueError("only a context that was scanned can be copied")
    made = not destination.exists()
    listings: dict[str, dict[str, str]] = {}
    try:
        destination.mkdir(parents=True, exist_ok=True)
        for path, digest in context.files.items():
            target = destination.joinpath(*path.split("/"))
            target.parent.mkdir(parents=True, exist_ok=True)
            if _copy_file(_on_disk(context.directory, path, listings), target) != digest:
                raise EnvsyncError(
                    f"The build context {context.directory} changed on disk while envsync worked "
                    f"with it: {path} is gone or has other content. Run the command again."
                )
    except BaseException:
        if made:
            shutil.rmtree(destination, ignore_errors=True)
        raise


def _copy_file(source: str, target: Path) -> str | None:
    """Copies one file; the hex SHA-256 of what was copied, None where it cannot be opened."""
    sha256 = hashlib.sha256()
    try:
        # A pipe in the file's place would block the opening for ever.
        if not stat.S_ISREG(os.stat(source).st_mode):
            return None
        reader = open(source, "rb", buffering=0)
    except OSError:
        return None
    with reader, target.open("wb") as writer:
        while chunk := reader.read(_CHUNK):
            sha256.update(chunk)
            writer.write(chunk)
    return sha256.hexdigest()


def _on_disk(directory: str, path: str, listings: dict[str, dict[str, str]]) -> str:
    """Where an NFC path lies on a disk that may have kept the name in another form."""
    here = os.path.join(directory, path)
    if path.isascii() or os.path.lexists(here):
        return here
    here = directory
    for part in path.split("/"):
        if here not in listings:
            try:
                listings[here] = {_nfc(name): name for name in os.listdir(here)}
            except OSError:
                listings[here] = {}
        here = os.path.join(here, listings[here].get(part, part))
    return here


class _Walk:
    """One walk through a context, and what it found so far."""

    def __init__(self, top: str, root: str) -> None:
        self.top = top
        self.root = root
        self.files: dict[str, str] = {}
        self.total_bytes = 0
        self.crlf: list[str] = []
        self.unhashed: list[str] = []
        self.escapes: list[str] = []
        self.broken: list[str] = []
        self.dockerignore = b""
        self.sha256 = hashlib.sha256(_SEED)
        self.md5 = hashlib.md5(_SEED, usedforsecurity=False)
        self._rules: IgnoreRules | None = None
        self._rules_base = top
        self._above: set[str] = set()
        self._behind_links = 0

    def run(self) -> None:
        """Walks all of it."""
        if not self._inside(self.top):
            self.escapes.append(".")
            return
        self._read_ignore_file()
        self._directory(self.top, "", hashed=True, linked=False)

    def _inside(self, path: str) -> bool:
        return path == self.root or path.startswith(os.path.join(self.root, ""))

    def _read_ignore_file(self) -> None:
        """Takes the rules of the ignore file that azure-ai-ml would take, if there is one."""
        for name in IGNORE_FILES:
            path = os.path.realpath(os.path.join(self.top, name))
            if not os.path.exists(path):
                continue
            if not self._inside(path):
                self.escapes.append(name)
                return
            try:
                if not os.path.isfile(path):
                    raise ValueError("not a file")
                with open(path, encoding="utf-8-sig", newline="") as file:
                    rules = parse_ignore_file(file.read())
            except OSError as error:
                self.broken.append(f"{name}: {_reason(error)}")
            except UnicodeDecodeError:
                self.broken.append(f"{name}: not UTF-8")
            except ValueError as error:
                self.broken.append(f"{name}: {error}")
            else:
                # Where the ignore file is a link, azure-ai-ml matches from its target's directory.
                self._rules = rules if rules.patterns else None
                self._rules_base = os.path.dirname(path)
            return

    def _directory(self, path: str, shown: str, *, hashed: bool, linked: bool) -> None:
        """Walks one directory.

        Args:
            path: where it is, links resolved: azure-ai-ml matches patterns against that, too.
            shown: where it is in the context, links kept, with a `/` at its end; empty at the top.
            hashed: whether azure-ai-ml's hash gets here.
            linked: whether a link led here.
        """
        if path in self._above:
            self._break(shown, "a link that leads to a directory above it, round and round")
            return
        if len(self._above) == _MAX_DEPTH:
            self._break(shown, f"more than {_MAX_DEPTH} directories deep")
            return
        try:
            with os.scandir(path) as iterator:
                entries = list(iterator)
        except OSError as error:
            self._break(shown, _reason(error))
            return
        # Names that differ in case only keep the order in which the file system lists them. That is
        # what azure-ai-ml does, so its hash of such a context differs from machine to machine.
        entries.sort(key=lambda entry: entry.name.lower())
        matched = ""
        if self._rules is not None and path != self._rules_base:
            matched = os.path.relpath(path, self._rules_base).replace(os.sep, "/") + "/"
        self._above.add(path)
        for entry in entries:
            if linked:
                self._behind_links += 1
                if self._behind_links > _MAX_ENTRIES_BEHIND_LINKS:
                    self._break(shown, "links that lead to too many files")
                    break
            dropped = self._rules is not None and self._rules.drops(matched + entry.name)
            self._entry(entry, shown + entry.name, dropped=dropped, hashed=hashed, linked=linked)
        self._above.discard(path)

    def _entry(
        self, entry: os.DirEntry[str], shown: str, *, dropped: bool, hashed: bool, linked: bool
    ) -> None:
        """Walks one directory entry."""
        path = entry.path
        is_link = entry.is_symlink()
        if is_link:
            path = os.path.realpath(path)
            linked = True
        if dropped and not self._uploaded_though_dropped(entry, path):
            return
        hashed = hashed and not dropped
        try:
            name = entry.name.encode()
        except UnicodeEncodeError:
            self._break(shown, "a name that is not UTF-8")
            return
        if hashed:
            self.sha256.update(name)
            self.md5.update(name)
        if is_link and not self._inside(path):
            self.escapes.append(_nfc(shown))
            return
        try:
            mode = entry.stat().st_mode
        except OSError as error:
            self._break(shown, _reason(error))
            return
        if stat.S_ISDIR(mode):
            self._directory(path, shown + "/", hashed=hashed, linked=linked)
        elif stat.S_ISREG(mode):
            self._file(path, shown, hashed=hashed)
        else:
            self._break(shown, "neither a file nor a directory")

    def _uploaded_though_dropped(self, entry: os.DirEntry[str], path: str) -> bool:
        """Whether files may be uploaded from below an entry that the ignore file drops.

        A link's name says nothing of the files behind it, which are matched where they really are.
        Below a directory, they match as the directory does unless a pattern brings them back.
        """
        if entry.is_symlink():
            return os.path.isdir(path)
        return (
            self._rules is not None
            and self._rules.brings_back
            and entry.is_dir(follow_symlinks=False)
        )

    def _file(self, path: str, shown: str, *, hashed: bool) -> None:
        """Reads one file, once, for all hashes."""
        key = _nfc(shown)
        if key in self.files:
            self._break(shown, "two names that are the same once Unicode is normalised (NFC)")
            return
        sha256 = hashlib.sha256()
        size = 0
        first = b""
        try:
            with open(path, "rb", buffering=0) as file:
                while chunk := file.read(_CHUNK):
                    first = first or chunk
                    size += len(chunk)
                    sha256.update(chunk)
                    if hashed:
                        self.sha256.update(chunk)
                        self.md5.update(chunk)
        except OSError as error:
            self._break(shown, _reason(error))
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
        path = _nfc(shown.rstrip("/") or ".")
        self.broken.append(f"{os.fsencode(path).decode(errors='backslashreplace')}: {reason}")


def _nfc(path: str) -> str:
    return path if path.isascii() else unicodedata.normalize("NFC", path)


def _reason(error: OSError) -> str:
    match error.errno:
        case errno.ENOENT:
            return "a link that leads nowhere"
        case errno.ELOOP:
            return "a link that leads to itself"
        case _:
            return error.strerror or str(error)


def _clutter(paths: Iterable[str]) -> Iterator[str]:
    """What tools leave behind, among these files: the files, or the directories they are in."""
    for path in paths:
        *directories, name = path.split("/")
        for depth, directory in enumerate(directories, 1):
            if directory in CLUTTER_DIRECTORIES:
                yield "/".join(directories[:depth]) + "/"
                break
        else:
            if (
                name in CLUTTER_FILES
                or name.startswith(CLUTTER_PREFIXES)
                or name.endswith(CLUTTER_SUFFIXES)
            ):
                yield path


def _docker_ignored(paths: Iterable[str], dockerignore: bytes) -> Iterator[str]:
    """Those of these files that Docker leaves out of the build."""
    rules = parse_dockerignore(dockerignore.decode(errors="replace"))
    if rules.patterns:
        for path in paths:
            if path not in {".dockerignore", "Dockerfile"} and rules.drops(path):
                yield path
