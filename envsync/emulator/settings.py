"""`Settings`: what an emulator holds, and how it behaves where nobody has seen the service.

Each field of type `Literal` below `state` is a question about the service that documentation and
recordings leave open; both answers can be had, and the default is the likelier one.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, TypeAlias, get_args

AssetKind: TypeAlias = Literal["workspace", "registry"]
FaultKind: TypeAlias = Literal["429", "500", "503", "reset", "timeout", "drop-after-commit"]

FAULT_KINDS: tuple[FaultKind, ...] = get_args(FaultKind)

TENANT_ID = "72f988bf-0000-4000-8000-656e7673796e"
"""The tenant that the emulator's tokens are of."""

CLIENT_ID = "0d1c3f6e-0000-4000-8000-656e7673796e"
"""The application that the emulator's own credentials name; others can log in, too."""

CLIENT_SECRET = "envsync-emulator"  # noqa: S105 (no secret: it opens nothing but the emulator)
"""Who logs in with it may write; with any other text too, but for `Settings.reader_secret`."""

SUBSCRIPTION_ID = "00000000-0000-4000-8000-656e7673796e"
RESOURCE_GROUP = "envsync-emulator"

MANAGEMENT_HOST = "management.azure.com"
LOGIN_HOST = "login.microsoftonline.com"
DISCOVERY_HOST = "eastus.api.azureml.ms"
REGISTRY_HOST = "registries.eastus.api.azureml.ms"
"""Where discovery sends a client of a registry: the `mferp` endpoints and operations."""

APPLICATION_HOSTS = (MANAGEMENT_HOST, LOGIN_HOST, DISCOVERY_HOST, REGISTRY_HOST)
"""The hosts that the application answers for. Blob hosts go to the blob store."""

BLOB_SUFFIX = ".blob.core.windows.net"

_SPACE = uuid.UUID("656e7673-796e-4000-8000-000000000000")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that an emulator is told when it starts.

    Attributes:
        workspaces: their names; each answers in every subscription and resource group.
        registries: their names; compared without case, as in the service.
        state: the file of the first workspace, in the local target's format. Those of other
            workspaces and of registries lie beside it (`state_file`). None: a temporary directory.
        seed: a directory of environment files, loaded into the first workspace at the start.
        reader_secret: who logs in with this client secret can read only.
        tags: whether a PUT replaces the tags of a version or adds to them.
        omitted: whether leaving `tags` or `description` out of a PUT keeps or clears them.
        conflict: the status of a PUT that would change what is fixed.
        restore: whether restoring a container keeps archived what was archived on its own, or
            restores all versions.
        archive_hidden: whether one version can be archived while its container is.
        hidden_versions: whether `isArchived` of a version says its own state only, or is true for
            all versions of an archived container as well.
        container_tags: whether a container's tags are kept, accepted and dropped, or refused.
        container_get: whether the GET of an archived container says `isArchived: false`, as
            recorded from 2022 to 2026, or the stored state.
        archived_entry: what `isArchived` of an archived container says in a list.
        registry_metadata: whether a PUT on a registry's version changes description and tags, or
            is accepted and changes nothing.
        next_version: whether a container's `nextVersion` counts, or is a timestamp.
        absent_versions: whether the versions of a name that is not there are an empty list, or 404.
        end_of_life_python: whether a new version whose conda file has a Python before 3.8 is
            accepted (31 of 32 recordings) or refused (one recording of 2023-04-13).
        numeric_tags: whether a tag value sent as a number comes back as text or as a number, or is
            refused.
        latency_ms: milliseconds that each answer takes longer.
        throttle: whether requests are limited as the resource manager does it.
        list_lag_seconds: how long a write stays out of lists.
        stale_get_seconds: how long the GET of a version shows the state before a write.
        as_of: answers have the keys that recordings of this day have. None: of the newest ones.
        faults: kinds of fault, each with the share of requests (0 to 1) that it hits.
        fault_seed: the same seed gives the same faults.
        page_size: how many items a page of a list has at most.
        operation_polls: how often a registry's operation answers 202 before it is done.
        retry_after: seconds that a client is told to wait before it asks for an operation.
        blob_account: the storage account of all datastores.
        blob_key: its key, base64.
    """

    workspaces: tuple[str, ...] = ("ws-dev", "ws-prod")
    registries: tuple[str, ...] = ("shared",)
    state: Path | None = None
    seed: Path | None = None
    reader_secret: str | None = None
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
    blob_key: str = base64.b64encode(hashlib.sha512(b"envsync emulator").digest()).decode()

    @property
    def blob_endpoint(self) -> str:
        """The blob service's address, without a `/` at its end."""
        return f"https://{self.blob_account}{BLOB_SUFFIX}"

    def blob_container(self, workspace: str) -> str:
        """The blob container of a workspace's default datastore."""
        return f"azureml-blobstore-{stable_id('workspace', workspace)}"

    @property
    def blob_containers(self) -> tuple[str, ...]:
        """All blob containers that have to be there before the first upload.

        An upload to a registry goes to a container of its own, made when a client asks for it.
        """
        return tuple(self.blob_container(name) for name in self.workspaces)


def stable_id(*parts: str) -> str:
    """A GUID that stands for these words, the same on every run."""
    return str(uuid.uuid5(_SPACE, "/".join(parts).lower()))


def state_file(state: Path, settings: Settings, kind: AssetKind, name: str) -> Path:
    """Where a workspace or registry is kept: `state` itself for the first workspace.

    Beside `emulator.db` lie `emulator.workspace-ws-prod.db` and `emulator.registry-shared.db`.
    """
    if kind == "workspace" and settings.workspaces[:1] == (name,):
        return state
    return state.with_name(f"{state.stem}.{kind}-{name.lower()}{state.suffix}")
