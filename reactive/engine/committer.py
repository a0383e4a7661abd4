"""The one who stamps commits.

Work that arrives within one turn of the event loop shares a slot, and so a single fsync; clients
who have shared one are waited for, a few milliseconds at most, so that they share the next one,
too. On a local store a mutation is not prepared beforehand: it runs inside the slot, on top of the
ones before it, so that it has nothing to conflict with. Work that was prepared elsewhere, on an
older snapshot, is checked against every commit since.
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, Protocol

from reactive.clock import Clock, Timer
from reactive.engine.commit_log import CommitLog, conflict_with
from reactive.engine.eager import run_eagerly
from reactive.engine.transaction import Transaction
from reactive.errors import (
    ConflictError,
    OverloadedError,
    ReactiveError,
    StorageError,
    UncertainCommitError,
)
from reactive.limits import Limits
from reactive.storage.interface import CommitSlot, Store
from reactive.values.document import CommitEntry
from reactive.values.timestamp import Timestamp, next_timestamp

_SOMEBODY: Final = object()


class Work(Protocol):
    """Something that wants to commit.

    `client` is whoever sends it, and is likely to send more. None where nobody is: that waits for
    nobody, and nobody waits for it.
    """

    client: object | None

    async def run(self, begin: Callable[[], Transaction]) -> Transaction | None:
        """The transaction to commit; None when there is, now, nothing to commit.

        `begin` starts one on top of everything that is ahead in the slot. Must not raise.
        """
        ...

    def committed(self, ts: Timestamp) -> None:
        """The transaction is durable and published, or was empty, at this timestamp."""
        ...

    def failed(self, error: ReactiveError) -> None:
        """Nothing of the transaction was written."""
        ...


class Committer:
    """Invariant: at most one batch is in the slot, and batches publish in timestamp order."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        limits: Limits,
        log: CommitLog,
        publish: Callable[[CommitEntry], None],
        catch_up: Callable[[], Awaitable[None]],
        fatal: Callable[[UncertainCommitError], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits
        self._log = log
        self._publish = publish
        self._catch_up = catch_up
        self._fatal = fatal
        self._queue: deque[Work] = deque()
        self._is_awake = False
        self._begun = -math.inf
        self._timer: Timer | None = None
        self._missing: set[object] = set()
        self._task: asyncio.Task[None] | None = None
        self.head: Timestamp = 0
        self.epoch = 0
        self.batches = 0
        self._created_ms = 0.0

    def created_ms(self, begin_ts: Timestamp) -> float:
        """After which time, in milliseconds, a transaction begins to count its creation times.

        Documents that are made one after another are in this order, also while the clock stands
        still or was set back. Source of the rule: Convex's transactions count from their begin.
        """
        return max(self._clock.now_ns() / 1e6, begin_ts / 1e6, self._created_ms)

    def submit(self, work: Work) -> None:
        """Queues work for the next slot.

        Raises:
            OverloadedError: when the queue is full.
        """
        if len(self._queue) >= self._limits.commit_queue_max:
            raise OverloadedError("too many mutations are waiting", code="CommitterFullError")
        self.requeue(work)

    def requeue(self, work: Work) -> None:
        """Queues work that was let in before; it is never refused."""
        self._queue.append(work)
        if work.client is None:
            self._missing.clear()
        else:
            self._missing.discard(work.client)
        if not self._is_awake:
            self._wake()
        elif self._timer is not None and self._has_company:
            self._timer.cancel()
            self._call()

    def _wake(self) -> None:
        self._is_awake = True
        wait = self._begun + self._limits.commit_interval_s - self._clock.monotonic()
        if wait > 0 and not self._has_company:
            self._timer = self._clock.call_later(wait, self._call)
        else:
            self._call()

    @property
    def _has_company(self) -> bool:
        """Whether there is nobody to wait for: the clients of the last batch are here again."""
        return not self._missing or len(self._queue) >= self._limits.commit_company_max

    def _call(self) -> None:
        # What else arrives in this turn of the loop comes along.
        self._timer = None
        asyncio.get_running_loop().call_soon(self._turn)

    async def close(self) -> None:
        """Commits what still waits for company."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            await self._drain()

    def _turn(self) -> None:
        self._task = run_eagerly(self._drain())

    async def _drain(self) -> None:
        count = min(len(self._queue), self._limits.commit_batch_max)
        batch = [self._queue.popleft() for _ in range(count)]
        self._begun = self._clock.monotonic()
        waiting = {work.client for work in self._queue}
        self._missing = set() if None in waiting else _expected(batch) - waiting
        try:
            await self._commit(batch)
        except UncertainCommitError as error:
            self._fatal(error)
        finally:
            self._is_awake = False
            if self._queue:
                self._wake()

    async def _commit(self, works: list[Work]) -> None:
        batch = _Batch(works)
        try:
            async with self._store.commit_slot() as slot:
                if slot.head > self.head:
                    await self._catch_up()
                batch.position = self.head
                begin = partial(self._begin, slot, batch)
                for work in works:
                    await self._run(work, begin, slot, batch)
                if batch.entries:
                    self.batches += 1
                    await slot.commit()
        except StorageError as error:
            for work in batch.unsettled:
                work.failed(error)
            return
        # From here to the last line nothing waits: nobody sees half of it.
        for entry in batch.entries:
            # A follower of the store may have learnt of it before `commit` has returned.
            if entry.ts > self.head:
                self._publish(entry)
        for work, ts in batch.finished:
            work.committed(ts)

    def _begin(self, slot: CommitSlot, batch: "_Batch") -> Transaction:
        created_ms = self.created_ms(batch.position)
        return Transaction(slot.snapshot(), batch.position, created_ms, self._limits, self.epoch)

    async def _run(
        self, work: Work, begin: Callable[[], Transaction], slot: CommitSlot, batch: "_Batch"
    ) -> None:
        transaction = await work.run(begin)
        if transaction is None:
            del batch.unsettled[work]
            return
        if transaction.is_empty:
            batch.finished.append((work, max(batch.position, transaction.begin_ts)))
            return
        if transaction.begin_ts < batch.position or transaction.epoch != self.epoch:
            conflict = self._conflict(transaction, batch.entries)
            if conflict is not None:
                del batch.unsettled[work]
                work.failed(conflict)
                return
        entry = transaction.entry(next_timestamp(self._clock.now_ns(), batch.position))
        await slot.append(entry)
        batch.position = entry.ts
        self._created_ms = max(self._created_ms, transaction.created_ms)
        batch.entries.append(entry)
        batch.finished.append((work, entry.ts))

    def _conflict(self, transaction: Transaction, ahead: list[CommitEntry]) -> ConflictError | None:
        if transaction.epoch != self.epoch:
            return ConflictError(f"the schema changed while {transaction.source} was running")
        conflict = self._log.first_conflict(transaction.reads, transaction.begin_ts)
        for entry in ahead:
            conflict = conflict or conflict_with(transaction.reads, entry)
        if conflict is None:
            return None
        return ConflictError(
            f"document {conflict.document_id} was changed by {conflict.source or 'another'} "
            f"while {transaction.source or 'a transaction'} was running"
        )


def _expected(batch: Sequence[Work]) -> set[object]:
    """The clients of a batch whose next works are worth waiting for.

    Who writes alone, or in turns with another, is not slowed down. Where some do not wait for their
    answers, more may come although everybody is here; that is somebody nobody sees.
    """
    sent = [work.client for work in batch if work.client is not None]
    clients: set[object] = set(sent)
    if len(clients) < 2:
        return set()
    return clients if len(clients) == len(sent) else {*clients, _SOMEBODY}


class _Batch:
    """What becomes of the works that share a slot.

    `unsettled` are those that have not been told how they end; `position` is the last commit ahead.
    """

    __slots__ = ("entries", "finished", "position", "unsettled")

    def __init__(self, works: list[Work]) -> None:
        self.entries: list[CommitEntry] = []
        self.finished: list[tuple[Work, Timestamp]] = []
        self.unsettled = dict.fromkeys(works)
        self.position: Timestamp = 0
