"""Changes that somebody else makes between plan and apply, in workspaces and registries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from envsync.project.settings.targets import TargetConfig, TargetKind
from envsync.targets.connection import Connection
from tests.targets.azure.contract import STALE, config, service
from tests.targets.azure.on_emulator import Azure
from tests.targets.conflicts import Both, ConflictContract

__all__ = ["config", "service"]


class AzureConflicts(ConflictContract):
    kind: ClassVar[TargetKind]
    network: ClassVar[bool] = False
    settings: ClassVar[dict[str, object]] = {}

    @pytest.fixture
    def both(self, service: Azure, config: TargetConfig) -> Iterator[Both]:
        connection = Connection(stale=STALE)
        with service.open(config, connection) as ours, service.open(config, connection) as theirs:
            yield ours, theirs


class TestWorkspaceConflicts(AzureConflicts):
    kind: ClassVar[TargetKind] = "workspace"


CREATING = (
    "test_a_create_is_a_conflict_if_somebody_else_has_changed_the_environment",
    "test_a_create_is_a_conflict_if_the_environment_has_a_version_that_is_not_in_the_plan",
    "test_a_create_under_a_name_that_somebody_else_has_taken_is_a_conflict",
    "test_a_create_of_a_version_that_somebody_else_has_archived_is_a_conflict",
    "test_a_create_that_somebody_else_has_made_has_the_status_done",
)
"""The tests of creations.

A creation in a registry is a long-running operation of azure-ai-ml. All other writes to registries
and workspaces use the same code.
"""


class TestRegistryConflicts(AzureConflicts):
    kind: ClassVar[TargetKind] = "registry"
    locals().update(
        {name: None for name in vars(ConflictContract) if name.startswith("test")}
        | {name: getattr(ConflictContract, name) for name in CREATING}
    )
