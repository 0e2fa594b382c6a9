"""Compares what is declared with what is registered: whether it is the same, and what differs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, TypeAlias

from envsync.model.canonical import JSON, canonical_json
from envsync.model.environment import BuildContext, EnvironmentSpec, Metadata
from envsync.model.naming import natural_order
from envsync.model.state import RegisteredVersion
from envsync.plan.change import FieldChange

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Match: TypeAlias = Literal["same", "other", "unknown"]
"""Whether a registered version has the declared spec; `unknown` if nobody can tell."""

_PLAIN_KEY = re.compile(r"[^\s.\[\]\"']+\Z")

_SERVICE_NAME = re.compile(r"azureml_[0-9a-f]{32}")
"""What the service wrote as the `name` of every conda file in 2022 (recorded)."""


def match_spec(declared: EnvironmentSpec, item: RegisteredVersion) -> Match:
    """Compares a declared spec with that of a registered version.

    Of a build context a target may not know the content. Then `envsync.digest`, which covers the
    whole spec, tells, or else the hash under which the SDK uploaded it, of the same generation. If
    neither is there, the result is `unknown`.
    """
    registered = _with_name_of(declared, item.environment.spec)
    ours, theirs = _context(declared), _context(registered)
    if not declared.build or not registered.build or not ours or not theirs or theirs.digest:
        return _match(declared == registered)
    if replace(registered, build=replace(registered.build, context=ours)) != declared:
        return "other"
    if digest := item.environment.provenance.digest:
        return _match(digest == declared.digest)
    # Hashes of one generation of SDKs have one length; those of another say nothing.
    generations = {len(upload) for upload in ours.uploads}
    comparable = {upload for upload in theirs.uploads if len(upload) in generations}
    return _match(comparable <= ours.uploads) if comparable else "unknown"


def spec_fields(before: EnvironmentSpec, after: EnvironmentSpec) -> tuple[FieldChange, ...]:
    """The fields in which two specs differ; of a build context also the files, where known."""
    before = _with_name_of(after, before)
    files = _context_files(_context(before), _context(after))
    return tuple(
        FieldChange(field.path, field.before, field.after, files)
        if field.path == "build.context"
        else field
        for field in _differences(before.to_json(), after.to_json())
    )


def metadata_fields(before: Metadata, after: Metadata) -> tuple[FieldChange, ...]:
    """The fields in which two descriptions or maps of tags differ."""
    return tuple(_differences(before.to_json(), after.to_json()))


def merge_ignored(before: Metadata, declared: Metadata, globs: Sequence[str]) -> Metadata:
    """The declared metadata, with the tags that belong to others as the target holds them."""

    def ignored(key: str) -> bool:
        return any(fnmatchcase(key, glob) for glob in globs)

    return replace(
        declared,
        tags={key: value for key, value in declared.tags.items() if not ignored(key)}
        | {key: value for key, value in before.tags.items() if ignored(key)},
    )


def _match(same: bool) -> Match:
    return "same" if same else "other"


def _with_name_of(declared: EnvironmentSpec, registered: EnvironmentSpec) -> EnvironmentSpec:
    """A registered spec whose conda file has the declared `name`, if the service chose its own."""
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
    """Every difference, field by field; a conda specification that is all new stays whole."""
    for key in dict.fromkeys((*before, *after)):
        path, old, new = _join(parent, key), before.get(key), after.get(key)
        if canonical_json(old) == canonical_json(new):
            continue
        if path == "conda_file":
            yield from _inside(path, old, new) if old and new else [FieldChange(path, old, new)]
        elif isinstance(old, dict | None) and isinstance(new, dict | None):
            inner = _differences(old or {}, new or {}, path)
            yield from sorted(inner, key=lambda change: natural_order(change.path))
        else:
            yield FieldChange(path, old, new)


def _inside(field: str, before: JSON, after: JSON) -> Iterator[FieldChange]:
    """Differences inside nested mappings and lists, found by DeepDiff.

    Every scalar is compared as its JSON text: in Python `True == 1 == 1.0`, in a file they differ.
    """
    from deepdiff import DeepDiff  # here, because most plans compare no nested data at all

    found = DeepDiff(_leaves_as_text(before), _leaves_as_text(after), view="tree")
    changes = [
        FieldChange(
            _path(field, item.path(output_format="list")),
            _leaves_from_text(item.t1),
            _leaves_from_text(item.t2),
        )
        for items in found.values()
        for item in items
    ]
    yield from sorted(changes, key=lambda change: natural_order(change.path))


def _leaves_as_text(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {key: _leaves_as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_leaves_as_text(item) for item in value]
    return canonical_json(value)


def _leaves_from_text(value: object) -> JSON:
    if isinstance(value, dict):
        return {key: _leaves_from_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_leaves_from_text(item) for item in value]
    if isinstance(value, str):
        text: JSON = json.loads(value)
        return text
    return None  # DeepDiff's own mark for "not there"


def _path(path: str, keys: Sequence[str | int]) -> str:
    for key in keys:
        path = f"{path}[{key}]" if isinstance(key, int) else _join(path, key)
    return path


def _join(path: str, key: str) -> str:
    """The path of a key; one that would read as something else is quoted."""
    if not path:
        return key
    return f"{path}.{key}" if _PLAIN_KEY.match(key) else f"{path}[{json.dumps(key)}]"


def _context(spec: EnvironmentSpec) -> BuildContext | None:
    context = spec.build.context if spec.build else None
    return context if isinstance(context, BuildContext) else None


def _context_files(before: BuildContext | None, after: BuildContext | None) -> dict[str, str]:
    """Path to `added`, `removed` or `modified`; empty unless both sides are known."""
    old = before.files if before else None
    new = after.files if after else None
    if old is None or new is None:
        return {}
    return {
        path: "added" if path not in old else "removed" if path not in new else "modified"
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    }
