"""Hostile files end in one clear error, quickly, and never in a hang or a traceback."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import pytest

from tests.command import envsync
from tests.forked import program
from tests.hostile import HostileInput, credentials, others, references, states
from tests.hostile_inputs import BASE, INPUTS, LIMIT, SETTINGS, write_files
from tests.privileges import as_nobody, unprivileged
from tests.torture.budgets import MEGABYTES, run

CPU_SECONDS = 30
"""Far more than any of these inputs needs, and far less than before the time was bounded."""

SLOW = (
    ".amlignore: gaps",
    ".gitignore: wildcards",
    ".dockerignore: many stars",
    "links: a maze of directories",
    "schema: repeated address",
    "path: conda_file",
    "path: exclude",
    "yaml: a tab at the end",
    "yaml: an error at the end",
    "yaml: 5,000 brackets with a tab",
    "yaml: comments with many rules",
    "keys: unknown",
    "keys: unknown settings",
    "conda: blanks in a pip requirement",
    "conda: many blanks in a pip requirement",
    "secret: ' '",
    "secret: 'a: b '",
)


@pytest.fixture(scope="module", params=SLOW)
def hostile(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hostile project, which is written once for all tests of it."""
    directory = tmp_path_factory.mktemp("hostile")
    INPUTS[request.param](directory)
    return directory


def test_a_hostile_project_is_small(hostile: Path) -> None:
    files = [path for path in hostile.rglob("*") if path.is_file() and not path.is_symlink()]
    assert sum(path.stat().st_size for path in files) <= LIMIT


def test_a_hostile_project_is_validated_within_a_bound(hostile: Path) -> None:
    if not (hostile / "envsync.yaml").exists():
        write_files(hostile, {"envsync.yaml": SETTINGS})
    command = (program(), "-C", str(hostile), "validate")
    ended = subprocess.run(
        ["sh", "-c", f'ulimit -t {CPU_SECONDS}; exec "$@"', "sh", *command],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode in (0, 1), ended.stderr[-2000:]
    assert len(ended.stdout + ended.stderr) < 200_000


SLOW_COMMANDS = (
    (references, "notebook: blank lines", "refs"),
    (references, "Python: long strings that are joined", "refs"),
    (references, "job file: statements in lines", "refs"),
    (references, "job file: not YAML", "refs"),
    (credentials, "credentials: web tokens in a Dockerfile", "validate"),
    (credentials, "credentials: a header in one line in a Dockerfile", "validate"),
    (credentials, "Dockerfile: images", "validate"),
    (others, "settings: ignore comments without an end", "validate"),
    (others, "settings: many environments", "validate"),
    (others, "init: a workflow of blank lines", "init"),
    (states, "change: versions of packages", "plan"),
    (states, "saved plan: a long number", "apply"),
)


@lru_cache(maxsize=1)  # the texts of one module have up to a hundred megabytes
def inputs_of(module: ModuleType) -> dict[str, HostileInput]:
    inputs: dict[str, HostileInput] = module.inputs()
    return inputs


@pytest.mark.parametrize(
    ("module", "title", "command"), SLOW_COMMANDS, ids=[item[1] for item in SLOW_COMMANDS]
)
def test_a_command_reads_a_hostile_input_within_a_bound(
    module: ModuleType, title: str, command: str, tmp_path: Path
) -> None:
    item = inputs_of(module)[title]
    item.write(tmp_path)
    arguments = next(words for words in item.commands if words[0] == command)

    used = run(tmp_path, *arguments, limit=CPU_SECONDS)

    assert used.code in (0, 1)
    assert used.megabytes < MEGABYTES


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("validate", "pipe"), 1),
        (("validate", "environments/pipe.yml"), 1),
        (("validate",), 0),
        (("--config", "pipe", "validate"), 64),
        (("apply", "--plan", "pipe", "--yes"), 1),
        (("plan", "--out", "pipe"), 1),
        (("validate", "/dev/zero"), 1),
        (("--config", "/dev/zero", "validate"), 64),
    ],
)
def test_a_named_pipe_or_device_is_not_read(
    tmp_path: Path, arguments: tuple[str, ...], code: int
) -> None:
    write_files(tmp_path, {"environments/e.yml": BASE})
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "environments" / "pipe.yml")

    ended = envsync(*arguments, cwd=tmp_path)

    assert ended.returncode == code
    assert code == 0 or "egular file" in ended.stderr + ended.stdout


@pytest.mark.parametrize("name", [b"a\xff.yml", b"d\xff/e.yml"])
def test_an_environment_file_whose_path_is_not_utf_8_is_refused(
    tmp_path: Path, name: bytes
) -> None:
    path = tmp_path / "environments" / os.fsdecode(name)
    try:
        path.parent.mkdir(parents=True)
        path.write_text(BASE)
    except OSError:
        pytest.skip("the file system accepts only UTF-8")

    for command in ("validate", "plan"):
        ended = envsync(command, cwd=tmp_path)

        assert ended.returncode == 1
        assert "The path of the file is not UTF-8." in ended.stdout + ended.stderr


def test_a_project_directory_whose_name_is_not_utf_8_can_be_applied(tmp_path: Path) -> None:
    root = tmp_path / os.fsdecode(b"p\xff")
    try:
        root.mkdir()
    except OSError:
        pytest.skip("the file system accepts only UTF-8")
    write_files(root, {"environments/e.yml": BASE})

    assert envsync("apply", "--yes", cwd=root).returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
@pytest.mark.parametrize("mode", [0o444, 0o000, 0o111])
def test_a_directory_that_cannot_be_searched_is_reported(mode: int) -> None:
    with unprivileged() as root:
        write_files(root, {"environments/e.yml": BASE, "environments/d/f.yml": BASE})
        envsync("plan", cwd=root)  # imports the modules that `nobody` may not be able to read
        for directory in (root / "environments" / "d", root / "environments"):
            directory.chmod(mode)
            with as_nobody():
                validated = envsync("validate", "--strict", cwd=root)
                planned = envsync("plan", cwd=root)
            directory.chmod(0o755)

            assert validated.returncode == 1
            assert planned.returncode in (0, 1)
            assert "Permission denied" in validated.stdout + validated.stderr


def test_many_changed_dependencies_are_planned_in_bounded_memory(tmp_path: Path) -> None:
    def declare(version: int) -> None:
        lines = "".join(f"- package{number}={version}\n" for number in range(20_000))
        write_files(
            tmp_path,
            {
                "environments/e.yml": BASE + "conda_file: conda.yml\n",
                "environments/conda.yml": "dependencies:\n" + lines,
            },
        )

    declare(1)
    assert envsync("apply", "--yes", cwd=tmp_path).returncode == 0
    declare(2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ended = envsync("plan", cwd=tmp_path)

    assert ended.returncode == 1  # `immutable`
    assert len(ended.stdout) < 10_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
