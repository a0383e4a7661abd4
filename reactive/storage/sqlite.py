"""A store in one SQLite file, used by one process.

One connection writes, reads and makes all checkpoints, on the event loop's own thread: a commit
of a whole batch is a single fsync, and a read of one document costs a few microseconds where a
hop to a thread costs ten times that. Where the disk is slow (the probe of `open` tells), commits
move to a thread and reads to a second, read-only connection, so that nobody waits for the disk
but the commit.

Only the newest version of a document is on disk; snapshots of the recent past take back what the
commits since then changed (`reactive.storage.history`). SQLite before 3.51.3 can damage a database
whose checkpoint runs on another connection than a commit, which is why one connection does both.
"""

import asyncio
import secrets
import sqlite3
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import IO

from reactive.errors import StorageError, UncertainCommitError
from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.storage.backfill import Backfill, Filling, fill_all
from reactive.storage.catalog import Catalog
from reactive.storage.fulltext import FullText
from reactive.storage.history import History, Rewind
from reactive.storage.interface import CommitSlot, Fill, SchemaChange, Snapshot
from reactive.storage.recent import Recent
from reactive.storage.sqlite_file import (
    LateConnection,
    commit_seconds,
    connect,
    take_lock,
    to_the_end,
    unsynced,
)
from reactive.storage.sqlite_indexes import SQLiteIndexes, count_slices
from reactive.storage.sqlite_layout import (
    FORMAT,
    SCHEMA,
    TEXT_FORMAT,
    dump_indexes,
    leave_head,
    load_table,
)
from reactive.storage.sqlite_load import (
    SQLiteLoader,
    commit_load,
    connect_to_load,
    fill_in_thread,
    fill_tables,
)
from reactive.storage.sqlite_receipts import SQLiteReceipts
from reactive.storage.sqlite_snapshot import SQLiteSnapshot
from reactive.values.document import CommitEntry, Receipt, Revision
from reactive.values.tables import TableDefinition, TableSpec
from reactive.values.timestamp import Timestamp, next_timestamp

_SLOW_COMMIT_S = 0.005


class SQLiteStore:
    """Implements `reactive.storage.interface.Store`.

    `path` is a file, made with its folder when missing, or None for a database in memory.
    `commit_in_thread` overrides what the probe of the disk would choose.
    """

    def __init__(
        self,
        path: Path | None,
        limits: Limits = DEFAULT_LIMITS,
        *,
        commit_in_thread: bool | None = None,
    ) -> None:
        self._path = path
        self._limits = limits
        self._history = History(limits)
        self._recent = Recent(limits)
        self._appended: list[CommitEntry] = []
        self._head: Timestamp = 0
        self._position: Timestamp = 0  # the newest commit that the writing connection sees
        self._next_n = 1
        self._slot = asyncio.Lock()
        self._defining = asyncio.Lock()
        self._backfill: Backfill | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._saved: list[TableDefinition] = []
        self._lock_file: IO[bytes] | None = None
        self._in_thread = bool(commit_in_thread) and path is not None
        self._probe = commit_in_thread is None and path is not None
        self._write: LateConnection
        self._read: LateConnection
        self._catalog: Catalog
        self._texts: FullText
        self._indexes: SQLiteIndexes
        self._receipts: SQLiteReceipts
        self._secret = b""

    # Opening and closing

    async def open(self) -> Timestamp:
        try:
            self._open()
        except (sqlite3.DatabaseError, OSError) as error:
            await self.close()
            raise StorageError(f"cannot open the database {self._path}: {error}") from error
        except StorageError:
            await self.close()
            raise
        self._history.floor = self._head
        return self._head

    def _open(self) -> None:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock_file = take_lock(self._path)
        self._write = self._read = connect(self._path)
        (version,) = self._write.execute("PRAGMA user_version").fetchone()
        (names,) = self._write.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if version not in (FORMAT, TEXT_FORMAT) and not (version == 0 and names == 0):
            raise StorageError(
                f"the database {self._path} is not one of this server's formats {FORMAT} and "
                f"{TEXT_FORMAT} (it has format {version} and {names} tables and indexes)"
            )
        self._write.execute("PRAGMA journal_mode=WAL")
        self._write.execute("PRAGMA synchronous=FULL")
        version = max(version, FORMAT)
        self._write.executescript(f"BEGIN;{SCHEMA}PRAGMA user_version={version};COMMIT;")
        self._texts = FullText(self._write)
        self._indexes = SQLiteIndexes(self._write, self._texts, self._limits)
        self._receipts = SQLiteReceipts(self._limits)
        self._receipts.open(self._write)
        self._load()
        if self._probe:
            self._in_thread = commit_seconds(self._write) > _SLOW_COMMIT_S
        if self._in_thread:
            self._read = connect(self._path)
            self._read.execute("PRAGMA query_only=ON")

    def _load(self) -> None:
        meta = dict(self._write.execute("SELECT name, value FROM meta"))
        if "secret" not in meta:
            meta |= {"secret": secrets.token_bytes(32), "head": 0, "next_index": 1}
            self._write.executemany("INSERT INTO meta VALUES (?, ?)", list(meta.items()))
        self._secret = meta["secret"]
        self._head = self._position = max(meta["head"], self._receipts.newest(self._write))
        tables = [
            load_table(*table)
            for table in self._write.execute(
                "SELECT number, name, indexes FROM tables ORDER BY number"
            )
        ]
        self._catalog = Catalog(tables, meta["next_index"])
        (newest,) = self._write.execute("SELECT max(n) FROM documents").fetchone()
        self._next_n = (newest or 0) + 1

    async def close(self) -> None:
        if hasattr(self, "_write") and self._head:
            leave_head(self._write, self._head)
        opened = {getattr(self, name) for name in ("_read", "_write") if hasattr(self, name)}
        for connection in opened:
            connection.close()
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None

    # Tables

    @property
    def secret(self) -> bytes:
        return self._secret

    async def note(self, name: str) -> str | None:
        row = self._read.execute(
            "SELECT value FROM meta WHERE name = ?", (f"note:{name}",)
        ).fetchone()
        return None if row is None else str(row[0])

    async def set_note(self, name: str, text: str) -> None:
        note = f"note:{name}", text
        try:
            async with self._slot:
                self._write.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", note)
        except sqlite3.Error as error:
            raise StorageError(f"the database refused a write: {error}") from error

    def tables(self) -> Sequence[TableDefinition]:
        return self._catalog.tables()

    def table(self, name: str) -> TableDefinition:
        return self._catalog.table(name)

    async def define(self, specs: Sequence[TableSpec], change: SchemaChange | None = None) -> None:
        change = change or SchemaChange()
        async with self._defining:
            known = self._catalog.index_numbers()
            planned = self._catalog.plan(specs)
            self._backfill = backfill = Backfill(planned, known)
            try:
                if backfill:
                    async with self._slot:
                        with unsynced(self._write):
                            self._indexes.start(backfill, self._catalog.next_index)
                    await fill_all(backfill.fillings, lambda: self._slot, self._fill, change)
                async with self._slot:
                    self._adopt(planned, change)
            finally:
                self._backfill = None

    async def _fill(self, filling: Filling) -> None:
        with unsynced(self._write):
            self._indexes.fill(filling)

    def _adopt(self, planned: Sequence[TableDefinition], change: SchemaChange) -> None:
        change.confirm()
        write = self._write
        try:
            write.execute("BEGIN IMMEDIATE")
            self._save_tables(planned)
            write.executemany(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)",
                [(f"note:{name}", text) for name, text in change.notes.items()],
            )
            write.execute("COMMIT")
        except sqlite3.Error as error:
            if not write.in_transaction:
                raise UncertainCommitError(f"a change of indexes failed: {error}") from error
            write.execute("ROLLBACK")
            raise StorageError(f"cannot change the indexes: {error}") from error
        self._catalog.adopt(planned)
        self._catalog.saved(planned)
        if self._backfill:
            # What the past looked like in an index that was not there is not known.
            self._history.floor = self._head
        self._backfill = None
        change.adopted()

    async def sweep(self) -> None:
        async with self._slot:
            leftovers = self._indexes.leftovers(self._kept_numbers())
        for number in leftovers:
            has_more = True
            while has_more:
                async with self._slot:
                    with unsynced(self._write):
                        has_more = self._indexes.clear(number)
                await asyncio.sleep(0)

    def _kept_numbers(self) -> set[int]:
        filling = self._backfill.numbers if self._backfill is not None else set()
        return self._catalog.index_numbers() | filling

    async def count(self, table: TableDefinition) -> int:
        total = 0
        for found in count_slices(self._read, table, self._limits):
            total += found
            await asyncio.sleep(0)
        return total

    def _save_tables(self, tables: Sequence[TableDefinition]) -> None:
        self._write.executemany(
            "INSERT OR REPLACE INTO tables VALUES (?, ?, ?)",
            [(table.number, table.name, dump_indexes(table)) for table in tables],
        )
        self._write.execute(
            "UPDATE meta SET value = ? WHERE name = 'next_index'", (self._catalog.next_index,)
        )

    # Reading

    def snapshot(self, at: Timestamp) -> Snapshot:
        return SQLiteSnapshot(self._read, self._past, at, self._recent, self._sees_writes)

    def _sees_writes(self) -> bool:
        """Whether `_read` sees what is written."""
        return self._read is self._write or not self._appended

    def _past(self, at: Timestamp) -> Rewind | None:
        """What has to be taken back to see the database as it was then; None for the present."""
        if at >= self._position:
            return None
        past = self._history.after(at)
        return Rewind(None if past is None else [*past, *(e for e in self._appended if e.ts > at)])

    async def receipt(self, session: str, request: int) -> tuple[Timestamp, Receipt] | None:
        return self._receipts.find(self._read, session, request)

    async def last_receipt(self, session: str) -> tuple[int, Timestamp]:
        return self._receipts.last(self._read, session)

    async def forget_receipts(self, before: Timestamp) -> None:
        async with self._slot:
            self._receipts.forget(self._write, before, self._head)

    async def commits_after(self, at: Timestamp) -> Sequence[CommitEntry] | None:
        return self._history.after(at)

    async def wait_for_commit(self, after: Timestamp) -> None:
        while self._head <= after:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    # Writing

    def commit_slot(self) -> AbstractAsyncContextManager[CommitSlot]:
        return _SQLiteSlot(self)

    async def load(self, now_ns: int, fill: Fill) -> Timestamp:
        # Its documents pass by indexes that are being filled.
        async with self._defining, self._slot:
            ts = next_timestamp(now_ns, self._head)
            connection = self._write if self._path is None else connect_to_load(self._path)
            loader = SQLiteLoader(connection, self._catalog, self._next_n)
            try:
                if self._path is None:
                    fill_tables(connection, loader, ts, fill)
                else:
                    await fill_in_thread(self._path, connection, loader, ts, fill)
                commit_load(connection)
            finally:
                if connection is not self._write:
                    connection.close()
            self._catalog.adopt(loader.planned)
            self._catalog.unsaved.clear()
            self._next_n = loader.next_n
            self._recent.clear()
            self._history.floor = self._head = self._position = ts
            self._wake()
            return ts

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _apply(self, revision: Revision) -> None:
        if revision.before is None:
            n = self._insert(revision)
        elif revision.after is None:
            n = self._delete(revision)
        else:
            n = self._update(revision)
        self._recent.written(revision)
        if revision.before_texts or revision.after_texts:
            self._texts.apply(n, revision)
        if self._backfill is not None:
            change = self._backfill.follow(revision)
            if change is not None:
                self._indexes.apply(n, change)

    def _insert(self, revision: Revision) -> int:
        document = revision.after
        assert document is not None
        n = self._next_n
        self._next_n += 1
        self._write.insert(n, document, revision.indexes, revision.after_keys)
        return n

    def _number_of(self, revision: Revision) -> int:
        """The row of a document that exists; its first index is `by_id`."""
        key = revision.before_keys[0].joined
        known = self._recent.number(key)
        if known is not None:
            return known
        (n,) = self._write.execute(
            "SELECT n FROM entries WHERE i = ? AND k = ?", (revision.indexes[0], key)
        ).fetchone()
        return int(n)

    def _update(self, revision: Revision) -> int:
        document = revision.after
        assert document is not None
        n = self._number_of(revision)
        self._write.update(n, document)
        self._recent.add(revision.after_keys[0].joined, document, n)
        if revision.after_keys is revision.before_keys:
            return n
        for index, old, new in zip(
            revision.indexes, revision.before_keys, revision.after_keys, strict=True
        ):
            if old.joined != new.joined:
                self._write.execute(
                    "UPDATE entries SET k = ? WHERE i = ? AND k = ?",
                    (new.joined, index, old.joined),
                )
        return n

    def _delete(self, revision: Revision) -> int:
        n = self._number_of(revision)
        self._write.execute("DELETE FROM documents WHERE n = ?", (n,))
        self._recent.drop(revision.before_keys[0].joined)
        self._write.executemany(
            "DELETE FROM entries WHERE i = ? AND k = ?",
            [
                (index, key.joined)
                for index, key in zip(revision.indexes, revision.before_keys, strict=True)
            ],
        )
        return n


class _SQLiteSlot:
    """Invariant: a transaction is open on the connection from the first `append` to the end."""

    def __init__(self, store: SQLiteStore) -> None:
        self._store = store
        self.head: Timestamp = 0

    async def __aenter__(self) -> CommitSlot:
        await self._store._slot.acquire()
        self.head = self._store._head
        return self

    async def __aexit__(self, *error: object) -> None:
        try:
            self._leave()
        finally:
            self._store._slot.release()

    def snapshot(self) -> Snapshot:
        store = self._store
        return SQLiteSnapshot(store._write, store._past, store._position, store._recent)

    async def append(self, entry: CommitEntry) -> None:
        store = self._store
        try:
            if not store._appended:
                store._write.execute("BEGIN IMMEDIATE")
            store._appended.append(entry)
            store._position = entry.ts
            if store._catalog.unsaved:
                store._saved = list(store._catalog.unsaved)
                store._save_tables(store._saved)
            for revision in entry.revisions:
                store._apply(revision)
        except sqlite3.Error as error:
            raise StorageError(f"the database refused a write: {error}") from error

    async def commit(self) -> None:
        store = self._store
        if not store._appended:
            return
        newest = store._appended[-1].ts
        interruption = None
        try:
            store._receipts.write(store._write, store._appended)
        except sqlite3.Error as error:
            raise StorageError(f"the database refused a write: {error}") from error
        try:
            if store._in_thread:
                interruption = await to_the_end(store._write.execute, "COMMIT")
            else:
                store._write.execute("COMMIT")
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                raise StorageError("the disk is full; nothing was written") from error
            raise UncertainCommitError(f"a commit failed half way: {error}") from error
        for entry in store._appended:
            store._history.append(entry)
        store._receipts.committed(store._appended)
        store._appended.clear()
        if store._saved:
            store._catalog.saved(store._saved)
            store._saved = []
        self.head = store._head = newest
        store._wake()
        if interruption is not None:
            raise interruption

    def _leave(self) -> None:
        store = self._store
        for entry in store._appended:
            for revision in entry.revisions:
                store._recent.unwritten(revision)
        store._appended.clear()
        store._position = store._head
        store._saved = []
        store._write.roll_back()
