"""The tables of a local target's SQLite file, and the numbers that mark the file as envsync's."""

from __future__ import annotations

from envsync.targets.store.checksums import CHECKSUMS

APPLICATION_ID = 0x656E7673
"""The number at byte 68 that marks a SQLite file as envsync's. The bytes are `envs` in ASCII."""

SCHEMA_VERSION = 2
"""The version of the table format, at byte 60 of the file. A new format has a higher version.

Format 1 has no checksums. The first write adds them.
"""

SPEC_COLUMNS = (
    "image",
    "conda_file",
    "build_uri",
    "build_context",
    "dockerfile_path",
    "os_type",
    "inference_config",
)
"""The columns of `versions` that a trigger protects from changes."""

HISTORY = """
CREATE TABLE history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('create', 'update', 'archive', 'restore', 'delete')),
    name TEXT NOT NULL,
    version TEXT,
    before TEXT,
    after TEXT
);
CREATE INDEX history_by_name ON history (name);
CREATE TRIGGER history_is_fixed BEFORE UPDATE ON history
BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;
CREATE TRIGGER history_stays BEFORE DELETE ON history
BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;
CREATE TRIGGER versions_stay BEFORE DELETE ON versions
WHEN NOT EXISTS (
    SELECT 1 FROM history WHERE id = (SELECT max(id) FROM history)
    AND action = 'delete' AND name = OLD.name AND version = OLD.version)
BEGIN SELECT RAISE(ABORT, 'a registered version cannot be deleted'); END;
"""
"""The history table. A trigger refuses to delete a version without a `delete` entry here."""

ALLOW_DELETES = f"""
DROP TRIGGER versions_stay;
ALTER TABLE history RENAME TO history_without_deletes;
DROP INDEX history_by_name;
DROP TRIGGER history_is_fixed;
DROP TRIGGER history_stays;
{HISTORY}
INSERT INTO history SELECT * FROM history_without_deletes;
DROP TABLE history_without_deletes;
"""  # noqa: S608 (a constant)
"""Statements that replace a history table that does not accept the action `delete`.

`SCHEMA_VERSION` stays the same, because an older envsync can still use the file.
"""

# `extra` and `properties` contain JSON that the service keeps and envsync does not model, such as
# stage, isAnonymous and autoRebuild. SQLite compares text byte by byte by default (BINARY), so
# names and versions are case-sensitive, as in the service. Owners are stored in the tags, and also
# in the column `owner`, because this column has an index. The index contains the names as well, so
# that no row is read to find the names of an owner. AUTOINCREMENT never reuses the number of a
# deleted row, so `seq` and `id` are in order of creation: https://www.sqlite.org/autoinc.html
TABLES = f"""
CREATE TABLE containers (
    name TEXT NOT NULL PRIMARY KEY,
    description TEXT,
    tags TEXT NOT NULL DEFAULT '{{}}',
    owner TEXT,
    properties TEXT NOT NULL DEFAULT '{{}}',
    extra TEXT NOT NULL DEFAULT '{{}}',
    archived INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1)),
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    modified_at TEXT NOT NULL,
    modified_by TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX containers_by_owner ON containers (owner) WHERE owner IS NOT NULL;

CREATE TABLE contexts (
    digest TEXT NOT NULL PRIMARY KEY,
    files TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE versions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL REFERENCES containers (name),
    version TEXT NOT NULL,
    image TEXT,
    conda_file TEXT,
    build_uri TEXT,
    build_context TEXT REFERENCES contexts (digest),
    dockerfile_path TEXT,
    os_type TEXT NOT NULL CHECK (os_type IN ('Linux', 'Windows')),
    inference_config TEXT,
    description TEXT,
    tags TEXT NOT NULL,
    owner TEXT,
    properties TEXT NOT NULL DEFAULT '{{}}',
    extra TEXT NOT NULL DEFAULT '{{}}',
    archived INTEGER NOT NULL CHECK (archived IN (0, 1)),
    curated INTEGER NOT NULL CHECK (curated IN (0, 1)),
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    modified_at TEXT NOT NULL,
    modified_by TEXT NOT NULL,
    UNIQUE (name, version)
);
CREATE INDEX versions_by_owner ON versions (owner, name) WHERE owner IS NOT NULL;

CREATE TRIGGER spec_is_fixed
BEFORE UPDATE OF name, version, curated, {", ".join(SPEC_COLUMNS)} ON versions
BEGIN SELECT RAISE(ABORT, 'a registered version cannot be changed'); END;
{HISTORY}
"""

CREATE_SCRIPT = f"""
BEGIN IMMEDIATE;
{TABLES}
{CHECKSUMS}
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""
