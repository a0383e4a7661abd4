"""A SQLite file as such: who may have it, a connection to it, and how fast its disk is."""

import asyncio
import fcntl
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from reactive.errors import StorageError
from reactive.values.document import StoredDocument
from reactive.values.encoding import JsonBytes
from reactive.values.keys import IndexKey

_INSERT: Final = "INSERT INTO documents (n, id, json, size) VALUES (?, ?, ?, ?)"
_INSERT_ENTRY: Final = "INSERT INTO entries VALUES (?, ?, ?)"
_UPDATE: Final = "UPDATE documents SET json = ?, size = ? WHERE n = ?"


def take_lock(path: Path) -> IO[bytes]:
    """The right to serve the file, held until what is returned is closed.

    Raises:
        StorageError: `StoreInUse`, when another process has it.
    """
    lock_file = path.with_name(path.name + ".lock").open("wb")
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock_file.close()
        message = f"the database {path} is in use by another server"
        raise StorageError(message, code="StoreInUse") from error
    return lock_file


class LateConnection(sqlite3.Connection):
    """A connection that writes documents when something else is asked of it, many at a time.

    A document that changes again and again in one transaction is so written once. Nobody sees a
    difference: whatever is executed comes after what was to be written before it.

    Invariant: nothing waits outside of a transaction. Once a write has failed, everything does
    until `roll_back`, as SQLite may have ended the transaction by itself.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_late = False
        self._documents: list[tuple[int, str, JsonBytes, int]] = []
        self._entries: list[tuple[int, bytes, int]] = []
        self._updates: dict[int, tuple[JsonBytes, int, int]] = {}
        self._failure: sqlite3.Error | None = None

    def insert(
        self, n: int, document: StoredDocument, indexes: Iterable[int], keys: Iterable[IndexKey]
    ) -> None:
        """Adds a document, and its keys in the indexes."""
        self._is_late = True
        self._documents.append((n, *document))
        self._entries += [(index, key.joined, n) for index, key in zip(indexes, keys, strict=True)]

    def update(self, n: int, document: StoredDocument) -> None:
        """Changes a document's text; its keys stay."""
        self._is_late = True
        self._updates[n] = document.json, document.size, n

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if self._is_late:
            self._write()
        return _execute(self, sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        if self._is_late:
            self._write()
        return _executemany(self, sql, parameters)

    def _write(self) -> None:
        if self._failure is not None:
            raise self._failure
        try:
            if self._documents:
                _executemany(self, _INSERT, self._documents)
                _executemany(self, _INSERT_ENTRY, self._entries)
            if self._updates:
                _executemany(self, _UPDATE, self._updates.values())
        except sqlite3.Error as error:
            self._failure = error
            raise
        self._forget()

    def _forget(self) -> None:
        self._is_late = False
        self._documents.clear()
        self._entries.clear()
        self._updates.clear()

    def roll_back(self) -> None:
        """Ends the transaction, if there is one, without any of its writes."""
        self._forget()
        self._failure = None
        if self.in_transaction:
            _execute(self, "ROLLBACK")


_execute = sqlite3.Connection.execute
_executemany = sqlite3.Connection.executemany


def connect(path: Path | None) -> LateConnection:
    """A connection to the file, or to a database in memory, that any thread may use."""
    connection = sqlite3.connect(
        ":memory:" if path is None else str(path),
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
        factory=LateConnection,
    )
    connection.execute("PRAGMA cache_size=-65536")
    connection.execute("PRAGMA temp_store=MEMORY")
    return connection


def commit_seconds(connection: sqlite3.Connection) -> float:
    """How long a small commit takes."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('probe', ?)", (start,))
        times.append(time.perf_counter() - start)
    return statistics.median(times)


async def to_the_end(
    function: Callable[[str], object], argument: str
) -> asyncio.CancelledError | None:
    """Runs a function in a thread and waits for it even when cancelled, which it then returns."""
    running = asyncio.get_running_loop().run_in_executor(None, function, argument)
    interruption = None
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError as error:
            interruption = error
    running.result()
    return interruption


@contextmanager
def unsynced(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction that a crash may undo, though never by halves.

    Raises:
        StorageError: when the database refuses; nothing was written.
    """
    try:
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise StorageError(f"the database refused a write: {error}") from error
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute("PRAGMA synchronous=FULL")
