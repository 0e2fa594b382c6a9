"""Environments as values: equality, JSON, digests and reserved tags."""

from __future__ import annotations

import hashlib

import pytest
from msgspec.structs import replace

from envsync.model.canonical import JSON, canonical_json
from envsync.model.environment import (
    Build,
    BuildContext,
    Environment,
    EnvironmentKey,
    EnvironmentSpec,
    InferenceConfig,
    Metadata,
    Route,
    UploadHash,
)
from envsync.model.provenance import Provenance, user_tags


def documented_digest(kind: str, text: str) -> str:
    """Returns the digest that docs/reference/digest.md describes."""
    return "sha256:" + hashlib.sha256(f"envsync-{kind} 1\n{text}".encode()).hexdigest()


FILES = {"b/é.py": "2" * 64, "Dockerfile": "1" * 64}
CONTEXT = BuildContext.of_files(FILES)
UPLOADS: dict[UploadHash, frozenset[str]] = {"sha256": frozenset({"a" * 64})}


def test_the_digest_of_a_context_is_computed_as_documented() -> None:
    text = f'{{"Dockerfile":"{"1" * 64}","b/é.py":"{"2" * 64}"}}'

    assert BuildContext.of_files(FILES).digest == documented_digest("context", text)


def test_a_context_keeps_its_files_hashes_and_directory() -> None:
    made = BuildContext.of_files(FILES, uploads=UPLOADS, directory="docker")

    assert (made.files, made.uploads) == (FILES, UPLOADS)
    assert made.directory == "docker"
    assert (CONTEXT.uploads, CONTEXT.directory) == ({}, None)


def test_a_context_does_not_change_when_the_given_mapping_changes() -> None:
    files = dict(FILES)
    made = BuildContext.of_files(files)
    files.clear()

    assert made.files == FILES


def test_contexts_are_equal_if_their_digests_are_equal() -> None:
    assert BuildContext(CONTEXT.digest) == CONTEXT
    assert replace(CONTEXT, uploads=UPLOADS, directory="elsewhere") == CONTEXT
    assert BuildContext("sha256:x", FILES) != CONTEXT


def test_an_unknown_context_has_no_files_hashes_or_directory() -> None:
    unknown = BuildContext(None)

    assert (unknown.files, unknown.uploads, unknown.directory) == (None, {}, None)


DOCUMENTS: dict[str, tuple[EnvironmentSpec, JSON]] = {
    "nothing set": (EnvironmentSpec(), {"os_type": "Linux"}),
    "image and conda file": (
        EnvironmentSpec(
            image="x", conda_file=canonical_json({"dependencies": []}), os_type="Windows"
        ),
        {"image": "x", "conda_file": {"dependencies": []}, "os_type": "Windows"},
    ),
    "a local context": (
        EnvironmentSpec(build=Build(CONTEXT, "gpu.Dockerfile")),
        {
            "build": {"context": CONTEXT.digest, "dockerfile_path": "gpu.Dockerfile"},
            "os_type": "Linux",
        },
    ),
    "a URL": (
        EnvironmentSpec(build=Build("https://example.org/a.git")),
        {
            "build": {"path": "https://example.org/a.git", "dockerfile_path": "Dockerfile"},
            "os_type": "Linux",
        },
    ),
    "an inference server": (
        EnvironmentSpec(
            image="x",
            inference_config=InferenceConfig(
                liveness_route=Route("/live", 1),
                readiness_route=Route("/ready", 2),
                scoring_route=Route("/score", 3),
            ),
        ),
        {
            "image": "x",
            "os_type": "Linux",
            "inference_config": {
                "liveness_route": {"path": "/live", "port": 1},
                "readiness_route": {"path": "/ready", "port": 2},
                "scoring_route": {"path": "/score", "port": 3},
            },
        },
    ),
}


@pytest.mark.parametrize(("spec", "document"), DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_the_json_of_a_spec_uses_the_field_names_of_an_environment_file(
    spec: EnvironmentSpec, document: JSON
) -> None:
    assert spec.to_json() == document
    assert spec.digest == documented_digest("spec", canonical_json(document))


def test_only_a_directory_is_a_local_context() -> None:
    url = "https://example.org/a.git"

    assert EnvironmentSpec(build=Build(CONTEXT)).local_context is CONTEXT
    assert EnvironmentSpec(build=Build(url)).local_context is None
    assert EnvironmentSpec(image="x").local_context is None


def test_an_inference_config_is_equal_after_a_json_round_trip() -> None:
    config = InferenceConfig(Route("/live", 1), Route("/ready", 2), Route("/score", 3))

    assert InferenceConfig.from_json(config.to_json()) == config
    assert list(config.routes()) == ["liveness_route", "readiness_route", "scoring_route"]


@pytest.mark.parametrize(
    ("metadata", "document"),
    [
        (Metadata(), {}),
        (Metadata("About a"), {"description": "About a"}),
        (Metadata(tags={"team": "x"}), {"tags": {"team": "x"}}),
    ],
)
def test_the_json_of_metadata_uses_the_field_names_of_an_environment_file(
    metadata: Metadata, document: dict[str, JSON]
) -> None:
    assert metadata.to_json() == document


def test_metadata_does_not_change_when_the_given_mapping_changes() -> None:
    tags = {"team": "x"}
    metadata = Metadata(tags=tags)
    tags["team"] = "y"

    assert metadata.tags == {"team": "x"}


def test_an_environment_has_no_metadata_and_no_owner_by_default() -> None:
    environment = Environment(EnvironmentKey("a", "1"), EnvironmentSpec())

    assert environment.metadata == Metadata(None, {})
    assert environment.provenance == Provenance(None, None, None, None)


RECORD = {
    "envsync.owner": "churn",
    "envsync.digest": "sha256:x",
    "envsync.source": "environments/a.yml",
    "envsync.commit": "c0ffee",
    "envsync.applied": "sha256:y",
}


def test_provenance_is_written_to_reserved_tags_and_read_from_them() -> None:
    provenance = Provenance("churn", "sha256:x", "environments/a.yml", "c0ffee", "sha256:y")

    assert provenance.as_tags() == RECORD
    assert Provenance.from_tags({**RECORD, "team": "x"}) == provenance


@pytest.mark.parametrize("key", RECORD)
def test_an_attribute_is_none_if_its_reserved_tag_is_missing(key: str) -> None:
    tags = {other: value for other, value in RECORD.items() if other != key}

    assert Provenance.from_tags(tags).as_tags() == tags
    assert getattr(Provenance.from_tags(tags), key.removeprefix("envsync.")) is None


def test_user_tags_are_all_tags_except_reserved_tags() -> None:
    tags = {"team": "x", "envsync": "1", "ENVSYNC.owner": "2", "my.envsync.owner": "3"}

    assert user_tags({**tags, **RECORD, "envsync.new": "4"}) == tags


def test_a_key_is_written_as_name_colon_version() -> None:
    assert str(EnvironmentKey("pydata", "2")) == "pydata:2"


def test_the_digest_of_metadata_is_computed_as_documented() -> None:
    text = '{"description":"Trains.","tags":{"a":"1","b":"ä"}}'

    assert Metadata("Trains.", {"b": "ä", "a": "1"}).digest == documented_digest("metadata", text)
