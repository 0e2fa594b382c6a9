"""Compares a declaration with a registered version: are they equal, and which fields differ?"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from msgspec.structs import replace

from envsync.model.canonical import JSON, canonical_json
from envsync.model.environment import BuildContext, EnvironmentSpec, Metadata
from envsync.model.naming import natural_order
from envsync.model.state import RegisteredVersion
from envsync.plan.change import FieldChange
from envsync.plan.sequences import item_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Match: TypeAlias = Literal["same", "other", "unknown"]
"""The result of comparing two specs. `unknown` if the build contexts cannot be compared."""

UNKNOWN: Final = "unknown"
"""The value that a plan shows for `build.context` if the target does not return the content."""

_TOP_LEVEL = re.compile(r"[.\[]")

# Matches a key that needs no quotes in a path such as `tags.owner`.
_PLAIN_KEY = re.compile(r"[^\s.\[\]\"']+\Z")

# In 2022 the service replaced the `name` in every conda file with a generated name like this (seen
# in recorded responses). A generated name is not an edit of the conda file.
_SERVICE_NAME = re.compile(r"azureml_[0-9a-f]{32}")


def match_spec(declared: EnvironmentSpec, item: RegisteredVersion) -> Match:
    """Compares a declared spec with the spec of a registered version.

    Azure does not return the content of a build context. If the content is unknown, the comparison
    uses two values of the version. The first value has priority:

    1. the tag `envsync.digest`, which covers the whole spec;
    2. the hash of the content, which azure-ai-ml puts into the URL of the context.

    The result is `unknown` if the version has neither value. The result is also `unknown` if the
    tag matches the declared spec, but the hash does not.

    Args:
        declared: the declared spec.
        item: the registered version.
    """
    registered = _with_name_of(declared, item.environment.spec)
    if declared.build and registered.build and declared.build.context == item.context_uri:
        # The file declares the address of uploaded files, not a directory. (`envsync import` writes
        # such files.) The service stores this address, so equal addresses mean equal content.
        build = replace(registered.build, context=declared.build.context)
        return _match(declared == replace(registered, build=build))
    ours, theirs = declared.local_context, registered.local_context
    if not registered.build or not ours or not theirs or theirs.digest:
        return _match(declared == registered)
    # First compare everything except the content of the context, because this comparison needs no
    # digest.
    if replace(registered, build=replace(registered.build, context=ours)) != declared:
        return "other"
    uploads = _match_uploads(theirs, ours)
    if digest := item.environment.provenance.digest:
        # Everybody who can write to the target can change the tag, so a tag that matches proves
        # nothing if the hash differs. A different hash proves nothing either, because empty
        # directories change the hash.
        contradicted = digest == declared.digest and uploads == "other"
        return "unknown" if contradicted else _match(digest == declared.digest)
    return uploads


def is_contradicted(declared: EnvironmentSpec, item: RegisteredVersion) -> bool:
    """Returns True if the tag `envsync.digest` matches the declared spec, but the hash does not."""
    # The digest comes last, because computing it takes longest.
    return (
        declared.build is not None
        and match_spec(declared, item) == "unknown"
        and item.environment.provenance.digest == declared.digest
    )


def spec_fields(before: EnvironmentSpec, after: EnvironmentSpec) -> tuple[FieldChange, ...]:
    """Returns the fields that differ between two specs.

    The field `build.context` also lists the files that differ, if these files are known.
    """
    before = _with_name_of(after, before)
    theirs, ours = before.local_context, after.local_context
    files = _context_files(theirs, ours)
    data = before.to_json()
    if theirs and theirs.digest is None:
        # Use UNKNOWN, because in the plan, None would look like a version without a build context.
        data["build"] = {**before.build.to_json(), "context": UNKNOWN} if before.build else None
    fields = [
        replace(field, files=files) if field.path == "build.context" else field
        for field in _differences(data, after.to_json())
    ]
    if theirs and ours and theirs.digest is None:
        match = _match_uploads(theirs, ours)
        others = [field for field in fields if field.path != "build.context"]
        # If no other field differs, `build.context` stays in the result, because the context is
        # then the only possible difference.
        if match == "same" or (match == "unknown" and others):
            return tuple(others)
    return tuple(fields)


def metadata_fields(before: Metadata, after: Metadata) -> tuple[FieldChange, ...]:
    """Returns the fields of the metadata that differ. Each tag is a separate field."""
    # Most versions have the declared metadata, and all values are texts.
    if before == after:
        return ()
    return tuple(_differences(before.to_json(), after.to_json()))


def field_names(fields: Sequence[FieldChange]) -> str:
    """Returns the top-level names of changed fields as text, such as `image and conda_file`."""
    names = dict.fromkeys(_TOP_LEVEL.split(field.path, maxsplit=1)[0] for field in fields)
    return " and ".join(names) or "spec"


def merge_ignored(before: Metadata, declared: Metadata, globs: Sequence[str]) -> Metadata:
    """Returns the declared metadata, but with the values that ignored tags have in the target.

    An update replaces all tags, so it has to write the ignored tags as well.

    Args:
        before: the metadata in the target.
        declared: the declared metadata.
        globs: patterns of the ignored tag keys.
    """
    if not globs:
        return declared
    kept = {key: value for key, value in before.tags.items() if _is_ignored(key, globs)}
    compared = without_ignored(declared, globs)
    return replace(compared, tags={**compared.tags, **kept}) if kept else compared


def without_ignored(metadata: Metadata, globs: Sequence[str]) -> Metadata:
    """Returns the metadata without the tags whose keys match a pattern."""
    if not globs:
        return metadata
    tags = {key: value for key, value in metadata.tags.items() if not _is_ignored(key, globs)}
    return metadata if len(tags) == len(metadata.tags) else replace(metadata, tags=tags)


def _is_ignored(key: str, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(key, glob) for glob in globs)


def _match_uploads(theirs: BuildContext, ours: BuildContext) -> Match:
    """Compares two build contexts by the hashes that azure-ai-ml puts into upload URLs."""
    # azure-ai-ml up to 1.26 puts an MD5 into the URL, and later releases put a SHA-256. Only hashes
    # of the same kind can be compared.
    comparable = [kind for kind in theirs.uploads if kind in ours.uploads]
    same = all(theirs.uploads[kind] <= ours.uploads[kind] for kind in comparable)
    return _match(same) if comparable else "unknown"


def _match(same: bool) -> Match:
    return "same" if same else "other"


def _with_name_of(declared: EnvironmentSpec, registered: EnvironmentSpec) -> EnvironmentSpec:
    """Returns the registered spec, with the declared conda `name` instead of a generated name."""
    text = registered.conda_file
    if text is None or declared.conda_file is None or not _SERVICE_NAME.search(text):
        return registered
    theirs, ours = json.loads(text), json.loads(declared.conda_file)
    if not isinstance(theirs, dict) or not isinstance(ours, dict):
        return registered
    if not _SERVICE_NAME.fullmatch(str(theirs.pop("name", ""))):
        return registered
    name = {"name": ours["name"]} if "name" in ours else {}
    return replace(registered, conda_file=canonical_json({**theirs, **name}))


def _differences(
    before: Mapping[str, JSON], after: Mapping[str, JSON], parent: str = ""
) -> Iterator[FieldChange]:
    """Yields each field that differs. An added or removed conda file is one field."""
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if _is_same(old, new):
            continue
        path = _join(parent, key)
        if path == "conda_file":
            inside = _inside(path, old, new) if old and new else [FieldChange(path, old, new)]
            yield from sorted(inside, key=lambda change: natural_order(change.path))
        elif isinstance(old, dict | None) and isinstance(new, dict | None):
            inner = _differences(old or {}, new or {}, path)
            yield from sorted(inner, key=lambda change: natural_order(change.path))
        else:
            yield FieldChange(path, old, new)


def _inside(path: str, before: JSON, after: JSON) -> Iterator[FieldChange]:
    """Yields the differences inside nested mappings and lists.

    Items of two lists are compared if they have the same name (see `item_names`). The path of an
    item contains its index in the new list, or in the old list if the item was removed. If the
    items that both lists contain are in a different order, the list itself is a difference as well.
    """
    if _is_same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            if key in before and key in after:
                yield from _inside(_join(path, key), before[key], after[key])
            else:
                yield FieldChange(_join(path, key), before.get(key), after.get(key))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _items(path, before, after)
    else:
        yield FieldChange(path, before, after)


def _items(path: str, before: list[JSON], after: list[JSON]) -> Iterator[FieldChange]:
    old_names, new_names = item_names(before, after)
    old = dict(zip(old_names, before, strict=True))
    new = dict(zip(new_names, after, strict=True))
    common = [name for name in old if name in new]
    order = [name for name in new if name in old]
    if common != order:
        # This FieldChange shows only the new order: both lists contain the items of `after`. A
        # change inside an item is a separate difference.
        yield FieldChange(path, [new[name] for name in common], [new[name] for name in order])
    for index, (name, item) in enumerate(old.items()):
        if name not in new:
            yield FieldChange(f"{path}[{index}]", item, None)
    for index, (name, item) in enumerate(new.items()):
        if name in old:
            yield from _inside(f"{path}[{index}]", old[name], item)
        else:
            yield FieldChange(f"{path}[{index}]", None, item)


def _is_same(before: JSON, after: JSON) -> bool:
    if before != after or before is None or isinstance(before, str):
        return before == after
    # Equal values are compared as JSON as well, because in Python True == 1 == 1.0.
    return canonical_json(before) == canonical_json(after)


def _join(path: str, key: str) -> str:
    """Appends a key to the path of a field. A key with special characters is quoted."""
    if not path:
        return key
    return f"{path}.{key}" if _PLAIN_KEY.match(key) else f"{path}[{json.dumps(key)}]"


def _context_files(before: BuildContext | None, after: BuildContext | None) -> dict[str, str]:
    """Returns the files that differ, each with `added`, `removed` or `modified`.

    The result is empty if the files of either context are unknown.
    """
    old = before.files if before else None
    new = after.files if after else None
    if old is None or new is None:
        return {}
    return {
        path: "added" if path not in old else "removed" if path not in new else "modified"
        for path in sorted({path for path, _ in new.items() ^ old.items()})
    }
