"""Build contexts that are read from the datastore of a workspace on an emulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from envsync.model.canonical import JSON
from envsync.model.environment import (
    Build,
    BuildContext,
    Environment,
    EnvironmentKey,
    EnvironmentSpec,
)
from envsync.model.errors import ContextUnavailable, TargetError
from envsync.model.provenance import Provenance
from envsync.model.state import RegisteredVersion
from envsync.model.target import KeepsContexts
from envsync.plan.compare import match_spec
from envsync.project.context.scan import scan_context
from envsync.targets.azure.contexts import UploadedContexts
from envsync.targets.azure.http import downloads
from envsync.targets.azure.http.downloads import Storage, download
from envsync.targets.azure.target import AzureTarget
from tests.targets.azure.on_emulator import Azure, azure, put, require_azurite
from tests.targets.azure.scripted import Script, Someone, answer, rest

KEY = EnvironmentKey("pydata", "1")
FILES = {"Dockerfile": b"FROM a\n", "app/deep/main.py": b"\0\xff", "größe #1?%20.txt": b""}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    require_azurite()
    with azure(tmp_path_factory.mktemp("azure"), workspaces=12) as service:
        yield service


def context(directory: Path, files: Mapping[str, bytes] = FILES) -> BuildContext:
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return scan_context(directory, directory).context


def tree(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def uploaded(target: AzureTarget, found: BuildContext) -> RegisteredVersion:
    """Uploads a build context, and returns its version, which has no tags of envsync."""
    target.create(Environment(KEY, EnvironmentSpec(build=Build(found))))
    return held(target, KEY.name)


def held(target: AzureTarget, name: str) -> RegisteredVersion:
    item = target.read([name])[name].version("1")
    assert item is not None
    return item


@pytest.mark.parametrize("name", ["context", "my context", "50%20 #1"])
def test_the_files_of_a_build_context_are_downloaded(
    service: Azure, tmp_path: Path, name: str
) -> None:
    declared = context(tmp_path / name)
    with service.target("workspace") as target:
        item = uploaded(target, declared)
        assert isinstance(target, KeepsContexts)
        target.fetch_context(item, tmp_path / "copy")

    assert tree(tmp_path / "copy") == FILES
    copied = scan_context(tmp_path / "copy", tmp_path).context
    assert match_spec(EnvironmentSpec(build=Build(copied)), item) == "same"


def test_edited_files_do_not_have_the_registered_hash(service: Azure, tmp_path: Path) -> None:
    with service.target("workspace") as target:
        item = uploaded(target, context(tmp_path / "context"))
        target.fetch_context(item, tmp_path / "copy")
    (tmp_path / "copy/Dockerfile").write_bytes(b"FROM b\n")
    other = scan_context(tmp_path / "copy", tmp_path).context

    assert match_spec(EnvironmentSpec(build=Build(other)), item) == "other"


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("{host}/{container}/LocalUpload/{zeros}/x/", "no longer has the files"),
        ("https://other.blob.core.windows.net/c/LocalUpload/{zeros}/x/", "not in the default"),
        ("{host}/other/LocalUpload/{zeros}/x/", "not in the default"),
        ("azureml://datastores/x/LocalUpload/{zeros}/x/", "not in the default"),
    ],
)
def test_files_that_the_workspace_does_not_have_are_unavailable(
    service: Azure, tmp_path: Path, uri: str, reason: str
) -> None:
    with service.target("workspace") as target:
        stored = uploaded(target, context(tmp_path / "context"))
        host, _, path = str(stored.context_uri).partition(".net/")
        container = path.partition("/")[0]
        address = uri.format(host=host + ".net", container=container, zeros="0" * 64)
        put(target, "gone", image=None, build={"contextUri": address})
        item = held(target, "gone")
        with pytest.raises(ContextUnavailable, match=reason):
            target.fetch_context(item, tmp_path / "copy")

    assert not (tmp_path / "copy").exists()


def test_a_registry_returns_no_files(service: Azure, tmp_path: Path) -> None:
    with service.target("registry") as target:
        spec = EnvironmentSpec(build=Build(context(tmp_path / "context")))
        # The address of an upload to a registry has no hash, so the digest is needed.
        target.create(Environment(KEY, spec, provenance=Provenance(digest=spec.digest)))
        item = held(target, KEY.name)
        with pytest.raises(ContextUnavailable, match="storage of a registry"):
            target.fetch_context(item, tmp_path / "copy")


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "/x", ".git/config", "a/.git", "a//b", "a\\b", "c:x", "a\0b"]
)
def test_a_name_that_leads_out_of_the_directory_is_never_written(tmp_path: Path, name: str) -> None:
    from azure.storage.blob import BlobProperties, ContainerClient

    client = ContainerClient("https://contoso.blob.core.windows.net", "blobs")
    blob = BlobProperties(name="prefix/" + name)

    # Nothing is requested, because the name is checked first.
    with client, pytest.raises(ContextUnavailable, match="because a file has the name"):
        downloads._write(client, blob, tmp_path / "copy", "prefix/")
    assert list(tmp_path.iterdir()) == []


def test_a_refused_download_leaves_no_directory(service: Azure, tmp_path: Path) -> None:
    with service.target("workspace") as target:
        uploaded(target, context(tmp_path / "context"))
        contexts = target.endpoint.contexts
        assert contexts is not None
        storage = contexts._storage()
    broken = Storage(storage.host, storage.container, "sv=2021-08-06&sig=wrong")

    with pytest.raises(TargetError, match="No permission to read the storage account"):
        download(broken, "LocalUpload/", tmp_path / "copy", time_limit=10)
    assert not (tmp_path / "copy").exists()
    missing = Storage(storage.host, "no-such-container", storage.secret)
    with pytest.raises(TargetError):
        download(missing, "LocalUpload/", tmp_path / "copy", time_limit=10)


# The datastore

BLOB: dict[str, JSON] = {
    "accountName": "contoso",
    "containerName": "blobs",
    "endpoint": "core.windows.net",
    "credentials": {"credentialsType": "AccountKey"},
}


def storage(properties: JSON, *secrets: tuple[int, JSON, Mapping[str, str]]) -> Storage:
    """Returns the storage of a datastore, from the responses of the service."""
    script = Script(answer(200, {"properties": properties}), *secrets)
    contexts = UploadedContexts(rest(script), "https://w", SOMEONE, time_limit=1.0)
    found = contexts._storage()
    assert [method for method, _ in script.sent] == ["GET", "POST"][: 1 + len(secrets)]
    return found


SOMEONE = Someone()
HOST = "contoso.blob.core.windows.net"


def test_a_datastore_is_read_with_a_token_or_the_key_of_the_account() -> None:
    sas = answer(200, {"secretsType": "Sas", "sasToken": "sv=1"})
    key = answer(200, {"secretsType": "AccountKey", "key": "a2V5"})
    assert not isinstance(sas, Exception)
    assert not isinstance(key, Exception)

    assert storage(BLOB, sas) == Storage(HOST, "blobs", "sv=1")
    assert storage(BLOB, key) == Storage(HOST, "blobs", "a2V5")


def test_a_datastore_without_a_secret_is_read_with_the_identity_of_the_user() -> None:
    without: dict[str, JSON] = {**BLOB, "credentials": {"credentialsType": "None"}}
    refused = answer(403, {"error": {"code": "AuthorizationFailed", "message": "No."}})
    assert not isinstance(refused, Exception)

    assert storage(without) == Storage(HOST, "blobs", SOMEONE)
    assert storage(BLOB, refused) == Storage(HOST, "blobs", SOMEONE)


def test_a_file_system_of_data_lake_storage_is_read_as_a_blob_container() -> None:
    gen2: dict[str, JSON] = {
        "accountName": "contoso",
        "filesystem": "files",
        "credentials": {"credentialsType": "None"},
    }

    assert storage(gen2) == Storage(HOST, "files", SOMEONE)


@pytest.mark.parametrize("properties", [None, {"datastoreType": "AzureFile"}])
def test_a_workspace_without_a_blob_container_returns_no_files(properties: JSON) -> None:
    with pytest.raises(ContextUnavailable, match="workspaceblobstore"):
        storage(properties)
