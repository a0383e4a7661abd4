"""Begin, publish, subscribe, follow: a database, and two of them over one store."""

import asyncio
import inspect
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from reactive.engine.database import Database
from reactive.errors import ConflictError, OutOfRetentionError, StorageError
from reactive.limits import DEFAULT_LIMITS
from reactive.storage.memory import MemoryStore
from reactive.testing.clock import ManualClock
from reactive.testing.faults import FaultyStore
from reactive.testing.store_checks import stop
from reactive.values.document import Receipt
from reactive.values.keys import encode_part
from reactive.values.ranges import ReadSet, single_key, whole_index
from tests.engine.harness import (
    Watcher,
    by_a,
    equal_to,
    opened,
    put,
    read,
    reads_of,
    scan,
    settle,
    table_of,
    write,
)

SHORT = replace(DEFAULT_LIMITS, log_entries_max=3)


@pytest.fixture
async def other(store: FaultyStore, database: Database) -> AsyncIterator[Database]:
    """Another process, as it were, on the same store."""
    async with opened(store) as other:
        yield other


async def commit(database: Database, name: str, a: float | None = 1.0) -> int:
    """Replaces a document by one with this value, or deletes it."""
    transaction = database.begin()
    await write(transaction, table_of(database), name, None if a is None else {"a": a})
    return await database.commit(transaction)


def everything(database: Database) -> ReadSet:
    return reads_of(whole_index(by_a(database).number))


async def follow_for_a_while(database: Database) -> None:
    """Follows until there is nothing more to follow."""
    following = asyncio.create_task(database.follow())
    await settle()
    assert not following.done()
    await stop(following)


# --- Transactions ---


async def test_begins_on_the_newest_commit(database: Database) -> None:
    ts = await commit(database, "x", 1.0)
    assert ts == database.head == database.begin().begin_ts
    assert await read(database.begin(), table_of(database), "x") == {"a": 1.0}


async def test_begins_on_an_older_commit(database: Database) -> None:
    first = await commit(database, "x", 1.0)
    await commit(database, "x", 2.0)
    past = database.begin(first)
    assert first == past.begin_ts
    assert await read(past, table_of(database), "x") == {"a": 1.0}


async def test_a_transaction_stays_on_its_snapshot(database: Database) -> None:
    await commit(database, "x", 1.0)
    held = database.begin()
    await commit(database, "x", 2.0)
    await commit(database, "y", 0.0)
    assert await read(held, table_of(database), "x") == {"a": 1.0}
    assert await scan(held, table_of(database), by_a(database)) == ["x"]


async def test_a_past_that_is_forgotten_is_refused() -> None:
    async with opened(MemoryStore(SHORT), limits=SHORT) as database:
        first = await commit(database, "x", 1.0)
        for n in range(5):
            await commit(database, "x", float(n))
        with pytest.raises(OutOfRetentionError):
            await read(database.begin(first), table_of(database), "x")


async def test_creation_times_start_at_the_clock(store: FaultyStore) -> None:
    clock = ManualClock(5_000_000)
    async with opened(store, clock=clock) as database:
        created = database.begin().next_creation_time()
        assert created > 5.0
        assert created == pytest.approx(5.0)


async def test_creation_times_grow_while_the_clock_does_not(store: FaultyStore) -> None:
    clock = ManualClock(1_700_000_000 * 10**9)
    created = []
    async with opened(store, clock=clock) as database:
        for n in range(4):
            transaction = database.begin()
            created.append(transaction.next_creation_time())
            await write(transaction, table_of(database), f"x{n}", {"a": 1.0})
            await database.commit(transaction)
            if n == 1:
                clock.set_wall(1_600_000_000 * 10**9)
    # The next process knows of no document's time, but of the newest commit's.
    async with opened(store, clock=clock) as database:
        created.append(database.begin().next_creation_time())
    assert created[:4] == sorted(set(created[:4]))
    assert created[4] > 1_700_000_000_000


async def test_a_refused_commit_is_raised(database: Database, store: FaultyStore) -> None:
    store.fail("commit", "before", StorageError("full"))
    with pytest.raises(StorageError, match="full"):
        await commit(database, "x")
    assert await commit(database, "x") == database.head


# --- The one door ---


def test_publishing_and_subscribing_cannot_be_interrupted() -> None:
    """Neither waits, so nobody can see the log moved and the subscribers not yet told."""
    for method in (Database.publish, Database.subscribe, Database.unsubscribe, Database.begin):
        assert not inspect.iscoroutinefunction(method)
        assert not inspect.isgeneratorfunction(method)


async def test_a_subscriber_is_told_once(database: Database) -> None:
    watcher = Watcher()
    assert database.subscribe(watcher, everything(database), database.head) is None
    assert database.subscriptions == 1
    first = await commit(database, "x", 1.0)
    await commit(database, "x", 2.0)
    assert [first] == watcher.told
    assert database.subscriptions == 0


async def test_a_subscriber_is_told_of_what_it_read_only(database: Database) -> None:
    ones, twos, x = Watcher(), Watcher(), Watcher()
    index, by_id = by_a(database), table_of(database).by_id.number
    database.subscribe(ones, reads_of(equal_to(index, 1.0)), database.head)
    database.subscribe(twos, reads_of(equal_to(index, 2.0)), database.head)
    database.subscribe(x, reads_of(single_key(by_id, encode_part("x"))), database.head)
    first = await commit(database, "y", 1.0)
    assert [[first], [], []] == [each.told for each in (ones, twos, x)]
    second = await commit(database, "y", 2.0)
    third = await commit(database, "x", 3.0)
    assert [[first], [second], [third]] == [each.told for each in (ones, twos, x)]


async def test_whoever_leaves_is_not_told(database: Database) -> None:
    watcher = Watcher()
    database.subscribe(watcher, everything(database), database.head)
    database.unsubscribe(watcher)
    database.unsubscribe(watcher)
    await commit(database, "x")
    assert watcher.told == []


async def test_a_subscriber_that_comes_back_while_it_is_told(database: Database) -> None:
    """It has to be filed anew, not told again of what it has just heard."""

    class Eager(Watcher):
        def invalidated(self, ts: int) -> None:
            super().invalidated(ts)
            assert ts == database.head
            assert database.subscribe(self, everything(database), database.head) is None

    eager = Eager()
    database.subscribe(eager, everything(database), database.head)
    stamps = [await commit(database, "x", float(n)) for n in range(3)]
    assert stamps == eager.told


async def test_reading_before_a_commit_and_subscribing_after_it(database: Database) -> None:
    """The gap in which updates get lost."""
    at = database.head
    changed = await commit(database, "x", 1.0)
    unchanged = await commit(database, "y", 2.0)
    late, fine = Watcher(), Watcher()
    ones = reads_of(equal_to(by_a(database), 1.0))
    assert changed == database.subscribe(late, ones, at)
    assert database.subscriptions == 0
    assert database.subscribe(fine, ones, changed) is None
    await commit(database, "z", 2.0)
    assert [] == late.told == fine.told
    again = await commit(database, "x", 5.0)
    assert [again] == fine.told
    assert late.told == []
    assert changed < unchanged


async def test_subscribing_to_what_the_log_has_forgotten() -> None:
    async with opened(MemoryStore(SHORT), limits=SHORT) as database:
        at = database.head
        for n in range(5):
            await commit(database, "x", float(n))
        watcher = Watcher()
        nothing = reads_of(equal_to(by_a(database), "nothing"))
        assert database.subscribe(watcher, nothing, at) is not None
        assert database.subscriptions == 0
        assert database.subscribe(watcher, nothing, database.head) is None


async def test_filing_again_replaces(database: Database) -> None:
    watcher, index = Watcher(), by_a(database)
    database.subscribe(watcher, reads_of(equal_to(index, 1.0)), database.head)
    database.subscribe(watcher, reads_of(equal_to(index, 2.0)), database.head)
    await commit(database, "x", 1.0)
    assert watcher.told == []
    assert [await commit(database, "x", 2.0)] == watcher.told


@pytest.mark.parametrize("others", [1, 100, 2_000])
async def test_a_commit_probes_as_many_places_whoever_listens(others: int) -> None:
    async with opened(MemoryStore()) as database:
        index, watchers = by_a(database), [Watcher() for _ in range(others)]
        for n, watcher in enumerate(watchers):
            database.subscribe(watcher, reads_of(equal_to(index, float(n))), database.head)
        ts = await commit(database, "x", 0.0)
        assert database.probes == 1
        assert [ts] == watchers[0].told
        assert others - 1 == database.subscriptions


# --- Commits made elsewhere ---


async def test_following_tells_of_commits_made_elsewhere(
    database: Database, other: Database
) -> None:
    watcher = Watcher()
    following = asyncio.create_task(other.follow())
    other.subscribe(watcher, everything(other), other.head)
    first = await commit(database, "x", 1.0)
    await settle()
    assert (first, [first]) == (other.head, watcher.told)
    assert await read(other.begin(), table_of(other), "x") == {"a": 1.0}
    second = await commit(database, "x", 2.0)
    await settle()
    assert (second, 2) == (other.head, other.commits)
    await stop(following)


async def test_receipts_are_told_of_wherever_they_were_made(
    database: Database, other: Database
) -> None:
    told: list[tuple[Database, Receipt, int]] = []
    for each in (database, other):
        each.on_receipt = lambda receipt, ts, each=each: told.append((each, receipt, ts))
    receipt = Receipt("ann", 1, b"null", b"[]")
    transaction = database.begin()
    transaction.receipt = receipt
    ts = await database.commit(transaction)
    assert [(database, receipt, ts)] == told
    await commit(database, "x", 1.0)
    await follow_for_a_while(other)
    assert [(database, receipt, ts), (other, receipt, ts)] == told


async def test_following_begins_where_one_is(database: Database, other: Database) -> None:
    stamps = [await commit(database, "x", float(n)) for n in range(3)]
    assert stamps[-1] > other.head
    await follow_for_a_while(other)
    assert (stamps[-1], 3) == (other.head, other.commits)


async def test_both_follow(database: Database, other: Database) -> None:
    tasks = [asyncio.create_task(each.follow()) for each in (database, other)]
    for n in range(10):
        await commit((database, other)[n % 2], "x", float(n))
        await settle()
    assert database.head == other.head
    assert (database.commits, other.commits) == (10, 10)
    for task in tasks:
        await stop(task)


@pytest.mark.parametrize("place", ["append", "commit"])
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_what_one_commits_oneself_is_published_once(
    database: Database, store: FaultyStore, place: str, moment: str
) -> None:
    """Also when one hears of it from the store before one hears of it from the slot."""
    following = asyncio.create_task(database.follow())
    await settle()
    pause = store.pause(place, moment)  # type: ignore[arg-type]
    committing = asyncio.create_task(commit(database, "x", 1.0))
    await pause.reached()
    await settle()
    watcher = Watcher()
    database.subscribe(watcher, everything(database), database.head)
    subscribed_at = database.head
    pause.release()
    ts = await committing
    assert database.commits == 1
    assert ts == database.head
    # Told exactly if the commit came after what it had read.
    assert ([] if subscribed_at == ts else [ts]) == watcher.told
    await stop(following)


async def test_a_commit_catches_up_first(database: Database, other: Database) -> None:
    watcher = Watcher()
    other.subscribe(watcher, everything(other), other.head)
    first = await commit(database, "x", 1.0)
    assert watcher.told == []
    second = await commit(other, "y", 2.0)
    assert first < second
    assert [first] == watcher.told
    assert (second, 2) == (other.head, other.commits)
    assert await read(other.begin(), table_of(other), "x") == {"a": 1.0}
    # Work that runs in the slot builds on what was committed elsewhere.
    third = await commit(database, "z", 3.0)
    job = put(table_of(other), "z", None)
    other.submit(job)
    await settle()
    assert third < job.ts
    assert await read(other.begin(), table_of(other), "z") is None


async def test_a_conflict_with_a_commit_made_elsewhere(database: Database, other: Database) -> None:
    mine, fine = other.begin(), other.begin()
    await write(mine, table_of(other), "x", {"a": 2.0})
    await write(fine, table_of(other), "y", {"a": 2.0})
    await commit(database, "x", 1.0)
    with pytest.raises(ConflictError):
        await other.commit(mine)
    await other.commit(fine)
    await follow_for_a_while(database)
    assert await scan(database.begin(), table_of(database), by_a(database)) == ["x", "y"]


async def test_too_far_behind_everything_may_have_changed() -> None:
    store = MemoryStore(SHORT)
    async with opened(store, limits=SHORT) as database, opened(store, limits=SHORT) as other:
        watchers, index = [Watcher(), Watcher()], by_a(other)
        for n, watcher in enumerate(watchers):
            other.subscribe(watcher, reads_of(equal_to(index, f"nothing {n}")), other.head)
        at = other.head
        mine = other.begin()
        await write(mine, table_of(other), "unrelated", {"a": 1.0})
        stamps = [await commit(database, "x", float(n)) for n in range(5)]
        assert await store.commits_after(at) is None
        await follow_for_a_while(other)
        assert stamps[-1] == other.head
        assert [stamps[-1:], stamps[-1:]] == [watcher.told for watcher in watchers]
        assert other.subscriptions == 0
        # Nobody can slip in on what was read before, and everybody can from now on.
        late, nothing = Watcher(), reads_of(equal_to(index, "nothing"))
        assert other.subscribe(late, nothing, at) is not None
        assert other.subscribe(late, nothing, stamps[-2]) is not None
        assert other.subscribe(late, nothing, other.head) is None
        with pytest.raises(ConflictError):
            await other.commit(mine)
        assert await read(other.begin(), table_of(other), "x") == {"a": 4.0}
        await commit(other, "y", 1.0)
        await follow_for_a_while(database)
        assert database.head == other.head


async def test_too_far_behind_when_it_wants_to_commit() -> None:
    store = MemoryStore(SHORT)
    async with opened(store, limits=SHORT) as database, opened(store, limits=SHORT) as other:
        watcher = Watcher()
        other.subscribe(watcher, reads_of(equal_to(by_a(other), "nothing")), other.head)
        last = [await commit(database, "x", float(n)) for n in range(5)][-1]
        job = put(table_of(other), "y", {"a": 1.0})
        other.submit(job)
        await settle()
        assert last < job.ts == other.head
        assert [last] == watcher.told


async def test_a_store_that_stays_quiet_keeps_followers_waiting(database: Database) -> None:
    following = asyncio.create_task(database.follow())
    await settle()
    assert not following.done()
    await stop(following)
    assert following.cancelled()


async def test_opening_starts_at_the_newest_commit(store: FaultyStore, database: Database) -> None:
    ts = await commit(database, "x", 1.0)
    fresh = Database(store, ManualClock(), DEFAULT_LIMITS, lambda _: None)
    assert fresh.head == 0
    await fresh.open()
    assert ts == fresh.head
    watcher = Watcher()
    # What another process read before this one began is not known to be unchanged.
    nothing = reads_of(equal_to(by_a(fresh), "nothing"))
    assert fresh.subscribe(watcher, nothing, ts - 1) is not None
    assert fresh.subscribe(watcher, nothing, ts) is None


async def test_a_database_of_nothing(database: Database) -> None:
    assert database.head == 0
    assert (database.commits, database.batches, database.subscriptions) == (0, 0, 0)
