"""The HTTP session of the transport: its connections, proxies and certificates."""

from __future__ import annotations

import ssl
import threading
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.retry import Retry
from urllib3.util.ssl_ import create_urllib3_context

_READ_OPTIONS: Final = frozenset({"headers", "timeout", "verify", "cert", "proxies", "stream"})
"""A GET with only these options needs no preparation by the library `requests`."""

# All connections of all targets share these TLS contexts. Without them, urllib3 would read the
# certificates of the package certifi for each connection, which takes 40 ms of CPU time.
_contexts: Final[dict[tuple[Path, int], ssl.SSLContext]] = {}
_reading: Final = threading.Lock()


def new_session(parallel: int) -> requests.Session:
    """Returns a session that keeps enough connections open for `parallel` requests at a time."""
    session = _Session()
    session.mount("https://", _Adapter(parallel))
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


class _Session(requests.Session):
    """A session that does some work once for each host, and not for each request.

    The library `requests` merges settings, reads the environment, and normalizes the URL again for
    each request. This work takes a fifth of the CPU time of a read.
    """

    def __init__(self) -> None:
        super().__init__()
        self._settings: dict[tuple[object, ...], dict[str, Any]] = {}
        # If `auth` is not set, the library `requests` reads a `.netrc` file before each request. A
        # password in this file would replace the token.
        self.auth = _unchanged

    def request(self, method: str, url: Any, *args: Any, **options: Any) -> requests.Response:
        """Sends one request. Arguments and exceptions are the same as in `requests.Session`."""
        used = {name for name, value in options.items() if value}
        # azure-core has already formatted the URL and the headers, so a GET without a body, cookies
        # and redirects needs no more preparation.
        if method != "GET" or args or not used <= _READ_OPTIONS:
            return super().request(method, url, *args, **options)
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url = method, url
        prepared.headers = CaseInsensitiveDict(self.headers)
        prepared.headers.update(options.get("headers") or {})
        settings = self.merge_environment_settings(
            url, *(options.get(name) for name in ("proxies", "stream", "verify", "cert"))
        )
        response = self.get_adapter(url).send(prepared, timeout=options.get("timeout"), **settings)
        if not settings["stream"]:
            # Reading the body also returns the connection to the pool.
            _ = response.content
        return response

    def merge_environment_settings(
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        """Returns the settings of one request. Arguments are the same as in `requests.Session`."""
        key = (*urlsplit(url)[:2], *sorted((proxies or {}).items()), stream, verify, cert)
        if key not in self._settings:
            self._settings[key] = dict(
                super().merge_environment_settings(url, proxies or {}, stream, verify, cert)
            )
        found = self._settings[key]
        return {**found, "proxies": dict(found["proxies"])}


class _Adapter(HTTPAdapter):
    """An adapter whose connections share the trusted certificates."""

    def __init__(self, parallel: int) -> None:
        super().__init__(
            # urllib3 must not retry, because the pipeline retries. The pool must not block: a
            # response that nobody reads keeps its connection, and a thread could wait for ever for
            # this connection. The pool has room for the connections of all threads.
            max_retries=Retry(total=False, redirect=False, raise_on_status=False),
            pool_connections=8,
            pool_maxsize=max(parallel, 1) + 4,
            pool_block=False,
        )
        self._pools: dict[tuple[object, ...], Any] = {}

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        """Returns the pool of connections to a host. Arguments are the same as in `HTTPAdapter`."""
        key = (*urlsplit(request.url)[:2], *sorted((proxies or {}).items()), verify, cert)
        pool = self._pools.get(key)
        if pool is None:
            pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
            self._pools[key] = pool
        return pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Sets the certificates of a pool. Arguments are the same as in `HTTPAdapter`.

        Raises:
            requests.exceptions.SSLError: the trusted certificates cannot be read.
        """
        if "ssl_context" in conn.conn_kw:
            return
        # A shared TLS context must not contain a client certificate. For a proxy with TLS, urllib3
        # creates a second context from the settings of the library `requests`.
        by_tls = conn.proxy is not None and conn.proxy.scheme == "https"
        if not verify or cert or by_tls:
            super().cert_verify(conn, url, verify, cert)
            return
        place = Path(DEFAULT_CA_BUNDLE_PATH if verify is True else verify)
        conn.conn_kw["ssl_context"] = _trusting(place)
        conn.cert_reqs = "CERT_REQUIRED"
        # If one of these attributes is set, urllib3 reads the certificates again for each
        # connection.
        conn.ca_certs = conn.ca_cert_dir = None

    def close(self) -> None:
        """Closes all connections."""
        # urllib3 closes the connections of a pool when nothing refers to the pool any more.
        self._pools.clear()
        super().close()


def _trusting(place: Path) -> ssl.SSLContext:
    """Returns a TLS context that trusts the certificates in a file or a directory.

    Raises:
        requests.exceptions.SSLError: the certificates cannot be read.
    """
    try:
        # The certificates can change while the process runs, for example between two tests.
        key = (place, place.stat().st_mtime_ns)
        with _reading:
            if key not in _contexts:
                context = create_urllib3_context()
                if place.is_dir():
                    context.load_verify_locations(capath=place)
                else:
                    context.load_verify_locations(place)
                _contexts[key] = context
            return _contexts[key]
    except OSError as error:
        raise requests.exceptions.SSLError(
            f"the trusted certificates in {place} cannot be read: {error}"
        ) from error


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
