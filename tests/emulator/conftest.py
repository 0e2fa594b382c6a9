"""A running emulator, whose variables are those of this process while a test uses it."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from envsync.emulator.settings import Settings

if TYPE_CHECKING:
    from envsync.emulator.serve import Emulator


def require_blobs() -> None:
    """Skips where nothing can keep build contexts."""
    from envsync.emulator.network.azurite import find

    if find() is None:
        pytest.skip("Azurite is not installed; `make pytest` does that")


@pytest.fixture(scope="session")
def serving() -> Iterator[Emulator]:
    """One emulator for all tests of this process, with the default settings."""
    for extra in ("starlette", "uvicorn", "trustme"):
        if importlib.util.find_spec(extra) is None:
            pytest.skip(f"the emulator needs {extra}")
    from envsync.emulator.serve import running

    with running(Settings(reader_secret="only-reads")) as emulator:
        yield emulator


@pytest.fixture
def emulator(serving: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The emulator, and this process its client. Names in it have to be a test's own."""
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    for name, value in serving.variables.items():
        monkeypatch.setenv(name, value)
    return serving
