"""Finds credentials in the files of a build context."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from envsync.model.secrets import find_secrets
from envsync.project.memo import Memo

_TEXT_PROBE: Final = 8192
"""If the first `_TEXT_PROBE` bytes of a file contain a null byte, the file is not searched."""


class FoundInFile(Struct, frozen=True, order=True):
    """A credential in a file of a build context.

    Attributes:
        file: the path of the file, relative to the context.
        line: the 1-based line of the credential.
        kind: the kind of credential, with an article, such as `a GitHub token`.
    """

    file: str
    line: int
    kind: str

    def __str__(self) -> str:
        return f"`{self.file}` contains {self.kind} in line {self.line}"


def credentials_in(file: str, start: bytes, memo: Memo) -> Iterator[FoundInFile]:
    """Yields the credentials at the start of a text file.

    Args:
        file: the path of the file, relative to the context.
        start: the first bytes of the file. The rest is not searched.
        memo: keeps the credentials of texts.
    """
    if b"\0" in start[:_TEXT_PROBE]:
        return
    # Credentials consist of ASCII characters, and every sequence of bytes is valid Latin-1.
    text = start.decode("latin-1")
    for secret in memo.result(find_secrets, text):
        yield FoundInFile(file, text.count("\n", 0, secret.start) + 1, secret.kind)
