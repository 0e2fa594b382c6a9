"""Measures `validate` in a repository in which most YAML files are no environment files.

The repository is made of the public files in `ENVSYNC_TEST_DATA`: jobs, pipelines and components as
they are, and large files that contain many of them, as collections of Kubernetes resources do. The
time stands beside those of PyYAML's parsers in C and in Python on the same files. All ratios are
taken within one run, because machines are shared.

    ENVSYNC_TEST_DATA=../shared python benchmarks/bench_discovery.py [--files 598] [--large 120]
"""

from __future__ import annotations

import argparse
import itertools
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ENVIRONMENT = """\
name: cpu
description: The one environment of this repository.
image: mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20241215.v1
"""
SETTINGS = "environments: .\nrules: {unrecognised-environment: off}\n"
PARSE = """
import pathlib, yaml
for path in pathlib.Path(".").rglob("*.y*ml"):
    try:
        list(yaml.compose_all(path.read_text("utf-8"), yaml.{loader}))
    except yaml.YAMLError:
        pass  # a template
"""
ITEMS = 40
"""The number of public files in one large file."""


def write_repository(directory: Path, data: Path, *, files: int, large: int) -> None:
    """Writes a repository with so many YAML files, one of them an environment file."""
    public = sorted(
        path
        for pattern in ("*.yml", "*.yaml")
        for path in (data / "corpus").rglob(pattern)
        if b"$schema" in path.read_bytes() and b"environment.schema" not in path.read_bytes()
    )
    source = itertools.cycle(public)
    # Some public files are templates, which are not valid YAML.
    contents = itertools.cycle(filter(None, map(_content, public)))
    (directory / "envsync.yaml").write_text(SETTINGS)
    (directory / "cpu.yml").write_text(ENVIRONMENT)
    for number in range(files - large - 2):  # the settings and the environment are YAML, too
        _write(directory / f"small-{number % 20}" / f"{number}.yml", next(source).read_text())
    for number in range(large):
        items = [next(contents) for _ in range(ITEMS)]
        text = yaml.safe_dump({"apiVersion": "v1", "name": "all", "items": items})
        # The query of the link is text that libyaml reads differently.
        text += "# An image, and how to build it: https://example.com/?image\n"
        text += "link: https://example.com/?a=b\n"
        _write(directory / f"large-{number % 20}" / f"{number}.yml", text)


def _content(path: Path) -> object:
    try:
        return yaml.load(path.read_text(), yaml.CSafeLoader)
    except yaml.YAMLError:
        return None


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def seconds(command: list[str], directory: Path, repeat: int) -> float:
    """Returns the least CPU time of some runs of a command, in seconds."""
    found = []
    for _ in range(repeat):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=directory, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return min(found)


def main() -> None:
    """Prints the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--files", type=int, default=598)
    parser.add_argument("--large", type=int, default=120)
    options = parser.parse_args()
    data = Path(os.environ["ENVSYNC_TEST_DATA"])
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        write_repository(directory, data, files=options.files, large=options.large)
        size = sum(path.stat().st_size for path in directory.rglob("*.yml")) / 1e6
        print(f"{options.files} YAML files, {size:.1f} MB; seconds of CPU")
        commands = {
            "import typer": [sys.executable, "-c", "import typer"],
            "envsync validate": [sys.executable, "-m", "envsync", "validate"],
            "PyYAML in C": [sys.executable, "-c", PARSE.format(loader="CSafeLoader")],
            "PyYAML in Python": [sys.executable, "-c", PARSE.format(loader="SafeLoader")],
        }
        for what, command in commands.items():
            print(f"{what:<20} {seconds(command, directory, 1 if 'Python' in what else 3):8.3f}")


if __name__ == "__main__":
    main()
