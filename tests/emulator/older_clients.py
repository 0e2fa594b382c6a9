"""Runs older releases of azure-ai-ml with the emulator.

`make clients` starts this program, because it is too slow for `make test`.

The Makefile installs the releases and passes them as arguments. For each release, azure-ai-ml
creates environments, then envsync plans the same files and must only adopt them. Prints a line for
each release. The exit code is 1 if a release differs from the expectation.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("clients") / "azure_ai_ml.py"
FILES = {
    "envsync.yaml": """\
project: older
targets:
  dev:
    kind: workspace
    subscription_id: "${AZURE_SUBSCRIPTION_ID}"
    resource_group: "${AZURE_RESOURCE_GROUP}"
    workspace: "${AZUREML_WORKSPACE_NAME}"
  shared: {kind: registry, registry: "${AZUREML_REGISTRY_NAME}"}
""",
    "environments/image.yml": """\
name: from-image
version: "1"
image: python:3.12
description: From an image.
tags: {team: a}
""",
    "environments/conda.yml": """\
name: from-conda
version: "1"
image: mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20240101.v1
conda_file: conda.yaml
""",
    "environments/conda.yaml": """\
name: older
channels: [conda-forge]
dependencies:
  - python=3.12
  - pip=24.0
  - pip:
      - numpy==2.0.0
""",
    "environments/context.yml": """\
name: from-context
version: "1"
build: {path: context}
""",
    "environments/context/Dockerfile": "FROM python:3.12\nCOPY requirements.txt .\n",
    "environments/context/requirements.txt": "numpy\n",
}
ENVIRONMENTS = ["from-conda", "from-context", "from-image"]
KEYS = ["from-image:1", "from-conda:1", "from-context:1"]

IGNORED_ARCHIVE = ("1.15", "1.23")
"""Releases that cannot archive a version, because they also send `stage: Development`."""


def expected(release: str) -> dict[str, Any]:
    """Returns the expected results of a release, and the expected plans of envsync afterwards."""
    ignored = release.startswith(IGNORED_ARCHIVE)
    adopted = [f"update {name}" for name in ENVIRONMENTS]
    return {
        "created": KEYS,
        "listed": ENVIRONMENTS,
        "archived version": [["1"] if ignored else [], ["1"]],
        "restored version": ["1"],
        "archived": ["from-conda", "from-context"],
        "restored": ENVIRONMENTS,
        "latest": "1",
        "in the registry": KEYS,
        "listed in the registry": ENVIRONMENTS,
        "plan -t dev": adopted,
        # The URL of an upload to a registry contains no digest, so envsync cannot verify the
        # content and does not adopt the version.
        "plan -t shared": ["update from-conda", "update from-image", "rejected from-context"],
    }


def planned(target: str) -> list[str]:
    """Returns the changes and rejections of a plan."""
    done = subprocess.run(
        [sys.executable, "-m", "envsync", "plan", "-t", target, "--format", "json"],
        capture_output=True,
        text=True,
    )
    plan = json.loads(done.stdout)
    changes = [
        f"{change['action']} {change['name']}" + (" with fields" if change["fields"] else "")
        for change in plan["changes"]
    ]
    return changes + [f"rejected {rejection['name']}" for rejection in plan["rejections"]]


def inside(python: str) -> dict[str, Any]:
    """Returns the results of a release and the plans after it. The variables of an emulator must be
    set in this process.
    """
    files = [f"environments/{name}.yml" for name in ("image", "conda", "context")]
    done = subprocess.run([python, str(PROGRAM), *files], capture_output=True, text=True)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1:]}
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen | {f"plan -t {target}": planned(target) for target in ("dev", "shared")}


def seen_by(python: Path) -> dict[str, Any]:
    """Returns the results of a release and the plans after it, in a new emulator."""
    with tempfile.TemporaryDirectory() as directory:
        for name, text in FILES.items():
            path = Path(directory, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        emulator = [sys.executable, "-m", "envsync", "emulator", "--retry-after", "0.01", "--"]
        done = subprocess.run(
            [*emulator, sys.executable, __file__, "--inside", str(python)],
            cwd=directory,
            env={"PATH": os.environ["PATH"], "HOME": directory},
            capture_output=True,
            text=True,
        )
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1:]}
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def main() -> int:
    """Runs each release, and returns the number of releases that differ from the expectation."""
    differing = 0
    for release in sys.argv[1:]:
        python = Path(sys.prefix) / f"azure-ai-ml-{release}" / "bin" / "python"
        seen, wanted = seen_by(python), expected(release)
        wrong = [key for key in {**wanted, **seen} if seen.get(key) != wanted.get(key)]
        print(f"azure-ai-ml {release}: {len(wanted) - len(wrong)} of {len(wanted)} correct")
        for key in wrong:
            print(f"  {key}: {seen.get(key)}, expected {wanted.get(key)}")
        differing += bool(wrong)
    return differing


if __name__ == "__main__":
    if sys.argv[1] == "--inside":
        print(json.dumps(inside(sys.argv[2])))
    else:
        sys.exit(min(main(), 1))
