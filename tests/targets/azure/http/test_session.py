"""The session of the transport: proxies and passwords of the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("azure.core", reason="azure-core is not installed")

import requests

from envsync.targets.azure.http.session import new_session

MANAGER = "https://management.azure.com/subscriptions"


def proxies(session: requests.Session, url: str) -> object:
    return session.merge_environment_settings(url, {}, None, None, None)["proxies"].get("https")


def test_each_host_has_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
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
