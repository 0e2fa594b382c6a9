"""Reads the responses of registries: digests, pages and manifests."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Final, cast
from urllib.parse import parse_qsl, urlsplit

from envsync.images.connection import Answer, RegistryError

INDEXES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
# Indexes are first, so that a registry returns the index if an image has several platforms.
ACCEPT: Final = {"Accept": ", ".join((*INDEXES, *MANIFESTS))}
DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def digest_of(answer: Answer, host: str) -> str:
    """Returns the digest of a manifest, from its content.

    Raises:
        RegistryError: the content does not match the digest in the header, or is not a manifest.
    """
    digest = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
    declared = answer.headers.get("Docker-Content-Digest", digest)
    if DIGEST.fullmatch(declared) and declared != digest:
        raise RegistryError(f"{host} returns a manifest that does not match its digest.")
    media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
    if media_type not in (*INDEXES, *MANIFESTS):
        raise RegistryError(f"{host} returns a response that is not an image manifest.")
    return digest


def json_of(answer: Answer, host: str) -> dict[str, object]:
    """Returns the JSON object in a response.

    Raises:
        RegistryError: the response is not a JSON object.
    """
    try:
        data = json.loads(answer.body)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise RegistryError(f"{host} returns no valid JSON.")
    return cast("dict[str, object]", data)


def next_page(link: str) -> dict[str, str]:
    """Returns the query of the next page, from a header `Link`; empty on the last page."""
    found = re.search(r"<([^>]*)>\s*;\s*rel=\"?next\"?", link)
    return dict(parse_qsl(urlsplit(found[1]).query)) if found else {}


def for_linux(entries: list[object]) -> str | None:
    """Returns the digest for linux/amd64, or for the first platform if linux/amd64 is missing."""
    found = list(_platforms(entries))
    chosen = [digest for platform, digest in found if platform == "linux/amd64"]
    return next(iter(chosen or [digest for _, digest in found]), None)


def _platforms(entries: list[object]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        if isinstance(entry, dict) and isinstance(entry.get("digest"), str):
            platform = entry.get("platform")
            known = platform if isinstance(platform, dict) else {}
            name = f"{known.get('os')}/{known.get('architecture')}"
            # The platform `unknown/unknown` marks attestations, which are not images.
            if name != "unknown/unknown" and DIGEST.fullmatch(entry["digest"]):
                yield name, entry["digest"]
