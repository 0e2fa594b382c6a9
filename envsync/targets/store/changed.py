"""`ChangedNames`: which containers have changed since they were last read from a SQLite file.

A process reads the same containers several times: for a plan, to verify an apply, and for the next
plan. With `ChangedNames`, it reads and decodes only the containers that have changed.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final

_TABLES: Final = ("containers", "versions")
"""The tables whose rows belong to a container. The column `name` names the container."""


class ChangedNames:
    """The names of the containers that a connection has written since `forget` was last called.

    Only one mapping of known containers can be kept for one object.
    """

    def __init__(self) -> None:
        self._written: set[str] = set()
        self._data_version: int | None = None

    def install(self, connection: sqlite3.Connection) -> None:
        """Makes a connection record the container of each row that it writes.

        A write that is rolled back is recorded as well, so a container can be read too often, but
        never too rarely.
        """
        connection.create_function("envsync_written", 1, self._written.add)
        for table in _TABLES:
            for event, sides in (
                ("INSERT", ("NEW",)),
                ("UPDATE", ("OLD", "NEW")),
                ("DELETE", ("OLD",)),
            ):
                calls = ", ".join(f"envsync_written({side}.name)" for side in sides)
                connection.execute(
                    # The names are constants.
                    f"CREATE TEMP TRIGGER written_{table}_{event.lower()} "
                    f"AFTER {event} ON main.{table} BEGIN SELECT {calls}; END"
                )

    def forget(self, connection: sqlite3.Connection, known: dict[str, Any]) -> None:
        """Removes the containers that may have changed since the last call from `known`.

        Args:
            connection: the connection, in the transaction in which the caller reads the containers
                that are then unknown.
            known: anything that was made from the rows of containers, by their names.
        """
        # SQLite changes this number if another connection, of this or another process, has
        # committed a change. The writes of this connection do not change it:
        # https://www.sqlite.org/pragma.html#pragma_data_version
        (data_version,) = connection.execute("PRAGMA main.data_version").fetchone()
        if data_version != self._data_version:
            known.clear()
            self._data_version = data_version
        for name in self._written:
            known.pop(name, None)
        self._written.clear()
