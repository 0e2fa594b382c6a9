"""The fields of an environment file: which there are, of which types, and what they say.

They are those of the schema that `az ml environment create` holds a file to, no more and no less.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, cast

from yaml.nodes import MappingNode, Node, ScalarNode

from envsync.model.environment import ROUTES, InferenceConfig, OsType, Route
from envsync.model.provenance import RESERVED_TAG_PREFIX
from envsync.model.wording import nearest
from envsync.project.problems import Report
from envsync.project.yaml.nodes import BINARY, FLOAT, INT, MAP, NULL, STR, Entry, entries, value

OUTPUT_FIELDS: Final = frozenset(
    {"$schema", "creation_context", "latest_version", "intellectual_property"}
)
"""What `az ml environment show` prints and `create` passes over, whatever it says."""

ENVIRONMENT_FIELDS: Final = OUTPUT_FIELDS | {
    *("name", "version", "description", "tags", "image", "build", "conda_file"),
    *("os_type", "inference_config", "datastore", "auto_delete_setting", "id"),
}
BUILD_FIELDS: Final = frozenset({"path", "dockerfile_path"})
INFERENCE_FIELDS: Final = frozenset(ROUTES)
ROUTE_FIELDS: Final = frozenset({"path", "port"})
AUTO_DELETE_FIELDS: Final = frozenset({"condition", "value"})
AUTO_DELETE_CONDITIONS: Final = ("created_greater_than", "last_accessed_greater_than")

_FOREIGN: Final = {
    "channels": "This looks like a conda file; name it as `conda_file` in an environment file.",
    "dependencies": "This looks like a conda file; name it as `conda_file` in an environment file.",
    "properties": "Use `tags`; azure-ai-ml takes no properties from a file.",
    "stage": "Remove it; azure-ai-ml takes no stage from a file.",
    "type": "Remove it; an environment file has no type.",
    "docker": "Use `image`, or `build` with a `path`.",
    "dockerfile": "Use `build` with `path` and `dockerfile_path`.",
    "local_path": "Write it as `path`.",
}


def read_mapping(
    report: Report, node: Node, path: str, known: Collection[str]
) -> dict[str, Entry] | None:
    """A mapping's fields; unknown and empty ones are reported and left out.

    Args:
        report: takes the problems.
        node: what should be a mapping.
        path: of the field that it is the value of; empty for the file as a whole.
        known: the fields that it may have.

    Returns:
        Each with its key; None where the node is no mapping, which is reported.
    """
    if not isinstance(node, MappingNode) or node.tag != MAP:
        what = f"`{path}`" if path else "An environment file"
        report.add("wrong-type", node, f"{what} must be a mapping.", "Write `field: value` lines.")
        return None
    fields: dict[str, Entry] = {}
    for key, item in entries(node):
        if key.tag != STR or key.value not in known:
            _report_unknown(report, key, path, known)
        elif item.tag == NULL:
            field = f"{path}.{key.value}" if path else key.value
            message = f"`{field}` has no value."
            report.add("wrong-type", key, message, "Give it one, or remove the line.")
        else:
            fields[key.value] = Entry(key, item)
    return fields


def _report_unknown(report: Report, key: Node, path: str, known: Collection[str]) -> None:
    name = str(key.value)
    near = nearest(name, known)
    fix = _FOREIGN.get(name) or (f"Did you mean `{near}`?" if near else "Remove it.")
    where = f"`{path}`" if path else "An environment file"
    report.add("unknown-field", key, f"{where} has no field `{name}`.", fix)


def read_text(report: Report, node: Node, field: str) -> str | None:
    """The text of a field; None where it is none, which is reported."""
    if isinstance(node, ScalarNode):
        if node.tag == STR:
            text: str = node.value
            return text
        if node.tag == BINARY:
            try:
                return cast("bytes", value(node)).decode()
            except UnicodeDecodeError:
                pass
        fix = f'Put it in quotes: `"{node.value}"`.'
    else:
        fix = "Write one text."
    report.add("wrong-type", node, f"`{field}` must be a text.", fix)
    return None


def read_tags(report: Report, node: Node) -> dict[str, str]:
    """The tags, each value as it is written; reserved and invalid ones are reported."""
    tags: dict[str, str] = {}
    if not isinstance(node, MappingNode) or node.tag != MAP:
        message, fix = "`tags` must be a mapping.", "Write `key: value` lines below it."
        report.add("wrong-type", node, message, fix)
        return tags
    for key, item in entries(node):
        if key.tag != STR:
            message = f"The tag key `{key.value}` is not a text."
            report.add("invalid-tag", key, message, "Put it in quotes.")
        elif key.value.startswith(RESERVED_TAG_PREFIX):
            message = f"Tags that start with `{RESERVED_TAG_PREFIX}` are envsync's own record."
            report.add("reserved-tag", key, message, "Remove it; envsync writes it by itself.")
        elif not isinstance(item, ScalarNode) or item.tag == BINARY:
            message = f"The tag `{key.value}` is not a text, a number or a truth value."
            report.add("invalid-tag", item, message, "Write one text.")
        elif item.tag == NULL:
            message = f"The tag `{key.value}` has no value."
            report.add("invalid-tag", item, message, 'Give it one; `""` is an empty text.')
        else:
            tags[key.value] = item.value
    return tags


def read_os_type(report: Report, node: Node) -> OsType | None:
    """The operating system, in any case of letters; None where it is none, which is reported."""
    known: dict[str, OsType] = {"linux": "Linux", "windows": "Windows"}
    found = known.get(node.value.lower()) if _is_text(node) else None
    if found is None:
        message, fix = "`os_type` must be `linux` or `windows`.", "Write one of the two."
        report.add("wrong-type", node, message, fix)
    return found


def read_inference_config(report: Report, entry: Entry) -> InferenceConfig | None:
    """The three routes; None where something is missing or wrong, which is reported."""
    fields = read_mapping(report, entry.value, "inference_config", INFERENCE_FIELDS)
    if fields is None:
        return None
    _report_missing(report, entry, "inference_config", INFERENCE_FIELDS)
    routes = {name: _read_route(report, item, name) for name, item in fields.items()}
    whole = {name: route for name, route in routes.items() if route is not None}
    return InferenceConfig(**whole) if len(whole) == len(INFERENCE_FIELDS) else None


def _read_route(report: Report, entry: Entry, name: str) -> Route | None:
    field = f"inference_config.{name}"
    fields = read_mapping(report, entry.value, field, ROUTE_FIELDS)
    if fields is None:
        return None
    _report_missing(report, entry, field, ROUTE_FIELDS)
    path = port = None
    if "path" in fields:
        path = read_text(report, fields["path"].value, f"{field}.path")
    if "port" in fields:
        port = _read_port(report, fields["port"].value, f"{field}.port")
    return None if path is None or port is None else Route(path, port)


def _read_port(report: Report, node: Node, field: str) -> int | None:
    """A port, as azure-ai-ml reads one: a whole number, or a text that is one."""
    if isinstance(node, ScalarNode) and node.tag in (INT, FLOAT, STR):
        try:
            number = value(node)
            port = int(cast("str | float", number))
        except (ValueError, OverflowError):
            pass
        else:
            if port == number or isinstance(number, str):
                return port
    report.add("wrong-type", node, f"`{field}` must be a whole number.", "Write a TCP port.")
    return None


def _report_missing(report: Report, entry: Entry, field: str, wanted: Collection[str]) -> None:
    mapping = entry.value
    written = {key.value for key, _ in entries(mapping)} if isinstance(mapping, MappingNode) else ()
    absent = sorted(set(wanted).difference(written))
    if absent:
        names = " and no ".join(f"`{name}`" for name in absent)
        report.add("wrong-type", entry.key, f"`{field}` has no {names}.", "Add what is missing.")


def check_passed_over(report: Report, fields: dict[str, Entry]) -> None:
    """Checks the fields that azure-ai-ml wants right, but that are no part of an environment."""
    if "datastore" in fields:
        read_text(report, fields["datastore"].value, "datastore")
    if "id" in fields:
        own_id = fields["id"].value
        if not (_is_text(own_id) and own_id.value.startswith("azureml:")):
            message = "`id` must start with `azureml:`."
            report.add("wrong-type", own_id, message, "Remove it; the service makes it.")
    if "auto_delete_setting" not in fields:
        return
    setting = fields["auto_delete_setting"].value
    parts = read_mapping(report, setting, "auto_delete_setting", AUTO_DELETE_FIELDS) or {}
    if "value" in parts:
        read_text(report, parts["value"].value, "auto_delete_setting.value")
    condition = parts["condition"].value if "condition" in parts else None
    if condition is not None and not (
        _is_text(condition) and _snake(condition.value) in AUTO_DELETE_CONDITIONS
    ):
        names = " or ".join(f"`{name}`" for name in AUTO_DELETE_CONDITIONS)
        message = f"`auto_delete_setting.condition` must be {names}."
        report.add("wrong-type", condition, message, "Write one of the two.")


def _snake(text: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text).lower()


def _is_text(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag == STR
