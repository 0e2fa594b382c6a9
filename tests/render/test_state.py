"""Environments in a target, as text and as JSON."""

from __future__ import annotations

from envsync.model.canonical import JSON
from envsync.model.environment import (
    Build,
    BuildContext,
    Environment,
    EnvironmentKey,
    EnvironmentSpec,
)
from envsync.model.state import Container, RegisteredVersion
from envsync.render.paint import painter
from envsync.render.state import container_text, list_text

URI = "https://account.blob.core.windows.net/store/LocalUpload/ab/docker/"
DIGEST = "sha256:" + "0" * 64


def built(digest: str | None, uri: str | None) -> RegisteredVersion:
    spec = EnvironmentSpec(build=Build(BuildContext(digest)))
    return RegisteredVersion(Environment(EnvironmentKey("pydata", "1"), spec), context_uri=uri)


def build(item: RegisteredVersion) -> JSON:
    return item.to_json()["build"]


def test_a_build_context_with_unknown_content_has_its_url_in_the_json() -> None:
    item = built(None, URI)

    assert build(item) == {"context": None, "dockerfile_path": "Dockerfile", "context_uri": URI}


def test_a_build_context_with_known_content_has_its_digest_in_the_json() -> None:
    item = built(DIGEST, None)

    assert build(item) == {"context": DIGEST, "dockerfile_path": "Dockerfile"}


def test_versions_of_an_archived_environment_are_hidden_unless_archived_individually() -> None:
    item = built(DIGEST, None)
    archived = RegisteredVersion(item.environment, archived=True)
    shown = {
        hidden: [
            line.split()[-2]
            for line in container_text(
                Container("pydata", (item, archived), archived=hidden), painter(False)
            ).splitlines()[3:]
        ]
        for hidden in (False, True)
    }

    assert shown == {False: ["archived", "active"], True: ["archived", "hidden"]}


def test_a_list_marks_curated_environments() -> None:
    environment = built(DIGEST, None).environment
    mine = Container("mine", (RegisteredVersion(environment),))
    curated = Container("pydata", (RegisteredVersion(environment, curated=True),))
    reserved = Container("AzureML-old", (RegisteredVersion(environment, archived=True),))
    text = list_text([mine, curated, reserved], painter(False), everything=False)
    states = [line.split("  ")[-1] for line in text.splitlines()]

    assert states == ["STATE", "active", "curated", "curated, 1 archived"]
    assert "STATE" not in list_text([mine], painter(False), everything=False)
