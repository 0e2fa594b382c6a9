"""`World`: the workspaces and registries of an emulator, each with its store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path

from envsync.emulator.service.assets import Assets
from envsync.emulator.service.curated import CURATED
from envsync.emulator.service.seed import seeded
from envsync.emulator.settings import TEMPORARY, AssetKind, Settings, state_file
from envsync.targets.leftovers import locked_directory
from envsync.targets.store.behaviour import Behaviour
from envsync.targets.store.rows import NewVersion
from envsync.targets.store.rules import check_new
from envsync.targets.store.store import Store

_ACTOR = "Microsoft"


class World:
    """All workspaces and registries. Workspaces contain the curated environments.

    Attributes:
        workspaces: the workspaces by name in lower case. The resource manager ignores case.
        registries: the registries by name in lower case. Azure ML ignores case.
    """

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        """Opens the stores. Without `Settings.state`, the stores are in a temporary directory.

        If possible, a store in the temporary directory is created only when it is first used.

        Args:
            settings: the names and the behaviour of workspaces and registries.
            clock: a function that returns the current time with its time zone.

        Raises:
            EnvsyncError: a state file cannot be used, or the seed has errors.
        """
        self._settings = settings
        self._clock = clock
        self._temporary = ExitStack()
        self._state = settings.state or self._temporary_state()
        self._stores: list[Store] = []
        try:
            self.workspaces: Mapping[str, Assets] = self._assets("workspace", settings.workspaces)
            self.registries: Mapping[str, Assets] = self._assets("registry", settings.registries)
            if settings.seed is not None:
                store = self.workspaces[settings.workspaces[0].lower()].store
                _seed(store, seeded(settings.seed, settings))
        # The temporary directory must be removed and every database closed, even after Ctrl-C.
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes the stores, and removes the temporary directory."""
        for store in self._stores:
            store.close()
        self._stores = []
        self._temporary.close()

    def _temporary_state(self) -> Path:
        return self._temporary.enter_context(locked_directory(TEMPORARY)) / "emulator.db"

    def _assets(self, kind: AssetKind, names: tuple[str, ...]) -> Mapping[str, Assets]:
        settings, lazy = self._settings, _LazyAssets(names, partial(self._open, kind))
        # A state file that cannot be used must be an error before the emulator starts. Stale
        # responses show the curated environments, so these must be older than every request.
        if settings.state or settings.list_lag_seconds or settings.stale_get_seconds:
            return dict(lazy)
        return lazy

    def _open(self, kind: AssetKind, name: str) -> Assets:
        settings = self._settings
        store = Store(
            state_file(self._state, settings, kind=kind, name=name),
            actor=_ACTOR,
            clock=self._clock,
            behaviour=_behaviour(settings),
        )
        self._stores.append(store)
        if kind == "workspace":
            # A state file that a local target wrote can already contain the name of a curated
            # environment.
            missing = [new for new in CURATED if not store.records(new.name)[0]]
            if missing:
                store.seed_curated(*missing)
        return Assets(store, settings=settings, clock=self._clock, kind=kind)


class _LazyAssets(Mapping[str, Assets]):
    """Workspaces or registries by name in lower case. The first use opens the store. Thread-safe.

    Creating the store of a workspace takes longer than most requests.
    """

    def __init__(self, names: Iterable[str], open_assets: Callable[[str], Assets]) -> None:
        self._names = {name.lower(): name for name in names}
        self._open = open_assets
        self._opened: dict[str, Assets] = {}
        self._lock = threading.Lock()

    def __getitem__(self, key: str) -> Assets:
        name = self._names[key]
        with self._lock:
            if key not in self._opened:
                self._opened[key] = self._open(name)
            return self._opened[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _seed(store: Store, versions: Iterable[NewVersion]) -> None:
    """Registers versions in one transaction, because each commit waits for the disk."""
    with store.changing() as changes:
        for new in versions:
            check_new(new)
            changes.register(new, changes.snapshot(new.name))


def _behaviour(settings: Settings) -> Behaviour:
    return Behaviour(
        tags=settings.tags,
        omitted=settings.omitted,
        restore=settings.restore,
        archive_hidden=settings.archive_hidden,
        hidden_versions=settings.hidden_versions,
        container_tags=settings.container_tags,
        # Azure ML has no owners. Clients write owners as tags.
        inherit_owner=False,
    )
