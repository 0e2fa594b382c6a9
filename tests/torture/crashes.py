"""Kills applies at random moments, and damages, locks and fills local targets.

After each kill, the state must be readable, no version may be half registered or registered twice,
the next apply must finish, and nothing of the killed process may be left.

    python -m tests.torture.crashes [--seed 1] [--count 200] [--only TEXT] [--minutes 30]
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import cache, partial
from importlib import import_module
from multiprocessing.process import BaseProcess
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from envsync.api import make_plan
from envsync.cli import main as cli
from envsync.emulator.settings import Settings, state_file
from envsync.model.errors import EnvsyncError, TargetError
from envsync.model.target import TargetIdentity
from envsync.project.project import load_project
from envsync.targets.local.target import LocalTarget
from tests.torture._common import Row, options, part, report, seeds

IDENTITY = TargetIdentity("local", "local", "local.db")
Run = Callable[[int, Path], Iterator[str]]


def write_project(directory: Path, target: str, *, environments: int = 4) -> None:
    """Writes a project with images and build contexts."""
    (directory / "envsync.yaml").write_text(
        f"project: churn\nmax_archive_percent: 100\ntargets:\n  dev: {target}\n"
    )
    for number in range(environments):
        place = directory / f"environments/e{number}"
        (place / "context").mkdir(parents=True)
        (place / "context/Dockerfile").write_text(f"FROM a:{number}\n")
        (place / "context/data").write_bytes(bytes([number]) * 200_000)
        content = "build: {path: context}" if number % 2 else f"image: contoso.example/a:{number}"
        (place / "environment.yml").write_text(f"name: e{number}\ndescription: About.\n{content}\n")


def start(directory: Path, temporary: Path) -> BaseProcess:
    """Starts an apply in a fork of this process, which has already imported everything."""

    def run() -> None:
        os.chdir(directory)
        os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        sys.argv = ["envsync", "apply", "--yes", "--quiet"]
        cli.main()

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    return process


def finish(directory: Path, temporary: Path) -> int | None:
    """Runs an apply until its end. Returns its exit code."""
    process = start(directory, temporary)
    process.join(120)
    return process.exitcode


def killed(directory: Path, database: Path, chance: random.Random, longest: float) -> Iterator[str]:
    """Kills an apply at a random moment. Yields what is wrong afterwards."""
    temporary = directory / "tmp"
    temporary.mkdir(exist_ok=True)
    process = start(directory, temporary)
    if chance.random() < 0.5:
        time.sleep(chance.uniform(0, longest))
    else:
        # Most of the time passes before the first write, so half of the kills wait for that write.
        before = _changed(database)
        while process.is_alive() and _changed(database) == before:
            time.sleep(0.002)
        time.sleep(chance.uniform(0, longest / 4))
    process.kill()
    process.join()
    with closing(LocalTarget(database, IDENTITY)) as target:
        try:
            target.read(None)
        except EnvsyncError as error:
            yield f"unreadable after the kill: {error}"
            return
    if (code := finish(directory, temporary)) != 0:
        yield f"the next apply ended with {code}"
    plan = make_plan(load_project(directory))
    # Without the mark of any owner, it is unknown whether the service keeps marks. If the kill came
    # before the first mark, the next apply writes it, and the apply after that the missing marks.
    if plan.changes and all(change.scope == "environment" for change in plan.changes):
        finish(directory, temporary)
    yield from wrong(directory, database)
    if left := [str(path) for path in _leftovers(directory, temporary)]:
        yield f"left over: {', '.join(left)}"


def _changed(database: Path) -> list[int]:
    """Returns the times at which the files of a database changed."""
    times = []
    for path in sorted(database.parent.glob(f"{database.name}*")):
        with contextlib.suppress(FileNotFoundError):  # SQLite has just removed the file
            times.append(path.stat().st_mtime_ns)
    return times


def wrong(directory: Path, database: Path) -> Iterator[str]:
    """Yields what differs from the state after one undisturbed apply."""
    with closing(LocalTarget(database, IDENTITY)) as target:
        state = target.read([f"e{number}" for number in range(4)])
    for name, container in state.items():
        if len(container.versions) != 1:
            yield f"{name} has {len(container.versions)} versions"
    if len(state) != 4:
        yield f"{len(state)} environments are registered"
    if make_plan(load_project(directory)).changes:
        yield "the plan is not empty"


def _leftovers(directory: Path, temporary: Path) -> Iterator[Path]:
    yield from temporary.iterdir()
    yield from directory.rglob("*.new-*")
    yield from directory.rglob(".incoming-*")


Project = tuple[Path, Path]
"""The directory of a project, and the database with the state of its target."""


@contextmanager
def local(directory: Path) -> Iterator[Project]:
    """Yields a project with a local target."""
    write_project(directory, "{kind: local, path: .envsync/local.db}")
    yield directory, directory / ".envsync/local.db"


@contextmanager
def workspace(directory: Path) -> Iterator[Project]:
    """Yields a project with a workspace of an emulator in another process."""
    # In a fork, importing azure-ai-ml would take longer than the writes.
    import_module("azure.ai.ml")
    state = directory / "emulator.db"
    command = [sys.executable, "-m", "envsync", "emulator", "--state", str(state), "--format"]
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [*command, "json"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    ) as emulator:
        try:
            assert emulator.stdout is not None
            text = ""
            for line in emulator.stdout:
                text += line
                if line.rstrip() == "}":
                    break
            os.environ.update(json.loads(text))
            project = directory / "project"
            project.mkdir()
            write_project(
                project,
                '{kind: workspace, subscription_id: "${AZURE_SUBSCRIPTION_ID}",'
                ' resource_group: "${AZURE_RESOURCE_GROUP}",'
                ' workspace: "${AZUREML_WORKSPACE_NAME}"}',
            )
            yield project, state_file(state, Settings(), kind="workspace", name="ws-dev")
        finally:
            emulator.terminate()


Place = Callable[[Path], AbstractContextManager[Project]]


@cache
def duration(place: Place) -> float:
    """Returns the seconds that an undisturbed apply takes on this machine."""
    with tempfile.TemporaryDirectory(prefix="torture-") as text, place(Path(text)) as (project, _):
        temporary = project / "tmp"
        temporary.mkdir()
        began = time.monotonic()
        assert finish(project, temporary) == 0
        return time.monotonic() - began


def kill(seed: int, directory: Path, place: Place) -> Iterator[str]:
    """Kills an apply at a random moment. Yields what is wrong afterwards."""
    longest = duration(place)
    with place(directory) as (project, database):
        yield from killed(project, database, random.Random(seed), longest=longest)


def applied(directory: Path) -> Path:
    """Returns the database of a local target to which a project was applied."""
    write_project(directory, "{kind: local, path: .envsync/local.db}")
    (directory / "tmp").mkdir()
    assert finish(directory, directory / "tmp") == 0
    return directory / ".envsync/local.db"


def damage(seed: int, directory: Path) -> Iterator[str]:
    """Changes one to four random bytes of a database. The old state or an error must be read."""
    chance, database = random.Random(seed), directory / "local.db"
    shutil.copy(_sample(), database)
    with closing(LocalTarget(database, IDENTITY)) as target:
        before = (target.read(None), target.history("e0"))
    content = bytearray(database.read_bytes())
    for _ in range(chance.choice((1, 1, 1, 4))):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    database.write_bytes(content)
    with closing(LocalTarget(database, IDENTITY)) as target:
        try:
            after = (target.read(None), target.history("e0"))
        except TargetError:
            after = before
            if database.read_bytes() != content:
                yield "the damaged file was changed"
    if after != before:
        yield "a damaged file was read as another state"


_samples: list[Path] = []


def _sample() -> Path:
    """Returns a database without free space, so that nearly each byte of it counts."""
    if not _samples:
        directory = Path(tempfile.mkdtemp(prefix="torture-"))
        database = applied(directory)
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        _samples.append(database)
    return _samples[0]


def full(seed: int, directory: Path) -> Iterator[str]:
    """Applies with a limit on the size of files, then without the limit."""
    write_project(directory, "{kind: local, path: .envsync/local.db}")
    temporary = directory / "tmp"
    temporary.mkdir()
    limit = random.Random(seed).randrange(1_000, 300_000)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_FSIZE, before)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        code = finish(directory, temporary)
    if code not in (0, 1):
        yield f"with files of at most {limit} bytes, apply ended with {code}"
    if (code := finish(directory, temporary)) != 0:
        yield f"the next apply ended with {code}"
    yield from wrong(directory, directory / ".envsync/local.db")


def locked(seed: int, directory: Path) -> Iterator[str]:
    """Applies while another process holds the write lock for a while."""
    database = applied(directory)
    (directory / "environments/e0/environment.yml").write_text(
        "name: e0\ndescription: New.\nimage: contoso.example/a:0\n"
    )
    context = multiprocessing.get_context("fork")
    ready = context.Event()

    # Not in this process, because a fork would inherit the state of SQLite's lock.
    def hold() -> None:
        with closing(sqlite3.connect(database, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            ready.set()
            time.sleep(random.Random(seed).uniform(0.1, 1.5))

    holder = context.Process(target=hold)
    holder.start()
    ready.wait(60)
    process = start(directory, directory / "tmp")
    process.join(120)
    holder.join(60)
    if process.exitcode != 0:
        yield f"apply ended with {process.exitcode}"
    yield from wrong(directory, database)


def read_only(seed: int, directory: Path) -> Iterator[str]:
    """Applies to a directory that cannot be written, then to the same directory again."""
    from tests.privileges import as_nobody

    database = applied(directory)
    before = database.read_bytes()
    for path in (directory, database.parent):
        path.chmod(0o555)
    with as_nobody(), closing(LocalTarget(database, IDENTITY)) as target:
        if len(target.read(None)) != 4:
            yield "the file cannot be read"
        try:
            target.set_archived("e0", None, archived=True)
            yield "the archive is done"
        except TargetError as error:
            if "cannot be opened for writing" not in str(error):
                yield f"not a clear error: {error}"
    for path in (directory, database.parent):
        path.chmod(0o755)
    if database.read_bytes() != before:
        yield "the file was changed"


KINDS: tuple[tuple[str, Run, float], ...] = (
    ("kill -9 of an apply to a local target", partial(kill, place=local), 1.0),
    ("kill -9 of an apply to a workspace", partial(kill, place=workspace), 0.3),
    ("random damage to a local target", damage, 1.0),
    ("full disk (RLIMIT_FSIZE)", full, 0.25),
    ("locked database", locked, 0.1),
    ("read-only directory", read_only, 0.05),
)
"""The kinds of crash, what each does, and its share of `--count`."""


def run(what: str, crash: Run, *, seed: int, count: int, minutes: float | None = None) -> Row:
    """Runs one kind of crash."""
    row = Row(what)
    for number in seeds(seed, count, minutes):
        with tempfile.TemporaryDirectory(prefix="torture-") as text:
            Path(text).chmod(0o755)
            row.add(number, crash(number, Path(text)))
    return row


def main() -> int:
    """Runs the crashes of the command line, and prints the table."""
    arguments = options(__doc__, count=200).parse_args()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    rows = []
    chosen = [kind for kind in KINDS if arguments.only in kind[0]]
    minutes = part(arguments, len(chosen))
    for what, crash, share in chosen:
        count = max(1, round(arguments.count * share))
        rows.append(run(what, crash, seed=arguments.seed, count=count, minutes=minutes))
        report("Crashes", rows[-1:], arguments.seed)
    return report("Crashes", rows, arguments.seed)


if __name__ == "__main__":
    sys.exit(main())
