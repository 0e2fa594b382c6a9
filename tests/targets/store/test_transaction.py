"""The store's rules for callers that write with PUT requests, such as the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from envsync.targets.refusals import RuleViolation
from envsync.targets.store.behaviour import Behaviour
from envsync.targets.store.rows import NewVersion, VersionRecord, VersionSpec, Written
from envsync.targets.store.store import Store

SPEC = VersionSpec("contoso.example/image:1", None, None, None, None, "Linux", None)
OTHER = SPEC._replace(image="contoso.example/image:2")
NEW = NewVersion("pydata", "1", SPEC, "Data science.", {"a": "1"})


class Stores:
    """Opens several stores in one directory, and closes them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._opened: list[Store] = []

    def open(self, behaviour: Behaviour | None = None) -> Store:
        """Opens a store with its own file."""
        path = self._directory / f"{len(self._opened)}.db"
        store = Store(
            path,
            actor="ada",
            clock=lambda: datetime.now(UTC),
            behaviour=behaviour or Behaviour(inherit_owner=False),
        )
        self._opened.append(store)
        return store

    def close(self) -> None:
        """Closes all stores."""
        for store in self._opened:
            store.close()


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    stores = Stores(tmp_path)
    yield stores
    stores.close()


def put(store: Store, new: NewVersion, written: Written | None = None) -> VersionRecord:
    """Writes a version as a PUT does."""
    said = written or Written(new.description, dict(new.tags), dict(new.properties))
    with store.changing() as changes:
        return changes.put_version(new, said)


def put_container(store: Store, written: Written, name: str = "pydata") -> None:
    """Writes a container as a PUT does."""
    with store.changing() as changes:
        changes.put_container(name, written)


def refusal(store: Store, new: NewVersion, written: Written | None = None) -> str:
    """Returns the rule of the error that a PUT raises."""
    with pytest.raises(RuleViolation) as caught:
        put(store, new, written)
    return caught.value.rule


def history(store: Store) -> list[tuple[str, str | None]]:
    """Returns the action and the version of each entry in the history."""
    return [(entry.action, entry.version) for entry in store.history("pydata")]


def test_a_second_put_updates_the_version_that_the_first_put_created(stores: Stores) -> None:
    store = stores.open()
    put(store, NEW)
    record = put(store, NEW, Written("New.", {"b": "2"}, {"c": "3"}, archived=True))

    assert (record.row.description, record.row.tags) == ("New.", '{"b":"2"}')
    assert (record.row.archived, record.properties) == (1, '{"c":"3"}')
    assert history(store) == [("create", "1"), ("archive", "1")]


def test_a_put_without_changes_adds_no_history(stores: Stores) -> None:
    store = stores.open()
    put(store, NEW)
    put(store, NEW)

    assert history(store) == [("create", "1")]


def test_a_put_can_change_the_owner(stores: Stores) -> None:
    store = stores.open()
    put(store, NEW)
    record = put(store, NEW, Written(None, {"envsync.owner": "churn"}))

    assert record.row.owner == "churn"
    # With `inherit_owner=False`, the container does not get the owner of its version.
    assert [row.tags for row in store.read(["pydata"]).containers] == ["{}"]


def test_extra_fields_keep_their_order(stores: Stores) -> None:
    store = stores.open()
    new = NewVersion("pydata", "1", SPEC, extra={"z": {"b": 1, "a": 2}, "stage": "Development"})
    put(store, new)
    record = put(store, new, Written(stage="Production"))

    assert record.extra == '{"z": {"b": 1, "a": 2}, "stage": "Production"}'


def test_the_error_of_a_refused_write_contains_the_violated_rule(stores: Stores) -> None:
    store = stores.open()
    store.seed_curated(NewVersion("AzureML-mine", "1", SPEC))
    put(store, NEW)
    put(store, NewVersion("pydata", "2", SPEC), Written(archived=True))
    put_container(store, Written(archived=True))

    assert refusal(store, NewVersion("pydata", "1", OTHER)) == "fixed"
    assert refusal(store, NewVersion("pydata", "1", SPEC, extra={"isAnonymous": True})) == "fixed"
    assert refusal(store, NewVersion("AzureML-mine", "1", SPEC)) == "curated"
    # The next three requests have a reserved name, a reserved version, and neither an image nor a
    # build context.
    assert refusal(store, NewVersion("azureml-mine", "1", SPEC)) == "content"
    assert refusal(store, NewVersion("pydata", "latest", SPEC)) == "content"
    assert refusal(store, NewVersion("other", "1", SPEC._replace(image=None))) == "content"
    assert refusal(store, NewVersion("pydata", "2", SPEC), Written(archived=False)) == "hidden"
    with pytest.raises(RuleViolation) as caught:
        store.update_version("pydata", "9", None, {})
    assert caught.value.rule == "unknown"
    with pytest.raises(RuleViolation) as caught:
        store.create_version(NewVersion("pydata", "1", SPEC, tags={"envsync.owner": "x"}))
    assert caught.value.rule == "owner"


def test_a_container_can_be_created_before_its_versions(stores: Stores) -> None:
    store = stores.open()
    put_container(store, Written("All of it.", {"envsync.owner": "churn"}, {"p": "q"}))
    # This write removes the properties and archives the container, which adds two history entries.
    put_container(store, Written("All of it.", {"envsync.owner": "churn"}, archived=True))
    record = put(store, NEW)

    containers, _ = store.records("pydata")
    assert [(item.description, item.tags, item.archived) for item in containers] == [
        ("All of it.", '{"envsync.owner":"churn"}', 1)
    ]
    assert [row.name for row in store.read([], "churn").containers] == ["pydata"]
    assert record.row.archived == 1
    assert history(store) == [
        ("create", None),
        ("update", None),
        ("archive", None),
        ("create", "1"),
    ]


def test_a_container_with_a_malformed_name_is_refused(stores: Stores) -> None:
    store = stores.open()
    with pytest.raises(RuleViolation):
        put_container(store, Written(), name="a b")

    assert store.records() == ([], [])


def test_each_version_restored_with_its_container_has_a_history_entry(stores: Stores) -> None:
    store = stores.open(Behaviour(restore="all", inherit_owner=False))
    put(store, NEW, Written(archived=True))
    put(store, NewVersion("pydata", "2", SPEC))
    store.set_archived("pydata", None, archived=True)
    store.set_archived("pydata", None, archived=False)

    assert [item.row.archived for item in store.records("pydata")[1]] == [0, 0]
    # Version 2 has no history entry, because it was not archived separately.
    assert history(store)[-2:] == [("restore", None), ("restore", "1")]


def test_a_failed_transaction_changes_nothing(stores: Stores) -> None:
    store = stores.open()
    with pytest.raises(RuleViolation), store.changing() as changes:
        changes.put_version(NEW, Written())
        changes.archive_version("absent", "1", archived=True)

    assert store.records() == ([], [])


def test_a_transaction_can_have_its_own_actor(stores: Stores) -> None:
    store = stores.open()
    with store.changing("grace") as changes:
        changes.put_version(NEW, Written())
    put(store, NEW, Written("New."))

    assert [entry.actor for entry in store.history("pydata")] == ["grace", "ada"]
    record = store.record("pydata", "1")
    assert record is not None
    assert record.created_by == "grace"


def test_changes_after_a_time_are_listed_newest_first(stores: Stores) -> None:
    store = stores.open()
    put(store, NEW)
    since = store.now()
    put(store, NEW, Written("second", {"a": "1"}))
    put(store, NEW, Written("third", {"a": "1"}))
    put(store, NewVersion("other", "1", SPEC))

    assert [entry.name for entry in store.history_after(since)] == ["other", "pydata", "pydata"]
    assert [entry.after for entry in store.history_after(since, "pydata")] == [
        {"description": text, "tags": {"a": "1"}, "archived": False} for text in ("third", "second")
    ]


def test_a_store_whose_file_does_not_exist_is_empty(stores: Stores) -> None:
    store = stores.open()

    assert (store.records(), store.record("pydata", "1"), store.history_after("")) == (
        ([], []),
        None,
        (),
    )
