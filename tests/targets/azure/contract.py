"""The contract of every target, for workspaces and registries on an emulator."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from envsync.model.environment import Environment, EnvironmentSpec
from envsync.model.errors import TargetError
from envsync.model.target import Target
from envsync.project.settings.targets import TargetKind
from envsync.targets.connection import Connection
from tests.targets.azure.on_emulator import Azure, azure, one_connection, require_azurite
from tests.targets.contract import IMAGE, TargetContract
from tests.targets.contract import environment as declared


@pytest.fixture(scope="class")
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Azure]:
    """Runs an emulator for all tests of a class, with the settings of the class."""
    tests = sum(getattr(item, "cls", None) is request.cls for item in request.session.items)
    places = {"workspaces": 1, "registries": 1}
    places["workspaces" if request.cls.kind == "workspace" else "registries"] = tests
    directory = tmp_path_factory.mktemp("azure")
    with azure(directory, **places, **request.cls.settings) as service, one_connection():
        yield service


STALE = 0.2
"""Seconds for which a stale GET is repeated. The GETs of these emulators are never stale."""

_CONDA_FILES: list[str] = vars(TargetContract.test_the_meaning_of_a_conda_file_is_kept)[
    "pytestmark"
][0].args[1]


class AzureContract(TargetContract):
    """The contract for one kind of target, against an emulator with some settings."""

    kind: ClassVar[TargetKind]
    settings: ClassVar[dict[str, Any]] = {}

    @pytest.fixture
    def target(self, service: Azure, request: pytest.FixtureRequest) -> Iterator[Target]:
        # A test with `tmp_path` uploads a build context, and uploads need Azurite.
        if "tmp_path" in request.fixturenames:
            require_azurite()
        with service.target(self.kind, Connection(stale=STALE)) as target:
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
