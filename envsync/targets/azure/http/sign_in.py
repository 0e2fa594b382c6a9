"""`SignIn`: gets the tokens of one credential, and gets a new token if a token is refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Final

from azure.core.credentials import AccessToken, TokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError

from envsync.targets.azure.http.advice import advice

_EXPIRING: Final = 600
"""A token is not used for new requests if it expires within this number of seconds.

azure-core itself requests a new token 300 seconds before the old token expires.
"""


class NotSignedIn(ClientAuthenticationError):
    """No credential could sign in. The message is one line that says what to do."""


class SignIn:
    """A credential that raises `NotSignedIn` for every failure of azure-identity.

    The service can refuse a token that has not expired, for example because the token was revoked
    or the clock of this machine is wrong. azure-identity keeps such a token in its cache, so
    `renewed` signs in with a new credential, whose cache is empty.
    """

    def __init__(self, kind: str, make: Callable[[], TokenCredential]) -> None:
        """Creates the credential. Does not sign in.

        Args:
            kind: the value of `credential` in `envsync.yaml`.
            make: a function that returns a credential with an empty cache.

        Raises:
            AzureError, ValueError: the credential cannot be created.
        """
        self._kind = kind
        self._make = make
        self._credential = make()
        self._lock = threading.Lock()
        self._asked: dict[str, tuple[str, ...]] = {}
        self._replaced: dict[str, str] = {}
        self._tokens: dict[tuple[object, ...], Future[AccessToken]] = {}
        self._choosing = threading.Lock()

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """Returns a token for the scopes, as azure-core's protocol `TokenCredential` requires.

        If several threads need the same token, only one of them signs in. This saves time, because
        some credentials (such as the Azure CLI) start a program for each token.

        Raises:
            NotSignedIn: the credential could not sign in.
        """
        key = (*scopes, *sorted(options.items()))
        with self._choosing:
            token = self._tokens.get(key)
            # If Azure refuses a token that has not expired, Azure sends claims. Do not return this
            # token again.
            if token is not None and not options.get("claims") and _is_usable(token):
                ours = None
            else:
                ours = token = self._tokens[key] = Future()
        if ours is not None:
            try:
                ours.set_result(self._sign_in(scopes, options))
            except BaseException as error:
                ours.set_exception(error)
                raise
        return token.result()

    def _sign_in(self, scopes: tuple[str, ...], options: Mapping[str, Any]) -> AccessToken:
        try:
            found = self._credential.get_token(*scopes, **options)
        # azure-identity raises OSError for an unreadable token file, and ValueError for malformed
        # ids.
        except (AzureError, OSError, ValueError) as error:
            raise NotSignedIn(message=advice(self._kind, error)) from error
        self._asked[found.token] = scopes
        return found

    def current(self, token: str) -> str:
        """Returns the replacement of a refused token, or `token` if it has no replacement."""
        return self._replaced.get(token, token)

    def renewed(self, token: str) -> str | None:
        """Returns a new token in place of a token that the service has refused.

        Returns None if the credential returns the refused token again, or if the refused token is
        not from this credential.

        Raises:
            NotSignedIn: the credential could not sign in.
        """
        with self._lock:
            # Another thread has possibly replaced the same token already.
            if token in self._replaced:
                return self._replaced[token]
            if (scopes := self._asked.get(token)) is None:
                return None
            self._credential = self._make()
            with self._choosing:
                self._tokens.clear()
            fresh = self.get_token(*scopes).token
            if fresh == token:
                return None
            # The refused token can itself be the replacement of older tokens. The new token becomes
            # the replacement of the older tokens as well.
            olds = [old for old, new in self._replaced.items() if new == token]
            self._replaced.update(dict.fromkeys((*olds, token), fresh))
            return fresh


def _is_usable(token: Future[AccessToken]) -> bool:
    """Returns whether a token is valid for more than 10 minutes, or is still being requested."""
    if not token.done():
        return True
    return token.exception() is None and token.result().expires_on - time.time() > _EXPIRING
