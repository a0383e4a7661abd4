"""Fills a SQLite file with any number of documents in one transaction, row by row.

The work is done on a connection of its own, so that a server goes on reading what was there before.
It makes no checkpoint: see `reactive.storage.sqlite` for who does.
"""

import asyncio
import contextlib
import os
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reactive.errors import StorageError, UncertainCommitError
from reactive.storage.catalog import Catalog
from reactive.storage.fulltext import FullText
from reactive.storage.interface import DuplicateIdError, Fill
from reactive.storage.sqlite_layout import dump_indexes, set_head
from reactive.values.document import StoredDocument
from reactive.values.tables import TableDefinition
from reactive.values.timestamp import Timestamp

_IS_EMPTY = "SELECT NOT EXISTS(SELECT 1 FROM entries WHERE i = ?)"


class SQLiteLoader:
    """Implements `reactive.storage.interface.Loader`.

    `planned` is what the tables become when this has committed; `stop` makes the next `put` fail.
    """

    def __init__(self, connection: sqlite3.Connection, catalog: Catalog, next_n: int) -> None:
        self._connection = connection
        self._catalog = catalog
        self._texts = FullText(connection)
        self._is_stopped = threading.Event()
        self.planned: Sequence[TableDefinition] = catalog.tables()
        self.next_n = next_n

    def stop(self) -> None:
        self._is_stopped.set()

    def tables(self) -> Mapping[str, TableDefinition]:
        return {table.name: table for table in self.planned}

    def is_empty(self, table: TableDefinition) -> bool:
        (answer,) = self._connection.execute(_IS_EMPTY, (table.by_id.number,)).fetchone()
        return bool(answer)

    def renumber(self, numbers: Mapping[str, int]) -> Mapping[str, TableDefinition]:
        self.planned = self._catalog.plan_numbers(numbers)
        self._connection.executemany(
            "INSERT OR REPLACE INTO tables VALUES (?, ?, ?)",
            [(table.number, table.name, dump_indexes(table)) for table in self.planned],
        )
        self._connection.execute(
            "UPDATE meta SET value = ? WHERE name = 'next_index'", (self._catalog.next_index,)
        )
        return self.tables()

    def clear(self, table: TableDefinition) -> None:
        run = self._connection.execute
        run(
            "DELETE FROM documents WHERE n IN (SELECT n FROM entries WHERE i = ?)",
            (table.by_id.number,),
        )
        for index in table.indexes:
            run("DELETE FROM entries WHERE i = ?", (index.number,))
        for text_index in table.text_indexes:
            self._texts.clear(text_index.number)

    def put(
        self, table: TableDefinition, wire: Mapping[str, Any], document: StoredDocument
    ) -> None:
        if self._is_stopped.is_set():
            raise StorageError("the load was stopped; nothing was written")
        n = self.next_n
        self.next_n += 1
        entries = [
            (index.number, key.joined, n)
            for index, key in zip(table.indexes, table.keys(wire), strict=True)
        ]
        try:
            self._connection.execute("INSERT INTO entries VALUES (?, ?, ?)", entries[0])
        except sqlite3.IntegrityError as error:
            raise DuplicateIdError(f"there is a document {document.id} already") from error
        self._connection.executemany("INSERT INTO entries VALUES (?, ?, ?)", entries[1:])
        self._connection.execute(
            "INSERT INTO documents VALUES (?, ?, ?, ?)",
            (n, document.id, document.size, document.json),
        )
        for entry in table.text_entries(wire):
            self._texts.put(n, document.id, entry)


def connect_to_load(path: Path) -> sqlite3.Connection:
    """A connection for a loader, usable in any one thread."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    return connection


def fill_tables(
    connection: sqlite3.Connection, loader: SQLiteLoader, ts: Timestamp, fill: Fill
) -> None:
    """Lets `fill` work in a transaction as of `ts`, which is then to be committed.

    Raises:
        Exception: what `fill` raises; the transaction is over then.
        StorageError: when the database refused; the transaction is over, too.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        loader.renumber({})
        fill(loader)
        set_head(connection, ts)
    except BaseException as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if isinstance(error, sqlite3.Error):
            raise StorageError(f"the database refused a write: {error}") from error
        raise


async def fill_in_thread(
    path: Path, connection: sqlite3.Connection, loader: SQLiteLoader, ts: Timestamp, fill: Fill
) -> None:
    """As `fill_tables`. When cancelled it stops, and the transaction is over."""

    def work() -> None:
        fill_tables(connection, loader, ts, fill)
        # What the commit has to wait for is less then; the event loop waits with it.
        with contextlib.suppress(FileNotFoundError), Path(f"{path}-wal").open("rb") as log:
            os.fsync(log.fileno())

    running = asyncio.get_running_loop().run_in_executor(None, work)
    interruption = None
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError as error:
            interruption = error
            loader.stop()
    if interruption is not None:
        running.exception()
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise interruption
    running.result()


def commit_load(connection: sqlite3.Connection) -> None:
    """Commits on the thread of the event loop, so that nobody reads new rows at an old timestamp.

    Raises:
        StorageError: when nothing was written.
        UncertainCommitError: when it is unknown whether everything was.
    """
    try:
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise StorageError("the disk is full; nothing was written") from error
        raise UncertainCommitError(f"a commit failed half way: {error}") from error
