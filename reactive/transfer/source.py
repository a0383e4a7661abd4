"""One snapshot of a SQLite store, read beside a server that goes on writing it.

A read transaction of SQLite's write-ahead log sees one commit for as long as it lasts. The
connection is read-only: it takes no lock that a server would miss, and makes no checkpoint.
"""

import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiosqlite

from reactive.errors import StorageError
from reactive.storage.sqlite_layout import FORMAT, TEXT_FORMAT, load_table
from reactive.values.tables import TableDefinition
from reactive.values.timestamp import Timestamp

_BATCH: Final = 500
_ROWS: Final = (
    "SELECT d.json FROM entries e CROSS JOIN documents d ON d.n = e.n"
    " WHERE e.i = ? ORDER BY e.k {} LIMIT ?"
)


class Source:
    """The documents of a database at the commit that was the newest when it was opened."""

    def __init__(
        self,
        connection: aiosqlite.Connection,
        tables: Sequence[TableDefinition],
        head: Timestamp,
    ) -> None:
        self._connection = connection
        self.tables = tables
        self.head = head

    def table(self, name: str) -> TableDefinition | None:
        """The table of this name, if there is one."""
        return next((table for table in self.tables if table.name == name), None)

    async def count(self, table: TableDefinition) -> int:
        """How many documents the table has."""
        rows = await self._connection.execute_fetchall(
            "SELECT count(*) FROM entries WHERE i = ?", (table.by_id.number,)
        )
        ((number,),) = rows
        return int(number)

    def rows(
        self, table: TableDefinition, *, descending: bool = False, limit: int | None = None
    ) -> AsyncIterator[bytes]:
        """The JSON of the documents by creation time, as it is stored."""
        statement = _ROWS.format("DESC" if descending else "ASC")
        most = -1 if limit is None else limit
        return _Rows(self._connection, statement, (table.by_creation_time.number, most))


class _Rows:
    """Reads ahead a little. There is nothing to close that does not end with the connection."""

    def __init__(
        self, connection: aiosqlite.Connection, statement: str, values: tuple[int, int]
    ) -> None:
        self._connection = connection
        self._query = (statement, values)
        self._cursor: aiosqlite.Cursor | None = None
        self._ahead: deque[bytes] = deque()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._ahead:
            if self._cursor is None:
                self._cursor = await self._connection.execute(*self._query)
            self._ahead.extend(json for (json,) in await self._cursor.fetchmany(_BATCH))
            if not self._ahead:
                await self._cursor.close()
                raise StopAsyncIteration
        return self._ahead.popleft()


@asynccontextmanager
async def open_source(path: Path) -> AsyncIterator[Source]:
    """Opens a snapshot of the database in a file.

    Raises:
        StorageError: when there is none, or it is damaged or of another format.
    """
    uri = _read_only(path)
    try:
        async with aiosqlite.connect(uri, uri=True, isolation_level=None) as connection:
            yield await _begin(connection, path)
    except sqlite3.DatabaseError as error:
        raise StorageError(f"cannot read the database {path}: {error}") from error


def _read_only(path: Path) -> str:
    """The name under which SQLite writes nothing; only a URI can say that."""
    if not path.is_file():
        raise StorageError(f"there is no database {path}")
    return f"{path.resolve().as_uri()}?mode=ro"


async def _begin(connection: aiosqlite.Connection, path: Path) -> Source:
    await connection.execute("BEGIN")
    ((version,),) = await connection.execute_fetchall("PRAGMA user_version")
    if version not in (FORMAT, TEXT_FORMAT):
        raise StorageError(
            f"the database {path} has format {version}, which is none of this version's "
            f"formats {FORMAT} and {TEXT_FORMAT}"
        )
    rows = await connection.execute_fetchall(
        "SELECT number, name, indexes FROM tables ORDER BY name"
    )
    ((head,),) = await connection.execute_fetchall("SELECT value FROM meta WHERE name = 'head'")
    return Source(connection, [load_table(*row) for row in rows], head)
