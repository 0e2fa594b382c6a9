"""Authentication and permissions."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest
from starlette.types import Message

from envsync.emulator.endpoints.app import create_app
from envsync.emulator.service.tokens import LIFETIME, Tokens
from envsync.emulator.settings import Settings
from tests.emulator.client import DATAPLANE, IMAGE, REGISTRY, WORKSPACE, Client, serving

VERSION = f"{WORKSPACE}/environments/pydata/versions/1"
READER = Settings(reader_secret="only-reads")
LOGIN = "https://login.microsoftonline.com"


def logged_in_as_reader(client: Client) -> Client:
    """Logs in as a client that may only read."""
    assert client.log_in("only-reads").status == 200
    return client


@pytest.mark.parametrize("token", [None, "nonsense", "a.b.c"])
def test_a_request_without_a_valid_token_is_refused(token: str | None) -> None:
    with serving() as client:
        client.token = token
        reply = client.get(VERSION)

    assert reply.status == 401
    assert reply.headers["www-authenticate"].startswith("Bearer ")


def test_the_token_of_another_emulator_is_refused() -> None:
    with serving() as client:
        # Each emulator signs its tokens with a new key.
        form = {"client_id": "x", "client_secret": "envsync-emulator"}
        client.token = str(Tokens(Settings()).issue("tenant", form)["access_token"])

        assert client.get(VERSION).status == 401


def test_an_expired_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    with serving() as client:
        assert client.get(WORKSPACE).status == 200
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + LIFETIME + 1)

        assert client.get(WORKSPACE).status == 401


def test_the_reader_role_can_read() -> None:
    with serving(READER) as client:
        client.put(VERSION, {"image": IMAGE})
        logged_in_as_reader(client)
        replies = (
            client.get(VERSION),
            client.get(f"{WORKSPACE}/environments"),
            client.get(f"{WORKSPACE}/datastores/workspaceblobstore"),
            client.get(f"{REGISTRY}/environments", DATAPLANE),
        )

    assert [reply.status for reply in replies] == [200] * 4


def test_the_reader_role_cannot_write() -> None:
    with serving(READER) as client:
        logged_in_as_reader(client)
        replies = (
            client.put(VERSION, {"image": IMAGE}),
            client.put(f"{WORKSPACE}/environments/pydata", {}),
            client.post(f"{WORKSPACE}/datastores/workspaceblobstore/listSecrets"),
            client.put(f"{REGISTRY}/environments/pydata/versions/1", {"image": IMAGE}, DATAPLANE),
            client.post(f"{REGISTRY}/import", {}, DATAPLANE),
        )

        assert [reply.status for reply in replies] == [403] * 5
        assert replies[0].json["error"]["code"] == "AuthorizationFailed"
        assert "environments/versions/write" in replies[0].json["error"]["message"]
        assert client.get(VERSION).status == 404


@pytest.mark.parametrize("secret", ["wrong", "only-reads"])
def test_a_login_with_a_wrong_secret_is_refused(secret: str) -> None:
    with serving() as client:
        reply = client.log_in(secret)

    assert (reply.status, reply.json["error"]) == (401, "invalid_client")
    assert reply.json["error_description"].startswith("AADSTS7000215")


def test_a_login_without_a_secret_is_refused() -> None:
    with serving() as client:
        reply = client.send("POST", f"{LOGIN}/tenant/oauth2/v2.0/token")

    assert (reply.status, reply.json["error"]) == (400, "invalid_request")


def test_a_federated_assertion_logs_in() -> None:
    assertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    with serving() as client:
        client.token = None
        reply = client.send(
            "POST",
            f"{LOGIN}/tenant/oauth2/v2.0/token",
            content=f"client_id=x&client_assertion=e.y.J&client_assertion_type={assertion}".encode(),
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        client.token = reply.json["access_token"]

        assert client.get(WORKSPACE).status == 200


def test_a_token_contains_the_id_of_its_client() -> None:
    with serving() as client:
        assert client.token is not None
        payload = client.token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))

    assert claims["aud"] == "https://management.azure.com"
    assert {"oid", "tid", "appid", "exp"} <= claims.keys()


def test_a_disconnect_during_a_request_raises_no_exception() -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def nowhere(_: Message) -> None:
        pass

    app = create_app(Settings())
    scope = {"type": "http", "method": "PUT", "path": "/", "headers": [], "query_string": b""}

    # The test passes if this call raises no exception.
    asyncio.run(app(scope, gone, nowhere))


def test_metadata_documents_contain_the_login_endpoints() -> None:
    with serving() as client:
        client.token = None
        openid = client.send("GET", f"{LOGIN}/tenant/v2.0/.well-known/openid-configuration")
        instances = client.send("GET", f"{LOGIN}/common/discovery/instance?api-version=1.1")

    assert openid.json["token_endpoint"] == f"{LOGIN}/tenant/oauth2/v2.0/token"
    assert "login.microsoftonline.com" in instances.json["metadata"][0]["aliases"]


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("GET", "https://contoso.example/", 421),  # Misdirected Request (RFC 9110)
        ("GET", "https://management.azure.com/nothing", 404),
        ("PATCH", f"{VERSION}?api-version=2024-04-01", 405),
        ("GET", VERSION, 400),
    ],
    ids=["host", "path", "method", "api-version"],
)
def test_an_unknown_url_or_method_is_an_error(method: str, url: str, status: int) -> None:
    with serving() as client:
        reply = client.send(method, url)

    assert (reply.status, bool(reply.json["error"]["message"])) == (status, True)


@pytest.mark.parametrize("content", [b"{", b"[" * 100_000, b"\xff", b"[]", b'{"properties": 1}'])
def test_an_invalid_body_is_refused(content: bytes) -> None:
    with serving() as client:
        reply = client.send("PUT", f"{VERSION}?api-version=2024-04-01", content=content)

    assert reply.status == 400
