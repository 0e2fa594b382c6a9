"""Changes that somebody else makes between plan and apply, in the local target."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from envsync.model.target import TargetIdentity
from envsync.targets.local.target import LocalTarget
from tests.builders import declared, image
from tests.targets.conflicts import Both, ConflictContract, version


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

    @pytest.mark.parametrize("description", ["Old.", "New."])
    def test_an_update_of_a_version_that_was_registered_again_is_a_conflict(
        self, both: Both, description: str
    ) -> None:
        both[1].create(version(description="Old."))

        def meddle(target: object) -> None:
            assert isinstance(target, LocalTarget)
            target.store.delete("pydata", "1", "somebody")
            target.create(version(description=description, spec=image("2")))

        status, error = self.outcome(both, meddle, declared("pydata", "1", description="New."))

        assert status == "conflict"
        assert "the version was deleted and registered again with another spec" in error
