"""A store without faults is a store, and one with faults has exactly those that were asked for."""

import asyncio
from pathlib import Path

import pytest
from typing_extensions import override

from reactive.errors import StorageError, UncertainCommitError
from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.storage.interface import Store
from reactive.storage.memory import MemoryStore
from reactive.storage.sqlite import SQLiteStore
from reactive.testing.documents import revision
from reactive.testing.faults import FaultyStore
from reactive.testing.store_checks import commit, ids, stays_pending
from reactive.testing.store_suite import DurableStoreSuite
from reactive.values.document import CommitEntry


class TestFaultyStore(DurableStoreSuite):
    @override
    def new_store(self, folder: Path, limits: Limits = DEFAULT_LIMITS) -> Store:
        path = folder / "data.sqlite3"
        return FaultyStore(SQLiteStore(path, limits, commit_in_thread=False))


@pytest.fixture
def store() -> FaultyStore:
    return FaultyStore(MemoryStore())


async def written(store: Store) -> list[str]:
    return await ids(store.snapshot(100), store.table("items").by_id)


async def write(store: Store, ts: int, *names: str) -> None:
    await commit(store, ts, *(revision(store.table("items"), name, None, {}) for name in names))


@pytest.mark.parametrize("place", ["slot", "append", "commit"])
async def test_fails_before_the_work_is_done(store: FaultyStore, place: str) -> None:
    store.fail(place, "before", StorageError("refused"))  # type: ignore[arg-type]
    with pytest.raises(StorageError, match="refused"):
        await write(store, 10, "x")
    assert await written(store) == []
    assert store.waiting == 0
    await write(store, 10, "y")
    assert await written(store) == ["y"]


async def test_fails_after_the_work_is_done(store: FaultyStore) -> None:
    store.fail("append", "after", StorageError("refused"))
    with pytest.raises(StorageError):
        await write(store, 10, "x")
    assert await written(store) == []
    store.fail("commit", "after", UncertainCommitError("who knows"))
    with pytest.raises(UncertainCommitError):
        await write(store, 10, "y")
    assert await written(store) == ["y"]


async def test_fails_at_a_later_time(store: FaultyStore) -> None:
    store.fail("append", "before", StorageError("third"), passing=2)
    await write(store, 10, "x")
    await write(store, 20, "y")
    assert store.waiting == 1
    with pytest.raises(StorageError, match="third"):
        await write(store, 30, "z")
    assert store.waiting == 0


async def test_waits(store: FaultyStore) -> None:
    before, after = store.pause("commit", "before"), store.pause("commit", "after")
    committing = asyncio.create_task(write(store, 10, "x"))
    await before.reached()
    assert await stays_pending(committing)
    assert list(await store.commits_after(0) or ()) == []
    before.release()
    await after.reached()
    assert await stays_pending(committing)
    assert [entry.ts for entry in await store.commits_after(0) or ()] == [10]
    after.release()
    await committing


async def test_a_slot_can_be_held_up(store: FaultyStore) -> None:
    pause = store.pause("slot", "after")
    first = asyncio.create_task(write(store, 10, "x"))
    await pause.reached()
    second = asyncio.create_task(write(store, 20, "y"))
    assert await stays_pending(second)
    pause.release()
    await asyncio.gather(first, second)
    assert await written(store) == ["x", "y"]


async def test_faults_strike_in_the_order_in_which_they_were_asked_for(store: FaultyStore) -> None:
    store.fail("append", "before", StorageError("first"))
    store.fail("append", "before", StorageError("second"))
    for expected in ("first", "second"):
        with pytest.raises(StorageError, match=expected):
            await write(store, 10, "x")
    await write(store, 10, "x")


def test_refuses_to_lie(store: FaultyStore) -> None:
    with pytest.raises(ValueError, match="lie"):
        store.fail("commit", "after", StorageError("nothing was written"))


async def test_the_head_of_a_slot_is_that_of_the_store(store: FaultyStore) -> None:
    async with store.commit_slot() as slot:
        await slot.append(CommitEntry(10, [revision(store.table("items"), "x", None, {})]))
        assert slot.head == 0
        await slot.commit()
        assert slot.head == 10
