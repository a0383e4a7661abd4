"""What every store must do with commits, as a part of `reactive.testing.store_suite`."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from reactive.limits import DEFAULT_LIMITS
from reactive.storage.interface import Store
from reactive.testing.documents import document, revision
from reactive.testing.store_checks import (
    BY_A,
    StoreChecks,
    commit,
    ids,
    index_of,
    stays_pending,
    stop,
)
from reactive.values.document import CommitEntry, Receipt
from reactive.values.keys import encode_part
from reactive.values.timestamp import Timestamp


class CommitChecks(StoreChecks):
    """One slot, whose commits are seen by those who may, and told to those who wait."""

    # --- Promise 2: one slot ---

    async def test_the_slot_has_one_holder(self, store: Store) -> None:
        table = store.table("items")
        waiting: asyncio.Task[CommitEntry]
        async with store.commit_slot() as slot:
            waiting = asyncio.create_task(commit(store, 20, revision(table, "y", None, {})))
            assert await stays_pending(waiting)
            await slot.append(CommitEntry(10, [revision(table, "x", None, {})]))
            await slot.commit()
        await waiting
        entries = await store.commits_after(0)
        assert entries is not None
        assert [entry.ts for entry in entries] == [10, 20]

    async def test_the_slot_knows_the_newest_commit(self, store: Store) -> None:
        table = store.table("items")
        async with store.commit_slot() as slot:
            await slot.append(CommitEntry(10, [revision(table, "x", None, {})]))
            assert slot.head == 0
            await slot.commit()
            assert slot.head == 10
        async with store.commit_slot() as slot:
            assert slot.head == 10

    async def test_a_slot_may_commit_more_than_once(self, store: Store) -> None:
        table = store.table("items")
        async with store.commit_slot() as slot:
            await slot.append(CommitEntry(10, [revision(table, "x", None, {})]))
            await slot.commit()
            await slot.append(CommitEntry(20, [revision(table, "y", None, {})]))
            await slot.commit()
            await slot.append(CommitEntry(30, [revision(table, "z", None, {})]))
        assert await ids(store.snapshot(30), table.by_id) == ["x", "y"]

    async def test_a_commit_of_nothing_is_nothing(self, store: Store) -> None:
        await commit(store, 10, revision(store.table("items"), "x", None, {}))
        async with store.commit_slot() as slot:
            await slot.commit()
            assert slot.head == 10
        assert list(await store.commits_after(10) or ()) == []

    # --- Promise 3: who sees what was appended ---

    async def test_the_slot_sees_what_was_appended(self, store: Store) -> None:
        table, key = store.table("items"), encode_part("x")
        await commit(store, 10, revision(table, "x", None, {"a": 1.0}))
        async with store.commit_slot() as slot:
            assert document("x", {"a": 1.0}) == await slot.snapshot().get(table.by_id, key)
            await slot.append(CommitEntry(20, [revision(table, "x", {"a": 1.0}, {"a": 2.0})]))
            between = slot.snapshot()
            assert document("x", {"a": 2.0}) == await between.get(table.by_id, key)
            await slot.append(
                CommitEntry(
                    30,
                    [
                        revision(table, "x", {"a": 2.0}, None),
                        revision(table, "y", None, {}),
                    ],
                )
            )
            assert await slot.snapshot().get(table.by_id, key) is None
            assert await ids(slot.snapshot(), table.by_creation_time) == ["y"]
            assert document("x", {"a": 2.0}) == await between.get(table.by_id, key)
            assert await ids(between, table.by_creation_time) == ["x"]

    async def test_nobody_else_sees_what_was_appended(self, store: Store) -> None:
        table = store.table("items")
        await commit(store, 10, revision(table, "x", None, {"a": 1.0}))
        held = store.snapshot(10)
        watching = asyncio.create_task(store.wait_for_commit(10))
        async with store.commit_slot() as slot:
            await slot.append(
                CommitEntry(
                    20,
                    [
                        revision(table, "x", {"a": 1.0}, {"a": 2.0}),
                        revision(table, "y", None, {}),
                    ],
                    Receipt("session", 1, b"null", b"[]"),
                )
            )
            for snapshot in (held, store.snapshot(10)):
                assert await ids(snapshot, table.by_id) == ["x"]
                found = await snapshot.get(table.by_id, encode_part("x"))
                assert document("x", {"a": 1.0}) == found
                assert await snapshot.get(table.by_id, encode_part("y")) is None
            assert list(await store.commits_after(10) or ()) == []
            assert await store.receipt("session", 1) is None
            assert await store.last_receipt("session") == (-1, 0)
            assert await stays_pending(watching)
            await slot.commit()
            assert await store.last_receipt("session") == (1, 20)
        await watching
        assert await ids(store.snapshot(20), table.by_id) == ["x", "y"]
        assert await ids(held, table.by_id) == ["x"]

    async def test_nobody_ever_sees_what_was_left(self, store: Store) -> None:
        await store.define([BY_A])
        table = store.table("items")
        await commit(
            store,
            10,
            revision(table, "x", None, {"a": 1.0}),
            revision(table, "y", None, {"a": 2.0}),
        )
        async with store.commit_slot() as slot:
            await slot.append(
                CommitEntry(
                    20,
                    [
                        revision(table, "x", {"a": 1.0}, {"a": 3.0}),
                        revision(table, "y", {"a": 2.0}, None),
                        revision(table, "z", None, {"a": 0.0}),
                    ],
                    Receipt("session", 1, b"null", b"[]"),
                )
            )
            await slot.append(CommitEntry(21, [revision(table, "x", {"a": 3.0}, None)]))
        for ts in (10, 21):
            assert await ids(store.snapshot(ts), index_of(store, "by_a")) == ["x", "y"]
            found = await store.snapshot(ts).get(table.by_id, encode_part("x"))
            assert document("x", {"a": 1.0}) == found
        assert await store.receipt("session", 1) is None
        assert list(await store.commits_after(10) or ()) == []
        async with store.commit_slot() as slot:
            assert slot.head == 10
        await commit(store, 20, revision(table, "x", {"a": 1.0}, {"a": 4.0}))
        assert await ids(store.snapshot(20), index_of(store, "by_a")) == ["y", "x"]

    async def test_a_slot_that_is_left_by_an_error_is_free_again(self, store: Store) -> None:
        table = store.table("items")

        async def leave_by_an_error() -> None:
            async with store.commit_slot() as slot:
                await slot.append(CommitEntry(10, [revision(table, "x", None, {})]))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await leave_by_an_error()
        await commit(store, 10, revision(table, "y", None, {}))
        assert await ids(store.snapshot(10), table.by_id) == ["y"]

    async def test_a_table_of_a_left_slot_can_be_used_later(self, store: Store) -> None:
        table = store.table("items")
        async with store.commit_slot() as slot:
            await slot.append(CommitEntry(10, [revision(table, "x", None, {})]))
        await commit(store, 20, revision(table, "y", None, {}))
        assert await ids(store.snapshot(20), store.table("items").by_id) == ["y"]

    # --- Promise 5: commits_after, and waiting ---

    async def test_gives_every_commit_once_and_in_order(self, store: Store) -> None:
        table = store.table("items")
        receipt = Receipt("session", 7, b'"done"', b"[]")
        first = await commit(store, 10, revision(table, "x", None, {"a": 1.0}), source="a:b")
        second = CommitEntry(20, [revision(table, "x", {"a": 1.0}, {"a": 2.0})], receipt)
        third = CommitEntry(21, [revision(table, "x", {"a": 2.0}, None)], None, "c:d")
        async with store.commit_slot() as slot:
            await slot.append(second)
            await slot.append(third)
            await slot.commit()
        expected = {0: [first, second, third], 9: [first, second, third], 10: [second, third]}
        expected |= {15: [second, third], 20: [third], 21: [], 99: []}
        for at, entries in expected.items():
            assert entries == list(await store.commits_after(at) or ())

    async def test_tells_when_commits_are_lost(self, forgetful: Store) -> None:
        table = forgetful.table("items")
        entries = [
            await commit(forgetful, 10 + n, revision(table, f"{n}", None, {})) for n in range(4)
        ]
        assert await forgetful.commits_after(0) is None
        assert await forgetful.commits_after(10) is None
        assert entries[2:] == list(await forgetful.commits_after(11) or ())
        assert entries[3:] == list(await forgetful.commits_after(12) or ())

    async def test_waiting_for_a_commit(self, store: Store) -> None:
        table = store.table("items")
        await commit(store, 10, revision(table, "x", None, {}))
        await store.wait_for_commit(9)
        first = asyncio.create_task(store.wait_for_commit(10))
        later = asyncio.create_task(store.wait_for_commit(20))
        assert await stays_pending(first)
        await commit(store, 20, revision(table, "y", None, {}))
        await first
        assert await stays_pending(later)
        await stop(later)

    async def test_a_left_slot_wakes_nobody(self, store: Store) -> None:
        waiting = asyncio.create_task(store.wait_for_commit(0))
        async with store.commit_slot() as slot:
            await slot.append(CommitEntry(10, [revision(store.table("items"), "x", None, {})]))
        assert await stays_pending(waiting)
        await stop(waiting)

    # --- Receipts ---

    async def test_keeps_receipts(self, store: Store) -> None:
        first = Receipt("ann", 3, b'{"a":1.0}', b'["line"]')
        second = Receipt("ann", 12, b"null", b"[]")
        await commit(store, 10, revision(store.table("items"), "x", None, {}), receipt=first)
        await commit(store, 20, receipt=second)
        assert (10, first) == await store.receipt("ann", 3)
        assert (20, second) == await store.receipt("ann", 12)
        assert await store.receipt("ann", 4) is None
        assert await store.receipt("bob", 3) is None
        assert await store.last_receipt("ann") == (12, 20)
        assert await store.last_receipt("bob") == (-1, 0)

    async def test_forgets_receipts(self, store: Store) -> None:
        for number, ts in enumerate((10, 20, 30)):
            await commit(store, ts, receipt=Receipt("ann", number, b"null", b"[]"))
        await commit(store, 40, receipt=Receipt("bob", 0, b"null", b"[]"))
        await store.forget_receipts(20)
        kept = [await store.receipt("ann", number) is not None for number in range(3)]
        assert kept == [False, True, True]
        await store.forget_receipts(31)
        assert await store.last_receipt("ann") == (-1, 0)
        assert await store.last_receipt("bob") == (0, 40)

    async def test_finds_each_receipt_of_many_clients(self, tmp_path: Path) -> None:
        store = self.new_store(tmp_path, replace(DEFAULT_LIMITS, receipts_unindexed_max=4))
        await store.open()
        made: dict[Timestamp, Receipt] = {}
        # Numbers of requests need not grow, and slots have one commit or three.
        for first, last in ((1, 3), (4, 4), (5, 7), (8, 8), (9, 9), (10, 12), (13, 13)):
            async with store.commit_slot() as slot:
                for ts in range(first, last + 1):
                    made[ts] = Receipt(f"{ts % 3}", 7 * ts % 15, b"%d" % ts, b"[]")
                    await slot.append(CommitEntry(ts, [], made[ts]))
                await slot.commit()
            for ts, receipt in made.items():
                assert (ts, receipt) == await store.receipt(*receipt[:2])
        for client in "012":
            last_one = max((each.request, ts) for ts, each in made.items() if each[0] == client)
            assert last_one == await store.last_receipt(client)
        await store.close()
