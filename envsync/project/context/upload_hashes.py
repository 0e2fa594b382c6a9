"""Computes the hashes of a build context that azure-ai-ml writes into the URL of an upload."""

from __future__ import annotations

import hashlib
from typing import Final

SEED: Final = b"Initialize for october 2021 AML CLI version"
"""The initial input of azure-ai-ml's hash (`_asset_utils.py`)."""


class UploadHashes:
    """The upload hashes of one build context.

    envsync leaves `.git` out of a context, and azure-ai-ml does not. If a context contains the
    `.git` file of a submodule, the result therefore also has the hashes that azure-ai-ml computes
    without envsync, such as in `az ml environment create`.
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
        """Adds the name of an entry, or a part of the content of a file."""
        for item in self._all:
            item.update(data)

    def add_git_file(self, content: bytes) -> None:
        """Adds a `.git` file, which envsync leaves out and `az ml environment create` uploads."""
        if self._all is self._ours:
            self._with_git = [item.copy() for item in self._ours]
            self._all = [*self._ours, *self._with_git]
        for item in self._with_git:
            item.update(b".git" + content)

    def add_git_directory(self) -> None:
        """Notes that there is a `.git` directory. `digests` then has no hashes with `.git` files.

        Such a hash is useless, because the content of `.git` differs between checkouts.
        """
        self._has_git_directory = True

    def digests(self) -> frozenset[str]:
        """Returns the hashes in hex: SHA-256 and MD5, each with and without `.git` files."""
        found = self._ours if self._has_git_directory else self._all
        return frozenset(item.hexdigest() for item in found)
