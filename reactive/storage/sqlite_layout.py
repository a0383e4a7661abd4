"""How a SQLite file is laid out.

`entries` holds every index of every table, `by_id` and `by_creation_time` like the others: the
index's number, the key, and the row of the document. `receipts` are the mutations that clients may
send again.
"""

import os
from pathlib import Path
from typing import Final

import orjson

from reactive.values.encoding import load_json
from reactive.values.tables import IndexDefinition, TableDefinition

FORMAT: Final = 1
"""Kept in the file as `user_version`; a server opens no other."""

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tables(number INTEGER PRIMARY KEY, name TEXT UNIQUE, indexes TEXT);
CREATE TABLE IF NOT EXISTS documents(n INTEGER PRIMARY KEY, id TEXT, size INTEGER, json BLOB);
CREATE TABLE IF NOT EXISTS entries(i INTEGER, k BLOB, n INTEGER, PRIMARY KEY(i, k)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS receipts(
    ts INTEGER PRIMARY KEY, session TEXT, request INTEGER, value BLOB, log_lines BLOB);
CREATE UNIQUE INDEX IF NOT EXISTS receipts_by_request ON receipts(session, request);
"""


def dump_indexes(table: TableDefinition) -> bytes:
    """The indexes of a table as the file keeps them."""
    return orjson.dumps([[i.number, i.name, i.fields] for i in table.indexes])


def load_indexes(text: bytes) -> tuple[IndexDefinition, ...]:
    """Reads what `dump_indexes` made."""
    return tuple(
        IndexDefinition(number, name, tuple(tuple(path) for path in fields))
        for number, name, fields in load_json(text)
    )


def sqlite_path(url: str, base: Path) -> Path | None:
    """The file that a `sqlite:///…` URL names, relative ones below `base`; None for `:memory:`."""
    name = url.removeprefix("sqlite:///")
    if name == ":memory:":
        return None
    return Path(name) if os.path.isabs(name) else base / name
