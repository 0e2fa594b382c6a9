"""`SignIn`: which threads and targets share a sign-in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

pytest.importorskip("azure.identity", reason="azure-identity is not installed")

from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from envsync.project.settings.targets import TargetConfig
from envsync.targets.azure.client import open_client
from envsync.targets.azure.http.sign_in import NotSignedIn, SignIn
from envsync.targets.connection import Connection

SCOPE = "https://management.azure.com/.default"
HOUR = 3600


class Counted:
    """A credential that counts its sign-ins, and returns another token each time."""

    def __init__(self, seconds: float = HOUR, wait: Callable[[], object] = lambda: None) -> None:
        self.asked = 0
        self._seconds = seconds
        self._wait = wait

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        self.asked += 1
        number = self.asked
        self._wait()
        return AccessToken(f"token-{number}", int(time.time() + self._seconds))


def test_threads_that_need_a_token_at_the_same_time_sign_in_once() -> None:
    waiting = threading.Barrier(2)
    credential = Counted(wait=waiting.wait)
    sign_in = SignIn("cli", lambda: credential)

    with ThreadPoolExecutor(5) as pool:
        tokens = [pool.submit(sign_in.get_token, SCOPE) for _ in range(5)]
        waiting.wait()

    assert {token.result().token for token in tokens} == {"token-1"}
    assert credential.asked == 1


def test_a_failed_sign_in_is_tried_again_by_the_next_request() -> None:
    attempts = count()

    def wait() -> None:
        if next(attempts) == 0:
            raise ClientAuthenticationError(message="Connection refused")

    sign_in = SignIn("cli", lambda: Counted(wait=wait))

    with pytest.raises(NotSignedIn, match="cannot be reached"):
        sign_in.get_token(SCOPE)

    assert sign_in.get_token(SCOPE).token == "token-2"


@pytest.mark.parametrize(
    ("seconds", "options", "expected"),
    [
        (HOUR, {}, ["token-1", "token-1"]),
        (500, {}, ["token-1", "token-2"]),
        (HOUR, {"claims": "{}"}, ["token-1", "token-2"]),
    ],
)
def test_a_token_is_used_until_it_is_about_to_expire_or_azure_sends_claims(
    seconds: float, options: dict[str, str], expected: list[str]
) -> None:
    credential = Counted(seconds)
    sign_in = SignIn("cli", lambda: credential)

    tokens = [sign_in.get_token(SCOPE, **options).token for _ in range(2)]

    assert tokens == expected


def test_a_refused_token_is_not_used_again() -> None:
    credential = Counted()
    sign_in = SignIn("cli", lambda: credential)
    first = sign_in.get_token(SCOPE).token

    renewed = sign_in.renewed(first)

    assert (renewed, sign_in.get_token(SCOPE).token) == ("token-2", "token-2")


def test_targets_with_the_same_credential_and_cloud_share_the_sign_in() -> None:
    settings = [{"credential": "cli"}, {"credential": "cli"}, {"credential": "managed"}]
    shared = Connection()

    clients = [
        open_client(TargetConfig(f"t{number}", "workspace", each), shared)
        for number, each in enumerate(settings)
    ]
    for client in clients:
        client.close()

    one, same, other = (client.credential for client in clients)
    assert one is same
    assert one is not other
    assert Connection().credentials == {}
