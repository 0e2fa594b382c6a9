"""Tests of `envsync lock` against Debian's docker-registry on loopback."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sarif_pydantic import Sarif  # type: ignore[import-untyped]

from tests.cli.conftest import Run, declare
from tests.cli.test_bump import commit
from tests.images.registries import Served, free_port, needs_registry, served_registry, with_proxy


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_registry(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture(autouse=True)
def no_logins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clean_git: None) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


def context(project: Path, name: str, dockerfile: str) -> Path:
    """Writes an environment with a build context, and returns its Dockerfile."""
    directory = project / "environments" / name
    directory.mkdir()
    (project / "environments" / f"{name}.yml").write_text(
        f"name: {name}\ndescription: About\nbuild: {{path: {name}}}\n"
    )
    (directory / "Dockerfile").write_text(dockerfile)
    return directory / "Dockerfile"


@needs_registry
def test_lock_writes_digests_and_next_versions(project: Path, run: Run, served: Served) -> None:
    digest = served.push("base", "1")
    image = f"{served.host}/base:1"
    file = declare(project, "a", "7", image)
    dockerfile = context(project, "b", f"ARG TAG=1\nFROM {served.host}/base:${{TAG}}\nRUN x\n")
    before = file.read_text()
    commit(project)
    result = run("lock")

    assert (result.code, result.err) == (0, "")
    assert result.out == (
        f"environments/a-7.yml:4: {image}\n  locked: {digest[:19]}\n"
        f"environments/b/Dockerfile:2: {image}\n  locked: {digest[:19]}\n"
        "environments/a-7.yml:3:  a  7 -> 8\n"
        "2 images: 2 locked. 1 version bumped.\n"
    )
    assert file.read_text() == before.replace('"7"', '"8"').replace(image, f"{image}@{digest}")
    assert dockerfile.read_text() == (
        f"ARG TAG=1@{digest}\nFROM {served.host}/base:${{TAG}}\nRUN x\n"
    )
    assert run("validate").code == 0

    again = run("lock")
    assert (again.code, again.out) == (0, "2 images: 2 unchanged.\n")
    assert run("lock", "--check").code == 0


@needs_registry
def test_lock_keeps_a_version_that_no_commit_contains(
    project: Path, run: Run, served: Served
) -> None:
    served.push("base", "1")
    image = f"{served.host}/base:1"
    declare(project, "old", "1", image)
    commit(project)
    declare(project, "new", "1", image)
    declare(project, "kept", "1", image)

    assert run("lock", "old", "new", "--format", "json").data["bumps"] == [
        {"name": "old", "before": "1", "after": "2", "file": "environments/old-1.yml", "line": 3}
    ]
    assert "@sha256" not in (project / "environments/kept-1.yml").read_text()


@needs_registry
def test_option_no_bump_keeps_the_versions(project: Path, run: Run, served: Served) -> None:
    served.push("base", "1")
    file = declare(project, "a", "7", f"{served.host}/base:1")
    commit(project)

    assert run("lock", "--no-bump").code == 0
    assert 'version: "7"' in file.read_text()
    assert "@sha256:" in file.read_text()


@needs_registry
def test_lock_writes_nothing_if_a_version_has_no_next_version(
    project: Path, run: Run, served: Served
) -> None:
    served.push("base", "1")
    files = [declare(project, "a", "v3", f"{served.host}/base:1")]
    files += [declare(project, "b", "1", f"{served.host}/base:1")]
    commit(project)
    before = [file.read_text() for file in files]
    result = run("lock")

    assert result.code == 1
    assert result.err.endswith("Or pass --no-bump, and bump these versions later.\n")
    assert [file.read_text() for file in files] == before


@needs_registry
def test_a_moved_tag_fails_the_check_and_gets_its_new_digest(
    project: Path, run: Run, served: Served
) -> None:
    old = served.push("moving", "1", "old")
    image = f"{served.host}/moving:1"
    file = declare(project, "a", None, f"{image}@{old}")
    assert run("lock", "--check").code == 0
    new = served.push("moving", "1", "new")
    check = run("lock", "--check")

    assert check.code == 2
    assert check.out == (
        f"environments/a-None.yml:3:8: warning[image-moved] The tag of `{image}` has moved: the "
        f"file has {old}, and the registry has {new}. Run `envsync lock`.\n"
        "1 image: 1 moved.\n"
    )
    assert file.read_text().endswith(f"{image}@{old}\ndescription: About\n")

    assert run("lock").out == (
        f"environments/a-None.yml:3: {image}\n  moved: {old[:19]} -> {new[:19]}\n"
        "1 image: 1 moved.\n"
    )
    assert f"{image}@{new}" in file.read_text()


@needs_registry
def test_lock_fails_for_a_missing_tag_and_locks_the_other_tags(
    project: Path, run: Run, served: Served
) -> None:
    served.push("base", "1")
    declare(project, "a", None, f"{served.host}/base:none")
    good = declare(project, "b", None, f"{served.host}/base:1")
    check = run("lock", "--check")

    assert check.code == 1
    assert "a-None.yml:3:8: error[image-missing] The registry does not have" in check.out
    result = run("lock")
    assert result.code == 1
    assert f"missing: {served.host} has no such repository or tag." in result.out
    assert "@sha256:" in good.read_text()


@needs_registry
def test_an_offline_registry_causes_one_warning_and_no_error(
    project: Path, run: Run, served: Served
) -> None:
    served.push("base", "1")
    offline = f"127.0.0.1:{free_port()}"
    digest = "sha256:" + "a" * 64
    for number in range(3):
        declare(project, f"a{number}", None, f"{offline}/base:{number}@{digest}")
    good = declare(project, "b", None, f"{served.host}/base:1")
    result = run("lock")

    assert result.code == 0
    warnings = [line for line in result.err.splitlines() if line.startswith("Warning:")]
    assert warnings == [
        f"Warning: {offline} cannot be reached. Check the network, and HTTPS_PROXY if there is a "
        "proxy. 3 images were not checked."
    ]
    assert "@sha256:" in good.read_text()
    assert run("lock", "--check").code == 0


@needs_registry
def test_lock_repeats_a_request_to_a_busy_registry(project: Path, run: Run, served: Served) -> None:
    served.push("base", "1")
    with with_proxy(served, limited=1, retry_after="1") as proxy:
        declare(project, "a", None, f"{proxy.host}/base:1")
        result = run("lock")

    assert (result.code, "1 locked" in result.out) == (0, True)


@needs_registry
def test_option_digest_only_writes_the_tag_as_a_comment(
    project: Path, run: Run, served: Served
) -> None:
    digest = served.push("base", "1")
    file = declare(project, "a", None, f"{served.host}/base:1")
    dockerfile = context(project, "b", f"FROM {served.host}/base:1\n")

    assert run("lock", "--digest-only").code == 0
    assert f"image: {served.host}/base@{digest}  # envsync: tag 1\n" in file.read_text()
    assert dockerfile.read_text() == f"# envsync: tag 1\nFROM {served.host}/base@{digest}\n"
    assert run("lock", "--check").code == 0

    new = served.push("base", "1", "new")
    assert run("lock", "--check").code == 2
    assert run("lock").code == 0
    assert f"base@{new}  # envsync: tag 1\n" in file.read_text()


@needs_registry
def test_lock_does_not_change_ignored_and_unwritable_images(
    project: Path, run: Run, served: Served
) -> None:
    served.push("base", "1-slim")
    ignored = f"{served.host}/base:1-slim # envsync: ignore[image-unlocked]"
    files = [
        declare(project, "a", None, ignored),
        context(project, "b", f"ARG T=1\nFROM {served.host}/base:${{T}}-slim\n"),
        declare(project, "c", None, f"{served.host}/base@sha256:{'a' * 64}"),
    ]
    before = [file.read_text() for file in files]
    result = run("lock")

    assert result.code == 0
    assert "not written: The tag is only partly in `ARG T`" in result.out
    assert result.out.endswith("3 images: 1 ignored, 1 not written, 1 without a tag.\n")
    assert [file.read_text() for file in files] == before
    check = run("lock", "--check")
    assert check.code == 2
    assert check.out.count("image-unlocked") == 1


@needs_registry
def test_a_rule_that_is_off_does_not_fail_the_check(
    project: Path, run: Run, served: Served
) -> None:
    served.push("base", "1")
    declare(project, "a", None, f"{served.host}/base:1")
    (project / "envsync.yaml").write_text("rules: {image-unlocked: off}\n")

    assert (run("lock", "--check").code, run("lock", "--check", "-q").out) == (0, "")


@needs_registry
def test_option_check_can_print_each_output_format(project: Path, run: Run, served: Served) -> None:
    digest = served.push("base", "1")
    declare(project, "a", None, f"{served.host}/base:1")
    github = run("lock", "--check", "--format", "github")
    sarif = run("lock", "--check", "--format", "sarif")
    data = run("lock", "--check", "--json").data
    markdown = run("lock", "--check", "--format", "markdown")

    assert github.code == sarif.code == markdown.code == 2
    assert github.out.startswith(
        "::warning file=environments/a-None.yml,line=3,col=8,title=image-unlocked::The tag of"
    )
    runs = Sarif.model_validate(json.loads(sarif.out)).runs
    assert [item.rule_id for run_ in runs for item in run_.results or ()] == ["image-unlocked"]
    assert [item["state"] for item in data["images"]] == ["unlocked"]
    assert [item["new_digest"] for item in data["images"]] == [digest]
    assert [item["rule"] for item in data["problems"]] == ["image-unlocked"]
    assert markdown.out == (
        "| file | image | before | after |\n|---|---|---|---|\n"
        f"| `environments/a-None.yml` | `{served.host}/base` | `1` | `1`<br>`{digest[:19]}` |\n"
    )


def test_options_without_an_effect_are_refused(project: Path, run: Run) -> None:
    declare(project, "a")

    assert run("lock", "--check", "--no-bump").code == 64
    assert run("lock", "none").code == 1


def test_the_error_of_lock_without_its_packages_names_the_extra(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(project, "a")
    for name in [name for name in sys.modules if name.startswith("envsync.images.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "azure.core.pipeline", None)
    result = run("lock")

    assert result.code == 1
    assert "pip install 'envsync-azureml[images]'" in result.err


@pytest.mark.parametrize(
    "command",
    [["validate"], ["check"], ["plan"], ["refs"], ["apply", "--yes"], ["bump", "a"]],
    ids=lambda command: command[0],
)
def test_other_commands_send_no_request_to_a_registry(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    declare(project, "a", "1", "127.0.0.1:1/base:1")
    context(project, "b", "FROM 127.0.0.1:1/base:1\n")
    commit(project)
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, lambda *_: pytest.fail("The network was used."))

    assert run(*command).code == 0
