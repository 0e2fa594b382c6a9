"""Reads the fields of an environment file, and checks their names, types and values.

`az ml environment create` validates a file against a schema with the same fields.
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
"""Fields that `az ml environment show` prints. `az ml environment create` ignores these fields."""

ENVIRONMENT_FIELDS: Final = OUTPUT_FIELDS | {
    "name",
    "version",
    "description",
    "tags",
    "image",
    "build",
    "conda_file",
    "os_type",
    "inference_config",
    "datastore",
    "auto_delete_setting",
    "id",
}
MAX_TAGS: Final = 1_000
"""Maximum number of tags of one environment. The service publishes no limit."""

BUILD_FIELDS: Final = frozenset({"path", "dockerfile_path"})
INFERENCE_FIELDS: Final = frozenset(ROUTES)
ROUTE_FIELDS: Final = frozenset({"path", "port"})
AUTO_DELETE_FIELDS: Final = frozenset({"condition", "value"})
AUTO_DELETE_CONDITIONS: Final = ("created_greater_than", "last_accessed_greater_than")

# People write fields of different file formats into environment files. These are the fixes for such
# fields.
_CONDA_FILE: Final = (
    "This looks like a conda file. Write its path as `conda_file` in an environment file."
)
_FOREIGN: Final = {
    "channels": _CONDA_FILE,
    "dependencies": _CONDA_FILE,
    "properties": "Use `tags`, because azure-ai-ml does not read properties from a file.",
    "stage": "Remove `stage`, because azure-ai-ml does not read a stage from a file.",
    "type": "Remove `type`, because an environment file has no type.",
    "docker": "Use `image`, or `build` with a `path`.",
    "dockerfile": "Use `build` with `path` and `dockerfile_path`.",
    "local_path": "Rename it to `path`.",
}


def read_mapping(
    report: Report, node: Node, path: str, *, known: Collection[str]
) -> dict[str, Entry] | None:
    """Returns the fields of a mapping. Unknown and empty fields are reported and left out.

    Args:
        report: collects the problems.
        node: the node that should be a mapping.
        path: the name of the field that contains the mapping, or an empty string for the whole
            file.
        known: the names of the allowed fields.

    Returns:
        The entries by field name. If the node is not a mapping, a problem is reported and the
        result is None.
    """
    if not isinstance(node, MappingNode) or node.tag != MAP:
        what = f"`{path}`" if path else "An environment file"
        fix = "Write `field: value` lines."
        report.add("wrong-type", node, f"{what} must be a mapping.", fix=fix)
        return None
    fields: dict[str, Entry] = {}
    for key, item in entries(node):
        if key.tag != STR or key.value not in known:
            _report_unknown(report, key, path, known=known)
        elif item.tag == NULL:
            field = f"{path}.{key.value}" if path else key.value
            message = f"`{field}` has no value."
            report.add("wrong-type", key, message, fix="Write a value, or remove the line.")
        else:
            fields[key.value] = Entry(key, item)
    return fields


def _report_unknown(report: Report, key: Node, path: str, *, known: Collection[str]) -> None:
    if report.is_full("unknown-field"):
        return
    name = str(key.value)
    near = nearest(name, known) if report.has_room("unknown-field") else None
    fix = _FOREIGN.get(name) or (f"Did you mean `{near}`?" if near else "Remove it.")
    what = f"`{path}`" if path else "An environment file"
    report.add("unknown-field", key, f"{what} has no field `{name}`.", fix=fix)


def read_string(report: Report, node: Node, field: str) -> str | None:
    """Returns the string in a field, or reports a problem and returns None."""
    if isinstance(node, ScalarNode):
        if node.tag == STR:
            text: str = node.value
            return text
        if node.tag == BINARY:
            # azure-ai-ml decodes `!!binary` to a string if the bytes are UTF-8.
            try:
                return cast("bytes", value(node)).decode()
            except UnicodeDecodeError:
                pass
        fix = f'Put it in quotes: `"{node.value}"`.'
    else:
        fix = "Write a single string."
    report.add("wrong-type", node, f"`{field}` must be a string.", fix=fix)
    return None


def read_tags(report: Report, node: Node) -> dict[str, str]:
    """Returns the tags, with each value as text. Reports reserved and invalid tags."""
    tags: dict[str, str] = {}
    if not isinstance(node, MappingNode) or node.tag != MAP:
        message = "`tags` must be a mapping."
        report.add("wrong-type", node, message, fix="Write `key: value` lines below `tags:`.")
        return tags
    if len(node.value) > MAX_TAGS:
        message = f"`tags` has more than {MAX_TAGS:,} tags."
        report.add("invalid-tag", node, message, fix="Remove tags.")
        return tags
    for key, item in entries(node):
        if key.tag != STR:
            message = f"The tag key `{key.value}` is not a string."
            report.add("invalid-tag", key, message, fix="Put it in quotes.")
        elif key.value.startswith(RESERVED_TAG_PREFIX):
            message = f"Tags that start with `{RESERVED_TAG_PREFIX}` are reserved for envsync."
            report.add("reserved-tag", key, message, fix="Remove the tag. envsync sets such tags.")
        elif not isinstance(item, ScalarNode) or item.tag == BINARY:
            message = f"The value of the tag `{key.value}` is not a string, number or boolean."
            report.add("invalid-tag", item, message, fix="Write a single string.")
        elif item.tag == NULL:
            message = f"The tag `{key.value}` has no value."
            report.add("invalid-tag", item, message, fix='Write a value, such as `""`.')
        else:
            # The value of a tag is its text in the file, because YAML would read `1.10` as 1.1 and
            # `yes` as true.
            tags[key.value] = item.value
    return tags


def read_os_type(report: Report, node: Node) -> OsType | None:
    """Returns the operating system, ignoring case, or reports a problem and returns None."""
    known: dict[str, OsType] = {"linux": "Linux", "windows": "Windows"}
    found = known.get(node.value.lower()) if _is_string(node) else None
    if found is None:
        message = "`os_type` must be `linux` or `windows`."
        report.add("wrong-type", node, message, fix="Write one of these values.")
    return found


def read_inference_config(report: Report, entry: Entry) -> InferenceConfig | None:
    """Returns the three routes. Reports a missing or invalid route and returns None."""
    fields = read_mapping(report, entry.value, "inference_config", known=INFERENCE_FIELDS)
    if fields is None:
        return None
    _report_missing(report, entry, "inference_config", required=INFERENCE_FIELDS)
    routes = {name: _read_route(report, item, name) for name, item in fields.items()}
    valid = {name: route for name, route in routes.items() if route is not None}
    return InferenceConfig(**valid) if len(valid) == len(INFERENCE_FIELDS) else None


def _read_route(report: Report, entry: Entry, name: str) -> Route | None:
    field = f"inference_config.{name}"
    fields = read_mapping(report, entry.value, field, known=ROUTE_FIELDS)
    if fields is None:
        return None
    _report_missing(report, entry, field, required=ROUTE_FIELDS)
    path = port = None
    if "path" in fields:
        path = read_string(report, fields["path"].value, f"{field}.path")
    if "port" in fields:
        port = _read_port(report, fields["port"].value, f"{field}.port")
    return None if path is None or port is None else Route(path, port)


def _read_port(report: Report, node: Node, field: str) -> int | None:
    """Converts an integer or a string to a port, as azure-ai-ml does.

    Reports a problem and returns None for any other value.
    """
    if isinstance(node, ScalarNode) and node.tag in (INT, FLOAT, STR):
        try:
            number = value(node)
            port = int(cast("str | float", number))
        except (ValueError, OverflowError):
            pass
        else:
            # azure-ai-ml accepts the port 80.5, but would register the port 80.
            if port == number or isinstance(number, str):
                return port
    report.add("wrong-type", node, f"`{field}` must be an integer.", fix="Write a TCP port.")
    return None


def _report_missing(report: Report, entry: Entry, field: str, *, required: Collection[str]) -> None:
    mapping = entry.value
    written = {key.value for key, _ in entries(mapping)} if isinstance(mapping, MappingNode) else ()
    absent = sorted(set(required).difference(written))
    # Only absent keys are reported here, because `read_mapping` reports a key without a value.
    if absent:
        names = " and no ".join(f"`{name}`" for name in absent)
        fix = "Add the missing fields."
        report.add("wrong-type", entry.key, f"`{field}` has no {names}.", fix=fix)


def check_ignored(report: Report, fields: dict[str, Entry]) -> None:
    """Checks the fields that azure-ai-ml validates but does not use for an environment."""
    if "datastore" in fields:
        read_string(report, fields["datastore"].value, "datastore")
    if "id" in fields:
        own_id = fields["id"].value
        if not (_is_string(own_id) and own_id.value.startswith("azureml:")):
            message = "`id` must start with `azureml:`."
            report.add("wrong-type", own_id, message, fix="Remove `id`. The service sets the id.")
    if "auto_delete_setting" not in fields:
        return
    setting = fields["auto_delete_setting"].value
    parts = read_mapping(report, setting, "auto_delete_setting", known=AUTO_DELETE_FIELDS) or {}
    if "value" in parts:
        read_string(report, parts["value"].value, "auto_delete_setting.value")
    condition = parts["condition"].value if "condition" in parts else None
    if condition is not None and not (
        _is_string(condition) and _snake(condition.value) in AUTO_DELETE_CONDITIONS
    ):
        names = " or ".join(f"`{name}`" for name in AUTO_DELETE_CONDITIONS)
        message = f"`auto_delete_setting.condition` must be {names}."
        report.add("wrong-type", condition, message, fix="Write one of these values.")


def _snake(text: str) -> str:
    """Converts camel case to snake case, as azure-ai-ml does for the value of `condition`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text).lower()


def _is_string(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag == STR
