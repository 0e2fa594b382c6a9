"""Registries on an emulator: their discovery, and the differences from workspaces."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from envsync.model.environment import Build, EnvironmentKey, EnvironmentSpec, Metadata
from envsync.model.errors import TargetError
from envsync.targets.connection import Connection
from tests.targets.azure.on_emulator import READER, Azure, azure, put, require_azurite
from tests.targets.contract import (
    OURS,
    build_context,
    container,
    environment,
    registered,
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with azure(tmp_path_factory.mktemp("azure"), registries=20) as service:
        yield service


def paths(service: Azure, since: int) -> list[str]:
    """Returns the method of each request and its path within the registry."""
    return [
        f"{request['method']} {request['path'].rpartition('/registries/')[2].partition('/')[2]}"
        for request in service.requests()[since:]
    ]


def test_a_registry_is_looked_up_only_once(service: Azure) -> None:
    with service.target("registry") as target:
        before = len(service.requests())
        target.read(["a", "b"], "churn-models")
        target.read(["a"], "churn-models")

        assert sorted(paths(service, before)) == [
            "GET discovery",
            *["GET environments"] * 4,
            "GET environments/a/versions",
            "GET environments/a/versions",
            "GET environments/b/versions",
        ]


def test_a_version_whose_operation_never_ends_is_read_back(tmp_path: Path) -> None:
    limited = Connection(operation_limit=0.5)
    with (
        azure(tmp_path, operation_polls=10**6) as service,
        service.target("registry", limited) as target,
    ):
        target.create(environment())  # azure-ai-ml polls until the limit
        target.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS)

        assert registered(target).environment.metadata == Metadata("New.")


def test_the_id_of_a_registry_is_in_lower_case(service: Azure) -> None:
    with service.target("registry", registry="Registry-0") as target:
        assert target.identity.id == "azureml://registries/registry-0"
        assert target.read([], "churn-models") == {}


def test_the_error_contains_the_name_of_an_absent_registry(service: Azure) -> None:
    with (
        service.target("registry", registry="absent") as target,
        pytest.raises(TargetError, match=r"^There is no registry absent: check `registry`"),
    ):
        target.read(None)


def test_an_existing_version_is_never_sent_again(
    service: Azure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If envsync sent an existing version again, azure-ai-ml would register a local path."""
    require_azurite()
    contexts = [build_context(tmp_path / name, {"Dockerfile": b"FROM a\n"}) for name in "ab"]
    first, second = (EnvironmentSpec(build=Build(context)) for context in contexts)
    other = EnvironmentSpec(build=Build(build_context(tmp_path / "c", {"Dockerfile": b"b"})))
    provenance = replace(OURS, digest=first.digest)
    with service.target("registry") as target:
        target.create(environment(spec=first, provenance=provenance))
        before = len(service.requests())

        target.create(environment(spec=second, provenance=provenance))
        with pytest.raises(TargetError, match="already registered"):
            target.create(environment(spec=other, provenance=replace(OURS, digest=other.digest)))

        # `writes` must not contain `PUT tempdatarefs`, because azure-ai-ml ignores a response 409
        # to this request.
        writes = [path for path in paths(service, before) if path.startswith("PUT")]
        held = target.endpoint.resources.version("pydata", "1")
    assert writes == []
    assert held is not None
    assert (held.context_uri or "").startswith("https://")


def test_a_create_that_loses_a_race_registers_no_local_path(service: Azure, tmp_path: Path) -> None:
    require_azurite()
    spec = EnvironmentSpec(build=Build(build_context(tmp_path / "a", {"Dockerfile": b"a"})))
    declared = environment(spec=spec, provenance=replace(OURS, digest=spec.digest))
    with service.target("registry") as target:
        helper = importlib.import_module("azure.ai.ml.operations._environment_operations")
        # If another client registers the version first, `tempdatarefs` returns 409, and
        # azure-ai-ml's function returns None.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(helper, "get_sas_uri_for_registry_asset", lambda **_: None)

            with pytest.raises(TargetError, match="pydata:1 was registered by another client"):
                target.create(declared)

        assert target.endpoint.resources.version("pydata", "1") is None


def test_an_update_that_the_service_ignores_fails(tmp_path: Path) -> None:
    metadata = Metadata("New.", {"new": "1"})
    with (
        azure(tmp_path, registry_metadata="ignore") as service,
        service.target("registry", Connection(stale=0.2)) as target,
    ):
        target.create(environment())

        with pytest.raises(TargetError, match=r"ignored it: description, tags\.new do not have"):
            target.update(EnvironmentKey("pydata", "1"), metadata, OURS)

        assert registered(target).environment == environment()


def test_an_operation_is_polled_until_it_ends(tmp_path: Path) -> None:
    with azure(tmp_path, operation_polls=3) as service, service.target("registry") as target:
        target.create(environment())
        target.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS)

        polls = [item for item in service.requests() if "/operations/" in item["path"]]
        assert registered(target).environment.metadata == Metadata("New.")
    # The create and the update are polled three times each.
    assert [item["status"] for item in polls].count(202) >= 6


def test_a_temporary_failure_is_retried(tmp_path: Path) -> None:
    faults = (("503", 0.1), ("reset", 0.1), ("drop-after-commit", 0.1))
    with (
        azure(tmp_path, faults=faults, fault_seed=5) as service,
        service.target("registry") as target,
    ):
        for version in ("1", "2"):
            target.create(environment(version=version))
        target.set_archived("pydata", "1", True)

        assert [item.version for item in container(target).active] == ["2"]


def test_the_error_of_a_refused_write_contains_the_missing_role(
    service: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = service.config("registry")
    with service.open(config) as target:
        put(target, "pydata")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", READER)
    with service.open(config) as target:
        assert target.read(["pydata"]).keys() == {"pydata"}
        with pytest.raises(
            TargetError, match="role AzureML Registry User on the registry registry-"
        ):
            target.create(environment(version="2"))
        with pytest.raises(
            TargetError, match="role AzureML Registry User on the registry registry-"
        ):
            target.set_archived("pydata", "1", True)
