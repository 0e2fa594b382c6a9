"""Access tokens: the part of Microsoft Entra ID that azure-identity uses.

Source: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
Tokens have the format and the claims of real tokens. The signing key exists only in memory.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from envsync.emulator.service.assertions import InvalidAssertion, check_time
from envsync.emulator.service.errors import unauthorized
from envsync.emulator.settings import CLIENT_SECRET, LOGIN_HOST, Settings, stable_id
from envsync.model.canonical import JSON

Role: TypeAlias = Literal["reader", "writer"]

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Caller(Struct, frozen=True):
    """The authenticated client of a request.

    Attributes:
        client: the client id of the application.
        role: `reader` has Azure's role Reader, `writer` has every permission.
    """

    client: str
    role: Role


class LoginRefused(Exception):
    """The login of a client failed.

    Attributes:
        error: the error code of OAuth.
        number: the error number of Entra ID (`AADSTS`).
    """

    def __init__(self, error: str, number: int, message: str) -> None:
        self.error = error
        self.number = number
        super().__init__(f"AADSTS{number}: {message}")

    @property
    def body(self) -> JSON:
        """The body of the response."""
        return {
            "error": self.error,
            "error_description": str(self),
            "error_codes": [self.number],
            "timestamp": time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime()),
            "error_uri": f"https://{LOGIN_HOST}/error?code={self.number}",
        }


class Tokens:
    """Issues and verifies tokens."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._key = secrets.token_bytes(32)

    def issue(self, tenant: str, form: Mapping[str, str]) -> dict[str, JSON]:
        """Returns the response to a request for a token.

        Args:
            tenant: the tenant in the path.
            form: the fields of the request.

        Raises:
            LoginRefused: the request has no client secret, the client secret is unknown, or the
                assertion is outside its valid time range.
        """
        client = form.get("client_id", "")
        role = self._role(form)
        now, lifetime = int(time.time()), self._settings.token_seconds
        # The v1 endpoint has the field `resource` in place of `scope`.
        scope = form.get("scope", form.get("resource", "")).split(" ")[0]
        claims: dict[str, JSON] = {
            "aud": scope.removesuffix("/.default"),
            "iss": f"https://sts.windows.net/{tenant}/",
            "iat": now,
            "nbf": now,
            "exp": now + lifetime,
            "appid": client,
            # `oid` identifies the principal. The resource manager limits the rate of each
            # principal.
            "oid": stable_id("client", client, role),
            "tid": tenant,
            "idtyp": "app",
            # Without this claim, two tokens that are issued in the same second would be equal.
            "uti": secrets.token_urlsafe(16),
            # The emulator uses this claim instead of role assignments. Real tokens do not have the
            # claim.
            "emulator_role": role,
        }
        return {
            "token_type": "Bearer",
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": self._signed(claims),
        }

    def caller(self, authorization: str | None) -> Caller:
        """Verifies an `Authorization` header, and returns the caller.

        Raises:
            ServiceError: the header is missing, or its token is invalid or expired (401).
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthorized("missing_token")
        text, _, signature = token.rpartition(".")
        # Verify the signature before reading the claims: the token is untrusted input.
        if not hmac.compare_digest(self._signature(text), signature.encode()):
            raise unauthorized("invalid_token")
        claims = json.loads(_decoded(text.partition(".")[2]))
        if claims["exp"] < time.time():
            raise unauthorized("invalid_token")
        return Caller(claims["appid"], claims["emulator_role"])

    def _role(self, form: Mapping[str, str]) -> Role:
        secret = form.get("client_secret")
        if secret is None and form.get("client_assertion_type") == _ASSERTION:
            return self._role_of_assertion(form.get("client_assertion", ""))
        if secret is None:
            raise LoginRefused("invalid_request", 900144, "The request body must contain a secret.")
        if secret == self._settings.reader_secret:
            return "reader"
        if secret == CLIENT_SECRET:
            return "writer"
        raise LoginRefused("invalid_client", 7000215, "Invalid client secret provided.")

    def _role_of_assertion(self, assertion: str) -> Role:
        if assertion == self._settings.reader_secret:
            return "reader"
        try:
            check_time(assertion, now=time.time(), lifetime=self._settings.assertion_seconds)
        except InvalidAssertion as error:
            raise LoginRefused("invalid_client", error.number, str(error)) from error
        return "writer"

    def _signed(self, claims: dict[str, JSON]) -> str:
        # Real tokens are signed with RS256. Clients do not verify access tokens, so a symmetric key
        # is enough.
        header = {"typ": "JWT", "alg": "HS256"}
        text = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
        return f"{text}.{self._signature(text).decode()}"

    def _signature(self, text: str) -> bytes:
        return _encoded(hmac.digest(self._key, text.encode(), hashlib.sha256)).encode()


def openid_configuration(tenant: str) -> dict[str, JSON]:
    """Returns the OpenID Connect metadata of a tenant: the URLs of its endpoints."""
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
    """Returns the aliases of the login host. MSAL requests these aliases before a login."""
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
    # A JWT has no base64 padding (RFC 7515, 2).
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
