"""A store that several processes share, that takes its time, and that knows the truth."""

import asyncio
import gc
import random
from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from reactive.errors import StorageError, UncertainCommitError
from reactive.runtime.execution import current
from reactive.runtime.guard import LoopCall
from reactive.storage.interface import CommitSlot, Snapshot
from reactive.storage.memory import MemoryStore
from reactive.testing.faults import FaultyStore
from reactive.values.document import CommitEntry, Receipt, Row, StoredDocument
from reactive.values.encoding import load_json
from reactive.values.ids import table_number_of
from reactive.values.tables import IndexDefinition, TextIndexDefinition
from reactive.values.text import TextMatches, TextSearch
from reactive.values.timestamp import Timestamp

T = TypeVar("T")


@dataclass(frozen=True)
class State:
    """What the database holds at one moment, in the app's own words."""

    counters: dict[str, int] = field(default_factory=dict)
    lines: dict[str, list[str]] = field(default_factory=dict)


class Truth:
    """Every durable commit, written down by the store itself."""

    def __init__(self, memory: MemoryStore) -> None:
        self._memory = memory
        self._stamps: list[Timestamp] = [0]
        self._states: list[State] = [State()]

    @property
    def newest(self) -> State:
        return self._states[-1]

    def at(self, ts: Timestamp) -> State:
        return self._states[bisect_right(self._stamps, ts) - 1]

    def note(self, entries: Sequence[CommitEntry]) -> None:
        names = {table.number: table.name for table in self._memory.tables()}
        for entry in entries:
            assert entry.ts > self._stamps[-1], "commits are in the order of their timestamps"
            state = replace(self.newest)
            for revision in entry.revisions:
                assert revision.after is not None, "the app deletes nothing"
                wire = load_json(revision.after.json)
                if names[table_number_of(revision.id) or 0] == "counters":
                    counters = state.counters | {wire["name"]: int(wire["value"])}
                    state = replace(state, counters=counters)
                else:
                    name = wire["list_name"]
                    texts = [*state.lines.get(name, []), wire["text"]]
                    assert int(wire["place"]) == len(texts), "two lines at one place"
                    state = replace(state, lines=state.lines | {name: texts})
            self._stamps.append(entry.ts)
            self._states.append(state)


@dataclass
class Weather:
    """How bad it is, and when it is bad."""

    dice: random.Random
    lag_s: float
    refusals: float
    """How often a commit is refused."""
    crashes: float
    """How often a process dies at a commit, before or after it has become durable."""
    is_calm: bool = False

    async def lag(self) -> None:
        """Something takes its time, or none at all."""
        chance = self.dice.random()
        if chance < 0.5:
            await asyncio.sleep(self.dice.random() * self.lag_s)
        elif chance > 0.998:
            # What is only referred to weakly may go at any time.
            gc.collect()

    def strikes(self, chance: float) -> bool:
        return not self.is_calm and self.dice.random() < chance


class ProcessStore(FaultyStore):
    """The shared store as one process sees it. A process that died does nothing any more."""

    def __init__(self, memory: MemoryStore, truth: Truth, weather: Weather) -> None:
        super().__init__(memory)
        self.memory = memory
        self.truth = truth
        self.weather = weather
        self.is_dead = False

    def dies(self) -> bool:
        """Whether the process comes to its end here, if it has not ended before."""
        return self.is_dead or self.weather.strikes(self.weather.crashes)

    async def slowly(self, answer: Callable[[], Awaitable[T]]) -> T:
        """An answer that comes in its time, for the engine or for an author's code."""

        async def come() -> T:
            await self.weather.lag()
            return await answer()

        return await (come() if current.get() is None else LoopCall(come))

    def snapshot(self, at: Timestamp) -> Snapshot:
        return _SlowSnapshot(self, super().snapshot(at))

    async def receipt(self, session: str, request: int) -> tuple[Timestamp, Receipt] | None:
        await self.weather.lag()
        return await super().receipt(session, request)

    async def last_receipt(self, session: str) -> tuple[int, Timestamp]:
        await self.weather.lag()
        return await super().last_receipt(session)

    async def commits_after(self, at: Timestamp) -> Sequence[CommitEntry] | None:
        await self.weather.lag()
        return await super().commits_after(at)

    async def wait_for_commit(self, after: Timestamp) -> None:
        await super().wait_for_commit(after)
        # News from other processes may come late.
        for _ in range(self.weather.dice.choice([1, 1, 1, 20])):
            await self.weather.lag()

    @asynccontextmanager
    async def commit_slot(self) -> AsyncIterator[CommitSlot]:
        if self.is_dead:
            await asyncio.Event().wait()
        await self.weather.lag()
        async with self.memory.commit_slot() as slot:
            yield _SlowSlot(self, slot)


class _SlowSnapshot:
    def __init__(self, store: ProcessStore, inner: Snapshot) -> None:
        self._store = store
        self._inner = inner

    async def get(self, index: IndexDefinition, key: bytes) -> StoredDocument | None:
        return await self._store.slowly(lambda: self._inner.get(index, key))

    async def scan(
        self,
        index: IndexDefinition,
        lower: bytes,
        upper: bytes,
        *,
        descending: bool = False,
        limit: int,
    ) -> list[Row]:
        return await self._store.slowly(
            lambda: self._inner.scan(index, lower, upper, descending=descending, limit=limit)
        )

    async def search(self, index: TextIndexDefinition, search: TextSearch) -> TextMatches:
        return await self._store.slowly(lambda: self._inner.search(index, search))


class _SlowSlot:
    def __init__(self, store: ProcessStore, inner: CommitSlot) -> None:
        self._store = store
        self._inner = inner
        self._appended: list[CommitEntry] = []
        self.head = inner.head

    def snapshot(self) -> Snapshot:
        return _SlowSnapshot(self._store, self._inner.snapshot())

    async def append(self, entry: CommitEntry) -> None:
        await self._store.weather.lag()
        await self._inner.append(entry)
        self._appended.append(entry)

    async def commit(self) -> None:
        store, weather = self._store, self._store.weather
        await weather.lag()
        if store.dies():
            raise UncertainCommitError("the process dies before the commit")
        if weather.strikes(weather.refusals):
            raise StorageError("the disk is full")
        await self._inner.commit()
        self.head = self._inner.head
        store.truth.note(self._appended)
        await weather.lag()
        if store.dies():
            raise UncertainCommitError("the process dies after the commit")
