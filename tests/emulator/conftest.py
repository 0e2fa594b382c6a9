"""Fixtures: a running emulator, and its variables in the environment of this process."""

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
    """Skips a test if Azurite is not installed."""
    from envsync.emulator.network.azurite import find

    if find() is None:
        pytest.skip("Azurite is not installed; `make pytest` installs it")


@pytest.fixture(scope="session")
def serving() -> Iterator[Emulator]:
    """An emulator for all tests of this process."""
    for extra in ("starlette", "uvicorn", "trustme"):
        if importlib.util.find_spec(extra) is None:
            pytest.skip(f"the emulator needs {extra}")
    from envsync.emulator.serve import running

    with running(Settings(reader_secret="only-reads")) as emulator:
        yield emulator


@pytest.fixture
def emulator(serving: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The emulator, with its variables set. Tests share the emulator, so each test must use names
    that no other test uses.
    """
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    for name, value in serving.variables.items():
        monkeypatch.setenv(name, value)
    return serving
