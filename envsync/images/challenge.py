"""`Challenge`: the header `WWW-Authenticate` of a registry, which says where to get a token.

The protocol: https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

_SCHEME: Final = re.compile(r"(?:^|,)\s*(Bearer|Basic)\s+", re.IGNORECASE)
_PARAMETER: Final = re.compile(r"([A-Za-z]+)\s*=\s*(?:\"([^\"]*)\"|([^\s,\"]+))")


class Challenge(Struct, frozen=True):
    """The authentication that a registry requires.

    Attributes:
        is_bearer: True for a token, False for user and password in each request.
        realm: the URL that returns tokens.
        service: the name of the registry for this URL.
    """

    is_bearer: bool
    realm: str = ""
    service: str = ""


def read_challenge(header: str) -> Challenge | None:
    """Returns the challenge in a header, or None if it has neither Bearer nor Basic."""
    found = list(_SCHEME.finditer(header))
    for index, match in enumerate(found):
        if match[1].lower() != "bearer":
            continue
        end = found[index + 1].start() if index + 1 < len(found) else len(header)
        values = {
            name.lower(): quoted or plain
            for name, quoted, plain in _PARAMETER.findall(header[match.end() : end])
        }
        return Challenge(True, values.get("realm", ""), values.get("service", ""))
    return Challenge(False) if found else None
