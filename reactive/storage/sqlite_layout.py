"""How a SQLite file is laid out.

`entries` holds every index of every table, `by_id` and `by_creation_time` like the others: the
index's number, the key, and the row of the document. `receipts` are the mutations that clients may
send again; see `reactive.storage.sqlite_receipts` for how `receipt_index` leads to them. The newest
commit is the later one of the newest receipt and of `head` in `meta`: most commits have a receipt
and need not write there.
"""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

import orjson

from reactive.values.encoding import load_json
from reactive.values.tables import (
    IndexDefinition,
    TableDefinition,
    TextIndexDefinition,
    TextSpec,
)
from reactive.values.text import TEXT_VERSION
from reactive.values.timestamp import Timestamp

FORMAT: Final = 1
"""Kept in the file as `user_version`; a server opens no other but the next."""
TEXT_FORMAT: Final = 2
"""The format of a file that has had a full-text index, which servers of format 1 would not keep."""

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tables(number INTEGER PRIMARY KEY, name TEXT UNIQUE, indexes TEXT);
CREATE TABLE IF NOT EXISTS documents(n INTEGER PRIMARY KEY, id TEXT, size INTEGER, json BLOB);
CREATE TABLE IF NOT EXISTS entries(i INTEGER, k BLOB, n INTEGER, PRIMARY KEY(i, k)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS receipts(
    ts INTEGER PRIMARY KEY, session TEXT, request INTEGER, value BLOB, log_lines BLOB);
CREATE TABLE IF NOT EXISTS receipt_index(
    session TEXT, request INTEGER, ts INTEGER, PRIMARY KEY(session, request)) WITHOUT ROWID;
"""


def set_head(connection: sqlite3.Connection, head: Timestamp) -> None:
    """Notes the newest commit, where no receipt tells."""
    # Who does not know what became of the last commit may know an older one.
    connection.execute("UPDATE meta SET value = max(value, ?) WHERE name = 'head'", (head,))


def leave_head(connection: sqlite3.Connection, head: Timestamp) -> None:
    """Notes the newest commit for an earlier server, which asks no receipt.

    A file that takes no more writes is left as it is: this server needs it not.
    """
    with suppress(sqlite3.Error):
        set_head(connection, head)


def dump_indexes(table: TableDefinition) -> bytes:
    """The indexes of a table as the file keeps them; the full-text ones have six parts."""
    return orjson.dumps(
        [
            *([i.number, i.name, i.fields] for i in table.indexes),
            *(
                [i.number, i.name, [i.spec.field], "text", i.spec.filters, TEXT_VERSION]
                for i in table.text_indexes
            ),
        ]
    )


def load_table(number: int, name: str, indexes: bytes) -> TableDefinition:
    """A table from what `dump_indexes` made.

    Full-text indexes of another version's words are left out: they have to be built again.
    """
    parts = load_json(indexes)
    return TableDefinition(
        number,
        name,
        tuple(
            IndexDefinition(n, each, _paths(fields)) for n, each, fields, *rest in parts if not rest
        ),
        tuple(
            TextIndexDefinition(n, each, TextSpec(tuple(fields[0]), _paths(rest[1])))
            for n, each, fields, *rest in parts
            if rest and rest[2] == TEXT_VERSION
        ),
    )


def _paths(fields: list[list[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(path) for path in fields)


def sqlite_path(url: str, base: Path) -> Path | None:
    """The file that a `sqlite:///…` URL names, relative ones below `base`; None for `:memory:`."""
    name = url.removeprefix("sqlite:///")
    if name == ":memory:":
        return None
    return Path(name) if os.path.isabs(name) else base / name
