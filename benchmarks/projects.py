"""Writes projects of any size. The same seed writes the same files.

The files have the shapes and sizes of public ones: most environment files are a few lines with an
image and a conda file, some have tags, a description or comments. A conda file has 8 to 20 lines.
"""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

_IMAGES = (
    "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20241215.v1",
    "mcr.microsoft.com/azureml/openmpi5.0-cuda12.4-ubuntu22.04:20250103.v1",
    "mcr.microsoft.com/azureml/minimal-ubuntu22.04-py311-inference:20250217.v2",
    "contoso.azurecr.io/ml/base-training:3.4.1",
)
_CONDA = ("numpy=1.26.4", "scipy=1.13.1", "pandas=2.2.3", "pyarrow=17.0.0", "scikit-learn=1.5.2")
_PIP = (
    "azureml-mlflow==1.57.0",
    "azureml-core==1.57.0",
    "azureml-dataprep==5.1.6",
    "lightgbm==4.5.0",
    "xgboost==2.1.3",
    "torch==2.5.1",
    "torchvision==0.20.1",
    "transformers==4.46.3",
    "mlflow-skinny==2.18.0",
    "inference-schema[numpy-support]==1.8",
)
_SCHEMA = "$schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json\n"


def environment_file(number: int, chance: random.Random) -> str:
    """Returns the text of an environment file that names the conda file `conda-{number}.yml`."""
    lines = [f"name: environment-{number}", 'version: "1"']
    if chance.random() < 0.7:
        lines.append(f"description: Training of model {number}, on CPU.")
    lines.append(f"image: {chance.choice(_IMAGES)}")
    lines.append(f"conda_file: conda-{number}.yml")
    if chance.random() < 0.3:
        lines += ["# The team that answers questions.", "tags:", f"  team: team-{number % 17}"]
        lines += [f"  cost-centre: {number % 90 + 10:04}x", "  stage: production"]
    return _SCHEMA + "\n".join(lines) + "\n"


def conda_file(number: int, chance: random.Random) -> str:
    """Returns the text of a conda file. Each number has its own dependencies."""
    lines = [f"name: environment-{number}", "channels:", "  - conda-forge", "  - nodefaults"]
    lines += ["dependencies:", f"  - python=3.{chance.choice((11, 12, 13))}", "  - pip=24.2"]
    lines += [f"  - {item}" for item in chance.sample(_CONDA, chance.randint(0, 4))]
    lines += ["  - pip:", f"      - model-{number}==1.0.{number}"]
    lines += [f"      - {item}" for item in chance.sample(_PIP, chance.randint(1, 8))]
    return "\n".join(lines) + "\n"


def write_project(directory: Path, count: int, *, seed: int = 1) -> Path:
    """Writes `count` environments with conda files, and settings. Returns the directory."""
    environments = directory / "environments"
    environments.mkdir(parents=True)
    (directory / "envsync.yaml").write_text("project: benchmark\n")
    chance = random.Random(seed)
    for number in range(count):
        (environments / f"environment-{number}.yml").write_text(environment_file(number, chance))
        (environments / f"conda-{number}.yml").write_text(conda_file(number, chance))
    return directory


def git(directory: Path, *arguments: str, data: bytes | None = None) -> None:
    """Runs git in a directory."""
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    subprocess.run(
        ["git", *identity, *arguments], cwd=directory, check=True, input=data, capture_output=True
    )


def commit_all(directory: Path) -> None:
    """Creates a repository in a directory, if there is none, and commits all files."""
    git(directory, "init", "-q", "-b", "main")
    git(directory, "add", ".")
    git(directory, "commit", "-qm", "Add the files")


def long_history(directory: Path, *, commits: int, files: int) -> None:
    """Creates a repository with so many commits, and so many text files beside environments.

    The commits are written by `git fast-import`, because 10,000 calls of `git commit` take minutes.
    """
    git(directory, "init", "-q", "-b", "main")
    lines = []
    for number in range(commits):
        lines.append(
            f"commit refs/heads/main\ncommitter Ada <ada@example.com> {1_700_000_000 + number} "
            f"+0000\ndata 1\n.\n"
        )
        text = f"{number}\n"
        lines.append(
            f"M 100644 inline src/{number % 97}/{number % files}.txt\ndata {len(text)}\n{text}\n"
        )
    git(directory, "fast-import", "--quiet", data="".join(lines).encode())
    git(directory, "reset", "-q", "--hard", "main")


def terraform_file(count: int) -> str:
    """Returns Terraform resources that hold as much text as the environments of a project."""
    chance = random.Random(1)
    blocks = []
    for number in range(count):
        environment, conda = environment_file(number, chance), conda_file(number, chance)
        blocks.append(
            f'resource "terraform_data" "environment_{number}" {{\n'
            f"  input = {{\n    environment = <<-EOT\n{environment}EOT\n"
            f"    conda = <<-EOT\n{conda}EOT\n  }}\n}}\n"
        )
    return "\n".join(blocks)
