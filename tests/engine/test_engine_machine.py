"""The engine as a whole, against a dictionary.

Transactions that overlap, works that run in the slot, another database on the same store, and
subscribers. Three promises are checked after every step:

- transactions are serialisable in the order of their timestamps: run again one after another, on a
  dictionary, each reads what it read;
- a subscriber that was not told holds what a fresh read would give;
- whoever was told had read something that changed, and was told of the first such change.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from reactive.engine.committer import Committer
from reactive.engine.database import Database
from reactive.engine.subscriptions import SubscriptionIndex
from reactive.engine.transaction import Transaction
from reactive.errors import ConflictError
from reactive.limits import DEFAULT_LIMITS
from reactive.storage.memory import MemoryStore
from reactive.testing.clock import ManualClock
from reactive.testing.documents import Fields, wire_of
from reactive.testing.store_checks import BY_A
from reactive.values.keys import encode_part, prefix_end
from reactive.values.ranges import ReadSet
from reactive.values.tables import TableDefinition
from reactive.values.timestamp import Timestamp
from tests.engine.harness import Fatal, Job, Prepared, Watcher, read, scan, write

T = TypeVar("T")
State = dict[str, Fields]
IDS = "pqr"

fields = st.fixed_dictionaries({}, optional={"a": st.sampled_from([0.0, 1.0, 2.0, 3.0])})
bounds = st.sampled_from(
    [b"", encode_part(1.0), encode_part(2.0), prefix_end(encode_part(2.0)), prefix_end(b"")]
)


# --- What a transaction does, and what the same does to a dictionary ---


class Get(NamedTuple):
    name: str


class Scan(NamedTuple):
    lower: bytes
    upper: bytes
    descending: bool
    limit: int


class Put(NamedTuple):
    name: str
    after: Fields | None


class Nested(NamedTuple):
    """Writes that are taken back, as those of a nested call that failed."""

    puts: tuple[Put, ...]


Query = Get | Scan
Step = Get | Scan | Put | Nested

queries: st.SearchStrategy[Query] = st.one_of(
    st.builds(Get, st.sampled_from(IDS)),
    st.builds(Scan, bounds, bounds, st.booleans(), st.sampled_from([1, 2, 100])),
)
puts = st.builds(Put, st.sampled_from(IDS), st.none() | fields)
steps: st.SearchStrategy[Step] = st.one_of(
    queries, puts, puts, st.builds(Nested, st.lists(puts, min_size=1, max_size=2).map(tuple))
)


async def perform(transaction: Transaction, table: TableDefinition, step: Step) -> object:
    """Does the step in a transaction, and gives what was read."""
    match step:
        case Get(name):
            return await read(transaction, table, name)
        case Scan(lower, upper, descending, limit):
            return await scan(
                transaction,
                table,
                table.indexes[2],
                lower=lower,
                upper=upper,
                descending=descending,
                limit=limit,
            )
        case Put(name, after):
            await write(transaction, table, name, after)
            return None
        case Nested(inner):
            mark = transaction.savepoint()
            for each in inner:
                await perform(transaction, table, each)
            transaction.rollback_to(mark)
            return None


def simulate(state: State, table: TableDefinition, step: Step) -> object:
    """Does the step to the dictionary, and gives what was read."""
    match step:
        case Get(name):
            return state.get(name)
        case Scan(lower, upper, descending, limit):
            keys = {name: key_of(table, name, each) for name, each in state.items()}
            found = sorted(
                (name for name, key in keys.items() if lower <= key < upper),
                key=lambda name: keys[name],
                reverse=descending,
            )
            return found[:limit]
        case Put(name, after):
            state.pop(name, None)
            if after is not None:
                state[name] = after
            return None
        case Nested():
            return None


def key_of(table: TableDefinition, name: str, each: Fields) -> bytes:
    return table.keys(wire_of(name, each))[2].joined


class Change(NamedTuple):
    """The documents that one commit wrote: as they were, and as they became.

    One that was written back as it was counts, as it does to the engine.
    """

    ts: Timestamp
    before: State
    after: State

    def touches(self, table: TableDefinition, reads: ReadSet) -> bool:
        """Whether it changed something in the ranges, found by looking at all of them."""
        return any(
            each.contains(index.number, key.joined)
            for versions in (self.before, self.after)
            for name, version in versions.items()
            for index, key in zip(table.indexes, table.keys(wire_of(name, version)), strict=True)
            for each in reads
        )


@dataclass
class Open:
    """A transaction under way, with all that it did and read."""

    database: Database
    transaction: Transaction
    done: list[tuple[Step, object]] = field(default_factory=list)

    @property
    def written(self) -> set[str]:
        return {step.name for step, _ in self.done if isinstance(step, Put)}


@dataclass
class Held:
    """A subscriber, and what it holds."""

    watcher: Watcher
    query: Query
    reads: ReadSet
    result: object
    expected: list[Timestamp] = field(default_factory=list)


class EngineMachine(RuleBasedStateMachine):
    """Two databases over one store; `database` has the subscribers, `other` is another process."""

    database_class: type[Database] = Database

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        store, self.clock, self.fatal = MemoryStore(), ManualClock(), Fatal()
        self.database = self.database_class(store, self.clock, DEFAULT_LIMITS, self.fatal)
        self.other = Database(store, self.clock, DEFAULT_LIMITS, self.fatal)
        for each in (self.database, self.other):
            self.run(each.open())
        self.run(self.database.define([BY_A]))
        self.table = store.table("items")
        self.states: dict[Timestamp, State] = {0: {}}
        self.changes: list[Change] = []
        self.told = 0  # how many of the changes `database` has published
        self.open: list[Open] = []
        self.held: list[Held] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.runner.close()

    def state_at(self, ts: Timestamp) -> State:
        return dict(self.states[max(known for known in self.states if known <= ts)])

    # --- Transactions that are prepared outside of the slot ---

    @precondition(lambda self: len(self.open) < 2)
    @rule(elsewhere=st.booleans(), planned=st.lists(steps, min_size=1, max_size=3))
    def begin(self, elsewhere: bool, planned: list[Step]) -> None:
        database = self.other if elsewhere else self.database
        self.open.append(Open(database, database.begin()))
        for step in planned:
            self.perform(self.open[-1], step)

    @precondition(lambda self: self.open)
    @rule(newest=st.booleans(), step=steps)
    def go_on(self, newest: bool, step: Step) -> None:
        self.perform(self.open[-1 if newest else 0], step)

    def perform(self, current: Open, step: Step) -> None:
        found = self.run(perform(current.transaction, self.table, step))
        current.done.append((step, found))
        self.replay(current, self.state_at(current.transaction.begin_ts))

    @precondition(lambda self: self.open)
    @precondition(lambda self: self.open)
    @rule(newest=st.booleans(), ahead=st.lists(puts, max_size=2))
    def commit(self, newest: bool, ahead: list[Step]) -> None:
        current = self.open.pop(-1 if newest else 0)
        self.commit_together(current.database, [current], [ahead] if ahead else [])

    @precondition(lambda self: len(self.open) == 2)
    @rule(jobs=st.lists(st.lists(steps, min_size=1, max_size=3), max_size=2))
    def commit_both(self, jobs: list[list[Step]]) -> None:
        both, self.open = self.open, []
        # Those of the other process go through their own slot.
        mine = [each for each in both if each.database is self.database]
        self.commit_together(self.other, [each for each in both if each not in mine], [])
        self.commit_together(self.database, mine, jobs)

    # --- Works that run in the slot ---

    @rule(
        jobs=st.lists(st.lists(steps, min_size=1, max_size=4), min_size=1, max_size=3),
        passed_ns=st.sampled_from([0, -10, 1_000]),
    )
    def mutate(self, jobs: list[list[Step]], passed_ns: int) -> None:
        self.clock.set_wall(self.clock.now_ns() + passed_ns)
        self.commit_together(self.database, [], jobs)

    @rule(job=st.lists(puts, min_size=1, max_size=2))
    def mutate_elsewhere(self, job: list[Step]) -> None:
        self.commit_together(self.other, [], [job])

    @rule()
    def follow(self) -> None:
        self.run(_follow_for_a_while(self.database))
        self.run(_follow_for_a_while(self.other))

    def commit_together(
        self, database: Database, prepared: list[Open], jobs: list[list[Step]]
    ) -> None:
        """Hands all in within one turn of the loop; then plays them again on the dictionary."""
        works = [self.job(database, each) for each in jobs]
        works += [(Prepared(each.transaction), each) for each in prepared]
        self.run(_submit(database, [job for job, _ in works]))
        for job, done in works:
            (end,) = job.ends
            if isinstance(end, ConflictError):
                self.conflicted(done)
            else:
                self.committed(job.ts, done)

    def job(self, database: Database, planned: list[Step]) -> tuple[Job, Open]:
        async def do(transaction: Transaction) -> None:
            current.transaction = transaction
            for step in planned:
                current.done.append((step, await perform(transaction, self.table, step)))

        current = Open(database, database.begin())
        return Job(do), current

    def committed(self, ts: Timestamp, done: Open) -> None:
        if done.transaction.is_empty:
            # One that only read is as good as run at its snapshot.
            self.replay(done, self.state_at(done.transaction.begin_ts))
            return
        assert ts > max(self.states)
        before = self.state_at(ts)
        after = self.replay(done, dict(before))
        written = done.written
        self.states[ts] = after
        self.changes.append(
            Change(
                ts,
                {name: each for name, each in before.items() if name in written},
                {name: each for name, each in after.items() if name in written},
            )
        )

    def conflicted(self, done: Open) -> None:
        """It had to be refused: what it read was changed after its snapshot."""
        transaction = done.transaction
        assert any(
            change.ts > transaction.begin_ts and change.touches(self.table, transaction.reads)
            for change in self.changes
        )

    def replay(self, done: Open, state: State) -> State:
        for step, found in done.done:
            assert simulate(state, self.table, step) == found
        return state

    # --- Subscribers ---

    @rule(query=queries, back=st.integers(0, 2))
    def subscribe(self, query: Query, back: int) -> None:
        known = sorted(ts for ts in self.states if ts <= self.database.head)
        at = known[max(0, len(known) - 1 - back)] if back else self.database.head
        transaction = self.database.begin(at)
        result = self.run(perform(transaction, self.table, query))
        assert simulate(self.state_at(at), self.table, query) == result
        missed = [
            change.ts
            for change in self.changes
            if at < change.ts <= self.database.head
            and change.touches(self.table, transaction.reads)
        ]
        held = Held(Watcher(), query, transaction.reads, result)
        first = self.database.subscribe(held.watcher, held.reads, at)
        assert (missed[0] if missed else None) == first
        if first is None:
            self.held.append(held)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def unsubscribe(self, data: st.DataObject) -> None:
        held = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        self.database.unsubscribe(held.watcher)

    @invariant()
    def exactly_those_are_told_whom_a_commit_concerns(self) -> None:
        while self.told < len(self.changes) and self.changes[self.told].ts <= self.database.head:
            change = self.changes[self.told]
            self.told += 1
            for held in self.held:
                if not held.expected and change.touches(self.table, held.reads):
                    held.expected.append(change.ts)
        for held in self.held:
            assert held.expected == held.watcher.told
        self.held = [held for held in self.held if not held.expected]
        assert len(self.held) == self.database.subscriptions

    @invariant()
    def who_was_not_told_holds_the_truth(self) -> None:
        now = self.state_at(self.database.head)
        for held in self.held:
            assert simulate(now, self.table, held.query) == held.result
            fresh = self.run(perform(self.database.begin(), self.table, held.query))
            assert fresh == held.result

    @invariant()
    def nothing_was_fatal(self) -> None:
        assert self.fatal.errors == []


async def _submit(database: Database, works: list[Job]) -> None:
    for work in works:
        database.submit(work)
    # The store is in memory, so that the batch is through within the next turn.
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def _follow_for_a_while(database: Database) -> None:
    following = asyncio.create_task(database.follow())
    for _ in range(5):
        await asyncio.sleep(0)
    following.cancel()
    await asyncio.wait([following])


TestEngineMachine = EngineMachine.TestCase
TestEngineMachine.settings = settings(max_examples=100, stateful_step_count=30)


# --- The machine sees what it is there to see ---

Plant = Callable[[pytest.MonkeyPatch], None]


def never_conflicts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Committer, "_conflict", lambda *_: None)


def always_conflicts(monkeypatch: pytest.MonkeyPatch) -> None:
    def conflict(self: Committer, transaction: Transaction, ahead: Any) -> Any:
        return ConflictError("to be on the safe side")

    monkeypatch.setattr(Committer, "_conflict", conflict)


def forgets_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is ahead in the same batch is not looked at."""
    original = Committer._conflict

    def conflict(self: Committer, transaction: Transaction, ahead: Any) -> Any:
        return original(self, transaction, [])

    monkeypatch.setattr(Committer, "_conflict", conflict)


def subscribes_without_asking_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    def subscribe(self: Database, subscriber: Any, reads: ReadSet, at: Timestamp) -> None:
        self._subscriptions.add(subscriber, reads)

    monkeypatch.setattr(Database, "subscribe", subscribe)


def tells_nobody_of_deletes(monkeypatch: pytest.MonkeyPatch) -> None:
    original = SubscriptionIndex.touched

    def touched(self: SubscriptionIndex[Any], entry: Any) -> set[Any]:
        if any(revision.after is None for revision in entry.revisions):
            return set()
        return original(self, entry)

    monkeypatch.setattr(SubscriptionIndex, "touched", touched)


def tells_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SubscriptionIndex, "touched", lambda self, entry: set(self._reads))


def scans_without_own_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def careless(
        self: Transaction, table: Any, index: Any, lower: bytes, upper: bytes, **rest: Any
    ) -> Any:
        return await self.snapshot.scan(index, lower, upper, **rest)

    monkeypatch.setattr(Transaction, "scan", careless)


def never_rolls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Transaction, "rollback_to", lambda self, mark: None)


@pytest.mark.parametrize(
    "plant",
    [
        never_conflicts,
        always_conflicts,
        forgets_the_batch,
        subscribes_without_asking_the_log,
        tells_nobody_of_deletes,
        tells_everybody,
        scans_without_own_writes,
        never_rolls_back,
    ],
)
def test_the_machine_notices(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            EngineMachine,
            settings=settings(
                max_examples=500, stateful_step_count=30, phases=[Phase.generate], database=None
            ),
        )
