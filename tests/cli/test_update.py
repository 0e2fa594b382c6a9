"""Tests of `envsync update` against Debian's docker-registry on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run, declare
from tests.cli.test_bump import commit
from tests.cli.test_lock import context, no_logins
from tests.images.registries import Served, free_port, needs_registry, served_registry

__all__ = ["no_logins"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_registry(tmp_path_factory.mktemp("registry")) as found:
        for tag in ("20240101.v1", "20241215.v1", "20250601.v2"):
            found.push("base", tag)
        for tag, built in (("1.2.3", "2024-01-01"), ("1.2.10", "2024-03-01"), ("1.3-rc1", "")):
            found.push("tool", tag, created=f"{built}T00:00:00Z" if built else "")
        for tag in ("3.11.4-slim", "3.11.9-slim", "3.12.1-slim"):
            found.push("python", tag, created="1970-01-01T00:00:00Z")
        yield found


@needs_registry
def test_update_writes_newest_tags_digests_and_versions(
    project: Path, run: Run, served: Served
) -> None:
    file = declare(project, "a", "7", f"{served.host}/base:20240101.v1")
    tool = context(project, "b", f"ARG TAG=1.2.3\nFROM {served.host}/tool:${{TAG}}\n")
    python = declare(project, "c", None, f"{served.host}/python:3.11.4-slim")
    commit(project)
    dry = run("update", "--dry-run")
    unchanged = file.read_text()
    result = run("update")

    base = served.push("base", "20250601.v2")
    newer = served.push("tool", "1.2.10", created="2024-03-01T00:00:00Z")
    patch = served.push("python", "3.11.9-slim", created="1970-01-01T00:00:00Z")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        f"environments/a-7.yml:4: {served.host}/base:20240101.v1",
        f"  updated: 20240101.v1 -> 20250601.v2 (517 days newer), {base[:19]}",
        f"environments/b/Dockerfile:2: {served.host}/tool:1.2.3",
        f"  updated: 1.2.3 -> 1.2.10 (60 days newer), {newer[:19]}",
        f"environments/c-None.yml:3: {served.host}/python:3.11.4-slim",
        f"  updated: 3.11.4-slim -> 3.11.9-slim, {patch[:19]}",
        "environments/a-7.yml:3:  a  7 -> 8",
        "3 images: 3 updated. 1 version bumped.",
    ]
    assert dry.out == result.out + "Nothing was written (--dry-run).\n"
    assert 'version: "7"' in unchanged
    assert f"base:20250601.v2@{base}\n" in file.read_text()
    assert tool.read_text().startswith("ARG TAG=1.2.10@sha256:")
    assert f"{served.host}/python:3.11.9-slim@sha256:" in python.read_text()
    assert run("update").out == "3 images: 3 unchanged.\n"


@needs_registry
def test_a_locked_tag_is_updated_with_its_digest(project: Path, run: Run, served: Served) -> None:
    file = declare(project, "a", None, f"{served.host}/base:20241215.v1")
    assert run("lock", "--digest-only").code == 0
    assert run("update").code == 0

    assert f"{served.host}/base@sha256:" in file.read_text()
    assert "# envsync: tag 20250601.v2\n" in file.read_text()


@needs_registry
def test_a_pattern_chooses_the_tags(project: Path, run: Run, served: Served) -> None:
    image = f"{served.host}/python:3.11.4-slim"
    file = declare(project, "a", None, rf"{image} # envsync: track ^3\.1[12]\.")
    assert run("update").code == 0
    assert f"{served.host}/python:3.12.1-slim@sha256:" in file.read_text()

    declare(project, "a", None, f"{image} # envsync: track ^3(")
    result = run("update")
    assert result.code == 1
    assert "environments/a-None.yml:3: the pattern `^3(` of the comment" in result.err


@needs_registry
def test_the_markdown_contains_images_versions_and_unreachable_registries(
    project: Path, run: Run, served: Served
) -> None:
    declare(project, "a", "7", f"{served.host}/base:20240101.v1")
    offline = f"127.0.0.1:{free_port()}"
    declare(project, "b", None, f"{offline}/base:1")
    commit(project)
    lines = run("update", "--format", "markdown").out.splitlines()

    assert lines[0] == "| file | image | before | after | age |"
    assert lines[2].startswith(
        f"| `environments/a-7.yml` | `{served.host}/base` | `20240101.v1` | `20250601.v2`<br>`sha"
    )
    assert lines[2].endswith(" | 517 days newer |")
    assert "| `a` | `7` | `8` |" in lines
    assert lines[-1].startswith(f"- `environments/b-None.yml:3`: `{offline}` cannot be reached.")
