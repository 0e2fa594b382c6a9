"""Logging in: the part of Microsoft's identity platform that azure-identity asks for.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow describes it.
Tokens look as the real ones do, say who logged in, and are signed with a key that dies with the
emulator.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from envsync.emulator.service.errors import unauthorized
from envsync.emulator.settings import CLIENT_SECRET, LOGIN_HOST, Settings, stable_id
from envsync.model.canonical import JSON

Role: TypeAlias = Literal["reader", "writer"]

LIFETIME = 3600
"""Seconds that a token is valid."""

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        client: the application that logged in.
        role: `reader` has Azure's role Reader, `writer` may do everything here.
    """

    client: str
    role: Role


class LoginRefused(Exception):
    """Nobody can log in like this.

    Attributes:
        error: OAuth's code.
    """

    def __init__(self, error: str, number: int, message: str) -> None:
        self.error = error
        self.number = number
        super().__init__(f"AADSTS{number}: {message}")

    @property
    def body(self) -> JSON:
        """The answer's body."""
        return {
            "error": self.error,
            "error_description": str(self),
            "error_codes": [self.number],
            "timestamp": time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime()),
            "error_uri": f"https://{LOGIN_HOST}/error?code={self.number}",
        }


class Tokens:
    """Issues tokens and knows them again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._key = secrets.token_bytes(32)

    def issue(self, tenant: str, form: Mapping[str, str]) -> dict[str, JSON]:
        """The answer to a request for a token.

        Args:
            tenant: as the path names it.
            form: the fields of the request.

        Raises:
            LoginRefused: the client's secret is none of the emulator's, or it sends none.
        """
        client = form.get("client_id", "")
        role = self._role(form)
        now = int(time.time())
        scope = form.get("scope", form.get("resource", "")).split(" ")[0]
        claims: dict[str, JSON] = {
            "aud": scope.removesuffix("/.default"),
            "iss": f"https://sts.windows.net/{tenant}/",
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
            "appid": client,
            "oid": stable_id("client", client, role),
            "tid": tenant,
            "idtyp": "app",
            "emulator_role": role,
        }
        return {
            "token_type": "Bearer",
            "expires_in": LIFETIME,
            "ext_expires_in": LIFETIME,
            "access_token": self._signed(claims),
        }

    def caller(self, authorization: str | None) -> Caller:
        """Who sends this `Authorization` header.

        Raises:
            ServiceError: nobody (401).
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthorized("missing_token")
        text, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(text), signature.encode()):
            raise unauthorized("invalid_token")
        claims = json.loads(_decoded(text.partition(".")[2]))
        if claims["exp"] < time.time():
            raise unauthorized("invalid_token")
        return Caller(claims["appid"], claims["emulator_role"])

    def _role(self, form: Mapping[str, str]) -> Role:
        secret = form.get("client_secret")
        if secret is None and form.get("client_assertion_type") == _ASSERTION:
            # Workload identity federation: whoever vouches for the client is not asked here.
            secret = form.get("client_assertion")
            return "reader" if secret == self._settings.reader_secret else "writer"
        if secret is None:
            raise LoginRefused("invalid_request", 900144, "The request body must contain a secret.")
        if secret == self._settings.reader_secret:
            return "reader"
        if secret == CLIENT_SECRET:
            return "writer"
        raise LoginRefused("invalid_client", 7000215, "Invalid client secret provided.")

    def _signed(self, claims: dict[str, JSON]) -> str:
        header = {"typ": "JWT", "alg": "HS256"}
        text = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
        return f"{text}.{self._signature(text).decode()}"

    def _signature(self, text: str) -> bytes:
        return _encoded(hmac.digest(self._key, text.encode(), hashlib.sha256)).encode()


def openid_configuration(tenant: str) -> dict[str, JSON]:
    """Where a client finds what of a tenant."""
    base = f"https://{LOGIN_HOST}/{tenant}"
    return {
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": f"{base}/v2.0",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "tenant_region_scope": None,
        "cloud_instance_name": "microsoftonline.com",
    }


def instance_discovery(tenant: str) -> dict[str, JSON]:
    """Which login hosts belong together."""
    return {
        "tenant_discovery_endpoint": f"https://{LOGIN_HOST}/{tenant}/v2.0/.well-known/"
        "openid-configuration",
        "api-version": "1.1",
        "metadata": [
            {
                "preferred_network": LOGIN_HOST,
                "preferred_cache": "login.windows.net",
                "aliases": [LOGIN_HOST, "login.windows.net", "login.microsoft.com"],
            }
        ],
    }


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
