"""The workflows of this repository and the Dockerfile: schemas, security, and their scripts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import envsync

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"
AUDIT = ROOT / ".github" / "workflows" / "audit.yml"
WORKFLOWS = [WORKFLOW, AUDIT]


def run(program: str, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments], capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


def job(name: str, workflow: Path = WORKFLOW) -> Any:
    return yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"][name]


def uses(text: str) -> set[str]:
    """Returns the actions that a workflow uses, with their commits and versions."""
    return set(re.findall(r"uses: (\S+@[0-9a-f]{40} # v[\d.]+)\n", text))


def script(
    job_name: str, step: str, cwd: Path, tag: str, *, fake_python: bool = False
) -> subprocess.CompletedProcess[str]:
    """Runs the script of a step as GitHub does. `gh` and a fake Python print their arguments."""
    (text,) = [item["run"] for item in job(job_name)["steps"] if item.get("name") == step]
    programs = cwd / "programs"
    programs.mkdir()
    (programs / "gh").write_text('#!/bin/sh\necho "gh $*"\n')
    (programs / "gh").chmod(0o755)
    if fake_python:
        (programs / "python").write_text('#!/bin/sh\necho "python $*"\n')
        (programs / "python").chmod(0o755)
    else:
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
    files = map(str, WORKFLOWS)
    code, output = run("zizmor", "--offline", "--quiet", f"--config={config}", *files)

    assert code == 0, output


def test_the_workflows_match_the_schema() -> None:
    code, output = run(
        "check-jsonschema", "--builtin-schema=vendor.github-workflows", *map(str, WORKFLOWS)
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
    assert job("attest")["needs"] == ["test", "audit", "build"]
    assert job("publish")["needs"] == "attest"


def test_the_files_of_a_release_have_attestations_of_their_build_and_of_their_contents() -> None:
    attested = {
        step["uses"].partition("@")[0]: step["with"]
        for step in job("attest")["steps"]
        if step["uses"].startswith("actions/attest")
    }

    assert attested == {
        "actions/attest-build-provenance": {"subject-path": "dist/*"},
        "actions/attest-sbom": {
            "subject-path": "dist/*",
            "sbom-path": "sbom/envsync.cdx.json",
        },
    }
    # The job can sign, so it runs no code of the repository and of dependencies.
    assert [step for step in job("attest")["steps"] if "run" in step] == []


def test_the_bill_of_materials_has_the_version_and_everything_that_the_action_installs(
    tmp_path: Path,
) -> None:
    for name in ("pyproject.toml", "requirements"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "a.whl").touch()
    step = "Write the software bill of materials"
    done = script("build", step, tmp_path, "v1.2.3", fake_python=True)
    project = tomllib.loads((tmp_path / "project" / "pyproject.toml").read_text())["project"]
    pip = "python -m pip --python installed/bin/python install"

    assert done.stderr == ""
    assert (project["version"], "dynamic" in project) == ("1.2.3", False)
    assert done.stdout.splitlines() == [
        "python -m venv --without-pip installed",
        f"{pip} --require-hashes --requirement requirements/action-azure.txt",
        f"{pip} --no-deps dist/a.whl",
        "python -m cyclonedx_py environment --validate --pyproject project/pyproject.toml "
        "--output-file sbom/envsync.cdx.json installed",
    ]


def test_every_release_and_every_week_is_checked_for_known_vulnerabilities() -> None:
    (step,) = [item for item in job("audit")["steps"] if "known" in item.get("name", "")]
    names = {path.stem for path in (ROOT / "requirements").glob("*.txt")}
    (listed,) = re.findall("for name in (.*); do", step["run"])

    assert job("audit") == job("audit", AUDIT)
    assert set(listed.split()) == names
    assert "python -m pip_audit --strict --disable-pip --require-hashes" in step["run"]
    # YAML 1.1 reads the key `on` as True.
    assert "schedule" in yaml.safe_load(AUDIT.read_text(encoding="utf-8"))[True]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_downloads_packages_only_with_hashes(workflow: Path) -> None:
    text = workflow.read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if re.search(r"\bpip .*\binstall\b", line)]

    assert lines
    assert [line for line in lines if not re.search("--require-hashes|--no-deps dist/", line)] == []
    assert "-m build" not in text or "-m build --no-isolation" in text


def test_every_third_party_action_is_pinned_and_used_in_one_version() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
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
    (checkout / "sbom").mkdir()
    (checkout / "sbom" / "a.json").touch()
    tag = f"v{envsync.__version__}"
    step = "Create the release with its section of the changelog"
    done = script("announce", step, checkout, tag)

    assert done.stderr == ""
    assert done.stdout == (
        f"gh release create {tag} dist/a.whl sbom/a.json --verify-tag --title {tag} "
        "--notes-file notes.md\n"
    )
    assert (checkout / "notes.md").read_text() == "\n### Added\n\n- This.\n\n"
