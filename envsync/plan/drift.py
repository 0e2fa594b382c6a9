"""Finds out where a difference between a file and the target was made: in git, the target or both.

The comparison has three sides: the declared metadata, the metadata in the target, and the metadata
that envsync wrote last. Only a digest of the metadata that envsync wrote last is known: the tag
`envsync.applied`. This digest is enough in three cases:

- The metadata in the target has this digest: nobody edited the target, so git made all differences.
- The declared metadata has this digest: git has not changed, so the target made all differences.
- A mixture of the two has this digest: each field was changed on one side only.

Otherwise, the target was edited, but it is unknown which fields were edited. If the version has no
tag `envsync.applied`, it is unknown whether the target was edited.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import product
from math import prod
from typing import Final

from msgspec import Struct

from envsync.model.environment import Metadata
from envsync.model.naming import natural_order
from envsync.model.provenance import Provenance
from envsync.model.state import Modification, RegisteredVersion
from envsync.plan.change import FieldChange
from envsync.plan.compare import merge_ignored, metadata_fields, without_ignored
from envsync.plan.drifted import Drifted

_MOST_MIXTURES: Final = 2000
"""Maximum number of mixtures that are tried. For each mixture, a digest is computed."""

OWNER: Final = "owner"
"""The path of the field that contains the owner of a version or environment."""

_DESCRIPTION: Final = "description"
_TAG: Final = "tags."


class Origin(StrEnum):
    """The side that made a difference since envsync last wrote the version.

    - `git`: only the file was changed. The difference is pending.
    - `target`: only the target was changed. The difference is drift.
    - `both`: the file and the target were changed.
    - `unknown`: nothing that envsync can read shows which side was changed.
    """

    GIT = "git"
    TARGET = "target"
    BOTH = "both"
    UNKNOWN = "unknown"


class Difference(Struct, frozen=True):
    """One field of the metadata that differs between the target and the file.

    Attributes:
        field: the field, with its value in the target (`before`) and in the file (`after`).
        origin: the side that made the difference.
    """

    field: FieldChange
    origin: Origin

    @property
    def is_drift(self) -> bool:
        """True if it is known that the field was changed in the target."""
        return self.origin in (Origin.TARGET, Origin.BOTH)


class Comparison(Struct, frozen=True):
    """The metadata of one version, compared with its file and with the last write of envsync.

    Attributes:
        edited: True if the description or a tag was changed in the target since envsync last wrote
            them. None if this is unknown, because the version has no tag `envsync.applied`.
        differences: the fields that differ between the target and the file.
        modified: the last write to the version in the target. None if the target does not report
            it.
    """

    edited: bool | None
    differences: tuple[Difference, ...] = ()
    modified: Modification | None = None

    @property
    def drifted(self) -> tuple[Difference, ...]:
        """The fields that were certainly changed in the target, and perhaps in git as well."""
        return tuple(item for item in self.differences if item.is_drift)

    def overwritten(self, *, owner_lost: bool = False) -> Drifted | None:
        """Returns the edit in the target that an update would overwrite.

        Returns None if there is no edit.

        Args:
            owner_lost: whether somebody removed the owner of the version, see `lost_owner`.
        """
        differences = self.differences if self.edited else ()
        if not (differences or owner_lost):
            return None
        last = self.modified
        fields = [item.field.path for item in self.drifted or differences]
        return Drifted(
            fields=(*fields, *([OWNER] if owner_lost else [])),
            certain=bool(self.drifted) or not differences,
            by=None if last is None else last.by,
            at=None if last is None else last.at,
        )


def compare_metadata(
    item: RegisteredVersion, declared: Metadata, ignore_tags: Sequence[str] = ()
) -> Comparison:
    """Compares the declared metadata of a version with the target and with the last write.

    Args:
        item: the registered version.
        declared: the declared description and tags, including the default tags of the target.
        ignore_tags: glob patterns of tag keys that other tools manage. These tags are never
            reported as differences.
    """
    actual, applied = item.environment.metadata, item.environment.provenance.applied
    wanted = merge_ignored(actual, declared, ignore_tags)
    fields = metadata_fields(actual, wanted)
    if applied is None:
        return _all(fields, Origin.UNKNOWN, edited=None, item=item)
    compared = without_ignored(actual, ignore_tags)
    # Tags that are ignored now may not have been ignored at the last write.
    bases = [compared] if compared == actual else [compared, actual]
    if applied in {base.digest for base in bases}:
        return _all(fields, Origin.GIT, edited=False, item=item)
    for base in bases:
        there = merge_ignored(base, declared, ignore_tags)
        written = _last_written(_fields(base), _fields(there), applied)
        if written is not None:
            return Comparison(
                edited=True,
                differences=tuple(_told_apart(actual, wanted, written)),
                modified=item.modified,
            )
    return _all(fields, Origin.UNKNOWN, edited=True, item=item)


def lost_owner(item: RegisteredVersion) -> bool:
    """Returns True if somebody removed the tag `envsync.owner` from a version.

    envsync always writes this tag together with the other reserved tags.
    """
    provenance = item.environment.provenance
    return item.owner is None and provenance != Provenance()


def is_edited(item: RegisteredVersion, ignore_tags: Sequence[str] = ()) -> bool | None:
    """Returns whether a version's description or tags were edited since envsync last wrote them.

    Returns None if this is unknown, because the version has no tag `envsync.applied`.
    """
    return compare_metadata(item, item.environment.metadata, ignore_tags).edited


def _all(
    fields: Iterable[FieldChange], origin: Origin, *, edited: bool | None, item: RegisteredVersion
) -> Comparison:
    return Comparison(edited, tuple(Difference(field, origin) for field in fields), item.modified)


def _last_written(
    actual: Mapping[str, str | None], declared: Mapping[str, str | None], applied: str
) -> Mapping[str, str | None] | None:
    """Finds the fields that envsync wrote last, by trying mixtures of the target and the file.

    Returns None if no mixture has the digest `applied`.

    Args:
        actual: the fields in the target.
        declared: the fields in the file.
        applied: the digest of the fields that envsync wrote last.
    """
    keys = [key for key in {**actual, **declared} if actual.get(key) != declared.get(key)]
    # The second attempt also tries mixtures without some of the fields. One of these mixtures is
    # the last write if both sides have since added the same field with different values.
    pairs = [(actual.get(key), declared.get(key)) for key in keys]
    triples = [tuple(dict.fromkeys((*pair, None))) for pair in pairs]
    for choices in (pairs, triples):
        if prod(map(len, choices)) > _MOST_MIXTURES:
            continue
        for values in product(*choices):
            mixture = {**actual, **dict(zip(keys, values, strict=True))}
            if _metadata(mixture).digest == applied:
                return mixture
    return None


def _told_apart(
    actual: Metadata, wanted: Metadata, written: Mapping[str, str | None]
) -> Iterator[Difference]:
    """Yields each field that differs, with its origin."""
    here, there = _fields(actual), _fields(wanted)
    for key in sorted(here | there, key=natural_order):
        (before, after), last = (here.get(key), there.get(key)), written.get(key)
        if before == after:
            continue
        origin = Origin.GIT if last == before else Origin.TARGET if last == after else Origin.BOTH
        (field,) = metadata_fields(_metadata({key: before}), _metadata({key: after}))
        yield Difference(field, origin)


def _fields(metadata: Metadata) -> dict[str, str | None]:
    tags = {_TAG + key: value for key, value in metadata.tags.items()}
    return {_DESCRIPTION: metadata.description or None, **tags}


def _metadata(fields: Mapping[str, str | None]) -> Metadata:
    tags = {
        key.removeprefix(_TAG): value
        for key, value in fields.items()
        if key != _DESCRIPTION and value is not None
    }
    return Metadata(fields.get(_DESCRIPTION), tags)
