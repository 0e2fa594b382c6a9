"""Tests of the client against Debian's docker-registry on loopback."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from envsync.images.challenge import Challenge
from envsync.images.connection import Connection, RegistryError
from envsync.images.logins import DockerLogins, Login
from envsync.images.registry import NotFound, Registry
from envsync.images.resolve import Registries
from envsync.model.image import Image, Unresolved
from tests.images.registries import (
    Served,
    free_port,
    needs_registry,
    served_registry,
    with_proxy,
    with_tokens,
)

pytestmark = needs_registry


@pytest.fixture(autouse=True)
def no_logins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hides the logins of this machine. Returns the directory of `config.json`."""
    directory = tmp_path / "docker"
    directory.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(directory))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    return directory


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_registry(tmp_path_factory.mktemp("registry")) as found:
        yield found


def client(host: str, login: Login | None = None, limit: float = 20) -> Registry:
    return Registry(host, Connection(limit), lambda _: login)


def unused(_done: int, _total: int) -> None:
    """Shows no progress."""


def test_the_client_returns_the_digest_of_the_manifest(served: Served) -> None:
    expected = served.push("base", "1")

    assert client(served.host).digest("base", "1") == expected


def test_a_moved_tag_has_a_new_digest(served: Served) -> None:
    first = served.push("moving", "1", "old")
    second = served.push("moving", "1", "new")

    assert first != second == client(served.host).digest("moving", "1")


def test_an_image_for_several_platforms_has_the_digest_of_its_index(served: Served) -> None:
    platforms = {
        "linux/arm64": served.push("multi", "arm64"),
        "linux/amd64": served.push("multi", "amd64", created="2026-01-02T03:04:05Z"),
    }
    index = served.push_index("multi", "1", platforms)
    registry = client(served.host)

    assert registry.digest("multi", "1") == index
    assert index not in platforms.values()
    assert registry.created("multi", "1") == "2026-01-02T03:04:05Z"


@pytest.mark.parametrize(("repository", "tag"), [("base", "none"), ("none", "1")])
def test_a_missing_tag_is_not_found(served: Served, repository: str, tag: str) -> None:
    served.push("base", "1")

    with pytest.raises(NotFound):
        client(served.host).digest(repository, tag)


def test_one_image_needs_one_request(served: Served) -> None:
    served.push("base", "1")
    with with_proxy(served) as proxy:
        client(proxy.host).digest("base", "1")

    assert proxy.requests == ["HEAD /v2/base/manifests/1"]


def test_without_the_header_the_digest_is_computed_from_the_manifest(served: Served) -> None:
    expected = served.push("base", "1")
    with with_proxy(served, dropped=("Docker-Content-Digest",)) as proxy:
        found = client(proxy.host).digest("base", "1")

    assert found == expected
    assert proxy.requests == ["HEAD /v2/base/manifests/1", "GET /v2/base/manifests/1"]


def test_a_rate_limited_request_is_repeated_after_the_wait(served: Served) -> None:
    expected = served.push("base", "1")
    with with_proxy(served, limited=2, retry_after="1") as proxy:
        assert client(proxy.host).digest("base", "1") == expected

    assert len(proxy.requests) == 3


def test_a_registry_that_demands_a_long_wait_gets_no_further_requests(served: Served) -> None:
    served.push("base", "1")
    with with_proxy(served, limited=99, retry_after="3600") as proxy:
        registry = client(proxy.host)
        for _ in range(2):
            with pytest.raises(RegistryError, match="refuses further requests for 3600 s"):
                registry.digest("base", "1")

    assert proxy.requests == ["HEAD /v2/base/manifests/1"]


def test_a_redirect_does_not_send_the_token_to_another_host(tmp_path: Path) -> None:
    login = Login("ada", "secret")
    with served_registry(tmp_path) as served:
        expected = served.push("base", "1")
        with (
            with_proxy(served) as storage,
            with_proxy(served) as front,
        ):
            registry = client(front.host, login)
            registry._challenge = Challenge(is_bearer=False)
            assert registry.digest("base", "1") == expected
            # Loopback has several addresses, so this is another host.
            front.redirect = storage.host.replace("127.0.0.1", "localhost")
            assert registry.digest("base", "1") == expected

    assert front.authorizations == [login.basic, login.basic]
    assert storage.authorizations == [None]


def test_a_registry_that_is_offline_is_reported_for_each_of_its_images() -> None:
    host = f"127.0.0.1:{free_port()}"
    warnings: list[str] = []
    images = [Image(f"{host}/base", str(number)) for number in range(3)]
    found = Registries(warnings.append, 0).digests(images, unused)

    reason = f"{host} cannot be reached. Check the network, and HTTPS_PROXY if there is a proxy."
    assert found == dict.fromkeys(images, Unresolved(host, reason))
    assert warnings == []


def test_eight_requests_run_at_once(served: Served) -> None:
    images = [("base", str(number)) for number in range(20)]
    digests = [served.push(*image) for image in images]
    progress: list[tuple[int, int]] = []
    with with_proxy(served, delay=0.2) as proxy:
        asked = [Image(f"{proxy.host}/{repository}", tag) for repository, tag in images]
        found = Registries(lambda _: None).digests(
            [*asked, *asked], lambda done, total: progress.append((done, total))
        )

    assert found == dict(zip(asked, digests, strict=True))
    assert proxy.most_at_once <= 8
    assert len(proxy.requests) == 20
    assert progress[-1] == (20, 20)


def test_tags_are_read_from_all_pages(served: Served) -> None:
    tags = [f"1.{number:03}" for number in range(5)]
    for tag in tags:
        served.push("paged", tag)
    with with_proxy(served, page=2) as proxy:
        found = client(proxy.host).tags("paged")

    assert sorted(found) == tags
    assert len(proxy.requests) == 3


def test_anonymous_tokens_are_requested_for_each_repository(tmp_path: Path) -> None:
    with with_tokens(tmp_path) as (served, issuer):
        expected = [served.push("a", "1"), served.push("b/c", "2"), served.push("a", "3")]
        registry = client(served.host)
        found = [registry.digest("a", "1"), registry.digest("b/c", "2"), registry.digest("a", "3")]

    assert found == expected
    assert issuer.asked == ["repository:a:pull", "repository:b/c:pull"]


def test_the_login_of_docker_is_sent_to_the_token_server(tmp_path: Path, no_logins: Path) -> None:
    with with_tokens(tmp_path, users={"ada": "pass:word"}) as (served, _):
        expected = served.push("private", "1")
        with pytest.raises(RegistryError, match=f"`docker login {served.host}`"):
            client(served.host).digest("private", "1")
        # base64 of "ada:pass:word"
        auths = {served.host: {"auth": "YWRhOnBhc3M6d29yZA=="}}
        (no_logins / "config.json").write_text(json.dumps({"auths": auths}))
        login = DockerLogins(pytest.fail).find(served.host)

        assert client(served.host, login).digest("private", "1") == expected
        with pytest.raises(RegistryError, match="refuses the login"):
            client(served.host, Login("ada", "wrong")).digest("private", "1")


def test_an_identity_token_is_exchanged_for_a_token(tmp_path: Path) -> None:
    with with_tokens(tmp_path, users={"a": "b"}, refresh=["identity"]) as (served, _):
        expected = served.push("private", "1")

        assert client(served.host, Login(identity="identity")).digest("private", "1") == expected


def test_a_sign_in_to_azure_is_exchanged_for_a_token(tmp_path: Path) -> None:
    rules = {"users": {"a": "b"}, "refresh": ["refresh-of-entra"]}
    with with_tokens(tmp_path, **rules) as (served, issuer):
        expected = served.push("private", "1")
        with with_proxy(served, tokens=issuer.realm) as proxy:
            registry = Registry(
                proxy.host, Connection(20), lambda _: None, lambda _: "token-of-entra"
            )

            assert registry.digest("private", "1") == expected


def test_the_error_of_an_azure_registry_without_a_sign_in_says_what_to_do(tmp_path: Path) -> None:
    def nobody(registry: str) -> str:
        raise RegistryError(f"{registry} needs a login. Run `az login`.")

    with with_tokens(tmp_path, users={"a": "b"}) as (served, _):
        served.push("private", "1")
        registry = Registry(served.host, Connection(20), lambda _: None, nobody)

        with pytest.raises(RegistryError, match=r"needs a login\. Run `az login`"):
            registry.digest("private", "1")


def test_a_password_is_sent_to_a_registry_with_basic_authentication(tmp_path: Path) -> None:
    # bcrypt of "secret"
    file = tmp_path / "htpasswd"
    file.write_text("ada:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n")
    auth = json.dumps({"htpasswd": {"realm": "basic", "path": str(file)}})
    login = Login("ada", "secret")
    with served_registry(tmp_path, auth) as served:
        served.authorization = lambda _: login.basic
        expected = served.push("private", "1")

        assert client(served.host, login).digest("private", "1") == expected
        with pytest.raises(RegistryError, match="needs a login"):
            client(served.host).digest("private", "1")


@pytest.mark.parametrize("realm", ["http://tokens.example/token", "ftp://127.0.0.1/x", ""])
def test_a_token_server_without_https_gets_no_login(served: Served, realm: str) -> None:
    registry = client(served.host, Login("ada", "secret"))
    registry._challenge = Challenge(is_bearer=True, realm=realm)

    with pytest.raises(RegistryError, match="is not HTTPS"):
        registry.digest("base", "1")


def helper(directory: Path, name: str, script: str) -> None:
    path = directory / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_credential_helpers_return_logins(
    no_logins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper(
        tmp_path,
        "one",
        'read -r host; echo "{\\"Username\\": \\"ada\\", \\"Secret\\": \\"of $host\\"}"',
    )
    helper(tmp_path, "two", 'echo \'{"Username": "<token>", "Secret": "identity"}\'')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    config = {"credHelpers": {"a.example:5000": "one"}, "credsStore": "two"}
    (no_logins / "config.json").write_text(json.dumps(config))
    logins = DockerLogins(pytest.fail)

    assert logins.find("a.example:5000") == Login("ada", "of a.example:5000")
    assert logins.find("docker.io") == Login(identity="identity")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'credentials not found in native keychain'; exit 1", ""),
        ("echo 'the keychain is locked'; exit 1", "the keychain is locked"),
        ("echo nothing", "its output is not valid JSON"),
        (None, "it is not on the PATH"),
    ],
)
def test_the_config_file_is_used_if_a_credential_helper_returns_no_login(
    no_logins: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str | None,
    reason: str,
) -> None:
    if script is not None:
        helper(tmp_path, "x", script)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    auths = {"https://a.example/v1/": {"auth": "YWRhOnB3"}}
    (no_logins / "config.json").write_text(json.dumps({"credsStore": "x", "auths": auths}))
    warnings: list[str] = []

    assert DockerLogins(warnings.append).find("a.example") == Login("ada", "pw")
    start = "The credential helper docker-credential-x returned no login for a.example:"
    assert warnings == ([f"{start} {reason}."] if reason else [])


def test_an_invalid_config_file_causes_a_warning(no_logins: Path) -> None:
    (no_logins / "config.json").write_text("{")
    warnings: list[str] = []

    assert DockerLogins(warnings.append).find("a.example") is None
    assert warnings == [
        f"{no_logins / 'config.json'} cannot be read, so no login is used: it is not valid JSON."
    ]
