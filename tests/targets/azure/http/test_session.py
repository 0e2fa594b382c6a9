"""The session of the transport: proxies, passwords, certificates and connections."""

from __future__ import annotations

import os
import ssl
import weakref
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("azure.core", reason="azure-core is not installed")

import certifi
import requests
from azure.core.rest import HttpRequest
from requests.adapters import HTTPAdapter

from envsync.targets.azure.http.session import new_session
from envsync.targets.azure.http.transport import SharedTransport
from tests.targets.azure.scripted import Script, answer

MANAGER = "https://management.azure.com/subscriptions"


def proxies(session: requests.Session, url: str) -> object:
    return session.merge_environment_settings(url, {}, None, None, None)["proxies"].get("https")


def test_the_proxy_of_each_host_comes_from_environment_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    monkeypatch.setenv("NO_PROXY", "storage.example")
    session = new_session(1)

    found = [proxies(session, url) for url in (MANAGER, "https://storage.example/a", MANAGER)]

    assert found == ["http://proxy:1", None, "http://proxy:1"]


def test_proxies_of_one_request_are_not_used_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    session = new_session(1)
    own = session.merge_environment_settings(MANAGER, {"https": "http://own:1"}, None, None, None)
    own["proxies"]["https"] = "http://changed:1"

    assert proxies(session, MANAGER) == "http://proxy:1"


def test_a_password_in_a_netrc_does_not_replace_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine management.azure.com login ada password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    request = requests.Request("GET", MANAGER, headers={"Authorization": "Bearer token"})

    sent = new_session(1).prepare_request(request)

    assert sent.headers["Authorization"] == "Bearer token"


def pool(session: requests.Session, url: str, verify: bool | None = None) -> Any:
    adapter = session.get_adapter(url)
    assert isinstance(adapter, HTTPAdapter)
    settings = session.merge_environment_settings(url, {}, None, verify, None)
    prepared = requests.Request("GET", url).prepare()
    found = adapter.get_connection_with_tls_context(
        prepared, settings["verify"], settings["proxies"], settings["cert"]
    )
    adapter.cert_verify(found, url, settings["verify"], settings["cert"])
    return found


def test_all_connections_share_certificates_that_are_read_once() -> None:
    one, other = new_session(2), new_session(2)

    pools = [pool(one, MANAGER), pool(one, "https://ml.example/a"), pool(other, MANAGER)]

    assert pool(one, MANAGER) is pools[0]
    assert len({id(found.conn_kw["ssl_context"]) for found in pools}) == 1
    # With `ca_certs`, urllib3 reads the certificates for each connection.
    assert [found.ca_certs for found in pools] == [None, None, None]
    assert {found.cert_reqs for found in pools} == {"CERT_REQUIRED"}
    assert pools[0].conn_kw["ssl_context"].verify_mode == ssl.CERT_REQUIRED
    assert pools[0].conn_kw["ssl_context"].check_hostname


def test_a_proxy_with_tls_is_verified_with_the_same_certificates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "https://proxy:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())

    found = pool(new_session(1), MANAGER)

    # urllib3 uses `ca_certs` for the connection to the proxy as well.
    assert (found.ca_certs, found.cert_reqs) == (certifi.where(), "CERT_REQUIRED")
    assert "ssl_context" not in found.conn_kw


def test_a_request_without_verification_shares_no_certificates() -> None:
    session = new_session(1)
    trusting = pool(session, MANAGER)

    found = pool(session, MANAGER, verify=False)

    assert found is not trusting
    assert (found.cert_reqs, trusting.cert_reqs) == ("CERT_NONE", "CERT_REQUIRED")
    assert "ssl_context" not in found.conn_kw


def test_certificates_that_have_changed_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(Path(certifi.where()).read_bytes())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    first = pool(new_session(1), MANAGER).conn_kw["ssl_context"]
    os.utime(path, (1, 1))

    assert pool(new_session(1), MANAGER).conn_kw["ssl_context"] is not first


def test_closing_the_session_closes_its_pools() -> None:
    session = new_session(1)
    found = weakref.ref(pool(session, MANAGER))

    session.close()

    assert found() is None


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_read_cause_a_tls_error(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))

    with pytest.raises(requests.exceptions.SSLError, match=r"certificates in .*ca\.pem cannot"):
        new_session(1).request("GET", MANAGER, timeout=1, stream=True)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_has_the_same_headers_with_and_without_preparation(method: str) -> None:
    script = Script(answer(200, {}))
    session = new_session(1)
    session.mount("https://", script)
    headers = {"accept": "application/json", "Authorization": "Bearer token"}
    plain = requests.Session()
    plain.auth = session.auth
    expected = plain.prepare_request(requests.Request(method, MANAGER, headers=headers)).headers

    session.request(method, MANAGER, headers=headers, data=None, allow_redirects=False)

    assert script.sent == [(method, MANAGER)]
    assert script.headers == [expected]


def test_a_response_that_nobody_reads_does_not_block_later_requests() -> None:
    adapter: Any = new_session(1).get_adapter(MANAGER)
    pool = adapter.poolmanager.connection_from_url(MANAGER)

    # urllib3 raises EmptyPoolError if a thread would have to wait for a connection.
    connections = [pool._get_conn(timeout=0.01) for _ in range(50)]

    assert len(set(map(id, connections))) == 50


@pytest.mark.parametrize(
    ("status", "read"), [(503, 2), (429, 2), (401, 2), (404, 2), (307, 2), (200, 0)]
)
def test_a_response_that_is_sent_again_returns_its_connection(status: int, read: int) -> None:
    transport = SharedTransport(1)
    transport.session.mount("https://", Script(answer(status, {})))

    response = transport.send(HttpRequest("PUT", MANAGER), stream=True)
    transport.close()

    assert response.internal_response.raw.tell() == read
