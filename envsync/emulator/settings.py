"""`Settings`: the content and the behaviour of an emulator.

Documentation and recordings do not show how Azure ML behaves in every case. Most fields of type
`Literal` select the behaviour in one of these undocumented cases. The default is the most probable
behaviour.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from datetime import date
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from msgspec import Struct

AssetKind: TypeAlias = Literal["workspace", "registry"]
FaultKind: TypeAlias = Literal[
    "429",
    "500",
    "503",
    "reset",
    "close",
    "timeout",
    "drop-after-commit",
    "401",
    "403",
    "refuse-upload",
    "operation-fails",
    "operation-hangs",
]

# The values are derived from the type, because a second list could differ from the type.
FAULT_KINDS: tuple[FaultKind, ...] = get_args(FaultKind)

# These ids are constants, so that scripts and recorded output stay the same on every run.
TENANT_ID = "72f988bf-0000-4000-8000-656e7673796e"
"""The tenant of the emulator's tokens."""

CLIENT_ID = "0d1c3f6e-0000-4000-8000-656e7673796e"
"""The client id of the emulator's credentials. Every other client id is accepted as well."""

CLIENT_SECRET = "envsync-emulator"  # noqa: S105 (a public constant, valid for the emulator only)
"""The client secret of clients that may write."""

SUBSCRIPTION_ID = "00000000-0000-4000-8000-656e7673796e"
RESOURCE_GROUP = "envsync-emulator"

TEMPORARY = "envsync-emulator-"
"""The start of the names of temporary directories.

The next emulator removes the directories that a killed emulator has left.
"""

PROVIDER = "Microsoft.MachineLearningServices"
"""The resource provider of Azure ML."""

LOCATION = "eastus"
"""The Azure region of all workspaces and registries."""

MANAGEMENT_HOST = "management.azure.com"
LOGIN_HOST = "login.microsoftonline.com"
DISCOVERY_HOST = f"{LOCATION}.api.azureml.ms"
REGISTRY_HOST = f"registries.{LOCATION}.api.azureml.ms"
"""The host of a registry's assets. Clients get this host from the discovery endpoint."""

APPLICATION_HOSTS = (MANAGEMENT_HOST, LOGIN_HOST, DISCOVERY_HOST, REGISTRY_HOST)
"""The hosts that the application serves. Azurite serves the blob hosts."""

BLOB_SUFFIX = ".blob.core.windows.net"

BLOB_API_VERSION = "2021-08-06"
"""The version of the blob service's REST API in signatures and requests of the emulator."""

# Do not change this value: clients and tests store ids that are derived from it.
_SPACE = uuid.UUID("656e7673-796e-4000-8000-000000000000")


class Settings(Struct, frozen=True):
    """The configuration of an emulator.

    Attributes:
        workspaces: names of workspaces. Each workspace exists in every subscription and resource
            group.
        registries: names of registries. Case is ignored, as in Azure ML.
        state: the state file of the first workspace, in the format of the local target. Other
            workspaces and registries have files next to this file (see `state_file`). If `state` is
            None, the stores are temporary files.
        seed: a directory of environment files to load into the first workspace at start-up.
        reader_secret: the client secret of clients that can read but not write.
        assertion_seconds: seconds after which a client assertion, such as a token of GitHub's OIDC
            endpoint, is refused. If None, an assertion is valid until the time in its own claims.
        token_seconds: the lifetime of an access token in seconds.
        tags: whether a PUT replaces the tags of a version or adds to them.
        omitted: whether a PUT without `tags` or `description` keeps or clears the stored value.
        conflict: the HTTP status of a PUT that would change the fixed part of a version.
        restore: whether restoring a container also restores versions that were archived
            individually (`all`) or leaves them archived (`keep`).
        archive_hidden: whether a version of an archived container can be archived individually.
        hidden_versions: whether `isArchived` of a version shows only its own state (`own`), or is
            also true if its container is archived (`effective`).
        container_tags: whether tags of a container are stored, silently dropped, or refused.
        container_get: whether the GET of an archived container shows `isArchived: false`, as
            recorded from 2022 to 2026, or the stored state.
        archived_entry: the value of `isArchived` in the list entry of an archived container.
        registry_metadata: whether a PUT of a version in a registry changes the description and
            tags, or succeeds without changing them.
        next_version: whether a container's `nextVersion` is a counter or a timestamp.
        absent_versions: whether a request for the versions of an unknown name returns an empty list
            or 404.
        end_of_life_python: whether a new version whose conda file has a Python before 3.8 is
            accepted (31 of 32 recordings) or refused (one recording of 2023-04-13).
        numeric_tags: whether a tag value sent as a number is returned as a string or a number, or
            is refused.
        system_data: whether `systemData` shows only the creation of a resource, as recorded in
            2023, or also the last write.
        latency_ms: milliseconds by which each response is delayed.
        throttle: whether the emulator limits the rate of requests as the resource manager does
            (`arm`).
        list_lag_seconds: seconds until a write appears in lists.
        stale_get_seconds: the number of seconds for which a GET of a version returns the old state
            after a write.
        as_of: responses have the keys of recordings from this day. If None, responses have the
            newest keys.
        faults: kinds of fault, each with the share of requests (0 to 1) that it affects.
        fault_seed: the seed of the faults. Equal seeds produce equal faults.
        page_size: maximum number of items on a page of a list.
        operation_polls: number of times that a long-running operation is reported as running.
        retry_after: the value of `Retry-After`: seconds between two polls of an operation.
        blob_account: the storage account of all datastores.
        blob_key: the key of the storage account in base64.
    """

    workspaces: tuple[str, ...] = ("ws-dev", "ws-prod")
    registries: tuple[str, ...] = ("shared",)
    state: Path | None = None
    seed: Path | None = None
    reader_secret: str | None = None
    assertion_seconds: float | None = None
    token_seconds: int = 3600
    tags: Literal["merge", "replace"] = "replace"
    omitted: Literal["keep", "clear"] = "clear"
    conflict: Literal[400, 409] = 409
    restore: Literal["keep", "all"] = "keep"
    archive_hidden: Literal["allow", "refuse"] = "allow"
    hidden_versions: Literal["own", "effective"] = "own"
    container_tags: Literal["keep", "drop", "refuse"] = "keep"
    container_get: Literal["recorded", "stored"] = "recorded"
    archived_entry: Literal["true", "false"] = "true"
    registry_metadata: Literal["update", "ignore"] = "update"
    next_version: Literal["counter", "timestamp"] = "counter"
    absent_versions: Literal["empty", "404"] = "empty"
    end_of_life_python: Literal["accept", "refuse"] = "accept"
    numeric_tags: Literal["text", "number", "refuse"] = "text"
    system_data: Literal["recorded", "updated"] = "recorded"
    latency_ms: int = 0
    throttle: Literal["none", "arm"] = "none"
    list_lag_seconds: float = 0.0
    stale_get_seconds: float = 0.0
    as_of: date | None = None
    faults: tuple[tuple[FaultKind, float], ...] = ()
    fault_seed: int = 0
    page_size: int = 100
    operation_polls: int = 1
    retry_after: float = 1
    blob_account: str = "envsyncemulator"
    # The key is a constant, like the ids above. Azurite gets this key when it starts.
    blob_key: str = base64.b64encode(hashlib.sha512(b"envsync emulator").digest()).decode()

    @property
    def blob_endpoint(self) -> str:
        """The URL of the blob service, without `/` at the end."""
        return f"https://{self.blob_account}{BLOB_SUFFIX}"

    def blob_container(self, workspace: str) -> str:
        """Returns the name of the blob container of a workspace's default datastore."""
        return f"azureml-blobstore-{stable_id('workspace', workspace)}"

    @property
    def blob_containers(self) -> tuple[str, ...]:
        """The names of the blob containers that must exist before the first upload.

        Each upload to a registry gets its own container, which is created on request.
        """
        return tuple(self.blob_container(name) for name in self.workspaces)


def stable_id(*parts: str) -> str:
    """Returns a GUID derived from strings. Strings that differ only in case have the same GUID."""
    return str(uuid.uuid5(_SPACE, "/".join(parts).lower()))


def state_file(state: Path, settings: Settings, *, kind: AssetKind, name: str) -> Path:
    """Returns the state file of a workspace or registry.

    If `state` is `emulator.db`, the first workspace uses this file. Other workspaces and registries
    use files next to `emulator.db`, such as `emulator.workspace-ws-prod.db` and
    `emulator.registry-shared.db`.
    """
    if kind == "workspace" and settings.workspaces[:1] == (name,):
        return state
    # Azure ignores the case of a name, but a file system does not always ignore it.
    return state.with_name(f"{state.stem}.{kind}-{name.lower()}{state.suffix}")
