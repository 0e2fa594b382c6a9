"""Client assertions: a client signs in with a token that another identity provider issued.

For example, a workflow of GitHub Actions gets a client assertion from GitHub. Microsoft Entra ID
calls this sign-in workload identity federation:
https://learn.microsoft.com/entra/workload-id/workload-identity-federation
"""

from __future__ import annotations

import base64
import json
import time

from msgspec import Struct


class InvalidAssertion(Exception):
    """The time range of an assertion has ended or has not started, or cannot be determined.

    Attributes:
        number: the error number of Entra ID (`AADSTS`).
    """

    def __init__(self, number: int, message: str) -> None:
        self.number = number
        super().__init__(message)


class _Range(Struct, frozen=True):
    """The time range in which an assertion is valid, in seconds since the epoch."""

    start: float
    end: float


def check_time(assertion: str, *, now: float, lifetime: float | None) -> None:
    """Checks that an assertion is within its valid time range.

    The signature is not checked, because the emulator does not have the keys of the identity
    providers. The error message is copied from Entra ID (AADSTS700024).

    Args:
        assertion: the assertion of a request.
        now: the current time in seconds since the epoch.
        lifetime: the maximum age of an assertion in seconds. An older assertion is refused even if
            its claim `exp` allows a later time. If None, only the claims `nbf` and `exp` decide,
            and an assertion that is not a JWT is always valid.

    Raises:
        InvalidAssertion: the assertion is outside its valid time range, or the assertion has no
            claims from which its age can be computed.
    """
    claims = _claims(assertion)
    if claims is None:
        if lifetime is not None:
            raise InvalidAssertion(50027, "JWT token is invalid or malformed.")
        return
    valid = _valid(claims, lifetime)
    if valid is None:
        raise InvalidAssertion(50027, "JWT token is invalid: it has no times `iat` and `exp`.")
    if not valid.start <= now < valid.end:
        raise InvalidAssertion(
            700024,
            f"Client assertion is not within its valid time range. Current time: {_text(now)}, "
            f"assertion valid from {_text(valid.start)}, expiry time of assertion "
            f"{_text(valid.end)}.",
        )


def _claims(assertion: str) -> dict[str, object] | None:
    """Returns the claims of a JWT, or None if the text is not a JWT."""
    parts = assertion.split(".")
    if len(parts) != 3:
        return None
    try:
        # A JWT has no base64 padding (RFC 7515, 2), but Python requires padding.
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None
    return claims if isinstance(claims, dict) else None


def _valid(claims: dict[str, object], lifetime: float | None) -> _Range | None:
    """Returns the time range in which a token is valid, or None if a required claim is missing."""
    issued, expires = _number(claims, "iat"), _number(claims, "exp")
    if expires is None or (lifetime is not None and issued is None):
        return None
    start = _number(claims, "nbf")
    if issued is not None and lifetime is not None:
        expires = min(expires, issued + lifetime)
    return _Range(start if start is not None else issued or 0.0, expires)


def _number(claims: dict[str, object], name: str) -> float | None:
    value = claims.get(name)
    return float(value) if isinstance(value, int | float) else None


def _text(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.0000000Z", time.gmtime(seconds))
