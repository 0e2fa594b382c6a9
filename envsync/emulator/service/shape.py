"""Which keys the service answers with: by the client's `api-version`, and by the day.

Answers have grown over the years. Recordings of each year are matched on a day of that year.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

_DATED = re.compile(r"(\d{4}-\d{2}-\d{2})(-preview)?")
_LABELS_SINCE = date(2023, 10, 1)
_CONDA_NAMES_UNTIL = date(2022, 9, 1)
_DATAPLANE = "2021-10-01-dataplanepreview"


@dataclass(frozen=True, slots=True)
class Shape:
    """Which keys a version of the API answers with.

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
    """What an `api-version` answers with.

    As recorded for 2022-05-01, 2023-04-01-preview and 2021-10-01-dataplanepreview; for 2024-04-01
    as its OpenAPI says.

    Args:
        api_version: the parameter of the request.
        as_of: the day whose recordings are to be matched; None is today.
    """
    recent = as_of is None or as_of >= _LABELS_SINCE
    if api_version == _DATAPLANE:
        return Shape(False, recent, False, recent, recent)
    match = _DATED.fullmatch(api_version)
    modern = match is not None and match[1] >= "2023-04-01"
    preview = modern and match is not None and match[2] is not None
    return Shape(modern, modern, preview, preview, recent)


def renames_conda(as_of: date | None) -> bool:
    """Whether the service replaces the `name` of a conda file (recorded in March 2022)."""
    return as_of is not None and as_of < _CONDA_NAMES_UNTIL
