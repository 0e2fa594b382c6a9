"""The local target keeps what it has read. These tests show that it never returns an old state."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from envsync.model.environment import Build, BuildContext, EnvironmentKey, EnvironmentSpec, Metadata
from envsync.model.errors import TargetError
from envsync.model.provenance import Provenance
from envsync.model.state import Container
from envsync.model.target import TargetIdentity
from envsync.targets.local.target import LocalTarget
from envsync.targets.local.translation import new_version
from tests.targets.contract import OURS, build_context, environment

IDENTITY = TargetIdentity("local", "local", "local.db")
NAMES = ("a", "b", "c")

# Another process, which changes a description.
WRITER = """
import sys
from pathlib import Path
from envsync.model.environment import EnvironmentKey, Metadata
from envsync.model.provenance import Provenance
from envsync.model.target import TargetIdentity
from envsync.targets.local.target import LocalTarget

target = LocalTarget(Path(sys.argv[1]), TargetIdentity("local", "local", "local.db"))
target.update(EnvironmentKey("a", "1"), Metadata("by another process"), Provenance("churn"))
target.close()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "local.db"


@pytest.fixture
def target(path: Path) -> Iterator[LocalTarget]:
    target = LocalTarget(path, IDENTITY)
    for name in NAMES:
        target.create(environment(name))
    yield target
    target.close()


@pytest.fixture
def other(target: LocalTarget, path: Path) -> Iterator[LocalTarget]:
    """Returns another target with the same file, and with its own connection."""
    assert target.read(None)
    other = LocalTarget(path, IDENTITY)
    yield other
    other.close()


def describe(target: LocalTarget, text: str, name: str = "a", version: str = "1") -> None:
    target.update(EnvironmentKey(name, version), Metadata(text), OURS)


def description(target: LocalTarget, name: str = "a") -> str | None:
    return target.read([name])[name].versions[0].environment.metadata.description


def everything(container: Container) -> tuple[object, ...]:
    """Returns all values of a container, including the values that `==` ignores."""
    return (
        container,
        container.modified,
        [(item.modified, context_of(item.environment.spec)) for item in container.versions],
    )


def context_of(spec: EnvironmentSpec) -> object:
    context = spec.local_context
    return context and (context.directory, dict(context.files or {}))


def assert_fresh(
    target: LocalTarget,
    path: Path,
    names: Collection[str] | None = None,
    owner: str | None = None,
) -> None:
    """Checks that a target returns the same as a new target, in the same order."""
    with closing(LocalTarget(path, IDENTITY)) as new:
        expected = new.read(names, owner)
    found = target.read(names, owner)
    assert list(found) == list(expected)
    for name, container in expected.items():
        assert everything(found[name]) == everything(container)


def test_containers_that_have_not_changed_are_not_decoded_again(target: LocalTarget) -> None:
    before = target.read(None)

    describe(target, "new", "b")
    after = target.read(None)

    assert [name for name in NAMES if after[name] is before[name]] == ["a", "c"]
    assert description(target, "b") == "new"


def test_the_other_versions_of_a_written_environment_are_not_decoded_again(
    target: LocalTarget, path: Path
) -> None:
    create_version(target)
    before = target.read(["a"])["a"].versions[0]

    target.create(environment("a", "3"))

    assert target.read(["a"])["a"].versions[0] is before
    assert_fresh(target, path)


def test_a_changed_result_does_not_change_the_next_one(target: LocalTarget) -> None:
    found = target.read(None)
    assert isinstance(found, dict)

    found.clear()

    assert list(target.read(None)) == list(NAMES)


def update(target: LocalTarget) -> None:
    describe(target, "new")


def archive(target: LocalTarget) -> None:
    target.set_archived("a", "1", True)


def archive_container(target: LocalTarget) -> None:
    target.set_archived("a", None, True)


def create_version(target: LocalTarget) -> None:
    target.create(environment("a", "2"))


def create_container(target: LocalTarget) -> None:
    target.create(environment("d"))


def delete_version(target: LocalTarget) -> None:
    assert target.store.delete("a", "1", "ada")


def delete_container(target: LocalTarget) -> None:
    assert target.store.delete("a", None, "ada")


def seed_curated(target: LocalTarget) -> None:
    target.store.seed_curated(new_version(environment("AzureML-x")))


def take_over(target: LocalTarget) -> None:
    target.update(EnvironmentKey("a", "1"), Metadata(), Provenance("other"))


WRITES = (
    update,
    archive,
    archive_container,
    create_version,
    create_container,
    delete_version,
    delete_container,
    seed_curated,
    take_over,
)


@pytest.mark.parametrize("write", WRITES)
class TestEveryWriteIsSeen:
    def test_of_the_target_itself(
        self, target: LocalTarget, path: Path, write: Callable[[LocalTarget], None]
    ) -> None:
        target.read(None)

        write(target)

        assert_fresh(target, path)
        assert_fresh(target, path, ["a"])
        assert_fresh(target, path, [], "other")
        assert_fresh(target, path, ["a", "absent"], OURS.owner)

    def test_of_another_connection(
        self,
        target: LocalTarget,
        other: LocalTarget,
        path: Path,
        write: Callable[[LocalTarget], None],
    ) -> None:
        write(other)

        assert_fresh(target, path, [], "other")
        assert_fresh(target, path, ["a", "absent"], OURS.owner)
        assert_fresh(target, path)


def test_a_write_of_another_process_is_seen(target: LocalTarget, path: Path) -> None:
    target.read(None)

    subprocess.run([sys.executable, "-c", WRITER, str(path)], check=True)

    assert description(target) == "by another process"


def test_a_write_of_another_program_is_seen(target: LocalTarget, path: Path) -> None:
    target.read(None)

    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE versions SET description = 'by sqlite3' WHERE name = 'a'")
        connection.commit()

    assert description(target) == "by sqlite3"


def test_a_write_of_another_connection_is_seen_after_an_own_write(
    target: LocalTarget, other: LocalTarget, path: Path
) -> None:
    describe(other, "by another connection")
    describe(target, "own", "b")

    assert_fresh(target, path)


def test_a_checkpoint_by_another_connection_hides_no_write(
    target: LocalTarget, other: LocalTarget, path: Path
) -> None:
    describe(other, "by another connection")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    assert_fresh(target, path)


def test_a_write_that_is_rolled_back_is_not_seen(target: LocalTarget, path: Path) -> None:
    target.read(None)

    with pytest.raises(TargetError), target.store.changing() as changes:
        changes.update("a", "1", "lost", {})
        raise TargetError("no")

    assert_fresh(target, path)
    assert description(target) == "Data science."


def test_a_read_in_a_transaction_of_another_connection_keeps_no_uncommitted_state(
    target: LocalTarget, other: LocalTarget, path: Path
) -> None:
    with other.store.changing() as changes:
        changes.update("a", "1", "not yet", {})
        assert description(target) == "Data science."

    assert description(target) == "not yet"
    assert_fresh(target, path)


def test_a_container_whose_rows_are_damaged_is_read_again(target: LocalTarget, path: Path) -> None:
    def set_tags(text: str) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE versions SET tags = ? WHERE name = 'a'", (text,))
            connection.commit()

    target.read(None)
    set_tags("[")
    for _ in range(2):
        with pytest.raises(TargetError, match="is damaged"):
            target.read(None)
    set_tags("{}")

    assert target.read(["a"])["a"].versions[0].owner is None


def test_random_writes_of_three_connections_are_all_seen(
    target: LocalTarget, other: LocalTarget, path: Path, tmp_path: Path
) -> None:
    chance = random.Random(7)
    contexts = [
        build_context(tmp_path / str(number), {"Dockerfile": b"FROM a:%d" % number})
        for number in range(2)
    ]
    with closing(LocalTarget(path, IDENTITY)) as third:
        for number in range(150):
            write_at_random(chance.choice((target, other, third)), chance, contexts, number)
            reader = chance.choice((target, other, third))
            names = chance.choice((None, [], ["a"], ["b", "c", "d"]))
            assert_fresh(reader, path, names, chance.choice((None, OURS.owner, "other")))


def write_at_random(
    target: LocalTarget, chance: random.Random, contexts: list[BuildContext], number: int
) -> None:
    name = chance.choice(("a", "b", "c", "d", "e"))
    held = target.store.records(name)[1]
    version = chance.choice(held).row.version if held else "1"
    spec = EnvironmentSpec(build=Build(chance.choice(contexts)))
    writes: tuple[Callable[[], object], ...] = (
        lambda: target.create(environment(name, str(number), spec=spec)),
        lambda: target.create(environment(name, str(number))),
        lambda: describe(target, str(number), name, version),
        lambda: target.set_archived(name, version, chance.random() < 0.5),
        lambda: target.set_archived(name, None, chance.random() < 0.5),
        lambda: target.store.delete(name, version, "ada"),
        lambda: target.store.delete(name, None, "ada"),
    )
    try:
        chance.choices(writes, (4, 4, 4, 4, 2, 1, 1))[0]()
    except TargetError:
        return  # the version does not exist, or its container is archived


def test_threads_that_read_and_write_leave_no_old_state(
    target: LocalTarget, other: LocalTarget, path: Path
) -> None:
    def write(number: int) -> None:
        writer = target if number % 3 else other
        describe(writer, str(number), NAMES[number % len(NAMES)])

    def read(_: int) -> None:
        target.read(None)

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(task, number) for number in range(60) for task in (write, read)]:
            done.result()

    assert_fresh(target, path)
