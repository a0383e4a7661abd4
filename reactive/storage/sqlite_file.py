"""A SQLite file as such: who may have it, a connection to it, and how fast its disk is."""

import asyncio
import fcntl
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from reactive.errors import StorageError


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


def connect(path: Path | None) -> sqlite3.Connection:
    """A connection to the file, or to a database in memory, that any thread may use."""
    connection = sqlite3.connect(
        ":memory:" if path is None else str(path),
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
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
