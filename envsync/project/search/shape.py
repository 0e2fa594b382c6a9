"""Decides if a file looks like an environment file, from its `$schema` and its keys."""

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
    r"https?://(?=[^/]*azureml)[^/]*/(?:[^?#]*/)?environment\.schema\.json/?(?:[?#].*)?",
    re.IGNORECASE,
)
# A word counts as a misspelt name if its similarity (`ratio` of difflib) is at least this number.
# With this limit, `imgae` and `nmae` are similar to a field, and the names of other schemas of
# Azure ML are not similar to `environment`.
_SIMILAR: Final = 0.75
_MAX_SIMILAR: Final = 40
# An environment file has fewer keys than this. Comparing more keys with the fields would be slow.
_MAX_KEYS: Final = 100


def is_environment_schema(schema: str) -> bool:
    """Returns True if the value of `$schema` is the environment schema.

    Only the first word of the value is compared, because YAML adds the next line to the value if
    that line is indented by mistake.
    """
    words = schema.split(maxsplit=1)
    return bool(words) and _SCHEMA.fullmatch(words[0]) is not None


def is_similar_schema(schema: str) -> bool:
    """Returns True if `$schema` is a misspelt environment schema, or a file path of the schema."""
    # Only the file name is compared, because the rest of the address can be wrong as well.
    file = re.split(r"[?#\s]", schema.strip())[0].replace("\\", "/").rstrip("/")
    name = file.rpartition("/")[2].lower().partition(".")[0]
    # Longer names are never similar, and comparing them would be slow.
    if len(name) > _MAX_SIMILAR:
        return False
    similar = difflib.SequenceMatcher(None, name, "environment").ratio() > _SIMILAR
    return similar and ("schema" in file.lower() or file.lower().endswith(".json"))


def has_shape(keys: Collection[str]) -> bool:
    """Returns True if the keys identify an environment file that has no `$schema`."""
    # Other Azure ML files (jobs, components) can also have a `name` and an `image`, but they have
    # another `$schema`.
    return "name" in keys and ("image" in keys or "build" in keys)


def has_similar_shape(keys: Collection[str]) -> bool:
    """Returns True if the keys are similar to the fields of environment files.

    No other kind of file has a `conda_file`. If a file has this key, a key similar to `name` or
    `image` is enough. Otherwise, every key must be similar to a field, and the keys must include a
    `name`, and an `image` or `build`. A file with more than 100 keys is not similar.
    """
    if len(keys) > _MAX_KEYS:
        return False
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
    if len(lower) > _MAX_SIMILAR:
        return None
    close = difflib.get_close_matches(lower, ENVIRONMENT_FIELDS, n=1, cutoff=_SIMILAR)
    return close[0] if close else None
