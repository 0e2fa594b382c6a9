"""Authentication and permissions."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from urllib.parse import urlencode

import pytest
from starlette.types import Message

from envsync.emulator.endpoints.app import create_app
from envsync.emulator.service.tokens import Tokens
from envsync.emulator.settings import Settings
from tests.emulator.client import (
    DATAPLANE,
    IMAGE,
    REGISTRY,
    WORKSPACE,
    Client,
    Reply,
    serving,
)

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


@pytest.mark.parametrize("settings", [Settings(), Settings(token_seconds=60)])
def test_an_expired_token_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(settings) as client:
        assert client.get(WORKSPACE).status == 200
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + settings.token_seconds - 5)
        assert client.get(WORKSPACE).status == 200
        monkeypatch.setattr(time, "time", lambda: now + settings.token_seconds + 1)

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


def jwt(**claims: object) -> str:
    """Returns a JWT with these claims and an invalid signature, which the emulator ignores."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{payload}.signature"


def log_in_with_assertion(client: Client, assertion: str) -> Reply:
    form = {
        "client_id": "x",
        "client_assertion": assertion,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    client.token = None
    return client.send(
        "POST",
        f"{LOGIN}/tenant/oauth2/v2.0/token",
        content=urlencode(form).encode(),
        headers={"content-type": "application/x-www-form-urlencoded"},
    )


@pytest.mark.parametrize("assertion", ["opaque", "e.y.J", "e30.W10.s", jwt(exp=2_000)])
def test_a_client_with_a_federated_assertion_can_log_in(
    assertion: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_000.0)
    with serving() as client:
        reply = log_in_with_assertion(client, assertion)
        client.token = reply.json["access_token"]

        assert client.get(WORKSPACE).status == 200


@pytest.mark.parametrize(
    ("lifetime", "claims", "number"),
    [
        (None, {"iat": 400, "nbf": 400, "exp": 1_001}, None),
        (None, {"iat": 400, "nbf": 400, "exp": 1_000}, 700024),
        (None, {"iat": 1_001, "nbf": 1_001, "exp": 2_000}, 700024),
        (None, {"sub": "no times"}, 50027),
        (60.0, {"iat": 941, "exp": 2_000}, None),
        (60.0, {"iat": 940, "exp": 2_000}, 700024),
        (60.0, {"iat": 990, "exp": 999}, 700024),
        (60.0, {"exp": 2_000}, 50027),
    ],
)
def test_an_assertion_is_refused_outside_its_valid_time_range(
    lifetime: float | None,
    claims: dict[str, object],
    number: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_000.0)
    with serving(Settings(assertion_seconds=lifetime)) as client:
        reply = log_in_with_assertion(client, jwt(**claims))

    assert reply.status == (200 if number is None else 401)
    assert reply.json.get("error_codes") == (None if number is None else [number])


def test_the_error_for_an_old_assertion_contains_its_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_698_753_184.0)
    with serving() as client:
        reply = log_in_with_assertion(client, jwt(nbf=1_698_752_389, exp=1_698_752_689))

    # The text of a public report of this error, without its fractions of seconds.
    assert reply.json["error_description"] == (
        "AADSTS700024: Client assertion is not within its valid time range. Current time: "
        "2023-10-31T11:53:04.0000000Z, assertion valid from 2023-10-31T11:39:49.0000000Z, expiry "
        "time of assertion 2023-10-31T11:44:49.0000000Z."
    )


def test_an_assertion_without_an_age_is_refused_if_there_is_a_limit() -> None:
    with serving(Settings(assertion_seconds=60, reader_secret="only-reads")) as client:
        assert log_in_with_assertion(client, "opaque").json["error_codes"] == [50027]
        assert log_in_with_assertion(client, "only-reads").status == 200


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
