"""The engine's face: begin, commit, publish, subscribe.

    begin ──▶ Transaction ──▶ Committer ──▶ Store
                                  │
      owners woken ◀── publish ◀──┘          (and `follow`, for commits made elsewhere)

`publish` is the only door by which a commit enters, its own or another process's. It is an ordinary
function: nobody can see the log moved and the subscriptions not yet woken.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from reactive.clock import Clock
from reactive.engine.commit_log import CommitLog
from reactive.engine.committer import Committer
from reactive.engine.subscriptions import SubscriptionIndex
from reactive.engine.transaction import Transaction
from reactive.errors import ReactiveError, StorageError, UncertainCommitError
from reactive.limits import Limits
from reactive.storage.interface import BulkStore, Fill, SchemaChange, Store
from reactive.values.document import CommitEntry, Receipt
from reactive.values.ranges import ReadSet
from reactive.values.tables import TableSpec
from reactive.values.timestamp import Timestamp


class Subscriber(Protocol):
    """Somebody who wants to hear, once, that what he read has changed."""

    def invalidated(self, ts: Timestamp) -> None:
        """The commit at `ts` changed it. Must not wait, commit or raise."""
        ...


class Observer(Protocol):
    """Somebody who follows every commit."""

    def published(self, entry: CommitEntry) -> None:
        """A commit is durable, and `head` is its timestamp. Must not wait, commit or raise."""
        ...

    def missed(self) -> None:
        """Commits were missed, and what was in them will never be known."""
        ...


class Database:
    """A store with order, memory of the recent past, and somebody to tell.

    Invariant: `head` is the newest published commit; every subscriber that was not told holds
    what a fresh read at `head` would give.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        limits: Limits,
        fatal: Callable[[UncertainCommitError], None],
    ) -> None:
        self.store = store
        self._clock = clock
        self._limits = limits
        self._fatal = fatal
        self._log = CommitLog(limits)
        self._subscriptions: SubscriptionIndex[Subscriber] = SubscriptionIndex()
        self._committer = Committer(
            store, clock, limits, self._log, self.publish, self._catch_up, fatal
        )
        # As they are: every mutation goes through here.
        self.submit, self.requeue = self._committer.submit, self._committer.requeue
        self.head: Timestamp = 0
        self.commits = 0
        self.on_receipt: Callable[[Receipt, Timestamp], None] | None = None
        """Told of every client mutation that is published, wherever it was run. Must not wait."""
        self.on_forget: Callable[[], None] | None = None
        """Told that commits were missed, and what was in them will never be known."""
        self.observers: list[Observer] = []

    async def open(self) -> None:
        """Opens the store and starts at its newest commit."""
        self.head = self._committer.head = await self.store.open()
        self._log.restart(self.head)

    async def close(self) -> None:
        await self._committer.close()
        await self.store.close()

    @property
    def batches(self) -> int:
        """How many times commits were made durable; several may share one."""
        return self._committer.batches

    @property
    def probes(self) -> int:
        """How many places were looked up to find whom commits concern."""
        return self._subscriptions.probes

    @property
    def subscriptions(self) -> int:
        return len(self._subscriptions)

    async def define(self, specs: Sequence[TableSpec], change: SchemaChange | None = None) -> None:
        """Changes the indexes as `Store.define` does; commits go on until the moment of the change.

        Transactions that are under way at that moment have to begin again.

        Raises:
            StorageError: when the store refused; nothing is changed then.
        """
        change = change or SchemaChange()

        def adopted() -> None:
            self._committer.epoch += 1
            change.adopted()

        try:
            await self.store.define(specs, replace(change, adopted=adopted))
        except UncertainCommitError as error:
            self._fatal(error)
            raise

    async def load(self, fill: Fill) -> Timestamp:
        """Fills tables with any number of documents as one commit; every subscriber is told.

        Raises:
            Exception: what `fill` raises; nothing was written then.
            StorageError: when the store refused, or takes commits only.
        """
        if not isinstance(self.store, BulkStore):
            raise StorageError("this kind of store takes no import")
        try:
            ts = await self.store.load(self._clock.now_ns(), fill)
        except UncertainCommitError as error:
            self._fatal(error)
            raise
        self._committer.epoch += 1
        self._forget(ts)
        return ts

    # Transactions

    def begin(self, at: Timestamp | None = None) -> Transaction:
        """A transaction on the newest snapshot, or on an older one."""
        ts = self.head if at is None else at
        return Transaction(
            self.store.snapshot(ts),
            ts,
            self._committer.created_ms(ts),
            self._limits,
            self._committer.epoch,
        )

    async def commit(self, transaction: Transaction) -> Timestamp:
        """Commits a transaction that was prepared outside the slot.

        Raises:
            ConflictError: when what it read has changed since.
            StorageError: when the store refused.
        """
        work = _Prepared(transaction)
        self.submit(work)
        return await work.done

    # The one door

    def publish(self, entry: CommitEntry) -> None:
        """Makes a durable commit known. Never waits."""
        self._log.append(entry)
        self.head = self._committer.head = entry.ts
        self.commits += 1
        if entry.receipt is not None and self.on_receipt is not None:
            self.on_receipt(entry.receipt, entry.ts)
        for observer in self.observers:
            observer.published(entry)
        for subscriber in self._subscriptions.touched(entry):
            self._subscriptions.remove(subscriber)
            subscriber.invalidated(entry.ts)

    def subscribe(self, subscriber: Subscriber, reads: ReadSet, at: Timestamp) -> Timestamp | None:
        """Files what the subscriber read at `at`.

        When a commit since then has changed it already nothing is filed, and its timestamp is
        returned.
        """
        if at < self.head:
            conflict = self._log.first_conflict(reads, at)
            if conflict is not None:
                return conflict.ts
        self._subscriptions.add(subscriber, reads)
        return None

    def unsubscribe(self, subscriber: Subscriber) -> None:
        self._subscriptions.remove(subscriber)

    # Commits made elsewhere

    async def follow(self) -> None:
        """Publishes what other processes commit, until cancelled."""
        while True:
            await self.store.wait_for_commit(self.head)
            await self._catch_up()

    async def _catch_up(self) -> None:
        entries = await self.store.commits_after(self.head)
        if entries is None:
            self._forget(await self.store.open())
            return
        for entry in entries:
            if entry.ts > self.head:
                self.publish(entry)

    def _forget(self, head: Timestamp) -> None:
        """Too far behind to know what changed: everything may have."""
        self.head = self._committer.head = head
        self._log.restart(head)
        if self.on_forget is not None:
            self.on_forget()
        for observer in self.observers:
            observer.missed()
        for subscriber in self._subscriptions.clear():
            subscriber.invalidated(head)


class _Prepared:
    """Work whose transaction is finished."""

    client: object | None = None

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.done: asyncio.Future[Timestamp] = asyncio.get_running_loop().create_future()

    async def run(self, begin: Callable[[], Transaction]) -> Transaction:
        return self._transaction

    def committed(self, ts: Timestamp) -> None:
        if not self.done.done():
            self.done.set_result(ts)

    def failed(self, error: ReactiveError) -> None:
        if not self.done.done():
            self.done.set_exception(error)
