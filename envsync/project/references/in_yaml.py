"""Finds references in the YAML of jobs, pipelines, components, deployments and schedules.

A reference is the value of `environment` at one of the places at which azure-ai-ml reads an
environment. GitHub workflows, Docker Compose and prompt flow also have a key `environment`. The
value is therefore a reference only if it starts with `azureml:`, or if Azure ML reads the file.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator
from itertools import islice
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from envsync.model.reference import Reference
from envsync.model.use import User
from envsync.project.files import ParsedFile, nested_field, parse
from envsync.project.problems import ignored_rules
from envsync.project.references.in_text import references_in_yaml_text
from envsync.project.references.inline import (
    FILE_PREFIX,
    Place,
    is_inline,
    read_file,
    read_inline,
)
from envsync.project.references.templates import filled, from_template
from envsync.project.references.text import MAX_REFERENCES, PREFIX, read_text, with_parts
from envsync.project.yaml.nodes import NULL, STR, entries

# The value of each of these keys is a mapping that can also have a key `environment`.
_PARTS: Final = ("component", "trial", "task", "settings", "create_job", "job", "job_definition")
# The value of each of these keys is a list or a mapping whose items can have a key `environment`.
_GROUPS: Final = ("jobs", "deployments")

_SCHEMA: Final = re.compile(
    r"(?P<kind>job|component|deployment|schedule|template)(?:\.schema)?\.json$", re.IGNORECASE
)
_USERS: Final[dict[str, User]] = {
    "component": "component",
    "deployment": "deployment",
    "template": "deployment",
    "schedule": "schedule",
}
_TYPES: Final = frozenset(
    {"command", "pipeline", "sweep", "parallel", "spark", "automl", "command_component"}
)


def references_in_yaml(file: str, data: bytes, place: Place) -> list[Reference]:
    """Returns the references in a YAML file, sorted by position.

    Args:
        file: the value of `Reference.file`.
        data: the content of the file.
        place: the file to which paths in inline environments are relative.
    """
    parsed = parse(data)
    is_template = parsed.content is None
    if is_template:
        parsed = parse(filled(data))
    if parsed.content is None:
        return list(references_in_yaml_text(file, data.decode("utf-8-sig", "replace")))
    search = _Search(file, parsed, place, _kind(parsed))
    if search.kind.is_foreign:
        return []
    found = islice(search.below(parsed.content, "", frozenset()), MAX_REFERENCES)
    # Aliases and `<<` make the search find the same text several times. This dict keeps the first.
    unique = {(item.line, item.column): item for item in reversed(list(found))}
    if is_template:
        unique = {position: from_template(item) for position, item in unique.items()}
    ignored = ignored_rules(parsed.document)
    return [
        replace(item, ignored=ignored.get(item.line, frozenset()))
        for _, item in sorted(unique.items())
    ]


class _Kind(Struct, frozen=True):
    """The kind of a YAML file.

    Attributes:
        has_schema: True if `$schema` names a schema of Azure ML.
        is_azureml: True if `$schema` or the keys show that Azure ML reads the file.
        is_foreign: True if `$schema` shows that the file uses no environment.
        user: the kind of asset that the file describes.
    """

    has_schema: bool = False
    is_azureml: bool = False
    is_foreign: bool = False
    user: User = "unknown"


class _Search(Struct, frozen=True):
    """A search in one file.

    Attributes:
        file: the value of `Reference.file`.
        parsed: the file.
        place: the file to which paths in inline environments are relative.
        kind: the kind of the file.
    """

    file: str
    parsed: ParsedFile
    place: Place
    kind: _Kind

    def below(self, node: Node, path: str, above: frozenset[int]) -> Iterator[Reference]:
        """Yields the references in a mapping that can have a key `environment`."""
        # Through an alias, a mapping can contain itself.
        if not isinstance(node, MappingNode) or id(node) in above:
            return
        above |= {id(node)}
        for key, value in entries(node):
            name = key.value if isinstance(key, ScalarNode) else ""
            inner = f"{path}.{name}" if path else str(name)
            if name == "environment":
                # An inline environment is reported at its key, because its first field is on
                # another line.
                start = key if isinstance(value, MappingNode) else value
                yield from self._environment(value, self._reference(start, inner))
            elif name in _PARTS:
                yield from self.below(value, inner, above)
            elif name in _GROUPS:
                for step, item in _items(value):
                    yield from self.below(item, f"{inner}.{step}", above)

    def _reference(self, node: Node, path: str) -> Reference:
        mark = node.start_mark
        return Reference(
            file=self.file,
            line=mark.line + 1,
            column=mark.column + 1,
            text="",
            form="inline",
            user=self.kind.user,
            place=path,
        )

    def _environment(self, node: Node, reference: Reference) -> Iterator[Reference]:
        if isinstance(node, MappingNode):
            if self.kind.is_azureml and is_inline(self.parsed, node):
                inline = read_inline(self.parsed, node, self.place)
                yield replace(reference, text=inline.summary, inline=inline)
            elif self.kind.has_schema:
                yield replace(reference, text="a mapping", form="invalid")
        elif isinstance(node, ScalarNode) and node.tag != NULL:
            yield from self._scalar(replace(reference, text=node.value), node)

    def _scalar(self, reference: Reference, node: ScalarNode) -> Iterator[Reference]:
        text = reference.text
        if text.startswith(FILE_PREFIX) and self.kind.is_azureml:
            inline = read_file(text.removeprefix(FILE_PREFIX), self.place)
            yield replace(reference, form="file" if inline else "invalid", inline=inline)
            return
        if not self.kind.has_schema and not text.startswith(PREFIX):
            return
        found = read_text(text)
        if node.tag != STR or not (found.has_prefix or found.has_placeholder):
            # Without `azureml:`, azure-ai-ml does not read the value as a name.
            yield replace(reference, form="invalid")
            return
        yield with_parts(reference, found)


def _items(node: Node) -> Iterator[tuple[str, Node]]:
    """Yields the values of a mapping with their keys, or the items of a list with their indexes."""
    if isinstance(node, MappingNode):
        for key, item in entries(node):
            yield str(key.value), item
    elif isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            yield str(index), item


def _kind(parsed: ParsedFile) -> _Kind:
    root = parsed.content
    schema = _text(parsed, root, "$schema")
    if schema:
        ours = "azureml" in schema.lower()
        found = _SCHEMA.search(posixpath.basename(schema))
        # The path of a local copy of a schema, such as `./commandJob.schema.json`, does not contain
        # `azureml`.
        if found is not None and (ours or "://" not in schema):
            return _Kind(has_schema=True, is_azureml=True, user=_user(found["kind"], schema))
        return _Kind(is_foreign=ours)
    keys = {
        key
        for key in ("jobs", "endpoint_name", "create_job", "command", "trial", "task", "compute")
        if nested_field(parsed, root, key) is not None
    }
    # The keys `command` and `jobs` are not enough, because files of many tools have these keys.
    # Only Azure ML has `type: command`.
    is_azureml = bool(keys & {"endpoint_name", "create_job"})
    is_azureml |= _text(parsed, root, "type") in _TYPES
    return _Kind(is_azureml=is_azureml, user=_user_of_keys(keys))


def _user(kind: str, schema: str) -> User:
    if kind.lower() == "job":
        return "pipeline" if "pipeline" in schema.lower() else "job"
    return _USERS[kind.lower()]


def _user_of_keys(keys: Collection[str]) -> User:
    users: dict[str, User] = {
        "endpoint_name": "deployment",
        "create_job": "schedule",
        "jobs": "pipeline",
        "trial": "job",
        "compute": "job",
        "command": "component",
        "task": "component",
    }
    return next((user for key, user in users.items() if key in keys), "unknown")


def _text(parsed: ParsedFile, root: Node | None, name: str) -> str:
    node = nested_field(parsed, root, name)
    return str(node.value) if isinstance(node, ScalarNode) and node.tag == STR else ""
