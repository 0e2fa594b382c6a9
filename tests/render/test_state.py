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
from envsync.render.state import container_text, version_text

URI = "https://account.blob.core.windows.net/store/LocalUpload/ab/docker/"
DIGEST = "sha256:" + "0" * 64


def built(digest: str | None, uri: str | None) -> RegisteredVersion:
    spec = EnvironmentSpec(build=Build(BuildContext(digest)))
    return RegisteredVersion(Environment(EnvironmentKey("pydata", "1"), spec), context_uri=uri)


def lines(item: RegisteredVersion) -> list[str]:
    text = version_text(item, painter(False), 200)
    return [" ".join(line.split()) for line in text.splitlines() if "build." in line]


def build(item: RegisteredVersion) -> JSON:
    return item.to_json()["build"]


def test_a_build_context_with_unknown_content_is_shown_as_its_url() -> None:
    item = built(None, URI)

    assert lines(item) == ['build.dockerfile_path "Dockerfile"', f'build.context_uri "{URI}"']
    assert build(item) == {"context": None, "dockerfile_path": "Dockerfile", "context_uri": URI}


def test_a_build_context_with_known_content_is_shown_as_its_digest() -> None:
    item = built(DIGEST, None)

    assert lines(item) == [
        "build.context sha256:000000000000…",
        'build.dockerfile_path "Dockerfile"',
    ]
    assert build(item) == {"context": DIGEST, "dockerfile_path": "Dockerfile"}


def test_a_build_context_with_neither_content_nor_url_is_shown_as_none() -> None:
    assert lines(built(None, None))[0] == "build.context (none)"


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
