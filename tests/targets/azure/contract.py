"""The contract of every target, for workspaces and registries on an emulator."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar
from urllib.parse import quote

import pytest

from envsync.emulator.service.curated import CURATED
from envsync.model.environment import Environment, EnvironmentSpec
from envsync.model.errors import TargetError
from envsync.model.target import Target
from envsync.project.settings.targets import TargetConfig, TargetKind
from envsync.targets.azure.client import AzureClient
from envsync.targets.azure.create import Creator
from envsync.targets.azure.http.transport import SharedTransport
from envsync.targets.azure.target import AzureTarget
from envsync.targets.connection import Connection
from tests.targets.azure.in_process import in_process
from tests.targets.azure.on_emulator import Azure, azure, one_connection, require_azurite
from tests.targets.contract import IMAGE, TargetContract
from tests.targets.contract import environment as declared


@pytest.fixture(scope="class")
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Azure]:
    """Runs an emulator for all tests of a class, with the settings of the class.

    Without the network, all tests share one workspace or registry, and `empty` makes it empty.
    """
    contract = request.cls
    tests = sum(getattr(item, "cls", None) is contract for item in request.session.items)
    places = {"workspaces": 0, "registries": 0}
    mine = "workspaces" if contract.kind == "workspace" else "registries"
    places[mine] = tests if contract.network else 1
    settings = {**places, **contract.settings}
    directory = tmp_path_factory.mktemp("azure")
    if contract.network:
        with azure(directory, **settings) as service, one_connection():
            yield service
    else:
        with in_process(directory, **settings) as service, one_creator():
            yield service


@pytest.fixture
def config(request: pytest.FixtureRequest, service: Azure) -> TargetConfig:
    """The settings of a target that has only curated environments."""
    if request.cls.network:
        return service.config(request.cls.kind)
    config = service.first(request.cls.kind)
    with service.open(config) as target:
        empty(target)
    return config


@contextmanager
def one_creator() -> Iterator[None]:
    """Makes all targets in the block share the client of azure-ai-ml.

    Creating the client takes longer than most requests to an application in this process.
    """
    made: dict[tuple[object, ...], Creator] = {}
    create = AzureClient.creator

    def creator(self: AzureClient, scope: Mapping[str, str]) -> Creator:
        key = (self.transport.session, *scope.values())
        if key not in made:
            made[key] = create(self, scope)
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AzureClient, "creator", creator)
        # The client keeps the transport of the first target.
        patch.setattr(SharedTransport, "close", lambda _: None)
        yield


def empty(target: AzureTarget) -> None:
    """Deletes all environments of a target, except curated environments."""
    resources = target.endpoint.resources
    curated = {new.name for new in CURATED}
    for name in [held.name for held in resources.containers("All")]:
        if name not in curated:
            url = f"{resources.url}/environments/{quote(name, safe='')}"
            resources.rest._send("DELETE", url, {"api-version": resources.api_version})


STALE = 0.2
"""Seconds for which a stale GET is repeated. The GETs of these emulators are never stale."""

_CONDA_FILES: list[str] = vars(TargetContract.test_the_meaning_of_a_conda_file_is_kept)[
    "pytestmark"
][0].args[1]


class AzureContract(TargetContract):
    """The contract for one kind of target, against an emulator with some settings.

    Attributes:
        kind: the kind of the target.
        network: whether requests use the network. If False, they call the emulator in this process.
        settings: settings of the emulator.
    """

    kind: ClassVar[TargetKind]
    network: ClassVar[bool] = False
    settings: ClassVar[dict[str, Any]] = {}

    @pytest.fixture
    def target(
        self, service: Azure, config: TargetConfig, request: pytest.FixtureRequest
    ) -> Iterator[Target]:
        # A test with `tmp_path` uploads a build context, and uploads need Azurite.
        if "tmp_path" in request.fixturenames:
            require_azurite()
        with service.open(config, Connection(stale=STALE)) as target:
            yield target

    def seed_curated(self, target: Target, environment: Environment) -> None:
        if self.kind == "registry":
            pytest.skip("curated versions cannot be inserted into a registry")
        # A workspace of the emulator contains curated environments from the start, like a real
        # workspace.
        assert environment.key.name in target.read([environment.key.name])

    # The cases do not include the empty conda file, because azure-ai-ml does not send it (see the
    # next test).
    @pytest.mark.parametrize(
        "conda",
        [case for case in _CONDA_FILES if case != "{}"],
    )
    def test_the_meaning_of_a_conda_file_is_kept(self, target: Target, conda: str) -> None:
        super().test_the_meaning_of_a_conda_file_is_kept(target, conda)

    def test_an_empty_conda_file_is_refused(self, target: Target) -> None:
        spec = EnvironmentSpec(image=IMAGE, conda_file="{}")

        with pytest.raises(TargetError, match="pydata:1 has an empty conda file"):
            target.create(declared(spec=spec))

        assert target.read(["pydata"]) == {}


def fails(test: Callable[..., None], sentence: str) -> Callable[..., None]:
    """Returns a test that passes if `test` fails with a matching `TargetError`.

    Some services cannot do what `test` requires, and envsync must then raise an error with a clear
    message.
    """

    @functools.wraps(test)
    def failing(*arguments: Any, **named: Any) -> None:
        with pytest.raises(TargetError, match=sentence):
            test(*arguments, **named)

    return failing
