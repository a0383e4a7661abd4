"""The receipts of a SQLite file, and how a client's request finds its own.

`receipts` only grows at its end. An index by client and request is different: every client has a
leaf of its own in it, which each commit would write again. So what was committed of late is known
in memory, and goes into `receipt_index` once there is enough of it, in order and within the
transaction of a later commit. The file says how far the index reaches (`receipts_indexed` in
`meta`); what lies behind is read when it is opened.

The format of the file has no new number for that. Servers of before keep all receipts in
`receipts`, too, with an index `receipts_by_request` that they make when it is missing, so they find
everything in a file that they are given back. That index is also how this server knows that one of
them has had the file: whatever it did, `receipt_index` is made anew from it, and it is dropped.
"""

import sqlite3
from collections.abc import Sequence

from reactive.limits import Limits
from reactive.storage.sqlite_file import unsynced
from reactive.storage.sqlite_layout import set_head
from reactive.values.document import CommitEntry, Receipt
from reactive.values.timestamp import Timestamp

_OLD_INDEX = "SELECT count(*) FROM sqlite_master WHERE name = 'receipts_by_request'"
_UPGRADE = """
BEGIN IMMEDIATE;
DELETE FROM receipt_index;
INSERT INTO receipt_index SELECT session, request, ts FROM receipts ORDER BY session, request;
INSERT OR REPLACE INTO meta SELECT 'receipts_indexed', coalesce(max(ts), 0) FROM receipts;
DROP INDEX receipts_by_request;
COMMIT;
"""
_TAIL = (
    "SELECT session, request, ts FROM receipts"
    " WHERE ts > coalesce((SELECT value FROM meta WHERE name = 'receipts_indexed'), 0)"
)
_FIND_AT = "SELECT ts, value, log_lines FROM receipts WHERE ts = ?"
_FIND = (
    "SELECT ts, value, log_lines FROM receipt_index JOIN receipts USING (ts)"
    " WHERE receipt_index.session = ? AND receipt_index.request = ?"
)
_LAST = "SELECT request, ts FROM receipt_index WHERE session = ? ORDER BY request DESC LIMIT 1"
_FORGET = (
    "DELETE FROM receipt_index WHERE ts < ?1 AND (session, request) IN"
    " (SELECT session, request FROM receipts WHERE ts < ?1)"
)
_Place = tuple[str, int, Timestamp]


class SQLiteReceipts:
    """Finds receipts, and writes them with the commits that they are of.

    Invariant: each durable receipt is in `receipt_index` or in `_tail` (session, request, commit);
    nothing else is in `_tail`.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._tail: dict[str, dict[int, Timestamp]] = {}
        self._tail_size = 0

    def open(self, connection: sqlite3.Connection) -> None:
        """Reads what is not indexed yet."""
        (is_old,) = connection.execute(_OLD_INDEX).fetchone()
        if is_old:
            connection.executescript(_UPGRADE)
        self._know(connection.execute(_TAIL).fetchall())

    def _clear(self) -> None:
        self._tail.clear()
        self._tail_size = 0

    def _know(self, places: list[_Place]) -> None:
        for session, request, ts in places:
            self._tail.setdefault(session, {})[request] = ts
        self._tail_size += len(places)

    def _places(self) -> list[_Place]:
        return [
            (session, request, ts)
            for session, requests in self._tail.items()
            for request, ts in requests.items()
        ]

    # Writing

    def write(self, connection: sqlite3.Connection, entries: Sequence[CommitEntry]) -> None:
        """Writes the receipts of a slot's commits, and perhaps indexes those of earlier ones.

        Where the last one has none, its timestamp is noted without. `committed` is to follow once
        the transaction is durable.
        """
        if entries[-1].receipt is None:
            set_head(connection, entries[-1].ts)
        if self._is_long:
            places = sorted(self._places())
            connection.executemany("INSERT OR REPLACE INTO receipt_index VALUES (?, ?, ?)", places)
            connection.execute(
                "INSERT OR REPLACE INTO meta VALUES ('receipts_indexed', ?)",
                (max(ts for _, _, ts in places),),
            )
        connection.executemany(
            "INSERT INTO receipts VALUES (?, ?, ?, ?, ?)",
            [(entry.ts, *entry.receipt) for entry in entries if entry.receipt is not None],
        )

    @property
    def _is_long(self) -> bool:
        return self._tail_size >= self._limits.receipts_unindexed_max

    def committed(self, entries: Sequence[CommitEntry]) -> None:
        """What was given to `write` is durable."""
        if self._is_long:
            self._clear()
        self._know(
            [
                (entry.receipt.session, entry.receipt.request, entry.ts)
                for entry in entries
                if entry.receipt is not None
            ]
        )

    def forget(self, connection: sqlite3.Connection, before: Timestamp, head: Timestamp) -> None:
        """Drops the receipts of commits before the timestamp.

        The newest of them may have been the only one to tell where `head` is.

        Raises:
            StorageError: when the database refuses; nothing was dropped then.
        """
        with unsynced(connection):
            connection.execute(_FORGET, (before,))
            connection.execute("DELETE FROM receipts WHERE ts < ?", (before,))
            set_head(connection, head)
        kept = [place for place in self._places() if place[2] >= before]
        self._clear()
        self._know(kept)

    # Reading

    def newest(self, connection: sqlite3.Connection) -> Timestamp:
        """The newest commit with a receipt, 0 when there is none."""
        (ts,) = connection.execute("SELECT max(ts) FROM receipts").fetchone()
        return ts or 0

    def find(
        self, connection: sqlite3.Connection, session: str, request: int
    ) -> tuple[Timestamp, Receipt] | None:
        """The receipt and its commit."""
        ts = self._tail.get(session, {}).get(request)
        if ts is None:
            row = connection.execute(_FIND, (session, request)).fetchone()
        else:
            row = connection.execute(_FIND_AT, (ts,)).fetchone()
        return None if row is None else (row[0], Receipt(session, request, row[1], row[2]))

    def last(self, connection: sqlite3.Connection, session: str) -> tuple[int, Timestamp]:
        """The highest request of the client with a receipt, and its commit; -1 for none."""
        newest = max(self._tail.get(session, {}).items(), default=(-1, 0))
        row = connection.execute(_LAST, (session,)).fetchone()
        return newest if row is None else max(newest, row)
