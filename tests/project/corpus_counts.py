"""Counts in a directory what the rules about images, channels, Python and pip report.

The counts do not use envsync: `test_corpus_counts.py` compares them with the problems that envsync
reports. Run `python -m tests.project.corpus_counts DIRECTORY` to print the counts.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

RETIRED = re.compile(
    r"^mcr\.microsoft\.com/azureml/("
    r"base|base-gpu|base-lite|o16n-base/python-slim"
    r"|intelmpi2018\.3-(cuda(9|10)\.0-cudnn7-)?ubuntu16\.04"
    r"|openmpi3\.1\.2-(cuda10\.0-cudnn7-)?ubuntu16\.04"
    r"|openmpi3\.1\.2-(cuda10\.[012]-cudnn7-|cuda10\.2-cudnn8-)?ubuntu18\.04"
    r"|openmpi4\.1\.0-cuda11\.(0\.3|1)-cudnn8-ubuntu18\.04"
    r"|openmpi4\.1\.0-ubuntu20\.04"
    r")(:[^/]*)?(@.*)?$"
)
OLD_IMAGE = re.compile(
    r"ubuntu:?(14|16|18|20)\.?04|inference-base-(18|20)04|cuda:?(8|9|10|11)\.|-cu(8|9|10|11)\d\b"
    r"|\bpython:(2|3\.\d\b|3\.10)|-py(27|3\d|310)-"
)
OLD_PYTHON = re.compile(r"python *=+ *(2\b|2\.7|3\.[0-9]\b|3\.10\b)")
LICENSED = {"defaults", "main", "r", "msys2", "anaconda"}


@dataclass
class Found:
    """The files of a directory that the rules check."""

    images: list[str] = field(default_factory=list)
    condas: dict[Path, dict[str, Any]] = field(default_factory=dict)
    dockerfiles: dict[Path, list[str]] = field(default_factory=dict)


def search(root: Path) -> Found:
    found = Found()
    for path in sorted(root.rglob("*")):
        if path.suffix in (".yml", ".yaml"):
            data = read(path)
            if isinstance(data.get("dependencies"), list):
                found.condas[path] = data
            elif "environment.schema.json" in str(data.get("$schema")) and "image" in data:
                found.images.append(data["image"])
        elif "Dockerfile" in path.name and path.is_file():
            lines = path.read_text("utf-8").splitlines()
            found.dockerfiles[path] = [line.split()[1] for line in lines if line[:5] == "FROM "]
    return found


def read(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_bytes())
    except yaml.YAMLError:
        return {}
    return data if isinstance(data, dict) else {}


def count(found: Found) -> Counter[str]:
    total: Counter[str] = Counter()
    for image in found.images:
        total.update(rules_of_image(image))
    for path, images in found.dockerfiles.items():
        for image in images:
            total.update(rules_of_image(image))
        total["large-dockerfile"] += path.stat().st_size > 100_000
    for conda in found.condas.values():
        total.update(rules_of_conda(conda))
    return +total


def rules_of_image(image: str) -> Iterator[str]:
    last = image.rsplit("/", maxsplit=1)[-1]
    if "@" not in last and (":" not in last or last.endswith(":latest")):
        yield "unpinned-image"
    if RETIRED.match(image):
        yield "deprecated-base-image"
    if OLD_IMAGE.search(image):
        yield "end-of-life-python"


def rules_of_conda(conda: dict[str, Any]) -> Iterator[str]:
    channels = conda.get("channels") or []
    packages = [item for item in conda["dependencies"] if isinstance(item, str)]
    names = [re.split(r"[ =<>!~\[]", item.split("::")[-1].strip())[0].lower() for item in packages]
    lists_pip = any(isinstance(item, dict) and "pip" in item for item in conda["dependencies"])
    for channel in channels:
        if channel in LICENSED or "repo.anaconda.com" in channel or "org/anaconda" in channel:
            yield "licensed-channel"
    if "nodefaults" not in channels and "defaults" not in channels:
        yield "implicit-defaults"
    if "python" not in names:
        yield "missing-python"
    if lists_pip and "pip" not in names:
        yield "missing-pip"
    for item, name in zip(packages, names, strict=True):
        if name == "pip" and item.strip() == "pip":
            yield "unpinned-pip"
        if name == "python" and OLD_PYTHON.match(item.split("::")[-1]):
            yield "end-of-life-python"


if __name__ == "__main__":
    for rule, number in sorted(count(search(Path(sys.argv[1]))).items()):
        sys.stdout.write(f"{number:4} {rule}\n")
