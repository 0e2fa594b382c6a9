"""Releases of azure-ai-ml against the emulator: `make clients`, too slow for `make test`.

For each release, named by an argument and installed by the Makefile: what azure-ai-ml does, then a
plan of the same files, which has to be an adoption and nothing else. Prints a line for each release
and ends with 1 where one differs from what is expected.
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
"""Releases that send `stage: Development` when they archive a version: the service ignores it."""


def expected(release: str) -> dict[str, Any]:
    """What a release of azure-ai-ml sees, and what envsync then plans."""
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
        # The address of a registry's upload says nothing of its content.
        "plan -t shared": ["update from-conda", "update from-image", "rejected from-context"],
    }


def planned(target: str) -> list[str]:
    """The changes of a plan, and its rejections."""
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
    """What a release sees and what is then planned, for whom the emulator is there already."""
    files = [f"environments/{name}.yml" for name in ("image", "conda", "context")]
    done = subprocess.run([python, str(PROGRAM), *files], capture_output=True, text=True)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1:]}
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen | {f"plan -t {target}": planned(target) for target in ("dev", "shared")}


def seen_by(python: Path) -> dict[str, Any]:
    """What a release sees and what is then planned, in an emulator of its own."""
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
    """Runs each release; returns how many of them differ from what is expected."""
    differing = 0
    for release in sys.argv[1:]:
        python = Path(sys.prefix, f"azure-ai-ml-{release}", "bin", "python")
        seen, wanted = seen_by(python), expected(release)
        wrong = [key for key in {**wanted, **seen} if seen.get(key) != wanted.get(key)]
        print(f"azure-ai-ml {release}: {len(wanted) - len(wrong)} of {len(wanted)} right")
        for key in wrong:
            print(f"  {key}: {seen.get(key)}, not {wanted.get(key)}")
        differing += bool(wrong)
    return differing


if __name__ == "__main__":
    if sys.argv[1] == "--inside":
        print(json.dumps(inside(sys.argv[2])))
    else:
        sys.exit(min(main(), 1))
