"""Opens the connection to Azure for workspaces and registries."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from azure.core.credentials import TokenCredential
from msgspec import Struct

from envsync.project.settings.targets import TargetConfig
from envsync.targets.azure.contexts import UploadedContexts
from envsync.targets.azure.create import Creator
from envsync.targets.azure.http.clouds import cloud, current_cloud
from envsync.targets.azure.http.credentials import credential
from envsync.targets.azure.http.log import RequestLog
from envsync.targets.azure.http.operations import Operations
from envsync.targets.azure.http.rest import Rest
from envsync.targets.azure.http.transport import SharedTransport
from envsync.targets.azure.resources import Resources
from envsync.targets.connection import Connection

# Azure's libraries and urllib3 log warnings. If a logger has no handler, Python prints its warnings
# to standard error, and one failed sign-in prints many lines. Add a handler that prints nothing,
# because envsync prints its own message about the failure.
for _library in ("azure", "msal", "urllib3"):
    logging.getLogger(_library).addHandler(logging.NullHandler())


class AzureClient(Struct, frozen=True):
    """A connection to Azure that is ready for use.

    Attributes:
        rest: the signed-in connection.
        credential: the credential that signs in.
        transport: the transport that sends requests.
        time_limit: the seconds for which a failing request is repeated.
        log: the request log, or None if no log is written.
    """

    rest: Rest
    credential: TokenCredential
    transport: SharedTransport
    time_limit: float
    log: RequestLog | None

    def creator(self, scope: Mapping[str, str]) -> Creator:
        """Returns an object that creates versions in one workspace or registry.

        Args:
            scope: the arguments of `MLClient` that identify the workspace or registry.
        """
        return Creator(
            cloud=self.rest.cloud,
            credential=self.credential,
            transport=self.transport,
            scope=scope,
            time_limit=self.time_limit,
        )

    def stop(self) -> None:
        """Ends the waits for long-running operations."""
        self.transport.operations.stop()

    def contexts(self, workspace: str) -> UploadedContexts:
        """Returns the uploaded build contexts of the workspace with the URL `workspace`."""
        return UploadedContexts(self.rest, workspace, self.credential, time_limit=self.time_limit)

    def close(self) -> None:
        """Closes all connections and the log."""
        self.rest.close()
        if self.log is not None:
            self.log.close()


def open_client(config: TargetConfig, connection: Connection) -> AzureClient:
    """Creates the connection from a target's settings. Sends no request.

    Raises:
        TargetError: the credential cannot be created, or the log cannot be written.
    """
    where = cloud(config.settings.get("cloud") or current_cloud())
    kind = config.settings.get("credential") or "default"
    who = connection.credentials.get((kind, where.name)) or credential(kind, where)
    connection.credentials[kind, where.name] = who
    log = RequestLog(connection.debug_http, connection.warn) if connection.debug_http else None
    limit = config.settings.get("operation_timeout")
    operations = Operations(connection.operation_limit if limit is None else float(limit))
    transport = SharedTransport(connection.parallel, log, sign_in=who, operations=operations)
    rest = Rest(where, who, transport, operations=operations, time_limit=connection.time_limit)
    return AzureClient(
        rest=rest, credential=who, transport=transport, time_limit=connection.time_limit, log=log
    )


class Endpoint(Struct, frozen=True):
    """A workspace or registry: its REST resources, and the object that creates its versions.

    Attributes:
        contexts: the uploaded build contexts. None for a registry, because clients get no
            permission to read the storage of a registry.
    """

    resources: Resources
    creator: Creator
    contexts: UploadedContexts | None = None
