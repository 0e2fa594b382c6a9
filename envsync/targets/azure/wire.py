"""Translation between the service's JSON and envsync's values.

The service does not return exactly what a client sent. In recorded responses, a conda file is JSON
text, an unset field is `""` or null, and fields that were not sent have defaults. This module
converts each field to one normal form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, cast

import yaml
from msgspec import Struct
from msgspec.structs import replace

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
    UploadHash,
)
from envsync.model.provenance import Provenance, user_tags
from envsync.model.state import Modification, RegisteredVersion
from envsync.targets.azure.undeclarable import READ_ONLY, undeclarable

# `stage` is never sent. The service returns `stage: Development` if the stage was never set. If a
# client sends this stage back with `isArchived: true`, the service does not archive the version, as
# recorded responses of registries show. Current releases of azure-ai-ml do not send `stage`.
_NEVER_SENT: Final = READ_ONLY | {"stage"}

# azure-ai-ml hashes uploads with SHA-256 since 1.28, and with MD5 before.
_UPLOAD: Final = re.compile(r"/LocalUpload/(?:(?P<sha256>[0-9a-f]{64})|(?P<md5>[0-9a-f]{32}))/")
_BLOB_HOST: Final = re.compile(r"https://[a-z0-9]+\.blob\.(?:core|storage)\.", re.IGNORECASE)
_CREATING: Final = 10
"""A write within this number of seconds after the creation counts as part of the creation."""

# `datetime` has six decimals of a second, but the service sends seven.
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)?")


class Resource(Struct, frozen=True):
    """A container or a version, as the service returns it.

    Attributes:
        name: the name of the container, or the version string of the version.
        properties: the content, unchanged.
        created: the time of creation, ISO 8601 in UTC; empty if the response has none.
        modified: the last write, if the response shows a write after the creation.
    """

    name: str
    properties: Mapping[str, JSON]
    created: str = ""
    modified: Modification | None = None

    @property
    def description(self) -> str | None:
        """The description, or None if it is empty."""
        return _text(self.properties.get("description"))

    @property
    def tags(self) -> dict[str, str]:
        """All tags, including reserved tags."""
        tags = self.properties.get("tags")
        if not isinstance(tags, dict):
            return {}
        return {key: _tag(value) for key, value in tags.items()}

    @property
    def archived(self) -> bool:
        """True if the resource is shown as archived.

        For a container, only the response to a PUT shows the right archived state. The stage
        `Archived` has the same meaning as `isArchived`, because the service derives each of the two
        fields from the other, as recordings of registries from 2023 and 2026 show.
        """
        properties = self.properties
        return properties.get("isArchived") is True or properties.get("stage") == "Archived"

    @property
    def curated(self) -> bool:
        """True if the version is curated, which means that it belongs to the service."""
        return str(self.properties.get("environmentType")).lower() == "curated"

    @property
    def context_uri(self) -> str | None:
        """The URL of the build context, or None if the version has no build context."""
        build = self.properties.get("build")
        return _text(build.get("contextUri")) if isinstance(build, dict) else None


def resource(data: JSON) -> Resource:
    """Parses the JSON of a container or version.

    Raises:
        ValueError: the data is neither a container nor a version.
    """
    properties = data.get("properties") if isinstance(data, dict) else None
    name = data.get("name") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(properties, dict) or not isinstance(name, str):
        raise ValueError("not a resource")  # noqa: TRY004 (unexpected content from the service)
    system = data.get("systemData")
    system = system if isinstance(system, dict) else {}
    created = _text(system.get("createdAt")) or ""
    return Resource(name, properties, created, _modification(system, created))


def _modification(system: Mapping[str, JSON], created: str) -> Modification | None:
    """Returns the last write that the `systemData` of a resource shows.

    In recorded responses, `lastModifiedAt` can be a second after the creation, although nothing was
    written. So only a time at least `_CREATING` seconds after the creation counts as a write. The
    recorded writes did not change `lastModifiedAt` and `lastModifiedBy` at all.
    """
    by, at = _text(system.get("lastModifiedBy")), _text(system.get("lastModifiedAt")) or ""
    start, end = _moment(created), _moment(at)
    if by is None or start is None or end is None or end[0] - start[0] < _CREATING:
        return None
    return Modification(by, at)


def creation_order(item: Resource) -> tuple[float, int]:
    """Returns a sort key: the time of creation in whole seconds and nanoseconds."""
    return _moment(item.created) or (0.0, 0)


def _moment(time: str) -> tuple[float, int] | None:
    """Returns the whole seconds and nanoseconds of a time, or None if the text is not a time."""
    found = _TIME.fullmatch(time)
    if not found:
        return None
    zone = (found[3] or "Z").replace("Z", "+00:00")
    seconds = datetime.fromisoformat(found[1] + zone).astimezone(UTC).timestamp()
    # A float has too few digits for the time of creation, and `datetime` only has microseconds.
    return seconds, int((found[2] or "").ljust(9, "0")[:9])


def body(
    item: Resource,
    *,
    description: str | None,
    tags: Mapping[str, str] | None,
    archived: bool,
) -> dict[str, JSON]:
    """Returns the body of a PUT that changes the given fields and sends all other fields unchanged.

    If `tags` is None, the tags are sent exactly as they were received.

    Nulls and the fields in `_NEVER_SENT` are not sent. A removed description is sent as an empty
    string, and all tags are always sent, because the documentation does not say what happens if the
    description or the tags are missing.
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
    """Returns whether two responses about one resource differ in a mutable field."""
    return (
        one.description != other.description
        or one.tags != other.tags
        or one.archived != other.archived
    )


def registered(name: str, item: Resource) -> RegisteredVersion:
    """Converts a version to envsync's model."""
    provenance = Provenance.from_tags(item.tags)
    spec = _spec(item, provenance.digest)
    return RegisteredVersion(
        Environment(
            key=EnvironmentKey(name, item.name),
            spec=spec,
            metadata=Metadata(item.description, user_tags(item.tags)),
            provenance=provenance,
        ),
        archived=item.archived,
        created=item.created,
        curated=item.curated,
        context_uri=item.context_uri if spec.local_context else None,
        extra=undeclarable(item.properties),
        modified=item.modified,
    )


def _spec(item: Resource, digest: str | None) -> EnvironmentSpec:
    properties = item.properties
    # azure-ai-ml ignores the case of `os_type`.
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
    # A declared URL can look like the URL of an upload. If the digest tag is the digest of the spec
    # with this URL, the URL was declared.
    if digest == as_text.digest or not _is_upload(uri, digest):
        return as_text
    found = _UPLOAD.search(uri)
    kinds: tuple[UploadHash, ...] = ("sha256", "md5")
    uploads = {kind: frozenset({found[kind]}) for kind in kinds if found and found[kind]}
    return replace(spec, build=Build(BuildContext(None, uploads=uploads), dockerfile))


def _is_upload(uri: str, digest: str | None) -> bool:
    """Returns whether the build context at a URL was uploaded from a directory.

    In a workspace, the URL of an upload contains the hash of the content. In a registry, both the
    URL of an upload and a declared URL can belong to a storage account. In a registry, a URL
    is therefore treated as an upload if the version has a digest tag or the URL ends with `/`. The
    caller has already checked that the digest tag does not match a declared URL. If azure-ai-ml
    could not upload a build context, it registers a local path. A local path does not count as an
    upload.
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
    # A client of the REST API can register a configuration with fewer than three routes, but
    # azure-ai-ml cannot.
    nothing = Route("", 0)
    return InferenceConfig(**{key: route or nothing for key, route in routes.items()})


def _route(value: JSON) -> Route | None:
    if not isinstance(value, dict):
        return None
    port = value.get("port")
    return Route(str(value.get("path") or ""), port if isinstance(port, int) else 0)


def _conda(text: str | None) -> str | None:
    """Returns the canonical JSON of a conda file, or None if the version has no conda file.

    Text that is neither JSON nor YAML becomes a JSON string, so that one invalid version does not
    make every plan fail.
    """
    if text is None:
        return None
    try:
        # Try JSON first, because parsing JSON is much faster than parsing YAML. In recorded
        # responses, a conda file is JSON text.
        return canonical_json(json.loads(text))
    except ValueError:
        pass
    try:
        data = yaml.safe_load(text)
        return None if data is None else canonical_json(data)
    except (yaml.YAMLError, TypeError, ValueError):
        return canonical_json(text)


def _tag(value: JSON) -> str:
    """Returns the value of a tag as text."""
    if isinstance(value, str):
        return value
    # azure-ai-ml 1.35 sends numbers and booleans of a YAML file as JSON numbers and booleans.
    return "" if value is None else json.dumps(value)


def _text(value: JSON) -> str | None:
    """Returns a string, or None if the field is unset (null or `""`)."""
    return value if isinstance(value, str) and value else None
