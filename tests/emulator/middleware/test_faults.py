"""The middleware: faults, rate limits, latency and the request log."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the emulator needs starlette")

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from envsync.emulator.middleware.faults import Faults, Latency, share
from envsync.emulator.middleware.log import RequestLog, without_secrets
from envsync.emulator.middleware.stack import wrap
from envsync.emulator.middleware.throttle import LIMITS, Bucket, Throttle, principal
from envsync.emulator.network.tunnel import Address
from envsync.emulator.settings import FaultKind, Settings

CLIENT = Address("127.0.0.1", 50000)
SUBSCRIPTION = "/subscriptions/S-1/resourceGroups/g"


@dataclass
class Service:
    """An application that records the requests it executed."""

    done: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        self.done.append(f"{scope['method']} {scope['path']} {body.decode()}".strip())
        await JSONResponse({"ok": True}, 201)(scope, receive, send)


@dataclass(frozen=True)
class Answer:
    """A response. The status is None if the request got no response."""

    status: int | None
    headers: dict[str, str]
    body: str


def ask(
    app: ASGIApp,
    method: str = "GET",
    path: str = SUBSCRIPTION,
    *,
    host: str = "management.azure.com",
    query: str = "",
    authorization: str = "Bearer a",
    body: bytes = b"",
) -> Answer:
    """Sends a request, and closes the connection after the application has read the request."""
    sent: list[Message] = []
    received = [{"type": "http.request", "body": body}]
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(b"host", host.encode()), (b"authorization", authorization.encode())],
        "client": tuple(CLIENT),
    }

    async def receive() -> Message:
        return received.pop() if received else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    async def run() -> None:
        await app(scope, receive, send)

    asyncio.run(run())
    if not sent:
        return Answer(None, {}, "")
    headers = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    return Answer(
        sent[0]["status"], headers, b"".join(m.get("body", b"") for m in sent[1:]).decode()
    )


def never(address: Address) -> None:
    raise AssertionError(f"{address} was cut")


# Faults


@pytest.mark.parametrize(
    ("kind", "status", "code", "wait"),
    [
        ("429", 429, "TooManyRequests", "1"),
        ("500", 500, "InternalServerError", None),
        ("503", 503, "ServiceUnavailable", "1"),
    ],
)
def test_an_error_fault_returns_an_error_without_executing_the_request(
    kind: FaultKind, status: int, code: str, wait: str | None
) -> None:
    service = Service()
    answer = ask(Faults(service, [(kind, 1.0)], seed=0, cut=never), "PUT")

    assert (answer.status, answer.headers.get("retry-after")) == (status, wait)
    assert json.loads(answer.body)["error"]["code"] == code
    assert service.done == []


def test_a_reset_fault_resets_the_connection_without_executing_the_request() -> None:
    service, cut = Service(), list[Address]()
    answer = ask(Faults(service, [("reset", 1.0)], seed=0, cut=cut.append), "PUT")

    assert (answer.status, cut, service.done) == (None, [CLIENT], [])


def test_a_timeout_fault_gives_no_response() -> None:
    service = Service()
    answer = ask(Faults(service, [("timeout", 1.0)], seed=0, cut=never), "PUT")

    assert (answer.status, service.done) == (None, [])


def test_drop_after_commit_executes_the_request_and_resets_the_connection() -> None:
    service, cut = Service(), list[Address]()
    app = Faults(service, [("drop-after-commit", 1.0)], seed=0, cut=cut.append)
    answer = ask(app, "PUT", "/x", body=b"{}")

    assert (answer.status, cut, service.done) == (None, [CLIENT], ["PUT /x {}"])


def test_drop_after_commit_does_not_affect_reads() -> None:
    app = Faults(Service(), [("drop-after-commit", 1.0)], seed=0, cut=never)

    assert ask(app, "GET").status == 201


def test_faults_do_not_affect_logins() -> None:
    app = Faults(Service(), [("500", 1.0)], seed=0, cut=never)

    assert ask(app, "POST", host="login.microsoftonline.com").status == 201


def statuses(seed: int, rate: float, paths: list[str]) -> list[int | None]:
    app = Faults(Service(), [("500", rate)], seed=seed, cut=never)
    return [ask(app, path=path).status for path in paths]


def test_two_runs_with_equal_seeds_affect_the_same_requests() -> None:
    paths = [f"/{number}" for number in range(40)]

    assert statuses(1, 0.5, paths) == statuses(1, 0.5, paths)
    assert statuses(1, 0.5, paths) != statuses(2, 0.5, paths)


def test_faults_do_not_depend_on_the_order_of_requests() -> None:
    paths = [f"/{number}" for number in range(40)]

    assert statuses(1, 0.5, paths) == statuses(1, 0.5, paths[::-1])[::-1]


def test_a_retry_can_succeed_after_a_fault() -> None:
    assert set(statuses(1, 0.5, ["/same"] * 40)) == {201, 500}


def test_the_rate_is_the_share_of_affected_requests() -> None:
    draws = [share(0, "500", str(number), times=1) for number in range(2000)]

    # The random numbers are the same on every run. 3 % is more than three standard deviations.
    assert 0.17 < sum(draw < 0.2 for draw in draws) / len(draws) < 0.23


def test_each_kind_of_fault_has_its_own_rate() -> None:
    app = Faults(Service(), [("500", 0.0), ("503", 1.0)], seed=0, cut=never)

    assert ask(app).status == 503


# Limits


class Clock:
    """A clock that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


# https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
@pytest.mark.parametrize(("kind", "size", "rate"), [("reads", 250, 25), ("writes", 200, 10)])
def test_a_bucket_has_the_documented_capacity_and_refill(kind: str, size: int, rate: int) -> None:
    clock = Clock()
    bucket = Bucket({str(key): limit for key, limit in LIMITS.items()}[kind], clock)
    taken = [bucket.take() for _ in range(size)]
    assert (taken[0], taken[-1]) == ((size - 1, 0), (0, 0))
    assert bucket.take() == (0, 1)

    clock.now += 1
    assert [bucket.take() for _ in range(rate + 1)][-2:] == [(0, 0), (0, 1)]

    # The bucket never has more tokens than its capacity.
    clock.now += 3600
    assert bucket.take() == (size - 1, 0)


def test_a_read_above_the_limit_gets_429_with_retry_after() -> None:
    clock = Clock()
    app = Throttle(Service(), clock)
    answers = [ask(app) for _ in range(251)]
    remaining = [
        answer.headers["x-ms-ratelimit-remaining-subscription-reads"] for answer in answers
    ]

    assert remaining == [str(left) for left in [*range(249, -1, -1), 0]]
    assert [answer.status for answer in answers] == [201] * 250 + [429]
    assert answers[-1].headers["retry-after"] == "1"
    assert json.loads(answers[-1].body)["error"]["code"] == "SubscriptionRequestsThrottled"

    clock.now += 1
    assert ask(app).status == 201


def test_writes_have_their_own_bucket() -> None:
    app = Throttle(Service(), Clock())
    answers = [ask(app, "PUT") for _ in range(201)]

    assert [answer.status for answer in answers] == [201] * 200 + [429]
    assert answers[0].headers["x-ms-ratelimit-remaining-subscription-writes"] == "199"
    assert ask(app, "GET").status == 201


def token(principal: str, salt: str) -> str:
    # A JWT with the header `{}` and an invalid signature, which the middleware does not verify.
    claims = json.dumps({"oid": principal, "salt": salt}).encode()
    return f"Bearer e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.x"


@pytest.mark.parametrize(
    ("path", "authorization", "left"),
    # After the first request, a bucket has 249 tokens left, and after the second request 248.
    [
        (SUBSCRIPTION.lower(), token("anna", "1"), "248"),
        (SUBSCRIPTION, token("anna", "another token"), "248"),
        (SUBSCRIPTION, token("bert", "1"), "249"),
        ("/subscriptions/other/x", token("anna", "1"), "249"),
    ],
)
def test_each_subscription_and_principal_has_its_own_bucket(
    path: str, authorization: str, left: str
) -> None:
    app = Throttle(Service(), Clock())
    ask(app, authorization=token("anna", "1"))
    answer = ask(app, path=path, authorization=authorization)

    assert answer.headers["x-ms-ratelimit-remaining-subscription-reads"] == left


# The claims of the last token are the number 123.
@pytest.mark.parametrize("text", ["", "Bearer abc", "Bearer a.b.c", "Bearer a.MTIz.c"])
def test_an_invalid_token_is_used_as_the_principal(text: str) -> None:
    assert principal(text) == text


def test_requests_to_a_registrys_host_are_not_limited() -> None:
    answer = ask(Throttle(Service(), Clock()), host="registries.eastus.api.azureml.ms")

    assert [name for name in answer.headers if "ratelimit" in name] == []


# Log and order


def logged(app: ASGIApp, **request: str) -> dict[str, object]:
    file = io.StringIO()
    ask(RequestLog(app, file), **request)  # type: ignore[arg-type]  # every value is a string
    (line,) = file.getvalue().splitlines()
    entry = json.loads(line)
    assert isinstance(entry, dict)
    return entry


def test_each_request_is_logged_as_a_line_of_json() -> None:
    entry = logged(Service(), method="PUT", path="/a b", query="api-version=1&$top=2")
    ts, ms = entry.pop("ts"), entry.pop("ms")

    assert entry == {
        "method": "PUT",
        "host": "management.azure.com",
        "path": "/a b",
        "query": "api-version=1&$top=2",
        "status": 201,
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(ts))
    assert isinstance(ms, float)


def test_a_lost_response_is_logged_without_a_status() -> None:
    app = Faults(Service(), [("reset", 1.0)], seed=0, cut=lambda _: None)

    assert logged(app)["status"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a=1&sig=s%3D&b=2", "a=1&sig=***&b=2"),
        ("SIG=x", "SIG=***"),
        ("client_secret=x&code=y&access_token=z", "client_secret=***&code=***&access_token=***"),
        ("$skip=5&design=1", "$skip=5&design=1"),
        ("", ""),
    ],
)
def test_secrets_are_not_logged(query: str, expected: str) -> None:
    assert without_secrets(query) == expected


def test_latency_delays_the_response() -> None:
    started = time.perf_counter()
    ask(Latency(Service(), 0.05))

    assert time.perf_counter() - started >= 0.05


def test_the_settings_select_the_middleware(tmp_path: Path) -> None:
    settings = Settings(latency_ms=20, throttle="arm", faults=(("503", 1.0),))
    service, file = Service(), io.StringIO()
    answer = ask(wrap(service, settings, cut=never, log=file))
    entry = json.loads(file.getvalue())

    assert answer.status == 503
    assert answer.headers["x-ms-ratelimit-remaining-subscription-reads"] == "249"
    assert (entry["status"], entry["ms"] >= 20, service.done) == (503, True, [])


def test_no_middleware_is_used_by_default() -> None:
    service = Service()

    assert wrap(service, Settings(), cut=never, log=None) is service
