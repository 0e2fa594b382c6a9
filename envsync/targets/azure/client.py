"""What opening a workspace and a registry have in common: signing in, and the connection."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from azure.core.credentials import TokenCredential

from envsync.project.settings.targets import TargetConfig
from envsync.targets.azure.create import Creator
from envsync.targets.azure.http.clouds import cloud, current_cloud
from envsync.targets.azure.http.credentials import credential
from envsync.targets.azure.http.log import RequestLog
from envsync.targets.azure.http.rest import Rest
from envsync.targets.azure.http.transport import SharedTransport
from envsync.targets.azure.resources import Resources
from envsync.targets.connection import Connection

# Azure's libraries and urllib3 warn through logging, and Python prints that where nobody listens:
# one failed sign-in fills a screen. What matters of it is in envsync's own message.
for _library in ("azure", "msal", "urllib3"):
    logging.getLogger(_library).addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class AzureClient:
    """A connection to Azure that is client to be used.

    Attributes:
        rest: the signed-in connection.
        credential: who signs in.
        transport: what carries requests.
        time_limit: seconds after which a request that keeps failing is given up.
        log: where requests are written down, if they are.
    """

    rest: Rest
    credential: TokenCredential
    transport: SharedTransport
    time_limit: float
    log: RequestLog | None

    def creator(self, scope: Mapping[str, str]) -> Creator:
        """What creates versions where `scope`, `MLClient`'s arguments, says."""
        return Creator(
            self.rest.cloud, self.credential, self.transport, scope, time_limit=self.time_limit
        )

    def close(self) -> None:
        """Closes all connections, and the log."""
        self.rest.close()
        if self.log is not None:
            self.log.close()


def open_client(config: TargetConfig, connection: Connection) -> AzureClient:
    """The connection that a target's settings describe. Sends nothing yet.

    Raises:
        TargetError: there is nobody to sign in as, or the log cannot be written.
    """
    where = cloud(config.settings.get("cloud") or current_cloud())
    who = credential(config.settings.get("credential") or "default", where)
    log = RequestLog(connection.debug_http) if connection.debug_http else None
    transport = SharedTransport(connection.parallel, log)
    rest = Rest(where, who, transport, time_limit=connection.time_limit)
    return AzureClient(rest, who, transport, connection.time_limit, log)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One workspace or registry that has been found: its resources, and what creates in it."""

    resources: Resources
    creator: Creator
