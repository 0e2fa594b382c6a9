"""Decides whether the path of a build context is a URL or a local path, as azure-ai-ml does."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

# Matches the hosts that azure-ai-ml accepts in a URL: a domain name, `localhost`, an IPv4 address
# or an IPv6 address. azure-ai-ml validates the path with marshmallow's `fields.URL`. The pattern is
# not compiled here, because only a URL needs it.
_HOST: Final = (
    r"(?i)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z0-9-]{2,})\.?|localhost"
    r"|\d{1,3}(?:\.\d{1,3}){3}|[a-f0-9]*:[a-f0-9:]+"
)


def is_url(text: str) -> bool:
    """Returns True if azure-ai-ml treats the path of a build context as a URL.

    azure-ai-ml uploads a local build context. azure-ai-ml does not upload anything for a URL.
    """
    if re.search(r"\s", text):
        return False
    try:
        parts = urlsplit(text)
        # Reading `port` raises ValueError if the port is invalid.
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    is_web = parts.scheme.lower() in ("http", "https", "ftp", "ftps")
    return is_web and re.fullmatch(_HOST, host) is not None
