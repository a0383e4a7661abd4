"""A store in memory: the model that every other store is compared with.

It survives nothing, but several databases can share one, as several processes share a server: that
is how commits made elsewhere are tested without a second process.
"""

import asyncio
import random
import sqlite3
import weakref
from bisect import bisect_left, insort
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.storage.backfill import Backfill, Filling, fill_all
from reactive.storage.catalog import Catalog
from reactive.storage.fulltext import FullText, search_text
from reactive.storage.history import History, Rewind, merge_rows
from reactive.storage.interface import CommitSlot, SchemaChange, Snapshot
from reactive.values.document import CommitEntry, Receipt, Revision, Row, StoredDocument
from reactive.values.tables import (
    IndexDefinition,
    TableDefinition,
    TableSpec,
    TextIndexDefinition,
)
from reactive.values.text import TextMatches, TextSearch
from reactive.values.timestamp import Timestamp


class _Index:
    __slots__ = ("documents", "keys")

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self.documents: dict[bytes, StoredDocument] = {}

    def put(self, key: bytes, document: StoredDocument) -> None:
        insort(self.keys, key)
        self.documents[key] = document

    def drop(self, key: bytes) -> None:
        del self.documents[key]
        del self.keys[bisect_left(self.keys, key)]


class _Texts:
    """The full-text indexes, in a database of SQLite's that is made when the first of them is."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self.connection.close)
        self._indexes = FullText(self.connection)
        self._rows: dict[str, int] = {}
        self._next = 1

    def create(self, number: int) -> None:
        self._indexes.create(number)

    def keep_only(self, numbers: set[int]) -> None:
        for number in self._indexes.numbers() - numbers:
            self._indexes.drop(number)

    def apply(self, revision: Revision, *, backwards: bool) -> None:
        self._indexes.apply(self._row(revision.id), revision, backwards=backwards)

    def _row(self, document_id: str) -> int:
        row = self._rows.get(document_id)
        if row is None:
            row = self._rows[document_id] = self._next
            self._next += 1
        return row


class MemoryStore:
    """Implements `reactive.storage.interface.Store`."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS, seed: int = 0) -> None:
        self._catalog = Catalog()
        self._indexes: dict[int, _Index] = {}
        self._texts: _Texts | None = None
        self._receipts: dict[str, dict[int, tuple[Timestamp, Receipt]]] = {}
        self._history = History(limits)
        self._appended: list[CommitEntry] = []
        self._head: Timestamp = 0
        self._limits = limits
        self._slot = asyncio.Lock()
        self._defining = asyncio.Lock()
        self._backfill: Backfill | None = None
        self._committed = asyncio.Event()
        self._notes: dict[str, str] = {}
        self._secret = random.Random(seed).randbytes(32)

    async def open(self) -> Timestamp:
        return self._head

    async def close(self) -> None:
        pass

    @property
    def secret(self) -> bytes:
        return self._secret

    async def note(self, name: str) -> str | None:
        return self._notes.get(name)

    async def set_note(self, name: str, text: str) -> None:
        self._notes[name] = text

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
            for number in backfill.text_numbers:
                self._texts = self._texts or _Texts()
                self._texts.create(number)
            try:
                await fill_all(backfill.fillings, lambda: self._slot, self._fill, change)
                async with self._slot:
                    self._adopt(planned, change)
            finally:
                self._backfill = None

    async def _fill(self, filling: Filling) -> None:
        held = self._index(filling.table.by_id.number)
        start = bisect_left(held.keys, filling.reached)
        keys = held.keys[start : start + self._limits.slice_documents_max]
        for key in keys:
            document = held.documents[key]
            self._place(filling.revision(document.id, None, document))
        is_last = start + len(keys) == len(held.keys)
        filling.advance(None if is_last else keys[-1], len(keys))

    def _adopt(self, planned: Sequence[TableDefinition], change: SchemaChange) -> None:
        change.confirm()
        self._catalog.adopt(planned)
        self._notes.update(change.notes)
        if self._backfill:
            # What the past looked like in an index that was not there is not known.
            self._history.floor = self._head
        self._backfill = None
        change.adopted()

    async def sweep(self) -> None:
        async with self._slot:
            kept = self._catalog.index_numbers()
            if self._backfill is not None:
                kept |= self._backfill.numbers
            for number in set(self._indexes) - kept:
                del self._indexes[number]
            if self._texts is not None:
                self._texts.keep_only(kept)

    async def count(self, table: TableDefinition) -> int:
        return len(self._index(table.by_id.number).keys)

    def _index(self, number: int) -> _Index:
        index = self._indexes.get(number)
        if index is None:
            index = self._indexes[number] = _Index()
        return index

    def snapshot(self, at: Timestamp) -> Snapshot:
        return _MemorySnapshot(self, at)

    @asynccontextmanager
    async def commit_slot(self) -> AsyncIterator[CommitSlot]:
        async with self._slot:
            slot = _MemorySlot(self)
            try:
                yield slot
            finally:
                slot.leave()

    async def receipt(self, session: str, request: int) -> tuple[Timestamp, Receipt] | None:
        return self._receipts.get(session, {}).get(request)

    async def last_receipt(self, session: str) -> tuple[int, Timestamp]:
        known = self._receipts.get(session)
        if not known:
            return -1, 0
        newest = max(known)
        return newest, known[newest][0]

    async def forget_receipts(self, before: Timestamp) -> None:
        for session, receipts in list(self._receipts.items()):
            kept = {number: each for number, each in receipts.items() if each[0] >= before}
            if kept:
                self._receipts[session] = kept
            else:
                del self._receipts[session]

    async def commits_after(self, at: Timestamp) -> Sequence[CommitEntry] | None:
        return self._history.after(at)

    async def wait_for_commit(self, after: Timestamp) -> None:
        while self._head <= after:
            await self._committed.wait()

    def _entries_after(self, at: Timestamp) -> Sequence[CommitEntry] | None:
        past = self._history.after(at)
        return None if past is None else [*past, *(e for e in self._appended if e.ts > at)]

    @property
    def _position(self) -> Timestamp:
        return self._appended[-1].ts if self._appended else self._head

    def _apply(self, revision: Revision, *, backwards: bool = False) -> None:
        self._place(revision, backwards=backwards)
        change = self._backfill.follow(revision) if self._backfill is not None else None
        if change is not None:
            self._place(change, backwards=backwards)

    def _place(self, revision: Revision, *, backwards: bool = False) -> None:
        new, new_keys, old_keys = revision.after, revision.after_keys, revision.before_keys
        if backwards:
            new, new_keys, old_keys = revision.before, revision.before_keys, revision.after_keys
        for number, key in zip(revision.indexes, old_keys, strict=False):
            self._index(number).drop(key.joined)
        if new is not None:
            for number, key in zip(revision.indexes, new_keys, strict=True):
                self._index(number).put(key.joined, new)
        if self._texts is not None and (revision.before_texts or revision.after_texts):
            self._texts.apply(revision, backwards=backwards)


class _MemorySnapshot:
    __slots__ = ("_at", "_store")

    def __init__(self, store: MemoryStore, at: Timestamp) -> None:
        self._store = store
        self._at = at

    async def get(self, index: IndexDefinition, key: bytes) -> StoredDocument | None:
        store = self._store
        present = store._index(index.number).documents.get(key)
        if self._at < store._position:
            return Rewind(store._entries_after(self._at)).get(index.number, key, present)
        return present

    async def scan(
        self,
        index: IndexDefinition,
        lower: bytes,
        upper: bytes,
        *,
        descending: bool = False,
        limit: int,
    ) -> list[Row]:
        store = self._store
        hidden: set[str] = set()
        extra: list[Row] = []
        if self._at < store._position:
            hidden, extra = Rewind(store._entries_after(self._at)).rows(index.number, lower, upper)
        held = store._index(index.number)
        start, stop = bisect_left(held.keys, lower), bisect_left(held.keys, upper)
        wanted = limit + len(hidden)
        if descending:
            keys = held.keys[max(start, stop - wanted) : max(start, stop)][::-1]
        else:
            keys = held.keys[start : min(stop, start + wanted)]
        rows = [Row.of(key, held.documents[key]) for key in keys]
        return merge_rows(rows, hidden, extra, descending=descending, limit=limit)

    async def search(self, index: TextIndexDefinition, search: TextSearch) -> TextMatches:
        store = self._store
        if store._texts is None:
            raise RuntimeError(f"there is no full-text index {index.name}")
        matches = search_text(store._texts.connection, index.number, search)
        if self._at < store._position:
            Rewind(store._entries_after(self._at)).texts(index.number, search, matches)
        return matches


class _MemorySlot:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.head = store._head

    def snapshot(self) -> Snapshot:
        return _MemorySnapshot(self._store, self._store._position)

    async def append(self, entry: CommitEntry) -> None:
        for revision in entry.revisions:
            self._store._apply(revision)
        self._store._appended.append(entry)

    async def commit(self) -> None:
        store = self._store
        for entry in store._appended:
            store._history.append(entry)
            if entry.receipt is not None:
                of_session = store._receipts.setdefault(entry.receipt.session, {})
                of_session[entry.receipt.request] = (entry.ts, entry.receipt)
        if store._appended:
            self.head = store._head = store._appended[-1].ts
            store._appended.clear()
            store._committed.set()
            store._committed = asyncio.Event()

    def leave(self) -> None:
        for entry in reversed(self._store._appended):
            for revision in reversed(entry.revisions):
                self._store._apply(revision, backwards=True)
        self._store._appended.clear()
