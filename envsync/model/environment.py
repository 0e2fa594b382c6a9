"""The types of an environment version: an immutable spec, and metadata that can change.

Azure ML does not allow changes to the `EnvironmentSpec` of a registered version. The `Metadata` of
a version can change. Only `EnvironmentSpec` and `Metadata` define which fields are immutable. No
other code lists the immutable fields.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

from msgspec import Struct, field
from msgspec.structs import force_setattr, replace

from envsync.model.canonical import JSON, canonical_json, sha256_digest
from envsync.model.provenance import Provenance, user_tags
from envsync.model.value import Value

OsType = Literal["Linux", "Windows"]
UploadHash = Literal["sha256", "md5"]
"""The hash functions of azure-ai-ml's upload URLs. Releases up to 1.26 used MD5."""

ROUTES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "liveness_route": "livenessRoute",
        "readiness_route": "readinessRoute",
        "scoring_route": "scoringRoute",
    }
)
"""Maps the field of each route in an environment file to the key of this route in the REST API.

`InferenceContainerProperties` in the OpenAPI documents of Microsoft.MachineLearningServices defines
the keys.
"""


class EnvironmentKey(Struct, frozen=True):
    """The identity of one environment version. Names and versions are case-sensitive."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


class Route(Struct, frozen=True):
    """The endpoint of an inference server for one kind of request: HTTP path and TCP port."""

    path: str
    port: int

    def to_json(self) -> dict[str, JSON]:
        """Returns the route as JSON data."""
        return {"path": self.path, "port": self.port}

    @classmethod
    def from_json(cls, data: Any) -> Route:
        """Creates the route from the JSON data of `to_json`.

        Raises:
            TypeError: the data is not a mapping with the keys `path` and `port`.
        """
        return cls(**data)


class InferenceConfig(Struct, frozen=True):
    """The three routes of an image that contains an inference server. All are required."""

    liveness_route: Route
    readiness_route: Route
    scoring_route: Route

    def routes(self) -> dict[str, Route]:
        """Returns a mapping from the name of each field to its route."""
        return {name: getattr(self, name) for name in ROUTES}

    def to_json(self) -> dict[str, JSON]:
        """Returns the routes as JSON data, with the field names of an environment file."""
        return {name: route.to_json() for name, route in self.routes().items()}

    @classmethod
    def from_json(cls, data: Any) -> InferenceConfig:
        """Creates the configuration from the JSON data of `to_json`.

        Raises:
            TypeError, ValueError: the data is not a mapping from the names of the three routes to
                their JSON data.
        """
        return cls(**{name: Route.from_json(route) for name, route in dict(data).items()})


class BuildContext(Value, frozen=True):
    """The content of a local build context: the files that are uploaded.

    Attributes:
        digest: the digest of the relative paths and contents of all files: `sha256:` and 64 hex
            digits. None if the target does not store the digest.
        files: the hex SHA-256 of each file's bytes, by path. Paths are relative to the context,
            `/`-separated and in Unicode form NFC. None if the target does not store the files.
        uploads: the hashes that azure-ai-ml puts into the upload URL of this content, in hex. If a
            hash function is missing, its hash is unknown. The hashes of a directory on this machine
            are computed when they are first read. The computation raises EnvsyncError if a file has
            changed.
        directory: the path of the directory on this machine. None if this machine has no such
            directory.
    """

    uncompared = ("files", "uploads", "directory")

    # Equality compares only the digest. `uploads` depends on the release of azure-ai-ml, and
    # `directory` changes when the directory is moved or renamed.
    digest: str | None
    files: Mapping[str, str] | None = None
    uploads: Mapping[UploadHash, frozenset[str]] = field(default_factory=dict)
    directory: str | None = None

    @classmethod
    def of_files(
        cls,
        files: Mapping[str, str],
        *,
        uploads: Mapping[UploadHash, frozenset[str]] = MappingProxyType({}),
        directory: str | None = None,
    ) -> BuildContext:
        """Creates a context from its files, and computes the digest of the context.

        Args:
            files: the hex SHA-256 of each file's bytes, by path.
            uploads: the hashes that azure-ai-ml puts into the upload URL of this content.
            directory: the path of the directory on this machine.
        """
        # The line `envsync-context 1` contains the number of the format. Because of this line, a
        # context and a spec never have the same digest.
        digest = sha256_digest("envsync-context 1\n" + canonical_json(dict(files)))
        return cls(
            digest, files=MappingProxyType(dict(files)), uploads=uploads, directory=directory
        )


class Build(Struct, frozen=True):
    """A Docker build: its context (the content of a local directory, or a URL) and its Dockerfile.

    Attributes:
        context: a `BuildContext`, or an `https://` or git URL. If the context is a URL, the service
            stores the URL, but not the content.
        dockerfile_path: the path of the Dockerfile, relative to the context.
    """

    context: BuildContext | str
    dockerfile_path: str = "Dockerfile"

    def to_json(self) -> dict[str, JSON]:
        """Returns the build as JSON data.

        The data has the key `dockerfile_path`, and either `path` (a URL) or `context` (a digest).
        """
        context: dict[str, JSON]
        if isinstance(self.context, str):
            context = {"path": self.context}
        else:
            context = {"context": self.context.digest}
        return {**context, "dockerfile_path": self.dockerfile_path}


class EnvironmentSpec(Struct, frozen=True):
    """The part of a version that is fixed at creation. The defaults of the service are filled in.

    Attributes:
        image: the Docker image, as the file declares it.
        conda_file: the conda specification as canonical JSON.
        build: the Docker build. A version has either `build` or `image`.
        os_type: the operating system of the image.
        inference_config: the routes of an image that contains an inference server.
    """

    image: str | None = None
    # `conda_file` contains JSON instead of YAML, because the service drops the layout and the
    # comments of the YAML.
    conda_file: str | None = None
    build: Build | None = None
    os_type: OsType = "Linux"
    inference_config: InferenceConfig | None = None

    @property
    def local_context(self) -> BuildContext | None:
        """The build context, if it is a local directory. Otherwise None."""
        if self.build is None or isinstance(self.build.context, str):
            return None
        return self.build.context

    def to_json(self) -> dict[str, JSON]:
        """Returns the spec as JSON data, with the field names of an environment file.

        The data does not contain fields that are not set. In `build`, the key `context` contains
        the digest of a local context, and the key `path` contains a URL.
        """
        data: dict[str, JSON] = {}
        if self.image is not None:
            data["image"] = self.image
        if self.conda_file is not None:
            data["conda_file"] = json.loads(self.conda_file)
        if self.build is not None:
            data["build"] = self.build.to_json()
        data["os_type"] = self.os_type
        if self.inference_config is not None:
            data["inference_config"] = self.inference_config.to_json()
        return data

    @property
    def digest(self) -> str:
        """The digest of the canonical spec: `sha256:` and 64 hex digits.

        docs/reference/digest.md describes the format, which is format 1.
        """
        # Every registered version has its digest in a tag. If the format of the hashed text
        # changed, every registered version would look edited. So a new format needs a new number in
        # the first line of the text.
        return sha256_digest("envsync-spec 1\n" + canonical_json(self.to_json()))


class Metadata(Struct, frozen=True):
    """The part of a version that can change after creation.

    Attributes:
        description: the description; None if there is no description.
        tags: the tags of the user, without the reserved tags (see `Provenance`).
    """

    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # The tags are copied and made read-only, because the caller can change the original dict
        # later.
        force_setattr(self, "tags", MappingProxyType(dict(self.tags)))

    def to_json(self) -> dict[str, JSON]:
        """Returns the metadata as JSON data, with the field names of an environment file.

        The data does not contain fields without a value.
        """
        data: dict[str, JSON] = {}
        if self.description is not None:
            data["description"] = self.description
        if self.tags:
            data["tags"] = dict(self.tags)
        return data

    @property
    def digest(self) -> str:
        """The digest of the description and the tags: `sha256:` and 64 hex digits.

        docs/reference/digest.md describes the format, which is format 1.
        """
        # Every version that envsync writes has this digest in a tag. With another format, every
        # registered version would look edited. For the service, an empty description is the same as
        # no description.
        data = replace(self, description=self.description or None).to_json()
        return sha256_digest("envsync-metadata 1\n" + canonical_json(data))


class Environment(Struct, frozen=True):
    """One complete environment version: all values that `Target.create` writes."""

    key: EnvironmentKey
    spec: EnvironmentSpec
    metadata: Metadata = field(default_factory=Metadata)
    provenance: Provenance = field(default_factory=Provenance)


def all_tags(metadata: Metadata, provenance: Provenance) -> dict[str, str]:
    """Returns all tags of a version in the service: the tags of the user and the reserved tags.

    Reserved tags in `metadata` are dropped: their values come only from `provenance`.
    """
    return {**user_tags(metadata.tags), **provenance.as_tags()}
