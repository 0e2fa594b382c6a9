"""Changes that somebody else makes between plan and apply, in the local target."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from envsync.model.target import TargetIdentity
from envsync.targets.local.target import LocalTarget
from tests.targets.conflicts import Both, ConflictContract


class TestLocalConflicts(ConflictContract):
    @pytest.fixture
    def both(self, tmp_path: Path) -> Iterator[Both]:
        path = tmp_path / "local.db"
        identity = TargetIdentity("local", "local", path.name)
        with (
            closing(LocalTarget(path, identity)) as ours,
            closing(LocalTarget(path, identity)) as theirs,
        ):
            yield ours, theirs
