"""Reads the text of a reference, such as `azureml:pydata:2` or `azureml:pydata@latest`.

azure-ai-ml (`_utils/_arm_id_utils.py`) and the service define the forms of a reference.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from envsync.model.naming import is_valid_name
from envsync.model.reference import Form, Reference

PREFIX: Final = "azureml:"
"""A reference in YAML must start with this prefix. In Python, the prefix can be missing."""

MAX_TEXT: Final = 2000
"""Maximum number of characters of a reference. The longest id of an environment is shorter."""

MAX_REFERENCES: Final = 1000
"""Maximum number of references that are read from one file."""

FILLER: Final = "\ue000"
"""Stands for each character of a placeholder that makes a YAML file invalid.

Unicode gives this character no meaning, so files do not contain it.
"""

# Matches `<NAME>`, and the placeholders of azure-ai-ml, Jinja, shells, Azure Pipelines, Octopus and
# sed.
PLACEHOLDER: Final = re.compile(
    r"\$\{\{.*?\}\}|\{\{.*?\}\}|\$\{.*?\}|\$\(.*?\)|\$\[.*?\]|#\{.*?\}#?|\{[^{}]*\}|<[^<>]*>"
    r"|\ue000+|(?<![A-Za-z0-9])__[A-Za-z0-9_]+?__(?![A-Za-z0-9])|%[A-Za-z0-9_]+%|@@\w+@@|\$[A-Za-z_]\w*"
)

# Matches the id of an environment in a registry, and the ARM id of an environment.
_PATH: Final = re.compile(
    r"(?P<above>.*)/environments/(?P<name>[^/]+)/(?P<kind>versions|labels)/(?P<value>[^/]+)/?",
    re.IGNORECASE,
)
_REGISTRY: Final = re.compile(r"//(?:registries|feeds)/(?P<registry>[^/]+)", re.IGNORECASE)
_ARM_REGISTRY: Final = re.compile(
    r"/?subscriptions/.*/registries/(?P<registry>[^/]+)", re.IGNORECASE
)
_WORKSPACE: Final = re.compile(r"/?(?P<id>subscriptions/.*/workspaces/[^/]+)", re.IGNORECASE)
_UNKNOWN: Final = "\0"
"""This character replaces each placeholder while a text is split into parts."""


class Text(Struct, frozen=True):
    """The parts of a reference. `Reference` describes the other attributes.

    Attributes:
        has_prefix: True if the text starts with `azureml:`.
        has_placeholder: True if the text contains a placeholder.
    """

    form: Form
    name: str | None = None
    version: str | None = None
    label: str | None = None
    registry: str | None = None
    workspace: str | None = None
    has_prefix: bool = True
    has_placeholder: bool = False


def read_text(text: str) -> Text:
    """Returns the parts of a reference. The form is `invalid` if the text is no reference."""
    if len(text) > MAX_TEXT:
        return Text("invalid", has_prefix=text.startswith(PREFIX))
    # A placeholder can contain `:` and `@`, at which the text is split, so placeholders are
    # replaced first.
    plain = PLACEHOLDER.sub(_UNKNOWN, text.strip())
    has_placeholder = _UNKNOWN in plain
    has_prefix = plain.startswith(PREFIX)
    rest = plain.removeprefix(PREFIX)
    path = _PATH.fullmatch(rest)
    if path is not None:
        return _read_path(path, has_prefix=has_prefix, has_placeholder=has_placeholder)
    name, at, label = rest.rpartition("@")
    version = ""
    if not at:
        label = ""
        name, _, version = rest.partition(":")
    valid = (
        _is_part(name)
        and (not at or _is_part(label))
        and (at or version or not rest.endswith(":"))
        and (not version or _is_part(version))
    )
    if not valid:
        form: Form = "template" if has_placeholder else "invalid"
        return Text(form, has_prefix=has_prefix, has_placeholder=has_placeholder)
    form = "label" if at else "version" if version else "name"
    return _text(
        form,
        name,
        version or None,
        label or None,
        has_prefix=has_prefix,
        has_placeholder=has_placeholder,
    )


def with_parts(reference: Reference, found: Text) -> Reference:
    """Adds the parts of the text to a reference."""
    return replace(
        reference,
        form=found.form,
        name=found.name,
        version=found.version,
        label=found.label,
        registry=found.registry,
        workspace=found.workspace,
        certainty="probable" if found.has_placeholder else reference.certainty,
    )


def _read_path(path: re.Match[str], *, has_prefix: bool, has_placeholder: bool) -> Text:
    above, name, value = path["above"], path["name"], path["value"]
    is_version = path["kind"].lower() == "versions"
    registry = _REGISTRY.fullmatch(above) or _ARM_REGISTRY.fullmatch(above)
    workspace = _WORKSPACE.fullmatch(above)
    form: Form
    if registry is not None:
        form = "registry-version" if is_version else "registry-label"
    elif workspace is not None or above.startswith("//locations/"):
        form = "arm-version" if is_version else "arm-label"
    else:
        form = "template" if _UNKNOWN in above else "invalid"
    if form in ("template", "invalid") or not (_is_part(name) and _is_part(value)):
        form = "template" if has_placeholder else "invalid"
        return Text(form, has_prefix=has_prefix, has_placeholder=has_placeholder)
    found = _text(
        form,
        name,
        value if is_version else None,
        None if is_version else value,
        has_prefix=has_prefix,
        has_placeholder=has_placeholder,
        registry=_known(registry["registry"].lower()) if registry else None,
        workspace=_known("/" + workspace["id"].lower()) if workspace else None,
    )
    if registry is not None and found.registry is None:
        # The name of the registry is a placeholder, so the environment can be in any registry.
        return Text("template", has_prefix=has_prefix, has_placeholder=True)
    return found


def _text(
    form: Form,
    name: str,
    version: str | None,
    label: str | None,
    *,
    has_prefix: bool,
    has_placeholder: bool,
    registry: str | None = None,
    workspace: str | None = None,
) -> Text:
    if _UNKNOWN in name:
        return Text("template", has_prefix=has_prefix, has_placeholder=True)
    return Text(
        form,
        name=name,
        version=_known(version),
        label=_known(label),
        registry=registry,
        workspace=workspace,
        has_prefix=has_prefix,
        has_placeholder=has_placeholder,
    )


def _is_part(text: str) -> bool:
    """Returns True if a text can be a valid name or version after its placeholders are replaced."""
    return is_valid_name(text.replace(_UNKNOWN, "x"))


def _known(text: str | None) -> str | None:
    """Returns the text, or None if it contains a placeholder."""
    return None if text is None or _UNKNOWN in text else text
