"""The release workflow and the Dockerfile: schemas, security, and the scripts in the workflow."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import envsync

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"


def run(program: str, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments], capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


def job(name: str) -> Any:
    return yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"][name]


def uses(text: str) -> set[str]:
    """Returns the actions that a workflow uses, with their commits and versions."""
    return set(re.findall(r"uses: (\S+@[0-9a-f]{40} # v[\d.]+)\n", text))


def script(job_name: str, step: str, cwd: Path, tag: str) -> subprocess.CompletedProcess[str]:
    """Runs the script of a step as GitHub does. `gh` prints its arguments."""
    (text,) = [item["run"] for item in job(job_name)["steps"] if item.get("name") == step]
    programs = cwd / "programs"
    programs.mkdir()
    (programs / "gh").write_text('#!/bin/sh\necho "gh $*"\n')
    (programs / "gh").chmod(0o755)
    (programs / "python").symlink_to(sys.executable)
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text],
        cwd=cwd,
        env={"PATH": os.pathsep.join((str(programs), os.environ["PATH"])), "TAG": tag},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files that the scripts read. The changelog has two releases."""
    (tmp_path / "envsync").mkdir()
    version = "envsync/_version.py"
    (tmp_path / version).write_bytes((ROOT / version).read_bytes())
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [Unreleased]\n\n- Later.\n\n"
        f"## [{envsync.__version__}] - 2026-01-01\n\n### Added\n\n- This.\n\n"
        "## [0.0.9] - 2025-01-01\n\n- Before.\n"
    )
    return tmp_path


def test_zizmor_finds_no_security_problem() -> None:
    config = ROOT / "tests" / "action" / "zizmor.yml"
    code, output = run("zizmor", "--offline", "--quiet", f"--config={config}", str(WORKFLOW))

    assert code == 0, output


def test_the_workflow_matches_the_schema() -> None:
    code, output = run(
        "check-jsonschema", "--builtin-schema=vendor.github-workflows", str(WORKFLOW)
    )

    assert code == 0, output


def test_hadolint_finds_no_problem_in_the_dockerfile() -> None:
    code, output = run("hadolint", "--no-color", str(ROOT / "Dockerfile"))

    assert (code, output) == (0, "")


def test_only_the_job_that_publishes_signs_in_to_pypi() -> None:
    assert job("publish")["environment"]["name"] == "pypi"
    assert job("publish")["permissions"] == {"id-token": "write"}
    # The job runs no code of the repository and of dependencies: they could use its identity.
    assert [step for step in job("publish")["steps"] if "run" in step] == []
    assert job("attest")["needs"] == ["test", "build"]
    assert job("publish")["needs"] == "attest"


def test_every_action_is_pinned_and_has_the_same_version_as_elsewhere() -> None:
    text = WORKFLOW.read_text(encoding="utf-8")
    used = uses(text)
    templates = (ROOT / "envsync" / "cli" / "templates").glob("*.yml")
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "action.yml", *templates)]
    everywhere = used.union(*map(uses, texts))

    assert len(re.findall(r"uses: ", text)) == len(re.findall(r"uses: \S+@[0-9a-f]{40} # v", text))
    assert len({item.partition("@")[0] for item in everywhere}) == len(everywhere)


def test_the_tag_must_be_the_version_and_the_changelog_must_have_its_section(
    checkout: Path,
) -> None:
    step = "Compare the tag with the version"
    done = script("build", step, checkout, f"v{envsync.__version__}")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("tag", ["v9.9.9", envsync.__version__, f"v{envsync.__version__}-rc.1"])
def test_a_tag_that_is_not_the_version_stops_the_release(checkout: Path, tag: str) -> None:
    done = script("build", "Compare the tag with the version", checkout, tag)

    assert done.returncode == 1
    assert done.stdout.startswith(f"::error::The tag is {tag}, but envsync/_version.py says")


def test_a_version_without_a_section_in_the_changelog_stops_the_release(checkout: Path) -> None:
    (checkout / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n")
    tag = f"v{envsync.__version__}"
    done = script("build", "Compare the tag with the version", checkout, tag)

    assert done.returncode == 1
    assert done.stdout == f"::error::CHANGELOG.md has no section for {envsync.__version__}.\n"


def test_the_notes_of_a_release_are_its_section_of_the_changelog(checkout: Path) -> None:
    (checkout / "dist").mkdir()
    (checkout / "dist" / "a.whl").touch()
    tag = f"v{envsync.__version__}"
    step = "Create the release with its section of the changelog"
    done = script("announce", step, checkout, tag)

    assert done.stderr == ""
    assert done.stdout == (
        f"gh release create {tag} dist/a.whl --verify-tag --title {tag} --notes-file notes.md\n"
    )
    assert (checkout / "notes.md").read_text() == "\n### Added\n\n- This.\n\n"
