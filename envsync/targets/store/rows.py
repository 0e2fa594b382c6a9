"""What a store holds and takes, in the service's terms: the rows of its tables as values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar, get_type_hints

from envsync.model.canonical import JSON
from envsync.model.provenance import OWNER_TAG

FIXED_EXTRA: Mapping[str, JSON] = {"isAnonymous": False, "autoRebuild": "Disabled"}
"""What is fixed, too, and envsync does not model, with the service's defaults (OpenAPI)."""


class VersionSpec(NamedTuple):
    """What is fixed once a version is created. Fields are columns.

    Attributes:
        conda_file: canonical JSON text: what it means, not how it was written.
        build_uri: a build context that lies elsewhere, by its URL.
        build_context: a build context that is kept here, by its digest.
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
        """The spec as JSON data; what is unset is absent."""
        return {
            name: json.loads(value) if name in ("conda_file", "inference_config") else value
            for name, value in zip(self._fields, self, strict=True)
            if value is not None
        }


class ContextRow(NamedTuple):
    """A build context that is kept: its digest, and JSON texts of its files and upload hashes."""

    digest: str
    files: str


class ContainerRow(NamedTuple):
    """An environment name. `archived` (0 or 1) hides every version; `tags` is JSON text."""

    name: str
    tags: str
    archived: int


class VersionRow(NamedTuple):
    """One version. `tags` is JSON text with all tags, reserved ones too; flags are 0 or 1.

    Attributes:
        archived: on its own, whatever its container is.
        created_at: ISO 8601 in UTC.
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

    @property
    def spec(self) -> VersionSpec:
        """The part that is fixed."""
        return VersionSpec(*self[2:9])

    def state(self) -> dict[str, JSON]:
        """The part that may change, as JSON data."""
        return mutable_state(self.description, parsed_tags(self.tags), bool(self.archived))


class ContainerRecord(NamedTuple):
    """An environment name with all that is kept of it. `tags` and `properties` are JSON texts."""

    name: str
    description: str | None
    tags: str
    properties: str
    archived: int
    created_at: str
    created_by: str


class VersionRecord(NamedTuple):
    """One version with all that is kept of it.

    Attributes:
        row: what a plan needs of it.
        properties: JSON text, as `row.tags`.
        extra: JSON text: what the service keeps and envsync does not model.
        created_by: who registered it.
    """

    row: VersionRow
    properties: str
    extra: str
    created_by: str


class HistoryRow(NamedTuple):
    """One change; `before` and `after` are JSON texts."""

    at: str
    actor: str
    action: str
    name: str
    version: str | None
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version to register.

    Attributes:
        tags: all of them, the reserved ones included.
        context: the build context that `spec.build_context` names; its files are kept already.
        properties: what clients note about it, beside tags.
        extra: what the service keeps and envsync does not model.
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
        """The project that its tags name."""
        return self.tags.get(OWNER_TAG)


@dataclass(frozen=True, slots=True)
class Written:
    """What a write says of the part that may change; None is what it leaves out.

    Attributes:
        description: `""` is a description, too.
        tags: all of them, the reserved ones included.
        properties: what clients note beside tags.
        archived: the state that it asks for.
        stage: where in its life the version is; kept beside what envsync models.
        numbers: the tags whose values were sent as JSON numbers or booleans.
    """

    description: str | None = None
    tags: dict[str, str] | None = None
    properties: dict[str, str] | None = None
    archived: bool = False
    stage: str | None = None
    numbers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a store held at one moment: versions in order of creation, the oldest first."""

    containers: list[ContainerRow] = field(default_factory=list)
    versions: list[VersionRow] = field(default_factory=list)
    contexts: list[ContextRow] = field(default_factory=list)


def mutable_state(
    description: str | None, tags: Mapping[str, str], archived: bool
) -> dict[str, JSON]:
    """What may change of a version, as JSON data."""
    return {"description": description, "tags": dict(tags), "archived": archived}


_Row = TypeVar("_Row", ContainerRow, ContainerRecord, VersionRow, ContextRow, HistoryRow)
_COLUMN_TYPES: dict[type, tuple[Any, ...]] = {
    kind: tuple(get_type_hints(kind).values())
    for kind in (ContainerRow, ContainerRecord, VersionRow, ContextRow, HistoryRow)
}


def rows_of(kind: type[_Row], results: Iterable[tuple[Any, ...]]) -> list[_Row]:
    """Results of a query as rows, once their types are what the rows say.

    SQLite gives back whatever is in a file. A type is checked once for each combination that
    occurs, so that many rows cost little.

    Raises:
        ValueError: a column holds another type, which no store writes.
    """
    expected = _COLUMN_TYPES[kind]
    known: set[tuple[type, ...]] = set()
    rows = []
    for result in results:
        types = tuple(map(type, result))
        if types not in known:
            if not all(map(issubclass, types, expected)):
                raise ValueError(f"a row holds {result!r}")
            known.add(types)
        rows.append(kind._make(result))
    return rows


def version_records(results: Iterable[tuple[Any, ...]]) -> list[VersionRecord]:
    """Results of a query as versions with all that is kept of them.

    Raises:
        ValueError: a column holds another type, which no store writes.
    """
    rows, rest = [], []
    for result in results:
        rows.append(result[:-3])
        rest.append(result[-3:])
        if not all(isinstance(text, str) for text in rest[-1]):
            raise ValueError(f"a row holds {rest[-1]!r}")
    return [
        VersionRecord(row, *texts)
        for row, texts in zip(rows_of(VersionRow, rows), rest, strict=True)
    ]


def parsed_tags(text: str) -> dict[str, str]:
    """The tags that a row holds as JSON text.

    Raises:
        ValueError: it is not what a store writes.
    """
    tags = json.loads(text)
    if not isinstance(tags, dict):
        raise ValueError(f"{text} are no tags")  # noqa: TRY004 (damaged content, no wrong call)
    return tags
