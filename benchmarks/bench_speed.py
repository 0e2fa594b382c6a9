"""Measures the time of envsync commands with 1,000 and 10,000 environments with conda files.

On a shared machine, times vary, but ratios of times are comparable. So each time is printed with
the time of a reference: the import of typer, PyYAML's C parser for the same files, or the loader of
azure-ai-ml (measured for a hundredth of the files and multiplied).

    python benchmarks/bench_speed.py [--sizes 1000 10000]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ENVSYNC = [sys.executable, "-m", "envsync"]
REPEAT = 5

ENVIRONMENT = """\
$schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json
name: environment-{number}
version: "1"
description: An environment of team {number}, for training.
image: mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20241215.v1
conda_file: conda-{number}.yml
tags:
  team: "{number}"
  owner: ml-platform
"""
CONDA = """\
name: environment-{number}
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip=24.0
  - numpy=1.26.4
  - pip:
      - azureml-mlflow==1.57.0
      - scikit-learn==1.5.{number}
      - pandas==2.2.3
"""
C_PARSER = """
import sys, yaml, pathlib
for path in pathlib.Path("environments").iterdir():
    yaml.compose(path.read_text("utf-8"), yaml.CSafeLoader)
"""
SDK = """
import pathlib
from azure.ai.ml import load_environment
for path in sorted(pathlib.Path("environments").glob("environment-*.yml"))[:{count}]:
    load_environment(path)
"""


def seconds(command: list[str], directory: Path, repeat: int = REPEAT) -> float:
    """Runs a command several times. Returns the shortest wall time in seconds."""
    best = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        subprocess.run(command, cwd=directory, check=True, capture_output=True)
        best = min(best, time.perf_counter() - start)
    return best


def peak_megabytes(command: list[str], directory: Path) -> float:
    """Returns the peak memory of a command in MB."""
    code = (
        "import resource, subprocess, sys;"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    )
    whole = [sys.executable, "-c", code, *command]
    result = subprocess.run(whole, cwd=directory, check=True, capture_output=True, text=True)
    return float(result.stdout)


def row(what: str, taken: float, against: str = "", reference: float = 0.0) -> None:
    """Prints one time, and its ratio to a reference."""
    ratio = f"{taken / reference:6.2f} x  {against} ({reference:.3f} s)" if reference else ""
    print(f"{what:<34} {taken:>8.3f} s  {ratio}")


def write_project(directory: Path, count: int) -> None:
    """Writes a project with `count` environments, each with its own conda file."""
    environments = directory / "environments"
    environments.mkdir(parents=True)
    for number in range(count):
        for name, text in (("environment", ENVIRONMENT), ("conda", CONDA)):
            (environments / f"{name}-{number}.yml").write_text(text.format(number=number))


def commit(directory: Path) -> None:
    """Creates a git repository in a directory and commits all files."""
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], [*identity, "commit", "-qm", "."]):
        subprocess.run(["git", *command], cwd=directory, check=True)


def main() -> None:
    """Measures and prints all times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10000])
    sizes = parser.parse_args().sizes
    # Measuring coverage would slow down the processes.
    os.environ.pop("COVERAGE_PROCESS_START", None)
    with tempfile.TemporaryDirectory() as scratch:
        here = Path(scratch)
        bare = seconds([sys.executable, "-c", "import typer"], here)
        row("--version", seconds([*ENVSYNC, "--version"], here), "import typer", bare)
        row("--help", seconds([*ENVSYNC, "--help"], here), "import typer", bare)
        small = here / "small"
        write_project(small, 20)
        commit(small)
        for hook in ("validate", "check"):  # hooks run both before each commit
            row(f"{hook} 20", seconds([*ENVSYNC, hook], small), "import typer", bare)
        for count in sizes:
            project = here / str(count)
            write_project(project, count)
            commit(project)
            repeat = REPEAT if count <= 1000 else 2
            parse = seconds([sys.executable, "-c", C_PARSER], project, repeat)
            part = max(1, count // 100)
            # Run this twice, because the first import of azure-ai-ml on a machine is far slower.
            few = seconds([sys.executable, "-c", SDK.format(count=1)], project, 2)
            more = seconds([sys.executable, "-c", SDK.format(count=1 + part)], project, 1)
            validate = seconds([*ENVSYNC, "-q", "validate"], project, repeat)
            row(f"validate {count:,}", validate, "PyYAML's C parser", parse)
            row("", validate, "azure-ai-ml", few + (more - few) / part * count)
            check = seconds([*ENVSYNC, "check"], project, repeat)
            row(f"check {count:,}", check, "validate", validate)
            row(f"plan {count:,} to create", seconds([*ENVSYNC, "-q", "plan"], project, repeat))
            row(
                f"apply {count:,} to create",
                seconds([*ENVSYNC, "-q", "apply", "--yes", "--no-verify"], project, 1),
            )
            idle = [*ENVSYNC, "plan", "--detailed-exitcode"]
            row(f"plan {count:,}, nothing to do", seconds(idle, project, repeat))
            print(f"{'  peak memory':<34} {peak_megabytes(idle, project):>8.0f} MB")


if __name__ == "__main__":
    main()
