"""Computes the hashes of a build context that azure-ai-ml writes into the URL of an upload."""

from __future__ import annotations

import hashlib
from typing import Final

SEED: Final = b"Initialize for october 2021 AML CLI version"
"""azure-ai-ml hashes these bytes before the files of a context (`_asset_utils.py`)."""


class UploadHashes:
    """The upload hashes of one build context.

    envsync leaves `.git` out of a context, but `az ml environment create` uploads `.git`. If a
    context contains the `.git` file of a submodule, `digests` therefore returns the hashes with and
    without this file.
    """

    def __init__(self) -> None:
        """Starts the hashes of an empty context."""
        # azure-ai-ml up to 1.26 used MD5. Without `usedforsecurity=False`, Python in FIPS mode
        # refuses MD5.
        self._ours = [hashlib.sha256(SEED), hashlib.md5(SEED, usedforsecurity=False)]
        self._with_git = self._ours
        self._all = self._ours
        self._has_git_directory = False

    def update(self, data: bytes) -> None:
        """Adds the name of a file or directory, or a part of the content of a file."""
        for item in self._all:
            item.update(data)

    def add_git_file(self, content: bytes) -> None:
        """Adds a `.git` file to the hashes that `az ml environment create` would compute."""
        if self._all is self._ours:
            self._with_git = [item.copy() for item in self._ours]
            self._all = [*self._ours, *self._with_git]
        for item in self._with_git:
            item.update(b".git" + content)

    def add_git_directory(self) -> None:
        """Excludes the hashes with `.git` from `digests`, because `.git` is a directory.

        A hash that includes a `.git` directory is useless, because the content of this directory
        differs between checkouts.
        """
        self._has_git_directory = True

    def digests(self) -> frozenset[str]:
        """Returns the SHA-256 and MD5 hashes in hex, each with and without `.git` files."""
        found = self._ours if self._has_git_directory else self._all
        return frozenset(item.hexdigest() for item in found)
