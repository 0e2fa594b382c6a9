"""Derives a version from the content of an environment, for `versions: content`."""

from __future__ import annotations

import re
from typing import Final

from envsync.model.environment import EnvironmentSpec

_DIGITS: Final = 12
"""The number of hex digits of the spec digest. A collision is as unlikely as in git's short ids."""

# A tag can start with `_`, but a version cannot.
_TAG: Final = r"[A-Za-z0-9][A-Za-z0-9._\-]*"


def content_version(spec: EnvironmentSpec, digest: str | None = None) -> str:
    """Returns the version that is derived from a spec.

    The version is the tag of the image and the first digits of the digest. If the image has no
    fixed tag, the version contains only the digits.

    Args:
        spec: the spec.
        digest: the digest of the spec. If None, the digest is computed.
    """
    digits = (digest or spec.digest).removeprefix("sha256:")[:_DIGITS]
    tag = fixed_tag(spec.image) if spec.image else None
    return f"{tag}-{digits}" if tag and re.fullmatch(_TAG, tag) else digits


def fixed_tag(image: str) -> str | None:
    """Returns the tag of an image, or None if the image has no tag or the tag `latest`.

    An image is `[host[:port]/]path[:tag][@digest]`. A colon before the last `/` marks a port.
    """
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    return None if tag.lower() in ("", "latest") else tag
