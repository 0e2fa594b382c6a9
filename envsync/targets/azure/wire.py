"""Between the service's JSON and envsync's values.

The service rewrites what it is given: a conda file comes back as JSON text, what is unset as `""`
or null, and defaults stand where nobody set anything. Here all of that becomes one value each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, cast

import yaml

from envsync.model.canonical import JSON, canonical_json
from envsync.model.environment import (
    ROUTES,
    Build,
    BuildContext,
    Environment,
    EnvironmentKey,
    EnvironmentSpec,
    InferenceConfig,
    Metadata,
    OsType,
    Route,
)
from envsync.model.provenance import Provenance, user_tags
from envsync.model.state import RegisteredVersion

_READ_ONLY: Final = frozenset(
    {"environmentType", "provisioningState", "latestVersion", "nextVersion"}
)
"""Keys that the service sets alone (`readOnly`, OpenAPI)."""

# `stage` comes back as `Development` where nobody set it; sent back, some versions of the service
# refuse it. azure-ai-ml leaves it out of what it writes as well.
_NEVER_SENT: Final = _READ_ONLY | {"stage"}

_UPLOAD: Final = re.compile(r"/LocalUpload/([0-9a-f]{64}|[0-9a-f]{32})/")
_BLOB_HOST: Final = re.compile(r"https://[a-z0-9]+\.blob\.(?:core|storage)\.", re.IGNORECASE)
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)?")


@dataclass(frozen=True, slots=True)
class Resource:
    """A container or a version, as the service answers it.

    Attributes:
        name: of a version, its version.
        properties: what it holds, untouched.
        created: when it was created, ISO 8601 in UTC as far as the service says.
    """

    name: str
    properties: Mapping[str, JSON]
    created: str = ""

    @property
    def description(self) -> str | None:
        """Its description; none where it is empty."""
        return _text(self.properties.get("description"))

    @property
    def tags(self) -> dict[str, str]:
        """All its tags, the reserved ones too."""
        tags = self.properties.get("tags")
        if not isinstance(tags, dict):
            return {}
        return {key: _tag(value) for key, value in tags.items()}

    @property
    def archived(self) -> bool:
        """Whether it says that it is archived. Of a container, only the answer of a PUT is right.

        A stage of `Archived` counts, too: the service derives one from the other (recorded in
        registries, 2023 and 2026).
        """
        properties = self.properties
        return properties.get("isArchived") is True or properties.get("stage") == "Archived"

    @property
    def curated(self) -> bool:
        """Whether it is the service's own."""
        return str(self.properties.get("environmentType")).lower() == "curated"

    @property
    def context_uri(self) -> str | None:
        """Where the build context lies; None where there is none."""
        build = self.properties.get("build")
        return _text(build.get("contextUri")) if isinstance(build, dict) else None


def resource(data: JSON) -> Resource:
    """A container or version from its JSON.

    Raises:
        ValueError: the data is no such thing.
    """
    properties = data.get("properties") if isinstance(data, dict) else None
    name = data.get("name") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(properties, dict) or not isinstance(name, str):
        raise ValueError("no resource")  # noqa: TRY004 (odd content, no wrong call)
    system = data.get("systemData")
    created = system.get("createdAt") if isinstance(system, dict) else None
    return Resource(name, properties, _text(created) or "")


def creation_order(item: Resource) -> tuple[float, int]:
    """A sort key: when it was created. The service says it to a ten-millionth of a second."""
    found = _TIME.fullmatch(item.created)
    if not found:
        return (0.0, 0)
    zone = (found[3] or "Z").replace("Z", "+00:00")
    seconds = datetime.fromisoformat(found[1] + zone).astimezone(UTC).timestamp()
    return seconds, int((found[2] or "").ljust(9, "0")[:9])


def body(
    item: Resource,
    *,
    description: str | None,
    tags: Mapping[str, str] | None,
    archived: bool,
) -> dict[str, JSON]:
    """What a PUT sends to change a resource: all as it came, but for what may change.

    With `tags=None` they are sent as they came as well, numbers as numbers.

    Nulls and what the service sets alone are left out. A description that is gone is sent as an
    empty text and tags always whole: what leaving them out means, nobody has documented.
    """
    kept = {
        key: value
        for key, value in item.properties.items()
        if value is not None and key not in _NEVER_SENT
    }
    came: JSON = item.properties.get("tags") or {}
    sent: JSON = came if tags is None else dict(tags)
    properties: dict[str, JSON] = {**kept, "tags": sent, "isArchived": archived}
    if description is not None or item.description is not None:
        properties["description"] = description or ""
    else:
        properties.pop("description", None)
    return {"properties": properties}


def differ(one: Resource, other: Resource) -> bool:
    """Whether two answers about one resource differ in what may change."""
    return (one.description, one.tags, one.archived) != (
        *(other.description, other.tags),
        other.archived,
    )


def registered(name: str, item: Resource) -> RegisteredVersion:
    """A version as a plan sees it."""
    provenance = Provenance.from_tags(item.tags)
    spec = _spec(item, provenance.digest)
    return RegisteredVersion(
        Environment(
            EnvironmentKey(name, item.name),
            spec,
            Metadata(item.description, user_tags(item.tags)),
            provenance,
        ),
        item.archived,
        item.created,
        item.curated,
        item.context_uri if spec.local_context else None,
    )


def _spec(item: Resource, digest: str | None) -> EnvironmentSpec:
    properties = item.properties
    os_type = "Windows" if str(properties.get("osType")).lower() == "windows" else "Linux"
    spec = EnvironmentSpec(
        image=_text(properties.get("image")),
        conda_file=_conda(_text(properties.get("condaFile"))),
        os_type=cast("OsType", os_type),
        inference_config=_inference(properties.get("inferenceConfig")),
    )
    uri, build = item.context_uri, properties.get("build")
    if uri is None or not isinstance(build, dict):
        return spec
    dockerfile = _text(build.get("dockerfilePath")) or "Dockerfile"
    as_text = replace(spec, build=Build(uri, dockerfile))
    if digest == as_text.digest or not _is_upload(uri, digest):
        return as_text
    found = _UPLOAD.search(uri)
    uploads = frozenset({found[1]} if found else ())
    return replace(spec, build=Build(BuildContext(None, uploads=uploads), dockerfile))


def _is_upload(uri: str, digest: str | None) -> bool:
    """Whether the content behind a URL was uploaded from a directory.

    In a workspace its hash is in the URL. In a registry it lies in a storage account as well, with
    nothing to tell it from an address that somebody declared, but for a digest of something else.
    A local path, which azure-ai-ml sends where it could upload nothing, is no upload.
    """
    if _UPLOAD.search(uri):
        return True
    return bool(_BLOB_HOST.match(uri)) and (digest is not None or uri.endswith("/"))


def _inference(value: JSON) -> InferenceConfig | None:
    if not isinstance(value, dict):
        return None
    routes = {ours: _route(value.get(theirs)) for ours, theirs in ROUTES.items()}
    if all(route is None for route in routes.values()):
        return None
    nothing = Route("", 0)
    return InferenceConfig(**{key: route or nothing for key, route in routes.items()})


def _route(value: JSON) -> Route | None:
    if not isinstance(value, dict):
        return None
    port = value.get("port")
    return Route(str(value.get("path") or ""), port if isinstance(port, int) else 0)


def _conda(text: str | None) -> str | None:
    """The canonical JSON of a conda file; None where there is none.

    What neither JSON nor YAML reads stands as the text it is, so that one odd entry stops no plan.
    """
    if text is None:
        return None
    try:
        return canonical_json(json.loads(text))
    except ValueError:
        pass
    try:
        data = yaml.safe_load(text)
        return None if data is None else canonical_json(data)
    except (yaml.YAMLError, TypeError, ValueError):
        return canonical_json(text)


def _tag(value: JSON) -> str:
    """The value of a tag as text. azure-ai-ml sends numbers and truth values as they are."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value)


def _text(value: JSON) -> str | None:
    """A text; `""` and null both mean that there is none."""
    return value if isinstance(value, str) and value else None
