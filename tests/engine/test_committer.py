"""Who stamps commits: in batches, one after another, each of them whole or not at all."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from reactive.engine.database import Database
from reactive.engine.transaction import Transaction
from reactive.errors import (
    ConflictError,
    OverloadedError,
    ReactiveError,
    StorageError,
    UncertainCommitError,
)
from reactive.limits import DEFAULT_LIMITS
from reactive.storage.memory import MemoryStore
from reactive.testing.clock import ManualClock
from reactive.testing.documents import document
from reactive.testing.faults import FaultyStore, Moment, Place
from reactive.testing.store_checks import stays_pending
from reactive.values.keys import encode_part
from reactive.values.ranges import whole_index
from tests.engine.harness import (
    SECOND,
    Fatal,
    Job,
    Prepared,
    Watcher,
    by_a,
    fields_of,
    increment,
    opened,
    put,
    read,
    reads_of,
    run,
    scan,
    settle,
    table_of,
    write,
)

INTERVAL_S = DEFAULT_LIMITS.commit_interval_s

# --- Batches ---


async def test_works_of_one_turn_share_a_batch(database: Database) -> None:
    jobs = [increment(table_of(database), "x") for _ in range(50)]
    await run(database, *jobs)
    assert (database.batches, database.commits) == (1, 50)
    assert await fields_of(database, "x") == {"a": 50.0}
    assert all(one.ts < other.ts for one, other in pairwise(jobs))
    assert jobs[-1].ts == database.head


async def test_works_of_the_next_turn_have_a_batch_of_their_own(database: Database) -> None:
    await run(database, increment(table_of(database), "x"))
    await run(database, increment(table_of(database), "x"))
    assert (database.batches, database.commits) == (2, 2)


async def test_work_that_is_alone_waits_for_nobody(database: Database) -> None:
    first, second = (increment(table_of(database), "x") for _ in range(2))
    database.submit(first)
    await asyncio.sleep(0)
    assert first.ts == database.head
    database.submit(second)
    await asyncio.sleep(0)
    assert second.ts == database.head
    assert database.batches == 2


async def test_batch_that_is_full_waits_for_nobody() -> None:
    limits = replace(DEFAULT_LIMITS, commit_batch_max=4)
    async with opened(MemoryStore(), limits=limits) as database:
        jobs = [increment(table_of(database), "x") for _ in range(4)]
        for job in jobs:
            database.submit(job)
        await asyncio.sleep(0)
        assert jobs[3].ts == database.head


# --- Company ---


def sent_by(database: Database, clients: str) -> list[Job]:
    """Queues a work of each of these clients."""
    jobs = []
    for client in clients:
        job = increment(table_of(database), "x")
        job.client = client
        database.submit(job)
        jobs.append(job)
    return jobs


async def test_clients_who_shared_a_commit_are_waited_for(database: Database) -> None:
    sent_by(database, "abc")
    await settle()
    first, second = sent_by(database, "ab")
    await settle()
    assert (first.runs, second.runs) == (0, 0)

    (third,) = sent_by(database, "c")
    await settle()

    assert first.ts < second.ts < third.ts == database.head
    assert (database.batches, database.commits) == (2, 6)


@pytest.mark.parametrize("before", ["ab", "aab"])
async def test_nobody_is_waited_for_longer_than_the_interval(
    database: Database, clock: ManualClock, before: str
) -> None:
    sent_by(database, before)
    await settle()
    clock.advance(INTERVAL_S / 2)
    (job,) = sent_by(database, "a")
    await settle()
    clock.advance(INTERVAL_S / 2 - 1e-6)
    await settle()
    assert job.runs == 0

    clock.advance(1e-6)
    await settle()

    assert job.ts == database.head


async def test_commits_that_come_seldom_wait_for_nobody(
    database: Database, clock: ManualClock
) -> None:
    sent_by(database, "ab")
    await settle()
    clock.advance(INTERVAL_S)
    (job,) = sent_by(database, "a")
    await settle()
    assert job.ts == database.head


async def test_who_writes_alone_or_in_turns_is_not_slowed_down(database: Database) -> None:
    for client in ("a", "a", "b", "a", "bb", "b", "a"):
        jobs = sent_by(database, client)
        await settle()
        assert jobs[-1].ts == database.head


async def test_more_may_come_of_who_does_not_wait_for_answers(
    database: Database, clock: ManualClock
) -> None:
    sent_by(database, "aab")
    await settle()
    jobs = sent_by(database, "ab")
    await settle()
    jobs += sent_by(database, "a")
    assert [job.runs for job in jobs] == [0, 0, 0]

    clock.advance(INTERVAL_S)
    await settle()

    assert jobs[-1].ts == database.head
    assert (database.batches, database.commits) == (2, 6)


async def test_enough_works_wait_for_nobody(database: Database) -> None:
    sent_by(database, "aab")
    await settle()
    few = sent_by(database, "a" * (DEFAULT_LIMITS.commit_company_max - 1))
    await settle()
    assert few[0].runs == 0

    (last,) = sent_by(database, "a")
    await settle()

    assert few[0].ts < last.ts == database.head
    assert database.batches == 2


async def test_the_servers_own_works_are_not_waited_for(database: Database) -> None:
    sent_by(database, "a")
    database.submit(increment(table_of(database), "x"))
    await settle()
    (job,) = sent_by(database, "b")
    await settle()
    assert job.ts == database.head
    assert database.batches == 2


async def test_the_servers_own_works_wait_for_nobody(database: Database) -> None:
    sent_by(database, "ab")
    await settle()
    (waiting,) = sent_by(database, "a")
    await settle()
    own = increment(table_of(database), "x")
    await run(database, own)
    await settle()
    assert waiting.ts < own.ts == database.head
    assert database.batches == 2


async def test_what_waits_is_committed_when_the_database_closes() -> None:
    async with opened(MemoryStore()) as database:
        sent_by(database, "ab")
        await settle()
        (job,) = sent_by(database, "a")
        await settle()
        assert job.runs == 0
    assert job.ts == database.head


# --- Batches and the slot ---


async def test_works_that_come_during_a_commit_share_the_next_batch(
    database: Database, store: FaultyStore
) -> None:
    pause = store.pause("commit", "after")
    first = increment(table_of(database), "x")
    await run(database, first)
    await pause.reached()
    later = [increment(table_of(database), "x") for _ in range(10)]
    for job in later:
        await run(database, job)
    assert [] == first.ends == later[0].ends
    assert [job.runs for job in later] == [0] * 10
    pause.release()
    await settle()
    assert await fields_of(database, "x") == {"a": 11.0}
    assert (database.batches, database.commits) == (2, 11)
    assert first.ts < later[0].ts


async def test_a_batch_is_bounded() -> None:
    limits = replace(DEFAULT_LIMITS, commit_batch_max=4)
    async with opened(MemoryStore(), limits=limits) as database:
        jobs = [increment(table_of(database), "x") for _ in range(10)]
        await run(database, *jobs)
        assert database.batches == 3
        assert await fields_of(database, "x") == {"a": 10.0}
        assert sorted(job.ts for job in jobs) == [job.ts for job in jobs]


async def test_the_queue_is_bounded(store: FaultyStore) -> None:
    limits = replace(DEFAULT_LIMITS, commit_queue_max=3)
    async with opened(store, limits=limits) as database:
        pause = store.pause("slot", "after")
        jobs = [increment(table_of(database), "x") for _ in range(4)]
        await run(database, jobs[0])
        for job in jobs[1:]:
            database.submit(job)
        refused = increment(table_of(database), "x")
        with pytest.raises(OverloadedError) as raised:
            database.submit(refused)
        assert raised.value.code == "CommitterFullError"
        pause.release()
        await settle()
        assert await fields_of(database, "x") == {"a": 4.0}
        assert refused.runs == 0
        await run(database, increment(table_of(database), "x"))
        assert await fields_of(database, "x") == {"a": 5.0}


async def test_what_was_let_in_once_is_not_refused_again(store: FaultyStore) -> None:
    limits = replace(DEFAULT_LIMITS, commit_queue_max=1)
    async with opened(store, limits=limits) as database:
        pause = store.pause("slot", "after")
        first, second, third = (increment(table_of(database), "x") for _ in range(3))
        await run(database, first)
        database.submit(second)
        with pytest.raises(OverloadedError):
            database.submit(third)
        database.requeue(third)
        pause.release()
        await settle()
        assert await fields_of(database, "x") == {"a": 3.0}
        assert second.ts < third.ts


async def test_a_work_sees_those_before_it_and_not_those_after(database: Database) -> None:
    seen: list[object] = []

    async def look(transaction: Transaction) -> None:
        seen.append(await read(transaction, table_of(database), "x"))
        seen.append(await scan(transaction, table_of(database), by_a(database)))

    table = table_of(database)
    await run(database, Job(look), put(table, "x", {"a": 1.0}), Job(look), put(table, "x", None))
    assert seen == [None, [], {"a": 1.0}, ["x"]]


async def test_a_work_that_waits_holds_up_those_behind_it(database: Database) -> None:
    gate = asyncio.Event()

    async def wait(transaction: Transaction) -> None:
        await gate.wait()
        await write(transaction, table_of(database), "x", {"a": 10.0})

    waiting, behind = Job(wait), increment(table_of(database), "x")
    await run(database, waiting, behind)
    assert (waiting.runs, behind.runs) == (1, 0)
    gate.set()
    await settle()
    assert await fields_of(database, "x") == {"a": 11.0}
    assert waiting.ts < behind.ts
    assert database.batches == 1


async def test_a_work_that_submits_another_one_when_it_ends(database: Database) -> None:
    table = table_of(database)

    class Chain(Job):
        def __init__(self, length: int) -> None:
            super().__init__(self.put)
            self.length = length

        async def put(self, transaction: Transaction) -> None:
            await write(transaction, table, "x", {"a": 1.0 * self.length})

        def committed(self, ts: int) -> None:
            super().committed(ts)
            if self.length:
                database.submit(Chain(self.length - 1))

    await run(database, Chain(3))
    await settle()
    assert await fields_of(database, "x") == {"a": 0.0}
    assert database.batches == 4


# --- Nothing to commit ---


async def test_a_work_with_nothing_to_commit_costs_no_batch(database: Database) -> None:
    class Undecided(Job):
        async def run(self, begin: Callable[[], Transaction]) -> Transaction | None:
            await super().run(begin)
            return None

    async def look(transaction: Transaction) -> None:
        await scan(transaction, table_of(database), by_a(database))

    await run(database, put(table_of(database), "x", {"a": 1.0}))
    before = (database.head, database.batches, database.commits)
    reader, undecided = Job(look), Undecided(look)
    await run(database, undecided, reader)
    assert before == (database.head, database.batches, database.commits)
    assert undecided.ends == []
    assert database.head == reader.ts


async def test_a_reader_in_a_batch_ends_with_what_it_saw(database: Database) -> None:
    async def look(transaction: Transaction) -> None:
        assert await read(transaction, table_of(database), "x") == {"a": 1.0}

    writer, reader = put(table_of(database), "x", {"a": 1.0}), Job(look)
    await run(database, writer, reader)
    assert writer.ts == reader.ts


async def test_a_reader_that_was_prepared_never_conflicts(database: Database) -> None:
    reader = database.begin()
    assert await read(reader, table_of(database), "x") is None
    await run(database, put(table_of(database), "x", {"a": 1.0}))
    prepared = Prepared(reader)
    await run(database, prepared)
    assert prepared.ts >= reader.begin_ts


# --- Stamps ---


async def test_stamps_are_the_clocks_and_always_grow(
    database: Database, clock: ManualClock
) -> None:
    table, stamps, start = table_of(database), [], clock.now_ns()
    for move in (0, 5, 0, -100, -3, 50, 10**6):
        clock.set_wall(clock.now_ns() + move)
        jobs = [increment(table, "x"), increment(table, "x")]
        await run(database, *jobs)
        stamps += [job.ts for job in jobs]
    assert all(one < other for one, other in pairwise(stamps))
    # The clock's own time where it was ahead, and the next free number where it was not.
    assert [start, start + 1, start + 5, start + 6, start + 7, start + 8] == stamps[:6]
    assert [clock.now_ns(), clock.now_ns() + 1] == stamps[-2:]


async def test_stamps_grow_over_reopening(clock: ManualClock) -> None:
    store = MemoryStore()
    async with opened(store, clock=clock) as database:
        await run(database, increment(table_of(database), "x"))
        head = database.head
    clock.set_wall(clock.now_ns() - 3600 * SECOND)
    async with opened(store, clock=clock) as database:
        assert head == database.head
        await run(database, increment(table_of(database), "x"))
        assert head + 1 == database.head


# --- A store that refuses ---


@pytest.mark.parametrize(
    ("place", "moment", "passing"),
    [
        ("slot", "before", 0),
        ("slot", "after", 0),
        ("append", "before", 0),
        ("append", "before", 2),
        ("append", "after", 1),
        ("append", "after", 3),
        ("commit", "before", 0),
    ],
)
async def test_a_refusal_fails_the_whole_batch_and_no_other(
    database: Database, store: FaultyStore, place: Place, moment: Moment, passing: int
) -> None:
    table = table_of(database)
    await run(database, put(table, "x", {"a": 1.0}))
    head, watcher = database.head, Watcher()
    database.subscribe(watcher, reads_of(whole_index(by_a(database).number)), head)
    store.fail(place, moment, StorageError("the disk is full"), passing=passing)
    jobs = [increment(table, "x") for _ in range(4)]
    await run(database, *jobs)
    for job in jobs:
        assert [str(end) for end in job.ends] == ["the disk is full"]
    assert store.waiting == 0
    assert (head, 1) == (database.head, database.commits)
    assert watcher.told == []
    assert await fields_of(database, "x") == {"a": 1.0}
    more = [increment(table, "x") for _ in range(4)]
    await run(database, *more)
    assert await fields_of(database, "x") == {"a": 5.0}
    assert head < more[0].ts
    assert [more[0].ts] == watcher.told


async def test_a_refusal_is_told_once_to_those_who_had_a_conflict(
    database: Database, store: FaultyStore
) -> None:
    table = table_of(database)
    mine = database.begin()
    await write(mine, table, "x", {"a": 1.0})
    await run(database, put(table, "x", {"a": 5.0}))
    store.fail("commit", "before", StorageError("refused"))
    conflicting, other = Prepared(mine), put(table, "y", {"a": 1.0})
    await run(database, conflicting, other)
    assert [ConflictError] == [type(end) for end in conflicting.ends]
    assert [StorageError] == [type(end) for end in other.ends]


async def test_those_who_come_during_a_refused_batch_are_not_refused(
    database: Database, store: FaultyStore
) -> None:
    pause = store.pause("commit", "before")
    store.fail("commit", "before", StorageError("not reached yet"))
    first, second, third = (increment(table_of(database), "x") for _ in range(3))
    await run(database, first)
    await pause.reached()
    await run(database, second)
    pause.release()
    await settle()
    await run(database, third)
    assert [StorageError] == [type(end) for end in second.ends]
    assert first.ts < third.ts
    assert await fields_of(database, "x") == {"a": 2.0}


async def test_a_work_may_try_again_when_it_was_refused(
    database: Database, store: FaultyStore
) -> None:
    table = table_of(database)

    class Persistent(Job):
        def failed(self, error: ReactiveError) -> None:
            super().failed(error)
            database.submit(self)

    store.fail("append", "before", StorageError("first"))
    store.fail("commit", "before", StorageError("second"))
    job = Persistent(lambda transaction: write(transaction, table, "x", {"a": 1.0}))
    await run(database, job)
    await settle()
    assert [str(end) for end in job.ends[:2]] == ["first", "second"]
    assert [database.head] == job.ends[2:]


# --- A commit that nobody knows the outcome of ---


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_an_unknown_outcome_is_fatal(
    database: Database, store: FaultyStore, fatal: Fatal, moment: Moment
) -> None:
    """Nobody is told anything: neither answer could be true."""
    table, watcher = table_of(database), Watcher()
    database.subscribe(watcher, reads_of(whole_index(by_a(database).number)), database.head)
    head, error = database.head, UncertainCommitError("half way")
    store.fail("commit", moment, error)
    jobs = [increment(table, "x") for _ in range(3)]
    await run(database, *jobs)
    assert [error] == fatal.errors
    assert [job.ends for job in jobs] == [[], [], []]
    assert (head, 0) == (database.head, database.commits)
    assert watcher.told == []


async def test_a_restart_tells_how_an_unknown_commit_ended(
    store: FaultyStore, database: Database, fatal: Fatal
) -> None:
    store.fail("commit", "after", UncertainCommitError("half way"))
    await run(database, put(table_of(database), "x", {"a": 1.0}))
    assert len(fatal.errors) == 1
    async with opened(store) as again:
        assert await fields_of(again, "x") == {"a": 1.0}
        assert again.head > 0


# --- When one hears of it ---


async def test_a_work_ends_when_its_commit_is_known(database: Database) -> None:
    """Whoever is told of a commit can read it, and every subscriber has been told before."""
    table, watcher = table_of(database), Watcher()
    database.subscribe(watcher, reads_of(whole_index(by_a(database).number)), database.head)
    seen: list[tuple[int, int, list[int]]] = []

    class Curious(Job):
        def committed(self, ts: int) -> None:
            super().committed(ts)
            seen.append((ts, database.head, list(watcher.told)))

    jobs = [Curious(lambda transaction: write(transaction, table, "x", {})) for _ in range(3)]
    await run(database, *jobs)
    # The batch is published as a whole before the first of its works ends.
    assert [(job.ts, jobs[-1].ts, [jobs[0].ts]) for job in jobs] == seen


async def test_nobody_hears_of_a_commit_that_is_not_durable(
    database: Database, store: FaultyStore
) -> None:
    table, watcher = table_of(database), Watcher()
    database.subscribe(watcher, reads_of(whole_index(by_a(database).number)), database.head)
    before, after = store.pause("commit", "before"), store.pause("commit", "after")
    head = database.head
    job = put(table, "x", {"a": 1.0})
    await run(database, job)
    for pause in (before, after):
        await pause.reached()
        assert (head, [], []) == (database.head, job.ends, watcher.told)
        assert await fields_of(database, "x") is None
        pause.release()
        await settle()
    assert (job.ts, [job.ts]) == (database.head, watcher.told)
    assert document("x", {"a": 1.0}) == await database.store.snapshot(job.ts).get(
        table.by_id, encode_part("x")
    )


async def test_whoever_stops_waiting_does_not_stop_the_commit(
    database: Database, store: FaultyStore
) -> None:
    table, pause = table_of(database), store.pause("commit", "before")
    transaction = database.begin()
    await write(transaction, table, "x", {"a": 1.0})
    waiting = asyncio.create_task(database.commit(transaction))
    await pause.reached()
    assert await stays_pending(waiting)
    waiting.cancel()
    pause.release()
    await settle()
    assert waiting.cancelled()
    assert await fields_of(database, "x") == {"a": 1.0}
