"""What a SQLite file held at a timestamp."""

import sqlite3
from collections.abc import Callable

from reactive.storage.fulltext import search_text
from reactive.storage.history import Rewind, merge_rows
from reactive.storage.recent import RecentDocuments
from reactive.values.document import Row, StoredDocument
from reactive.values.tables import IndexDefinition, TextIndexDefinition
from reactive.values.text import TextMatches, TextSearch
from reactive.values.timestamp import Timestamp

_GET = (
    "SELECT d.id, d.json, d.size, d.n FROM entries e JOIN documents d ON d.n = e.n"
    " WHERE e.i = ? AND e.k = ?"
)
_SCAN = (
    "SELECT e.k, d.id, d.json, d.size FROM entries e CROSS JOIN documents d ON d.n = e.n"
    " WHERE e.i = ? AND e.k >= ? AND e.k < ? ORDER BY e.k {} LIMIT ?"
)
_SCAN_UP, _SCAN_DOWN = _SCAN.format("ASC"), _SCAN.format("DESC")


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
        recent: RecentDocuments,
        keep: Callable[[], bool],
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
        statement = _SCAN_DOWN if descending else _SCAN_UP
        past = self._past(self._at)
        if past is None:
            found = self._connection.execute(statement, (index.number, lower, upper, limit))
            return list(map(Row._make, found))
        hidden, extra = past.rows(index.number, lower, upper)
        found = self._connection.execute(
            statement, (index.number, lower, upper, limit + len(hidden))
        )
        rows = list(map(Row._make, found))
        return merge_rows(rows, hidden, extra, descending=descending, limit=limit)

    async def search(self, index: TextIndexDefinition, search: TextSearch) -> TextMatches:
        matches = search_text(self._connection, index.number, search)
        past = self._past(self._at)
        if past is not None:
            past.texts(index.number, search, matches)
        return matches
