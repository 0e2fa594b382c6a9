"""`Connection`: sends HTTP requests to container registries, with retries and time limits."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from azure.core.exceptions import AzureError
from azure.core.pipeline import Pipeline
from azure.core.pipeline.policies import (
    RedirectPolicy,
    SensitiveHeaderCleanupPolicy,
    UserAgentPolicy,
)
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from msgspec import Struct
from requests.adapters import HTTPAdapter

from envsync._version import __version__
from envsync.model.errors import EnvsyncError
from envsync.targets.azure.http.retries import Retries, is_certificate_error, retry_after

PARALLEL: Final = 8
"""The maximum number of concurrent requests."""

_CONNECT_SECONDS: Final = 10.0
_SILENCE_SECONDS: Final = 30.0
"""An attempt fails if the registry sends no data for this number of seconds."""

TIME_LIMIT: Final = 60.0
"""Seconds after which a failing request is no longer retried, even if `Retry-After` is longer."""

MAX_BODY: Final = 16 << 20
"""Maximum number of bytes of a body. Registries limit manifests to 4 MiB."""


class RegistryError(EnvsyncError):
    """A registry has not answered as expected. The message is a sentence that names no image.

    Attributes:
        is_final: True if further requests to the same registry would fail for the same reason.
    """

    def __init__(self, message: str, *, is_final: bool = False) -> None:
        super().__init__(message)
        self.is_final = is_final


class Answer(Struct, frozen=True):
    """A response: its status, its headers (case-insensitive) and its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


class Connection:
    """A connection to any number of registries. Several threads can use it at the same time."""

    def __init__(self, time_limit: float = TIME_LIMIT) -> None:
        """Prepares the connection. Does not connect.

        Args:
            time_limit: seconds after which a failing request is no longer retried.
        """
        self._stopped = threading.Event()
        session = requests.Session()
        session.mount("https://", HTTPAdapter(pool_maxsize=PARALLEL, pool_block=True))
        session.mount("http://", HTTPAdapter(pool_maxsize=PARALLEL, pool_block=True))
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # Without this line, `requests` would send a password from ~/.netrc instead of the token.
        session.auth = lambda request: request
        self._pipeline: Pipeline[Any, Any] = Pipeline(
            RequestsTransport(
                session=session,
                session_owner=True,
                connection_timeout=_CONNECT_SECONDS,
                read_timeout=_SILENCE_SECONDS,
            ),
            policies=[
                UserAgentPolicy(base_user_agent=f"envsync/{__version__}"),
                RedirectPolicy(redirect_max=5),
                Retries(time_limit, sleep=self._sleep),
                # A registry can redirect to the storage of a cloud, which must not get the token.
                SensitiveHeaderCleanupPolicy(),
            ],
        )

    def stop(self) -> None:
        """Ends the waits of all threads. Their requests fail."""
        self._stopped.set()

    def _sleep(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise RegistryError("The run was interrupted.", is_final=True)

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """Sends a request, and repeats it after temporary failures.

        Args:
            method: the HTTP method.
            url: the URL.
            headers: the headers.
            parameters: the query.
            form: the fields of a form, as the body of the request.

        Raises:
            RegistryError: there is no response, or the registry asks for a wait that is too long.
        """
        host = urlsplit(url).netloc
        request = HttpRequest(
            method,
            url,
            headers=dict(headers or {}),
            params=parameters,
            data=None if form is None else dict(form),
        )
        try:
            # A redirect must not take the tokens in a form to another host.
            options = {"stream": True, "permit_redirects": form is None}
            response = self._pipeline.run(request, **options).http_response
            with response:
                body = b"" if method == "HEAD" else _body(response, host)
        except AzureError as error:
            raise RegistryError(_reason(host, error), is_final=True) from error
        final = urlsplit(str(response.request.url))
        if final.scheme != "https" and not is_loopback(final.hostname or ""):
            raise RegistryError(f"{host} redirects to an address without HTTPS.")
        if response.status_code == 429:
            raise RegistryError(_limited(host, response.headers), is_final=True)
        return Answer(response.status_code, response.headers, body)


def is_loopback(host: str) -> bool:
    """Returns True for `localhost` and the addresses of the loopback interface."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _body(response: Any, host: str) -> bytes:
    body = bytearray()
    for part in response.iter_bytes():
        body += part
        if len(body) > MAX_BODY:
            raise RegistryError(f"{host} returns a response with more than {MAX_BODY} bytes.")
    return bytes(body)


def _reason(host: str, error: AzureError) -> str:
    if is_certificate_error(error):
        return (
            f"The certificate of {host} is not trusted. Set REQUESTS_CA_BUNDLE to a file with the "
            "certificates of your organization."
        )
    return f"{host} cannot be reached. Check the network, and HTTPS_PROXY if there is a proxy."


def _limited(host: str, headers: Mapping[str, str]) -> str:
    wait = retry_after(headers)
    until = f" for {round(wait)} s" if wait else ""
    return (
        f"{host} refuses further requests{until}, because its rate limit is used up. Run the "
        "command again later; for most registries, the limit is higher after `docker login`."
    )
