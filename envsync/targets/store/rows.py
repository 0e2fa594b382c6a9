"""The rows of a store's tables as Python values, in the service's terms."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar, get_type_hints

from msgspec import Struct, field

from envsync.model.canonical import JSON
from envsync.model.provenance import OWNER_TAG

FIXED_EXTRA: Mapping[str, JSON] = {"isAnonymous": False, "autoRebuild": "Disabled"}
"""Fields that are fixed at creation and that envsync does not model.

The values are the service's defaults (OpenAPI).
"""


class VersionSpec(NamedTuple):
    """The part of a version that is fixed at creation. Each field is a column.

    Attributes:
        conda_file: the parsed conda file as canonical JSON text, not the text of the file.
        build_uri: the URL of a build context that is not in the store.
        build_context: the digest of a build context in the store.
        inference_config: canonical JSON text.
    """

    image: str | None
    conda_file: str | None
    build_uri: str | None
    build_context: str | None
    dockerfile_path: str | None
    os_type: str
    inference_config: str | None

    def document(self) -> dict[str, JSON]:
        """Returns the spec as JSON data, without the fields that are unset."""
        return {
            name: json.loads(value) if name in ("conda_file", "inference_config") else value
            for name, value in zip(self._fields, self, strict=True)
            if value is not None
        }


class ContextRow(NamedTuple):
    """A build context in the store: its digest, and JSON text with the hash of each file."""

    digest: str
    files: str


class ContainerRow(NamedTuple):
    """A container.

    `tags` is JSON text. If `archived` is 1, the container and all its versions are hidden.
    `modified_at` and `modified_by` are the time and the actor of the last write.
    """

    name: str
    tags: str
    archived: int
    created_at: str
    modified_at: str
    modified_by: str


class VersionRow(NamedTuple):
    """One version. The flags `archived` and `curated` are 0 or 1.

    Attributes:
        tags: all tags as JSON text, including reserved tags.
        archived: the version's own flag, independent of the container's flag.
        created_at: the time of creation, ISO 8601 in UTC.
        modified_at: the time of the last write. The creation counts as a write.
        modified_by: the actor of the last write.
    """

    name: str
    version: str
    image: str | None
    conda_file: str | None
    build_uri: str | None
    build_context: str | None
    dockerfile_path: str | None
    os_type: str
    inference_config: str | None
    description: str | None
    tags: str
    archived: int
    curated: int
    created_at: str
    owner: str | None
    modified_at: str
    modified_by: str

    @property
    def spec(self) -> VersionSpec:
        """The part of the version that is fixed at creation."""
        # The slice has the columns from `image` to `inference_config`, in the order of
        # `VersionSpec`.
        return VersionSpec(*self[2:9])

    def state(self) -> dict[str, JSON]:
        """Returns the mutable fields of the version as JSON data."""
        return mutable_state(self.description, parsed_tags(self.tags), bool(self.archived))


class ContainerRecord(NamedTuple):
    """A container with all its columns. `tags` and `properties` are JSON text."""

    name: str
    description: str | None
    tags: str
    properties: str
    archived: int
    created_at: str
    created_by: str
    modified_at: str
    modified_by: str


class VersionRecord(NamedTuple):
    """One version with all its columns.

    Attributes:
        row: the columns that a plan needs.
        properties: JSON text with key-value pairs, which clients store separately from the tags.
        extra: JSON text with fields that the service keeps and envsync does not model.
        created_by: the actor that registered the version.
    """

    row: VersionRow
    properties: str
    extra: str
    created_by: str


class HistoryRow(NamedTuple):
    """One change. `before` and `after` are JSON text."""

    at: str
    actor: str
    action: str
    name: str
    version: str | None
    before: str | None
    after: str


class NewVersion(Struct, frozen=True):
    """A version to register.

    Attributes:
        tags: all tags, including reserved tags.
        context: the build context that `spec.build_context` names. The files of this build context
            are already stored.
        properties: key-value pairs that clients store with the version, separate from tags.
        extra: fields that the service keeps and envsync does not model.
    """

    name: str
    version: str
    spec: VersionSpec
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    context: ContextRow | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, JSON] = field(default_factory=dict)

    @property
    def owner(self) -> str | None:
        """The project in the owner tag, or None if there is no such tag."""
        return self.tags.get(OWNER_TAG)


class Written(Struct, frozen=True):
    """The mutable fields of one write. A field is None if the write does not contain it.

    Attributes:
        description: the description, which is possibly empty.
        tags: all tags, including reserved tags.
        properties: key-value pairs that clients store with the resource, separate from tags.
        archived: the requested archived state.
        stage: the requested lifecycle stage, which envsync does not model.
        numbers: the keys of the tags whose values were sent as JSON numbers or booleans.
    """

    description: str | None = None
    tags: dict[str, str] | None = None
    properties: dict[str, str] | None = None
    archived: bool = False
    stage: str | None = None
    numbers: frozenset[str] = frozenset()


class Snapshot(Struct, frozen=True):
    """The content of a store at one moment. Versions are sorted from oldest to newest."""

    containers: list[ContainerRow] = field(default_factory=list)
    versions: list[VersionRow] = field(default_factory=list)
    contexts: list[ContextRow] = field(default_factory=list)


def mutable_state(
    description: str | None, tags: Mapping[str, str], archived: bool
) -> dict[str, JSON]:
    """Returns the mutable fields of a version as JSON data."""
    return {"description": description, "tags": dict(tags), "archived": archived}


_Row = TypeVar("_Row", ContainerRow, ContainerRecord, VersionRow, ContextRow, HistoryRow)
_COLUMN_TYPES: dict[type, tuple[Any, ...]] = {
    # Annotations are strings in this module; `get_type_hints` evaluates them.
    kind: tuple(get_type_hints(kind).values())
    for kind in (ContainerRow, ContainerRecord, VersionRow, ContextRow, HistoryRow)
}


def rows_of(kind: type[_Row], results: Iterable[tuple[Any, ...]]) -> list[_Row]:
    """Returns the results of a query as rows, after checking the type of each column.

    Each combination of types is checked only once, because a query can return many rows.

    Raises:
        ValueError: a column has a value of an unexpected type.
    """
    expected = _COLUMN_TYPES[kind]
    known: set[tuple[type, ...]] = set()
    rows = []
    for result in results:
        # SQLite does not enforce column types (https://www.sqlite.org/flexibleextypes.html), so a
        # damaged or edited file can return any type.
        types = tuple(map(type, result))
        if types not in known:
            if not all(map(issubclass, types, expected)):
                raise ValueError(f"a row contains {result!r}")
            known.add(types)
        rows.append(kind._make(result))
    return rows


def version_records(results: Iterable[tuple[Any, ...]]) -> list[VersionRecord]:
    """Returns the results of a query as records with all columns of a version.

    Raises:
        ValueError: a column has a value of an unexpected type.
    """
    rows, rest = [], []
    for result in results:
        # The last three columns are `properties`, `extra` and `created_by`.
        rows.append(result[:-3])
        rest.append(result[-3:])
        if not all(isinstance(text, str) for text in rest[-1]):
            raise ValueError(f"a row contains {rest[-1]!r}")
    return [
        VersionRecord(row, *texts)
        for row, texts in zip(rows_of(VersionRow, rows), rest, strict=True)
    ]


_DECODER = json.JSONDecoder()  # every version has tags, and `json.loads` takes longer


def parsed_tags(text: str) -> dict[str, str]:
    """Parses the tags of a row, which are JSON text.

    Raises:
        ValueError: the text is not a JSON object.
    """
    tags = _DECODER.decode(text)
    if not isinstance(tags, dict):
        raise ValueError(f"{text} is not a JSON object of tags")  # noqa: TRY004 (damaged content)
    return tags
