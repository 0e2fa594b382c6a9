"""For random work trees, no plan archives an environment whose file is still there."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envsync.api import apply_plan, make_plan
from envsync.model.errors import EnvsyncError
from envsync.plan.change import Action
from envsync.plan.plan import Plan
from envsync.project.project import load_project
from tests.privileges import as_nobody, unprivileged
from tests.project.project import write
from tests.repository import commit, git, new_repository

pytestmark = pytest.mark.usefixtures("clean_git")

SCHEMA = "$schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json\n"
FILES = ("a.yml", "x/b.yml", "x/c.yaml", "x/y/d.yml", "z/e.yml")


def environment(name: str, schema: str = SCHEMA) -> str:
    return f"{schema}name: {name}\nversion: 1\nimage: mcr.microsoft.com/azureml/core:1\n"


def name_of(file: str) -> str:
    return Path(file).stem


def move(file: Path, to: str) -> None:
    (file.parent / to).parent.mkdir(parents=True, exist_ok=True)
    file.rename(file.parent / to)


def link(file: Path, to: str) -> None:
    file.unlink()
    file.symlink_to(to)


def skip_worktree(file: Path) -> None:
    git(file.parent, "update-index", "--skip-worktree", file.name)
    file.unlink()


def link_directory(file: Path) -> None:
    """Replaces the directory of a file by a dangling link to a directory without the file."""
    moved = file.parent.with_name("moved-" + file.parent.name)
    file.unlink()
    file.parent.rename(moved)
    file.parent.symlink_to("nowhere")


def text(name: str, old: str, new: str) -> Callable[[Path], object]:
    def edit(file: Path) -> None:
        file.write_text(environment(name_of(file.name), "" if name else SCHEMA).replace(old, new))

    return edit


# Edits of an environment file. Each edit gets the path of the file.
EDITS: dict[str, Callable[[Path], object]] = {
    "nothing": lambda _: None,
    "deleted": lambda file: file.unlink(),
    "renamed": lambda file: move(file, f"new-{file.name}"),
    "renamed to a backup": lambda file: move(file, f"{file.name}.bak"),
    "moved to a hidden directory": lambda file: move(file, f".hidden/{file.name}"),
    "moved to another directory": lambda file: move(file, f"deeper/{file.name}"),
    "emptied": lambda file: file.write_text(""),
    "a comment": lambda file: file.write_text("# nothing\n"),
    "a pointer of Git LFS": lambda file: file.write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12\n"
    ),
    "a dangling link": lambda file: link(file, "nowhere.yml"),
    "a link to itself": lambda file: link(file, file.name),
    "a link out of the project": lambda file: link(file, "/etc/hostname"),
    "a link to a directory": lambda file: link(file, "."),
    "a dangling link to the directory": link_directory,
    "another name": lambda file: file.write_text(environment(f"new-{file.stem}")),
    "a schema with a typo": text("", "environment.schema", "enviroment.schema"),
    "the schema of a job": text("", "environment.schema", "commandJob.schema"),
    "a key with a typo": text("no schema", "image:", "imgae:"),
    "no schema": text("no schema", "", ""),
    "broken YAML": text("", "version: 1", "version: [1"),
    "skipped by git": skip_worktree,
    "a context around it": lambda file: write(
        file.parent,
        {"Dockerfile": "FROM python:3.12\n", f"ctx-{file.stem}.yml": context(file.stem, ".")},
    ),
    "a context elsewhere": lambda file: write(
        file.parent,
        {
            "Dockerfile": "FROM python:3.12\n",
            f"ctx/{file.stem}.yml": context(file.stem, ".."),
            f"../ctx-{file.stem}/c.yml": context(file.stem, f"../{file.parent.name}"),
        },
    ),
}


def context(name: str, path: str) -> str:
    return f"{SCHEMA}name: ctx-{name}-{len(path)}\nversion: 1\nbuild: {{path: {path}}}\n"


@cache
def registered() -> Path:
    """Returns a repository in which every environment of `FILES` is registered."""
    directory = new_repository(Path(tempfile.mkdtemp()))
    atexit.register(shutil.rmtree, directory)
    files = {f"environments/{file}": environment(name_of(file)) for file in FILES}
    write(directory, {"envsync.yaml": "project: churn\n", ".gitignore": ".envsync/\n", **files})
    commit(directory)
    loaded = load_project(directory)
    assert apply_plan(loaded, make_plan(loaded)).ok
    return directory


@contextmanager
def project() -> Iterator[Path]:
    """Yields a copy of `registered`."""
    with tempfile.TemporaryDirectory() as temporary:
        yield shutil.copytree(registered(), Path(temporary).resolve() / "project")


def is_proven(directory: Path, file: str) -> bool:
    """Returns True if a file is gone or declares another name. Uses no code of envsync."""
    path = directory / "environments" / file
    listing = subprocess.run(
        ["git", "-C", directory, "ls-files", "-t", "-z"], check=True, capture_output=True
    )
    if f"S environments/{file}".encode() in listing.stdout.split(b"\0"):
        return False
    if any(above.is_symlink() and not above.exists() for above in path.parents):
        return False
    if not os.path.lexists(path) or path.is_dir():
        return not path.is_symlink() and not may_be_elsewhere(directory, name_of(file))
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError):
        return False
    return isinstance(content, dict) and content.get("name", name_of(file)) != name_of(file)


def may_be_elsewhere(directory: Path, name: str) -> bool:
    """Returns True if a missing file may be in a hidden directory, or behind a dangling link."""
    found = list((directory / "environments").rglob("*"))
    return any(
        f"name: {name}\n" in path.read_text() for path in found if path.parent.name == ".hidden"
    ) or any(path.is_symlink() and not path.exists() and not path.suffix for path in found)


def archived(plan: Plan) -> set[str]:
    return {item.name for item in plan.changes if item.action is Action.ARCHIVE}


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.fixed_dictionaries({file: st.sampled_from(sorted(EDITS)) for file in FILES}))
def test_an_environment_is_archived_only_if_its_file_is_gone(edits: dict[str, str]) -> None:
    with project() as directory:
        for file, edit in edits.items():
            path = directory / "environments" / file
            # An earlier edit can have moved the file.
            if path.is_file() and not path.is_symlink():
                EDITS[edit](path)
        try:
            made = make_plan(load_project(directory), allow_mass_archive=True)
        except EnvsyncError:
            return  # files with errors: nothing is planned at all
        proven = {name_of(file) for file in FILES if is_proven(directory, file)}
        rejected = {item.name for item in made.rejections if item.code == "still-there"}

        assert archived(made) <= proven
        # An environment is archived if its file is really gone.
        declared = {item.name for item in load_project(directory).declarations}
        assert archived(made) == {name_of(file) for file in FILES} & proven - declared
        assert rejected == {name_of(file) for file in FILES} - proven - declared


@pytest.mark.parametrize("hidden", ["environments/x", "environments/x/y", "environments/z"])
def test_no_environment_below_an_unreadable_directory_is_archived(hidden: str) -> None:
    with unprivileged() as directory:
        files = {f"environments/{file}": environment(name_of(file)) for file in FILES}
        write(directory, {"envsync.yaml": "project: churn\n", **files})
        loaded = load_project(directory)
        assert apply_plan(loaded, make_plan(loaded)).ok
        for path in [directory / ".envsync", *(directory / ".envsync").rglob("*")]:
            path.chmod(0o777)
        (directory / "environments/a.yml").unlink()
        (directory / hidden).chmod(0o000)
        try:
            with as_nobody():
                made = make_plan(load_project(directory))
        finally:
            (directory / hidden).chmod(0o755)

    below = {name_of(file) for file in FILES if f"environments/{file}".startswith(hidden + "/")}
    # `a.yml` may have been moved to the directory.
    assert archived(made) == set()
    assert {item.name for item in made.rejections} == below | {"a"}
