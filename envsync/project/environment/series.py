"""Reads the series of Ubuntu and CUDA in the name of an image."""

from __future__ import annotations

import re
from typing import Final

_CODE_NAMES: Final = {
    "trusty": "14.04",
    "xenial": "16.04",
    "bionic": "18.04",
    "focal": "20.04",
    "jammy": "22.04",
    "noble": "24.04",
    "resolute": "26.04",
}
"""The series of Ubuntu with long-term support, by code name."""

_UBUNTU: Final = re.compile(r"(?:ubuntu[-_:]?|inference-base-)(\d\d)\.?(\d\d)(?!\d)")
# Only the tag is searched, because an image can be called `focal-loss`.
_CODE_NAME: Final = rf":[^/]*?(?<![a-z])({'|'.join(_CODE_NAMES)})(?![a-z])"
_CUDA: Final = r"(?<![a-z])cuda[-:_]?(\d{1,2})\.(\d{1,2})|(?<![a-z])cu(\d\d)(\d)(?!\d)"


def image_name(image: str) -> str:
    """Returns an image reference in lower case, without its digest."""
    return image.partition("@")[0].lower()


def ubuntu_series(image: str) -> str | None:
    """Returns the series of Ubuntu in the name of an image, such as `22.04`, or None."""
    name = image_name(image)
    if series := _UBUNTU.search(name):
        return ".".join(series.groups())
    # Compiling the pattern is slow, so it is compiled only for the few images with a code name.
    is_named = any(word in name for word in _CODE_NAMES)
    code_name = re.search(_CODE_NAME, name) if is_named else None
    return _CODE_NAMES[code_name[1]] if code_name else None


def cuda_series(image: str) -> str | None:
    """Returns the series of CUDA in the name of an image, such as `12.4`, or None."""
    name = image_name(image)
    found = re.search(_CUDA, name) if "cu" in name else None
    return ".".join(filter(None, found.groups())) if found else None
