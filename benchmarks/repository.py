"""Writes a repository in which most YAML files are no environment files.

The files have the shapes of public ones: jobs, pipelines, components and workflows of some dozen
lines, and large files that contain hundreds of Kubernetes resources.
"""

from __future__ import annotations

import random
from pathlib import Path

import yaml

_SCHEMAS = ("commandJob", "pipelineJob", "commandComponent", "managedOnlineDeployment", "sweepJob")
_WORDS = ("train", "score", "data", "model", "batch", "fast", "small", "image", "build", "name")
ITEMS = 400
"""The number of resources in one large file."""


def _job(chance: random.Random, number: int) -> str:
    kind = chance.choice(_SCHEMAS)
    lines = [
        f"$schema: https://azuremlschemas.azureedge.net/latest/{kind}.schema.json",
        f"name: {chance.choice(_WORDS)}-{number}",
        "environment: azureml:cpu@latest",
        "inputs:",
    ]
    for index in range(chance.randint(3, 30)):
        lines.append(f"  {chance.choice(_WORDS)}_{index}:")
        lines.append(f"    path: azureml:{chance.choice(_WORDS)}:{index}  # of {number}")
    return "\n".join(lines) + "\n"


def _workflow(chance: random.Random, number: int) -> str:
    steps = [
        {"name": f"Build the image {index}", "run": f"make {chance.choice(_WORDS)}"}
        for index in range(chance.randint(3, 12))
    ]
    jobs = {"build": {"runs-on": "ubuntu-latest", "steps": steps}}
    text: str = yaml.safe_dump({"name": f"workflow {number}", "on": ["push"], "jobs": jobs})
    return text


def _resources(chance: random.Random) -> str:
    items = [
        {
            "kind": "Deployment",
            "metadata": {"name": f"{chance.choice(_WORDS)}-{index}", "labels": {"app": "a"}},
            "spec": {"containers": [{"name": "main", "image": f"registry.example/{index}:1"}]},
        }
        for index in range(ITEMS)
    ]
    text: str = yaml.safe_dump({"apiVersion": "v1", "name": "all", "items": items})
    # The query of the link is text that libyaml reads differently.
    return text + "link: https://example.com/?a=b\n# See https://example.com/?image\n"


def write_repository(directory: Path, *, files: int, large: int = 120, seed: int = 1) -> int:
    """Writes a repository with so many YAML files. One of the files is an environment file.

    Args:
        directory: the directory to create.
        files: the number of YAML files.
        large: how many of the files are large.
        seed: the seed of the content.

    Returns:
        The number of YAML files.
    """
    chance = random.Random(seed)
    texts = {
        "envsync.yaml": "environments: .\nrules: {unrecognised-environment: off}\n",
        "cpu.yml": "$schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json\n"
        "name: cpu\ndescription: The only environment.\n"
        "image: mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20241215.v1\n",
    }
    for number in range(files - large - len(texts)):
        make = _workflow if chance.random() < 0.2 else _job
        texts[f"part-{number % 20}/{number}.yml"] = make(chance, number)
    for number in range(large):
        texts[f"deploy-{number % 20}/{number}.yml"] = _resources(chance)
    for name, text in texts.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return len(texts)
