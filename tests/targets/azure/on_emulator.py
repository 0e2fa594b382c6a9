"""Workspaces and registries of an emulator, for the tests of the Azure targets."""

# ruff: noqa: E402 (the imports below need optional packages)

from __future__ import annotations

import functools
import importlib
import itertools
import json
import os
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

for extra in ("starlette", "uvicorn", "trustme", "azure.identity", "azure.mgmt.core"):
    pytest.importorskip(extra, reason=f"{extra} is not installed")

from envsync.emulator.network.azurite import find
from envsync.emulator.settings import Settings
from envsync.model.target import DEFAULT_PARALLEL
from envsync.project.settings.targets import TargetConfig, TargetKind
from envsync.targets.azure.http import credentials, transport
from envsync.targets.azure.http.session import new_session
from envsync.targets.azure.target import AzureTarget
from envsync.targets.connection import Connection
from envsync.targets.kinds import open_target
from tests.emulator.shared import running
from tests.targets.contract import IMAGE

READER = "reads-only"
# Operations of registries end after one short poll.
FAST: Mapping[str, Any] = {"operation_polls": 1, "retry_after": 0.01, "reader_secret": READER}


@dataclass
class Azure:
    """A running emulator.

    The environment variables of this process make the process a client of the emulator.

    Attributes:
        log: the requests that the emulator received, one JSON object a line.
        variables: the environment variables that other processes need as clients.
    """

    log: Path
    variables: Mapping[str, str]
    _numbers: dict[TargetKind, Iterator[int]] = field(
        default_factory=lambda: {"workspace": itertools.count(), "registry": itertools.count()}
    )

    def config(self, kind: TargetKind, **settings: str) -> TargetConfig:
        """Returns the settings of a target that no test has used yet."""
        return self._config(kind, next(self._numbers[kind]), **settings)

    def first(self, kind: TargetKind) -> TargetConfig:
        """Returns the settings of the first workspace or registry, for tests that share it."""
        return self._config(kind, 0)

    def _config(self, kind: TargetKind, number: int, **settings: str) -> TargetConfig:
        if kind == "registry":
            found = {"registry": f"registry-{number}"}
        else:
            found = {
                "subscription_id": self.variables["AZURE_SUBSCRIPTION_ID"],
                "resource_group": self.variables["AZURE_RESOURCE_GROUP"],
                "workspace": f"ws-{number}",
            }
        return TargetConfig("dev", kind, {**found, **settings})

    @contextmanager
    def target(
        self, kind: TargetKind, connection: Connection | None = None, **settings: str
    ) -> Iterator[AzureTarget]:
        """Opens and yields a target that no test has used yet."""
        with self.open(self.config(kind, **settings), connection) as target:
            yield target

    @contextmanager
    def open(
        self, config: TargetConfig, connection: Connection | None = None
    ) -> Iterator[AzureTarget]:
        """Opens and yields the target that `config` describes."""
        with closing(open_target(config, Path(), connection)) as target:
            assert isinstance(target, AzureTarget)
            yield target

    def requests(self) -> list[dict[str, Any]]:
        """Returns all requests that the service has received until now, without sign-ins."""
        if not self.log.exists():
            return []
        lines = self.log.read_text(encoding="utf-8").splitlines()
        found = [json.loads(line) for line in lines]
        return [request for request in found if not request["host"].startswith("login.")]


@contextmanager
def azure(
    directory: Path, *, workspaces: int = 1, registries: int = 1, **settings: Any
) -> Iterator[Azure]:
    """Runs an emulator, and makes this process a client of the emulator.

    `Azure.config` selects another workspace or registry at each call, so tests do not share one.
    Pass only the numbers that the tests need, because each workspace and registry has a separate
    database, which takes time to create.
    """
    names = named(workspaces, registries)
    import_sdk()
    log = directory / "requests.jsonl"
    with (
        pytest.MonkeyPatch.context() as patch,
        running(Settings(**{**names, **FAST, **settings}), log) as emulator,
    ):
        for name in [name for name in os.environ if name.startswith("AZURE_")]:
            patch.delenv(name)
        for name, value in emulator.variables.items():
            patch.setenv(name, value)
        yield Azure(log, emulator.variables)


def named(workspaces: int, registries: int) -> dict[str, tuple[str, ...]]:
    """Returns the settings with the names of workspaces and registries that `Azure.config` uses."""
    return {
        "workspaces": tuple(f"ws-{number}" for number in range(workspaces)),
        "registries": tuple(f"registry-{number}" for number in range(registries)),
    }


@contextmanager
def one_connection() -> Iterator[None]:
    """Makes all targets in the block share one sign-in and one set of open connections.

    Signing in and connecting take longer than most tests of the contract.
    """
    session = new_session(DEFAULT_PARALLEL)
    with pytest.MonkeyPatch.context() as patch:
        signed_in = functools.cache(credentials.credential)
        patch.setattr("envsync.targets.azure.client.credential", signed_in)
        patch.setattr(transport, "new_session", lambda _: session)
        patch.setattr(session, "close", lambda: None)
        yield
    session.close()


def put(target: AzureTarget, name: str, version: str = "1", **properties: Any) -> None:
    """Registers a version with a plain PUT, like a client other than envsync."""
    body = {"properties": {"image": IMAGE, "isArchived": False, "isAnonymous": False, **properties}}
    target.endpoint.resources.put_version(name, version, body)


def asked(service: Azure, since: int = 0) -> Counter[str]:
    """Returns the number of requests by method and kind of resource, such as `GET versions`."""
    kinds: Counter[str] = Counter()
    for request in service.requests()[since:]:
        _, _, path = request["path"].partition("/environments")
        match path.count("/"):
            case 0:
                kind = "containers"
            case 1:
                kind = "container"
            case 2:
                kind = "versions"
            case _:
                kind = "version"
        kinds[f"{request['method']} {kind}"] += 1
    return kinds


def import_sdk() -> None:
    """Imports azure-ai-ml, and hides the warnings that it raises about its own modules."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("azure.ai.ml.entities")
        importlib.import_module("azure.ai.ml")


def require_azurite() -> None:
    """Skips the test if Azurite, which stores build contexts, is not installed."""
    if find() is None:
        pytest.skip(
            "Build contexts need Azurite, which is not installed; `make pytest` installs it"
        )
