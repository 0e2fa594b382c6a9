"""Computes and compares a checksum of each row, so that envsync detects a damaged file.

SQLite detects damage to the structure of a file, but not to the text in a row. The table
`checksums` has one checksum for each row of the other tables. Triggers keep the checksums up to
date. The triggers exist only in envsync's own connections, because other programs do not have the
function that computes checksums.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping
from typing import Final

_KEYS: Final[Mapping[str, str]] = {
    "containers": "name",
    "contexts": "digest",
    "versions": "seq",
    "history": "id",
}
"""The tables with checksums, and the column that identifies a row."""

CHECKSUMS: Final = """
CREATE TABLE checksums (
    kind TEXT NOT NULL,
    key NOT NULL,
    checksum TEXT NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;
"""


def have_checksums(connection: sqlite3.Connection) -> bool:
    """Returns whether the file has checksums. Files of format 1 have none."""
    query = "SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = 'checksums'"
    return connection.execute(query).fetchone() is not None


def install(connection: sqlite3.Connection) -> None:
    """Creates triggers in a connection. They update the checksum of each row that is written."""
    connection.create_function("envsync_checksum", -1, _checksum, deterministic=True)
    connection.execute("PRAGMA temp_store = MEMORY")
    for table, key in _KEYS.items():
        new = _values(connection, table, "NEW.")
        # Do not use `INSERT OR REPLACE` here, because a conflict clause of the outer statement
        # would override `OR REPLACE`: https://www.sqlite.org/lang_createtrigger.html
        # This SQL is safe, because the names of tables are constants, and the names of columns are
        # quoted. The `+` before the key is explained in `ensure_undamaged`.
        forget = f"DELETE FROM checksums WHERE kind = '{table}' AND key = "  # noqa: S608 (constants)
        row = f"'{table}', NEW.{key}, envsync_checksum({new})"
        add = f"INSERT INTO checksums VALUES ({row});"  # noqa: S608 (constants)
        for event, body in (
            ("INSERT", f"{forget} +NEW.{key}; {add}"),
            ("UPDATE", f"{forget} +OLD.{key}; {add}"),
            ("DELETE", f"{forget} +OLD.{key};"),
        ):
            name = f"checksum_{table}_{event.lower()}"
            connection.execute(f"DROP TRIGGER IF EXISTS temp.{name}")
            connection.execute(
                f"CREATE TEMP TRIGGER {name} AFTER {event} ON main.{table} BEGIN {body} END"
            )


def add_checksums(connection: sqlite3.Connection) -> None:
    """Adds the checksums to a file of format 1, in the transaction of the caller."""
    connection.execute(CHECKSUMS)
    for table, key in _KEYS.items():
        values = _values(connection, table, "")
        connection.execute(
            # This SQL is safe, because the names of tables are constants, and the names of columns
            # are quoted.
            f"INSERT INTO checksums SELECT '{table}', {key}, envsync_checksum({values}) "  # noqa: S608
            f"FROM {table}"
        )


def ensure_undamaged(connection: sqlite3.Connection) -> None:
    """Checks the structure of a file and the checksum of every row.

    Raises:
        sqlite3.DatabaseError, ValueError: the file is damaged.
    """
    (found,) = connection.execute("PRAGMA main.integrity_check(1)").fetchone()
    if found != "ok":
        raise ValueError(" ".join(str(found).split()))
    if not have_checksums(connection):
        return
    for table, key in _KEYS.items():
        values = _values(connection, table, "")
        # The `+` removes the type of the column. If the column had a type, SQLite would not use
        # the primary key of `checksums`:
        # https://www.sqlite.org/datatype3.html#type_conversions_prior_to_comparison
        changed = connection.execute(
            f"SELECT {table}.{key} FROM {table} LEFT JOIN checksums "  # noqa: S608 (constants)
            f"ON kind = '{table}' AND checksums.key = +{table}.{key} "
            f"WHERE checksum IS NOT envsync_checksum({values}) "
            f"UNION ALL SELECT key FROM checksums WHERE kind = '{table}' "
            f"AND key NOT IN (SELECT +{key} FROM {table}) LIMIT 1"
        ).fetchone()
        if changed is not None:
            raise ValueError(f"the row {changed[0]!r} of the table {table} has a wrong checksum")


def _values(connection: sqlite3.Connection, table: str, prefix: str) -> str:
    """Returns a table's columns as an SQL list, such as `NEW."name", NEW."tags"`."""
    columns = connection.execute(f"PRAGMA main.table_info({table})").fetchall()
    # The names of columns come from the file, so they are quoted.
    names = [column[1].replace('"', '""') for column in columns]
    return ", ".join(f'{prefix or table + "."}"{name}"' for name in names)


def _checksum(*values: object) -> str:
    # `repr` distinguishes a number from text, and None from both.
    return hashlib.sha256(repr(values).encode("utf-8", "surrogatepass")).hexdigest()[:32]
