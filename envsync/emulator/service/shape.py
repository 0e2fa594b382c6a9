"""`Shape`: the keys of a response, which depend on `api-version` and on the day to reproduce.

Over the years, keys were added to responses. `Settings.as_of` selects a day, and the emulator then
reproduces the recorded responses of that day.
"""

from __future__ import annotations

import re
from datetime import date

from msgspec import Struct

_DATED = re.compile(r"(\d{4}-\d{2}-\d{2})(-preview)?")
_LABELS_SINCE = date(2023, 10, 1)
_CONDA_NAMES_UNTIL = date(2022, 9, 1)
_DATAPLANE = "2021-10-01-dataplanepreview"


class Shape(Struct, frozen=True):
    """The optional keys of a response.

    Each attribute stands for one or two keys. The attribute is true if the response has these keys.

    Attributes:
        rebuild: `autoRebuild` and `provisioningState`.
        stage: `stage`.
        deletion: `autoDeleteSetting`.
        property: `intellectualProperty`.
        labels: the service's own labels in `properties`.
    """

    rebuild: bool
    stage: bool
    deletion: bool
    property: bool
    labels: bool


def shape_of(api_version: str, as_of: date | None) -> Shape:
    """Returns the keys of an `api-version`.

    Sources: recordings of 2022-05-01, 2023-04-01-preview and 2021-10-01-dataplanepreview, and the
    OpenAPI of 2024-04-01.

    Args:
        api_version: the query parameter of the request.
        as_of: the day of the recordings to reproduce. If None, responses have the newest keys.
    """
    recent = as_of is None or as_of >= _LABELS_SINCE
    if api_version == _DATAPLANE:
        return Shape(rebuild=False, stage=recent, deletion=False, property=recent, labels=recent)
    # ISO dates can be compared as strings.
    match = _DATED.fullmatch(api_version)
    modern = match is not None and match[1] >= "2023-04-01"
    preview = modern and match is not None and match[2] is not None
    return Shape(rebuild=modern, stage=modern, deletion=preview, property=preview, labels=recent)


def renames_conda(as_of: date | None) -> bool:
    """Returns whether the service replaces the `name` of a conda file, as in March 2022."""
    return as_of is not None and as_of < _CONDA_NAMES_UNTIL
