"""Finds retired base images, and series of Python, Ubuntu and CUDA without support.

The data is in `retired.json`, with its sources and its date. `scripts/refresh_retired.py` updates
the file. The file contains only series whose support had ended when the file was updated. envsync
reads no clock, so one release of envsync reports the same problems every day.
"""

from __future__ import annotations

import json
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from envsync.project.environment.series import cuda_series, image_name, ubuntu_series

DATA: Final = Path(__file__).with_name("retired.json")

_HOST: Final = "mcr.microsoft.com/"
_PYTHON: Final = r"(?<![a-z])py(?:thon)?[-_]?([23])\.?(\d{1,2})(?![\d.]*\d)"
_PYTHON_TAG: Final = r"(?:^|/)python:([23])(?:\.(\d{1,2}))?(?![\d])"


class Ended(Struct, frozen=True):
    """A series of Python, Ubuntu or CUDA whose support has ended.

    Attributes:
        name: the series, such as `Ubuntu 18.04`.
        date: the day on which the support ended, such as `2023-05-31`.
    """

    name: str
    date: str


@cache
def _data() -> Any:
    return json.loads(DATA.read_text("utf-8"))


def ended_python(major: str, minor: str | None) -> Ended | None:
    """Returns a Python series if the series has no support, otherwise None."""
    name = "2" if int(major) < 3 else f"{major}.{int(minor)}" if minor else ""
    return _ended("Python", name, _data()["python"])


# Many environments of a project have the same image, so results are cached.
@lru_cache(maxsize=1024)
def ended_in_image(image: str) -> tuple[Ended, ...]:
    """Returns the series without support that the name of an image shows.

    The digest is not part of the name. An image can also contain software that the name does not
    show.
    """
    name = image_name(image)
    found: list[Ended | None] = []
    if ubuntu := ubuntu_series(image):
        found.append(_ended("Ubuntu", ubuntu, _data()["ubuntu"]))
    if cuda := cuda_series(image):
        found.append(_ended("CUDA", cuda.partition(".")[0], _data()["cuda"]))
    python = re.search(_PYTHON_TAG, name) if "python:" in name else None
    if "py" in name and (python := python or re.search(_PYTHON, name)):
        found.append(ended_python(python[1], python[2]))
    return tuple(item for item in found if item is not None)


@lru_cache(maxsize=1024)
def successor(image: str) -> str | None:
    """Returns the replacement for a retired base image of Microsoft, or None for another image."""
    name = image.partition("@")[0]
    path = name.removeprefix(_HOST).partition(":")[0]
    if not name.startswith(_HOST) or path not in (data := _data())["images"]:
        return None
    kind = "inference" if "o16n" in path else "gpu" if "cuda" in path or "gpu" in path else "cpu"
    return _HOST + str(data["successors"][kind])


def _ended(kind: str, name: str, series: dict[str, str]) -> Ended | None:
    return Ended(f"{kind} {name}", series[name]) if name in series else None
