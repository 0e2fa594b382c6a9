"""Computes the hashes that azure-ai-ml puts into upload URLs, one hash function at a time.

docs/contributing/upload-hashes.md describes the hashes. Only a comparison with a version in Azure
needs the hashes. A scan therefore computes no hash, and only lists the parts that the hashes cover.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from envsync.model.environment import BuildContext, UploadHash
from envsync.project.context.copy import changed_on_disk, open_regular
from envsync.project.context.reading import CHUNK, FoundFile

if TYPE_CHECKING:
    from envsync.project.context.digest_cache import DigestCache

SEED: Final = b"Initialize for october 2021 AML CLI version"
"""azure-ai-ml hashes these bytes before the files of a context (`_asset_utils.py`)."""

_KINDS: Final[tuple[UploadHash, ...]] = ("sha256", "md5")


class GitFile(Struct, frozen=True):
    """The `.git` file of a submodule. Only `az ml environment create` uploads such a file."""

    content: bytes


Part = str | FoundFile | GitFile
"""A name of a file or directory, the content of a file, or a `.git` file."""


class UploadHashes(Mapping[UploadHash, frozenset[str]]):
    """The upload hashes of a scanned build context. Each hash is computed at its first read.

    envsync leaves `.git` out of a context, but `az ml environment create` uploads `.git`. If a
    context contains the `.git` file of a submodule, each value therefore contains the hashes with
    and without this file.

    Reading a value raises EnvsyncError if a file was removed or changed since the scan.
    """

    def __init__(
        self,
        directory: str,
        parts: Iterable[Part],
        digests: Mapping[str, str],
        cache: DigestCache | None = None,
    ) -> None:
        """Does not read the files.

        Args:
            directory: the build context, for messages.
            parts: everything that the hashes cover, in the order in which azure-ai-ml hashes it.
            digests: the hex SHA-256 of each file, by path.
            cache: the cache of the context, or None if there is none.
        """
        self._directory = directory
        self._parts = tuple(parts)
        self._digests = digests
        self._cache = cache
        self._known: dict[UploadHash, frozenset[str]] = {}
        self._lock = Lock()

    def __getitem__(self, kind: UploadHash) -> frozenset[str]:
        """Returns the hashes in hex."""
        if kind not in _KINDS:
            raise KeyError(kind)
        with self._lock:
            if kind not in self._known:
                self._known[kind] = self._recalled(kind)
            return self._known[kind]

    def __contains__(self, kind: object) -> bool:
        """Returns True if azure-ai-ml uses the hash function. Computes no hash."""
        return kind in _KINDS

    def __iter__(self) -> Iterator[UploadHash]:
        return iter(_KINDS)

    def __len__(self) -> int:
        return len(_KINDS)

    def covered(self, *, with_git: bool = False) -> str:
        """Returns a hex digest of everything that the hashes cover. Reads no file.

        Args:
            with_git: True to include `.git` files.
        """
        # Null bytes separate the parts, and digests start with a slash. The result is unambiguous,
        # because no name contains a null byte or a slash.
        parts = (part for part in self._parts if with_git or not isinstance(part, GitFile))
        return hashlib.sha256("\0".join(map(self._framed, parts)).encode()).hexdigest()

    def _framed(self, part: Part) -> str:
        if isinstance(part, str):
            return part
        if isinstance(part, GitFile):
            return "/.git " + hashlib.sha256(part.content).hexdigest()
        return "/" + self._digests[part.key]

    def _recalled(self, kind: UploadHash) -> frozenset[str]:
        if self._cache is None:
            return self._computed(kind)
        key = f"{kind} {self.covered(with_git=True)}"
        known = self._cache.upload_hashes(key)
        if known is None:
            known = self._computed(kind)
            self._cache.keep_upload_hashes(key, known)
        return known

    def _computed(self, kind: UploadHash) -> frozenset[str]:
        # Without `usedforsecurity=False`, Python in FIPS mode refuses MD5.
        plain = hashlib.new(kind, SEED, usedforsecurity=False)
        hashes = [plain]
        for part in self._parts:
            if isinstance(part, GitFile):
                if len(hashes) == 1:
                    hashes.append(plain.copy())
                hashes[1].update(b".git" + part.content)
                continue
            for data in (part.encode(),) if isinstance(part, str) else self._content(part):
                for item in hashes:
                    item.update(data)
        return frozenset(item.hexdigest() for item in hashes)

    def _content(self, file: FoundFile) -> Iterator[bytes]:
        # The content is compared with the digest, because the file can have changed since the scan.
        sha256 = hashlib.sha256()
        try:
            with open_regular(file.path) as stream:
                while chunk := stream.read(CHUNK):
                    sha256.update(chunk)
                    yield chunk
        except OSError as error:
            raise changed_on_disk(self._directory, file.key) from error
        if sha256.hexdigest() != self._digests[file.key]:
            raise changed_on_disk(self._directory, file.key)


def have_equal_uploads(copy: BuildContext, original: BuildContext) -> bool:
    """Returns True if two scanned contexts have the same upload hash, apart from `.git` files.

    Returns False if the hash of a context cannot be computed.
    """
    ours, theirs = copy.uploads, original.uploads
    return (
        isinstance(ours, UploadHashes)
        and isinstance(theirs, UploadHashes)
        and ours.covered() == theirs.covered()
    )
