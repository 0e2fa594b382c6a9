"""What an environment is, as frozen values, split by what Azure ML lets change.

`EnvironmentSpec` is fixed when a version is created; `Metadata` may change afterwards. That split
of types *is* the immutability rule of the service, and nothing says it a second time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from envsync.model.canonical import JSON, canonical_json, sha256_digest
from envsync.model.provenance import Provenance, user_tags

OsType = Literal["Linux", "Windows"]


@dataclass(frozen=True, slots=True)
class EnvironmentKey:
    """The identity of one environment version. Case-sensitive, as in the service."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


@dataclass(frozen=True, slots=True)
class Route:
    """Where an inference server answers one kind of request: an HTTP path and a TCP port."""

    path: str
    port: int


@dataclass(frozen=True, slots=True)
class InferenceConfig:
    """The three routes of an image that serves a model by itself; the service wants all three."""

    liveness_route: Route
    readiness_route: Route
    scoring_route: Route


@dataclass(frozen=True, slots=True)
class BuildContext:
    """The content of a local build context, as it is uploaded.

    Attributes:
        digest: `sha256:` and 64 hex digits over the relative paths and contents of all files;
            None where a target cannot tell.
        files: path relative to the context (`/`-separated, NFC) to the hex SHA-256 of its bytes;
            None where a target cannot tell.
        uploads: the hashes under which the SDK uploads this content, in hex: SHA-256 (64 digits)
            and MD5 (32 digits, SDKs up to 1.26). Of a registered version, those that are known.
        directory: where the content lies on disk. Not part of the content: a directory that is
            moved or renamed is the same context.
    """

    digest: str | None
    files: Mapping[str, str] | None = field(default=None, compare=False)
    uploads: frozenset[str] = field(default=frozenset(), compare=False)
    directory: str | None = field(default=None, compare=False)

    @classmethod
    def of_files(
        cls,
        files: Mapping[str, str],
        *,
        uploads: frozenset[str] = frozenset(),
        directory: str | None = None,
    ) -> BuildContext:
        """The context that holds these files (path to hex SHA-256 of the content)."""
        digest = sha256_digest("envsync-context 1\n" + canonical_json(dict(files)))
        return cls(digest, MappingProxyType(dict(files)), uploads, directory)


@dataclass(frozen=True, slots=True)
class Build:
    """A Docker build: its context (a local directory's content, or a URL) and its Dockerfile.

    Attributes:
        context: a `BuildContext`, or the text of an `https://` or git URL, which is all that the
            service keeps of it.
        dockerfile_path: relative to the context.
    """

    context: BuildContext | str
    dockerfile_path: str = "Dockerfile"


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    """What is fixed once a version is created, with the service's defaults filled in.

    Attributes:
        image: the Docker image, as written.
        conda_file: the conda specification as canonical JSON text: the service rewrites its YAML,
            so only its meaning can be compared.
        build: the Docker build, instead of `image`.
        os_type: `Linux` unless said otherwise.
        inference_config: routes of an image that serves by itself.
    """

    image: str | None = None
    conda_file: str | None = None
    build: Build | None = None
    os_type: OsType = "Linux"
    inference_config: InferenceConfig | None = None

    def document(self) -> dict[str, JSON]:
        """The spec as JSON data, in the words of an environment file; what is unset is absent.

        A local build context stands as `build.context` with its digest, a URL as `build.path`.
        """
        document: dict[str, JSON] = {}
        if self.image is not None:
            document["image"] = self.image
        if self.conda_file is not None:
            document["conda_file"] = json.loads(self.conda_file)
        if self.build is not None:
            context = self.build.context
            document["build"] = {
                **({"path": context} if isinstance(context, str) else {"context": context.digest}),
                "dockerfile_path": self.build.dockerfile_path,
            }
        document["os_type"] = self.os_type
        if self.inference_config is not None:
            document["inference_config"] = {
                name: {"path": route.path, "port": route.port}
                for name, route in (
                    ("liveness_route", self.inference_config.liveness_route),
                    ("readiness_route", self.inference_config.readiness_route),
                    ("scoring_route", self.inference_config.scoring_route),
                )
            }
        return document

    @property
    def digest(self) -> str:
        """`sha256:` and 64 hex digits over the canonical spec (format 1, docs/digest.md)."""
        return sha256_digest("envsync-spec 1\n" + canonical_json(self.document()))


@dataclass(frozen=True, slots=True)
class Metadata:
    """What may change after creation: the description and the user's own tags."""

    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tags", MappingProxyType(dict(self.tags)))

    def document(self) -> dict[str, JSON]:
        """The metadata as JSON data, in the words of an environment file."""
        document: dict[str, JSON] = {}
        if self.description is not None:
            document["description"] = self.description
        if self.tags:
            document["tags"] = dict(self.tags)
        return document


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment version, whole: what a create writes and a read returns."""

    key: EnvironmentKey
    spec: EnvironmentSpec
    metadata: Metadata = field(default_factory=Metadata)
    provenance: Provenance = field(default_factory=Provenance)


def all_tags(metadata: Metadata, provenance: Provenance) -> dict[str, str]:
    """The tags that a version carries: the user's and the reserved ones."""
    return {**user_tags(metadata.tags), **provenance.as_tags()}
