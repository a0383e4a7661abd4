"""A store that fails, or waits, where a test tells it to.

It wraps another store and passes everything on. Faults concern the places where a commit can go
wrong: getting the slot, `append` and `commit`. They strike before the wrapped store is asked, or
after it has done the work: a commit that fails afterwards is the one whose outcome nobody knows.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal

from reactive.errors import StorageError
from reactive.storage.interface import CommitSlot, SchemaChange, Snapshot, Store
from reactive.values.document import CommitEntry, Receipt
from reactive.values.tables import TableDefinition, TableSpec
from reactive.values.timestamp import Timestamp

Place = Literal["slot", "append", "commit"]
Moment = Literal["before", "after"]


class Fault:
    """Something that happens once, at the next time that its place is passed."""

    async def strike(self) -> None:
        raise NotImplementedError


class _Failure(Fault):
    def __init__(self, error: Exception) -> None:
        self._error = error

    async def strike(self) -> None:
        raise self._error


class Pause(Fault):
    """Holds whoever comes by until `release`."""

    def __init__(self) -> None:
        self._reached = asyncio.Event()
        self._released = asyncio.Event()

    async def strike(self) -> None:
        self._reached.set()
        await self._released.wait()

    async def reached(self) -> None:
        """Returns once somebody is held."""
        await self._reached.wait()

    def release(self) -> None:
        self._released.set()


class FaultyStore:
    """Implements `reactive.storage.interface.Store`, as reliably as it is told to.

    Faults of one place and moment strike in the order in which they were asked for.
    """

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        self._faults: dict[tuple[Place, Moment], list[Fault]] = {}

    # Faults

    def fail(self, place: Place, moment: Moment, error: Exception, *, passing: int = 0) -> None:
        """Raises the error once, after the place was passed `passing` times without harm.

        Raises:
            ValueError: for a `StorageError` after a commit, which no store may raise: it says that
                nothing was written.
        """
        if (place, moment) == ("commit", "after") and isinstance(error, StorageError):
            raise ValueError("after a commit a StorageError would be a lie")
        waiting = self._faults.setdefault((place, moment), [])
        waiting.extend(_Nothing() for _ in range(passing))
        waiting.append(_Failure(error))

    def pause(self, place: Place, moment: Moment) -> Pause:
        """Holds the next one who passes the place."""
        pause = Pause()
        self._faults.setdefault((place, moment), []).append(pause)
        return pause

    @property
    def waiting(self) -> int:
        """How many faults have not struck yet; a test that ends with one has tested nothing."""
        return sum(map(len, self._faults.values()))

    async def strike(self, place: Place, moment: Moment) -> None:
        faults = self._faults.get((place, moment))
        if faults:
            await faults.pop(0).strike()

    # What is only passed on

    async def open(self) -> Timestamp:
        return await self._inner.open()

    async def close(self) -> None:
        await self._inner.close()

    @property
    def secret(self) -> bytes:
        return self._inner.secret

    async def note(self, name: str) -> str | None:
        return await self._inner.note(name)

    async def set_note(self, name: str, text: str) -> None:
        await self._inner.set_note(name, text)

    def tables(self) -> Sequence[TableDefinition]:
        return self._inner.tables()

    def table(self, name: str) -> TableDefinition:
        return self._inner.table(name)

    async def define(self, specs: Sequence[TableSpec], change: SchemaChange | None = None) -> None:
        await self._inner.define(specs, change)

    async def sweep(self) -> None:
        await self._inner.sweep()

    async def count(self, table: TableDefinition) -> int:
        return await self._inner.count(table)

    def snapshot(self, at: Timestamp) -> Snapshot:
        return self._inner.snapshot(at)

    @asynccontextmanager
    async def commit_slot(self) -> AsyncIterator[CommitSlot]:
        await self.strike("slot", "before")
        async with self._inner.commit_slot() as slot:
            await self.strike("slot", "after")
            yield _FaultySlot(self, slot)

    async def receipt(self, session: str, request: int) -> tuple[Timestamp, Receipt] | None:
        return await self._inner.receipt(session, request)

    async def last_receipt(self, session: str) -> tuple[int, Timestamp]:
        return await self._inner.last_receipt(session)

    async def forget_receipts(self, before: Timestamp) -> None:
        await self._inner.forget_receipts(before)

    async def commits_after(self, at: Timestamp) -> Sequence[CommitEntry] | None:
        return await self._inner.commits_after(at)

    async def wait_for_commit(self, after: Timestamp) -> None:
        await self._inner.wait_for_commit(after)


class _Nothing(Fault):
    async def strike(self) -> None:
        pass


class _FaultySlot:
    def __init__(self, store: FaultyStore, inner: CommitSlot) -> None:
        self._store = store
        self._inner = inner
        self.head = inner.head

    def snapshot(self) -> Snapshot:
        return self._inner.snapshot()

    async def append(self, entry: CommitEntry) -> None:
        await self._store.strike("append", "before")
        await self._inner.append(entry)
        await self._store.strike("append", "after")

    async def commit(self) -> None:
        await self._store.strike("commit", "before")
        await self._inner.commit()
        self.head = self._inner.head
        await self._store.strike("commit", "after")
