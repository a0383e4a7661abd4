"""What a SQLite file held at a timestamp."""

import sqlite3
from collections.abc import Callable

from reactive.storage.fulltext import search_text
from reactive.storage.history import Rewind, merge_rows
from reactive.storage.recent import Recent
from reactive.values.document import Row, StoredDocument
from reactive.values.tables import IndexDefinition, TextIndexDefinition
from reactive.values.text import TextMatches, TextSearch
from reactive.values.timestamp import Timestamp
from reactive.values.tuples import new_tuple

_GET = (
    "SELECT d.id, d.json, d.size, d.n FROM entries e JOIN documents d ON d.n = e.n"
    " WHERE e.i = ? AND e.k = ?"
)
_SCAN = (
    "SELECT e.k, d.id, d.json, d.size{} FROM entries e CROSS JOIN documents d ON d.n = e.n"
    " WHERE e.i = ? AND e.k >= ? AND e.k < ? ORDER BY e.k {} LIMIT ?"
)
_SCAN_UP, _SCAN_DOWN = _SCAN.format("", "ASC"), _SCAN.format("", "DESC")
_FEW_UP, _FEW_DOWN = _SCAN.format(", d.n", "ASC"), _SCAN.format(", d.n", "DESC")


class SQLiteSnapshot:
    """Implements `reactive.storage.interface.Snapshot` on one connection.

    `past` gives what to take back from what the connection sees, None when it is the present.
    `keep` says whether what the connection sees now is what the writing one sees.
    """

    __slots__ = ("_at", "_connection", "_keep", "_past", "_recent")

    def __init__(
        self,
        connection: sqlite3.Connection,
        past: Callable[[Timestamp], Rewind | None],
        at: Timestamp,
        recent: Recent,
        keep: Callable[[], bool] = lambda: True,
    ) -> None:
        self._connection = connection
        self._past = past
        self._at = at
        self._recent = recent
        self._keep = keep

    async def get(self, index: IndexDefinition, key: bytes) -> StoredDocument | None:
        present = self._recent.get(key)
        if present is None:
            row = self._connection.execute(_GET, (index.number, key)).fetchone()
            if row is not None:
                document_id, text, size, number = row
                present = StoredDocument(document_id, text, size)
                if self._keep():
                    self._recent.add(key, present, number)
        past = self._past(self._at)
        return present if past is None else past.get(index.number, key, present)

    async def scan(
        self,
        index: IndexDefinition,
        lower: bytes,
        upper: bytes,
        *,
        descending: bool = False,
        limit: int,
    ) -> list[Row]:
        past = self._past(self._at)
        if past is not None:
            hidden, extra = past.rows(index.number, lower, upper)
            rows = self._rows(index, lower, upper, descending, limit + len(hidden))
            return merge_rows(rows, hidden, extra, descending=descending, limit=limit)
        number, recent = index.number, self._recent
        if limit <= recent.rows_max:
            known = recent.rows(number, lower, upper)
            if known is None:
                return self._few(index, lower, upper, descending, limit)
            return (known[::-1] if descending else known)[:limit]
        known = recent.windows.rows(number, lower, upper, descending=descending, limit=limit)
        if known is not None:
            return known
        rows = self._rows(index, lower, upper, descending, limit)
        if self._keep():
            recent.windows.add(number, lower, upper, rows, descending=descending, limit=limit)
        return rows

    def _rows(
        self, index: IndexDefinition, lower: bytes, upper: bytes, descending: bool, limit: int
    ) -> list[Row]:
        statement = _SCAN_DOWN if descending else _SCAN_UP
        found = self._connection.execute(statement, (index.number, lower, upper, limit))
        return [new_tuple(Row, row) for row in found]

    def _few(
        self, index: IndexDefinition, lower: bytes, upper: bytes, descending: bool, limit: int
    ) -> list[Row]:
        """As `_rows`; what was found is remembered."""
        statement = _FEW_DOWN if descending else _FEW_UP
        found = self._connection.execute(statement, (index.number, lower, upper, limit)).fetchall()
        rows = [new_tuple(Row, row[:4]) for row in found]
        if len(rows) < limit and self._keep():
            numbers = [row[4] for row in found]
            self._recent.add_rows(index.number, lower, upper, rows, numbers, descending=descending)
        return rows

    async def search(self, index: TextIndexDefinition, search: TextSearch) -> TextMatches:
        matches = search_text(self._connection, index.number, search)
        past = self._past(self._at)
        if past is not None:
            past.texts(index.number, search, matches)
        return matches
