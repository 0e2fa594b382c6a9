"""Decides whether top-level keys are those of an environment file, or are similar to them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final

from envsync.project.environment.fields import ENVIRONMENT_FIELDS

SCHEMA: Final = "https://azuremlschemas.azureedge.net/latest/environment.schema.json"
"""The address of the environment schema that `az ml` documents."""

# The schema is published on several hosts and in several versions, such as `latest`.
_SCHEMA: Final = re.compile(
    r"https?://[^/]*azureml[^/]*/(?:[^?#]*/)?environment\.schema\.json/?(?:[?#].*)?", re.IGNORECASE
)
# How similar two words must be. With this limit, `imgae` and `nmae` are similar to a field, and
# the names of other schemas of Azure ML are not similar to `environment`.
_SIMILAR: Final = 0.75


def is_environment_schema(schema: str) -> bool:
    """Returns True if the value of `$schema` is the environment schema.

    A line below `$schema` that is indented by mistake is part of the value. Only the first word of
    the value is therefore compared.
    """
    words = schema.split(maxsplit=1)
    return bool(words) and _SCHEMA.fullmatch(words[0]) is not None


def is_similar_schema(schema: str) -> bool:
    """Returns True if the value of `$schema` is a misspelt environment schema, or a path of one."""
    # The end of a link may be missing or wrong, so only the name of the schema is compared.
    file = re.split(r"[?#\s]", schema.strip())[0].replace("\\", "/").rstrip("/")
    name = file.rpartition("/")[2].lower().partition(".")[0]
    similar = difflib.SequenceMatcher(None, name, "environment").ratio() > _SIMILAR
    return similar and ("schema" in file.lower() or file.lower().endswith(".json"))


def has_shape(keys: Collection[str]) -> bool:
    """Returns True if keys are those of an environment file without `$schema`."""
    # Other Azure ML files (jobs, components) also have a `name` and an `image`, but another schema.
    return "name" in keys and ("image" in keys or "build" in keys)


def has_similar_shape(keys: Collection[str]) -> bool:
    """Returns True if keys are similar to those of an environment file.

    Either every key is similar to a field of environment files, and they include a name with an
    image or a build, or `conda_file` is one of the keys, which no other kind of file has.
    """
    fields = {field for key in keys if (field := similar_field(key))}
    if "conda_file" in keys:
        return bool(fields & {"name", "image"})
    if "name" not in fields or fields.isdisjoint(("image", "build")):
        return False
    return all(map(similar_field, keys))


@lru_cache(maxsize=4096)
def similar_field(key: str) -> str | None:
    """Returns the field of environment files that is most similar to a key, or None."""
    lower = key.lower()
    if lower in ENVIRONMENT_FIELDS or lower == "$schema":
        return lower
    close = difflib.get_close_matches(lower, ENVIRONMENT_FIELDS, n=1, cutoff=_SIMILAR)
    return close[0] if close else None
