"""Indexes of a SQLite file that nobody reads: not yet, or not any more.

They are filled and removed in short transactions which are not synced to the disk, as losing one
does no harm: what is half made after a crash is removed. The next commit syncs what is before it.
"""

import sqlite3
import time
from collections.abc import Iterator

from reactive.limits import Limits
from reactive.storage.backfill import Backfill, Filling
from reactive.storage.fulltext import FullText
from reactive.storage.sqlite_layout import TEXT_FORMAT
from reactive.values.document import Revision, StoredDocument
from reactive.values.tables import TableDefinition

_WALK = (
    "SELECT e.k, d.n, d.id, d.json, d.size FROM entries e CROSS JOIN documents d ON d.n = e.n"
    " WHERE e.i = ? AND e.k >= ? ORDER BY e.k"
)
_COUNT = (
    "SELECT count(*), max(k) FROM (SELECT k FROM entries WHERE i = ? AND k > ? ORDER BY k LIMIT ?)"
)
_CLEAR = "DELETE FROM entries WHERE i = ? AND k IN (SELECT k FROM entries WHERE i = ? LIMIT ?)"


class SQLiteIndexes:
    """Fills and clears indexes on one connection, in whatever transaction it is."""

    def __init__(self, connection: sqlite3.Connection, texts: FullText, limits: Limits) -> None:
        self._connection = connection
        self._texts = texts
        self._limits = limits

    def start(self, backfill: Backfill, next_index: int) -> None:
        """Before the first entry: its number must never be given again, whatever happens."""
        self._connection.execute(
            "UPDATE meta SET value = ? WHERE name = 'next_index'", (next_index,)
        )
        for number in backfill.text_numbers:
            self._texts.create(number)
            self._connection.execute(f"PRAGMA user_version={TEXT_FORMAT}")

    def fill(self, filling: Filling) -> None:
        """Puts the next documents of a table into its new indexes."""
        limits = self._limits
        walk = self._connection.execute(_WALK, (filling.table.by_id.number, filling.reached))
        # Read first: what is written below must not be walked over.
        rows: list[tuple[bytes, int, str, bytes, int]] = []
        size = 0
        row = walk.fetchone()
        while row is not None:
            rows.append(row)
            size += len(row[3])
            if len(rows) == limits.slice_documents_max or size >= limits.slice_bytes_max:
                break
            row = walk.fetchone()
        walk.close()
        over = time.perf_counter() + limits.slice_s
        for done, (key, n, document_id, json, document_size) in enumerate(rows, 1):
            document = StoredDocument(document_id, json, document_size)
            self.apply(n, filling.revision(document_id, None, document))
            if time.perf_counter() > over:
                filling.advance(key, done)
                return
        filling.advance(None if row is None else rows[-1][0], len(rows))

    def apply(self, n: int, revision: Revision) -> None:
        """Changes the entries of a document whose row is `n`."""
        self._connection.executemany(
            "DELETE FROM entries WHERE i = ? AND k = ?",
            [
                (index, key.joined)
                for index, key in zip(revision.indexes, revision.before_keys, strict=False)
            ],
        )
        self._connection.executemany(
            "INSERT INTO entries VALUES (?, ?, ?)",
            [
                (index, key.joined, n)
                for index, key in zip(revision.indexes, revision.after_keys, strict=False)
            ],
        )
        self._texts.apply(n, revision)

    def leftovers(self, kept: set[int]) -> list[int]:
        """The numbers of indexes that have entries and are none of those kept."""
        found = self._texts.numbers() - kept
        number: int | None = -1
        while (number := self._next_number(number)) is not None:
            if number not in kept:
                found.add(number)
        return sorted(found)

    def _next_number(self, number: int | None) -> int | None:
        (found,) = self._connection.execute(
            "SELECT min(i) FROM entries WHERE i > ?", (number,)
        ).fetchone()
        return None if found is None else int(found)

    def clear(self, number: int) -> bool:
        """Removes some of the entries of an index; tells whether there may be more."""
        if number in self._texts.numbers():
            self._texts.drop(number)
            return False
        most = self._limits.slice_documents_max
        return self._connection.execute(_CLEAR, (number, number, most)).rowcount == most


def count_slices(
    connection: sqlite3.Connection, table: TableDefinition, limits: Limits
) -> Iterator[int]:
    """How many documents a table has, added up a slice at a time."""
    most = limits.count_slice_max
    last: bytes | None = b""
    while last is not None:
        found, last = connection.execute(_COUNT, (table.by_id.number, last, most)).fetchone()
        yield found
