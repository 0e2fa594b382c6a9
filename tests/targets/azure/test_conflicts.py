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


class TestRegistryConflicts(AzureConflicts):
    kind: ClassVar[TargetKind] = "registry"
