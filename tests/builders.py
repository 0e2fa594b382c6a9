"""Builders: short ways to write declarations and states in tests."""

from __future__ import annotations

from collections.abc import Mapping

from envsync.model.canonical import JSON, canonical_json
from envsync.model.declaration import Declaration, Source
from envsync.model.environment import (
    Build,
    BuildContext,
    Environment,
    EnvironmentKey,
    EnvironmentSpec,
    Metadata,
    UploadHash,
)
from envsync.model.provenance import Provenance
from envsync.model.state import Container, RegisteredVersion, State
from envsync.model.target import TargetIdentity

PROJECT = "churn"
TARGET = TargetIdentity("local", "local", ".envsync/local.db")


# Tests change only the tag of an image, because two images with different tags are two specs.
def image(tag: str = "1") -> EnvironmentSpec:
    return EnvironmentSpec(image=f"mcr.microsoft.com/base:{tag}")


# The conda file has no `name` and no `channels`, because nearly all tests need only packages.
def conda(*dependencies: JSON, tag: str = "1") -> EnvironmentSpec:
    document: JSON = {"dependencies": list(dependencies)}
    return EnvironmentSpec(
        image=f"mcr.microsoft.com/base:{tag}", conda_file=canonical_json(document)
    )


def built(dockerfile_path: str = "Dockerfile", **files: str) -> EnvironmentSpec:
    return EnvironmentSpec(build=Build(BuildContext.of_files(files), dockerfile_path))


def unknown_build(*uploads: str) -> EnvironmentSpec:
    """Returns a build as Azure returns it: the context has no files, only hashes of its URL."""
    return EnvironmentSpec(build=Build(BuildContext(None, uploads=upload_hashes(*uploads))))


def upload_hashes(*uploads: str) -> dict[UploadHash, frozenset[str]]:
    """Returns hashes by hash function. A SHA-256 has 64 digits, and an MD5 has 32."""
    found: dict[UploadHash, frozenset[str]] = {}
    for upload in uploads:
        kind: UploadHash = "sha256" if len(upload) == 64 else "md5"
        found[kind] = found.get(kind, frozenset()) | {upload}
    return found


def declared(
    name: str,
    version: str | None,
    spec: EnvironmentSpec | None = None,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> Declaration:
    source = Source(f"environments/{name}-{version}.yml", 1)
    return Declaration(name, version, spec or image(), Metadata(description, tags or {}), source)


def registered(
    name: str,
    version: str,
    spec: EnvironmentSpec | None = None,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
    *,
    owner: str | None = PROJECT,
    digest: str | None = None,
    source: str | None = None,
    archived: bool = False,
    curated: bool = False,
) -> RegisteredVersion:
    environment = Environment(
        EnvironmentKey(name, version),
        spec or image(),
        Metadata(description, tags or {}),
        Provenance(owner, digest, source),
    )
    return RegisteredVersion(environment, archived, curated=curated)


def state(*containers: Container) -> State:
    return {container.name: container for container in containers}


def container(
    name: str,
    # A string stands for a version that the project registered with the default spec.
    *versions: RegisteredVersion | str,
    archived: bool = False,
    # A value that envsync never computes, so that a test can detect where the value is used.
    next_version: str = "99",
) -> Container:
    return Container(
        name,
        tuple(registered(name, item) if isinstance(item, str) else item for item in versions),
        archived,
        next_version,
    )
