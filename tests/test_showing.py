"""One registered version, shown as an environment file with comments."""

from __future__ import annotations

import pytest
import yaml

from envsync.api.showing import ShownVersion
from envsync.model.environment import (
    Build,
    BuildContext,
    Environment,
    EnvironmentKey,
    EnvironmentSpec,
    Metadata,
)
from envsync.model.provenance import Provenance
from envsync.model.state import Container, RegisteredVersion
from envsync.model.use import Use
from envsync.model.wording import shown_lines
from envsync.render.paint import painter

URI = "https://account.blob.core.windows.net/store/LocalUpload/ab/docker/"
DIGEST = "sha256:" + "0" * 64
IMAGE = EnvironmentSpec(image="i:1", conda_file='{"dependencies": ["python=3.11"]}')


def registered(
    spec: EnvironmentSpec = IMAGE,
    *,
    version: str = "1",
    description: str | None = None,
    owner: str | None = None,
    archived: bool = False,
    curated: bool = False,
    uri: str | None = None,
) -> RegisteredVersion:
    return RegisteredVersion(
        Environment(
            EnvironmentKey("pydata", version), spec, Metadata(description), Provenance(owner)
        ),
        created="2026-03-01T09:30:01.25+00:00",
        archived=archived,
        curated=curated,
        context_uri=uri,
    )


def text(item: RegisteredVersion, *uses: Use, hidden: bool = False) -> str:
    shown = ShownVersion(Container("pydata", (item,), archived=hidden), item, uses)
    return shown.to_yaml(lambda path: f"../{path}", painter(False))


def built(digest: str | None, uri: str | None) -> RegisteredVersion:
    return registered(EnvironmentSpec(build=Build(BuildContext(digest), "Dockerfile.gpu")), uri=uri)


def test_a_version_is_shown_as_the_file_that_declares_it() -> None:
    shown = text(registered(description="Notebooks: all", owner="churn"))

    assert shown == (
        "# state    active, @latest\n"
        "# created  2026-03-01 09:30:01\n"
        "# owner    churn\n"
        "$schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json\n"
        "name: pydata\n"
        'version: "1"\n'
        'description: "Notebooks: all"\n'
        "image: i:1\n"
        "conda_file:\n"
        "  dependencies:\n"
        "    - python=3.11\n"
    )


@pytest.mark.parametrize(
    ("item", "hidden", "state"),
    [
        (registered(), False, "active, @latest"),
        (registered(archived=True), False, "archived"),
        (registered(archived=True), True, "archived"),
        (registered(), True, "hidden"),
        (registered(curated=True), False, "active, @latest, curated"),
    ],
)
def test_the_first_comment_shows_the_state(
    item: RegisteredVersion, hidden: bool, state: str
) -> None:
    assert text(item, hidden=hidden).splitlines()[0] == f"# state    {state}"


def test_the_comments_contain_the_references_with_paths_for_the_user() -> None:
    uses = (Use("jobs/a.yml", 3, "job", "exact"), Use("b\x1b.py", 7, "python", "probable"))
    comments = [line for line in text(registered(), *uses).splitlines() if line.startswith("#")]

    assert comments[2:] == [
        "# used by  ../jobs/a.yml:3 (job)",
        r"#          ../b\x1b.py:7 (python, probably)",
    ]


def test_a_build_context_is_shown_as_its_address() -> None:
    assert yaml.safe_load(text(built(None, URI)))["build"] == {
        "path": URI,
        "dockerfile_path": "Dockerfile.gpu",
    }


def test_a_build_from_git_is_shown_as_its_url() -> None:
    spec = EnvironmentSpec(build=Build("https://github.com/contoso/models.git#main"))

    assert yaml.safe_load(text(registered(spec)))["build"] == {
        "path": "https://github.com/contoso/models.git#main"
    }


@pytest.mark.parametrize("digest", [DIGEST, None])
def test_a_build_context_without_an_address_is_explained(digest: str | None) -> None:
    shown = text(built(digest, None))

    assert yaml.safe_load(shown)["build"]["path"] == "context"
    assert "# `context` stands for the files of the build context" in shown
    assert (DIGEST in shown) == (digest is not None)


@pytest.mark.parametrize(
    "description",
    ["a\u202eb", "a\x1b[31mb", "one\ntwo\u202e\n", f"{'word ' * 30}\u200bend", "no\xa0break"],
)
def test_invisible_characters_can_be_read_from_a_terminal(description: str) -> None:
    shown = shown_lines(text(registered(description=description)), color=False)

    assert shown.replace("\n", "").isprintable()
    assert yaml.safe_load(shown)["description"] == description


def test_credentials_are_hidden() -> None:
    spec = EnvironmentSpec(build=Build("https://me:secret@github.com/contoso/models.git"))
    shown = text(registered(spec, description="at https://x.example/?sig=a1b2c3&b"))

    assert "secret" not in shown
    assert "a1b2c3" not in shown


def test_the_json_contains_the_references_and_whether_the_version_is_the_latest() -> None:
    item, newer = registered(), registered(version="2")
    use = Use("jobs/a.yml", 3, "job", "exact")
    shown = ShownVersion(Container("pydata", (item, newer)), item, (use,))

    assert shown.to_json() == {**item.to_json(), "latest": False, "uses": [use.to_json()]}
