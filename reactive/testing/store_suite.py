"""What every store must do, as tests that a store's own test class inherits.

    class TestMyStore(StoreSuite):
        def new_store(self, folder: Path, limits: Limits = DEFAULT_LIMITS) -> Store:
            return MyStore(limits)

A store that outlives its process inherits `DurableStoreSuite` instead. The suite knows a store by
`reactive.storage.interface` alone.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from reactive.errors import OutOfRetentionError
from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.storage.interface import Snapshot, Store
from reactive.testing.documents import Fields, document, revision, wire_of
from reactive.values.document import CommitEntry, Receipt, Revision, Row, StoredDocument
from reactive.values.encoding import wire_size
from reactive.values.keys import UNDEFINED, encode_part, make_key, prefix_end
from reactive.values.tables import IndexDefinition, TableSpec, TextIndexDefinition, TextSpec
from reactive.values.text import TextSearch, search_words
from reactive.values.timestamp import Timestamp

BY_A = TableSpec("items", {"by_a": (("a",),)})
BY_A_AND_B = TableSpec("items", {"by_a": (("a",),), "by_a_b": (("a",), ("b",))})
WITH_TEXTS = TableSpec("items", {}, {"by_text": TextSpec(("a",), (("b",), ("c", "d")))})

_TURNS = 20  # of the loop, after which something that has not happened waits for something else


async def commit(
    store: Store,
    ts: Timestamp,
    *revisions: Revision,
    receipt: Receipt | None = None,
    source: str = "",
) -> CommitEntry:
    """One commit in a slot of its own."""
    entry = CommitEntry(ts, revisions, receipt, source)
    async with store.commit_slot() as slot:
        await slot.append(entry)
        await slot.commit()
    return entry


async def rows(
    snapshot: Snapshot,
    index: IndexDefinition,
    lower: bytes = b"",
    upper: bytes = prefix_end(b""),
    *,
    descending: bool = False,
    limit: int = 1_000,
) -> list[Row]:
    return await snapshot.scan(index, lower, upper, descending=descending, limit=limit)


async def ids(
    snapshot: Snapshot,
    index: IndexDefinition,
    lower: bytes = b"",
    upper: bytes = prefix_end(b""),
    *,
    descending: bool = False,
    limit: int = 1_000,
) -> list[str]:
    """The documents of a scan, by their ids."""
    found = await rows(snapshot, index, lower, upper, descending=descending, limit=limit)
    return [row.document.id for row in found]


async def found(
    store: Store,
    snapshot: Snapshot,
    text: str,
    *filters: tuple[int, object],
    limit: int = 1_000,
) -> list[str]:
    """What a search finds in the index `by_text`, best first."""
    encoded = tuple((at, encode_part(value)) for at, value in filters)
    search = TextSearch(search_words(text), encoded)
    if not search.words:
        return []
    return (await snapshot.search(text_index_of(store), search)).ranked(limit)


def text_index_of(store: Store) -> TextIndexDefinition:
    index = store.table("items").text_index("by_text")
    assert index is not None
    return index


def index_of(store: Store, name: str, table: str = "items") -> IndexDefinition:
    index = store.table(table).index(name)
    assert index is not None
    return index


async def stays_pending(task: asyncio.Task[Any]) -> bool:
    """Whether the task waits for something that the loop does not bring by itself."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    return not task.done()


async def stop(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


class StoreSuite:
    """The promises of `reactive.storage.interface`, as far as one process can see them."""

    def new_store(self, folder: Path, limits: Limits = DEFAULT_LIMITS) -> Store:
        """A store that is not open yet. One that keeps a file keeps it in the folder."""
        raise NotImplementedError

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        store = self.new_store(tmp_path)
        await store.open()
        yield store
        await store.close()

    @pytest.fixture
    async def forgetful(self, tmp_path: Path) -> AsyncIterator[Store]:
        """A store that remembers two commits."""
        store = self.new_store(tmp_path, replace(DEFAULT_LIMITS, log_entries_max=2))
        await store.open()
        yield store
        await store.close()

    # --- A new store ---

    async def test_is_empty_when_new(self, tmp_path: Path) -> None:
        store = self.new_store(tmp_path)
        assert await store.open() == 0
        assert tuple(store.tables()) == ()
        assert list(await store.commits_after(0) or ()) == []
        assert await store.note("anything") is None
        assert await store.receipt("session", 0) is None
        assert await store.last_receipt("session") == (-1, 0)
        async with store.commit_slot() as slot:
            assert slot.head == 0
        await store.close()

    async def test_may_be_closed_twice(self, tmp_path: Path) -> None:
        store = self.new_store(tmp_path)
        await store.open()
        await store.close()
        await store.close()

    async def test_has_a_secret_of_its_own(self, store: Store) -> None:
        assert len(store.secret) == 32

    async def test_keeps_notes(self, store: Store) -> None:
        await store.set_note("schema", "first")
        await store.set_note("other", "Straße 🚲")
        await store.set_note("schema", "second")
        assert await store.note("schema") == "second"
        assert await store.note("other") == "Straße 🚲"
        assert await store.note("sche") is None

    async def test_notes_are_no_commits(self, store: Store) -> None:
        await commit(store, 10, revision(store.table("items"), "x", None, {}))
        await store.set_note("schema", "text")
        assert list(await store.commits_after(10) or ()) == []

    # --- Tables and indexes ---

    async def test_makes_a_table_on_first_use(self, store: Store) -> None:
        items, users = store.table("items"), store.table("users")
        assert items.name == "items"
        built_in = [("by_id", (("_id",),)), ("by_creation_time", (("_creationTime",),))]
        assert built_in == [(index.name, index.fields) for index in items.indexes]
        assert items == store.table("items")
        assert [items, users] == list(store.tables())

    async def test_gives_every_table_and_index_a_number_of_its_own(self, store: Store) -> None:
        await store.define([BY_A_AND_B, TableSpec("users", {"by_a": (("a",),)})])
        tables = [store.table(name) for name in ("items", "users", "late")]
        assert len({table.number for table in tables}) == 3
        assert len({index.number for table in tables for index in table.indexes}) == 4 + 3 + 2
        assert all(table.number > 10_000 for table in tables)

    async def test_a_table_that_was_never_written_reads_as_empty(self, store: Store) -> None:
        table = store.table("items")
        assert await ids(store.snapshot(0), table.by_creation_time) == []
        assert await store.snapshot(0).get(table.by_id, encode_part("x")) is None

    async def test_define_makes_tables(self, store: Store) -> None:
        await store.define([BY_A_AND_B])
        (table,) = store.tables()
        assert table == store.table("items")
        names = ["by_id", "by_creation_time", "by_a", "by_a_b"]
        assert names == [index.name for index in table.indexes]
        assert index_of(store, "by_a_b").fields == (("a",), ("b",))

    async def test_define_builds_an_index_from_what_is_stored(self, store: Store) -> None:
        table = store.table("items")
        versions: dict[str, Fields] = {
            "w": {"a": 2.0},
            "x": {},
            "y": {"a": None},
            "z": {"a": 1.0, "b": {"c": "deep"}},
        }
        await commit(store, 10, *(revision(table, i, None, each) for i, each in versions.items()))
        await store.define([TableSpec("items", {"by_a": (("a",),), "by_c": (("b", "c"),)})])
        now = store.snapshot(10)
        assert await ids(now, index_of(store, "by_a")) == ["x", "y", "z", "w"]
        undefined = encode_part(UNDEFINED)
        lacking = await ids(now, index_of(store, "by_a"), undefined, prefix_end(undefined))
        assert lacking == ["x"]
        deep = encode_part("deep")
        assert await ids(now, index_of(store, "by_c"), deep, prefix_end(deep)) == ["z"]

    async def test_define_builds_an_index_over_many_documents(self, store: Store) -> None:
        """More than any store handles at once."""
        table, count = store.table("items"), 2_345
        await commit(
            store,
            10,
            *(revision(table, f"{i:05}", None, {"a": float(-i)}) for i in range(count)),
        )
        await store.define([BY_A])
        found = await ids(store.snapshot(10), index_of(store, "by_a"), limit=count + 1)
        assert [f"{i:05}" for i in reversed(range(count))] == found

    async def test_an_index_that_was_built_follows_later_commits(self, store: Store) -> None:
        await commit(store, 10, revision(store.table("items"), "x", None, {"a": 1.0}))
        await store.define([BY_A])
        table = store.table("items")
        await commit(
            store,
            20,
            revision(table, "x", {"a": 1.0}, {"a": 3.0}),
            revision(table, "y", None, {"a": 2.0}),
        )
        assert await ids(store.snapshot(20), index_of(store, "by_a")) == ["y", "x"]

    async def test_define_keeps_the_number_of_what_stays(self, store: Store) -> None:
        await store.define([BY_A])
        before, number = index_of(store, "by_a"), store.table("items").number
        await store.define([BY_A_AND_B])
        assert before == index_of(store, "by_a")
        assert number == store.table("items").number

    async def test_define_drops_indexes_and_never_reuses_their_numbers(self, store: Store) -> None:
        await store.define([BY_A])
        dropped = index_of(store, "by_a")
        await commit(store, 10, revision(store.table("items"), "x", None, {"a": 1.0}))
        await store.define([TableSpec("items", {})])
        assert store.table("items").index("by_a") is None
        await commit(store, 20, revision(store.table("items"), "y", None, {"a": 0.0}))
        await store.define([BY_A])
        assert dropped.number < index_of(store, "by_a").number
        assert await ids(store.snapshot(20), index_of(store, "by_a")) == ["y", "x"]

    async def test_an_index_on_other_fields_is_another_index(self, store: Store) -> None:
        await store.define([BY_A])
        before = index_of(store, "by_a")
        await commit(store, 10, revision(store.table("items"), "x", None, {"a": 1.0, "b": 2.0}))
        await commit(store, 20, revision(store.table("items"), "y", None, {"a": 2.0, "b": 1.0}))
        await store.define([TableSpec("items", {"by_a": (("b",),)})])
        assert before.number != index_of(store, "by_a").number
        assert await ids(store.snapshot(20), index_of(store, "by_a")) == ["y", "x"]

    async def test_a_table_that_a_schema_no_longer_names_keeps_its_documents(
        self, store: Store
    ) -> None:
        await store.define([BY_A])
        table = store.table("items")
        await commit(store, 10, revision(table, "x", None, {"a": 1.0}))
        await store.define([TableSpec("users", {})])
        assert replace(table, indexes=table.indexes[:2]) == store.table("items")
        assert await ids(store.snapshot(10), table.by_creation_time) == ["x"]

    async def test_define_waits_for_the_slot(self, store: Store) -> None:
        async with store.commit_slot() as slot:
            await slot.append(
                CommitEntry(10, [revision(store.table("items"), "x", None, {"a": 1.0})])
            )
            defining = asyncio.create_task(store.define([BY_A]))
            assert await stays_pending(defining)
            await slot.commit()
        await defining
        assert await ids(store.snapshot(10), index_of(store, "by_a")) == ["x"]

    # --- Promise 1: a snapshot never changes ---

    async def test_the_past_of_an_insert(self, store: Store) -> None:
        table = store.table("items")
        await commit(store, 10, revision(table, "x", None, {"a": 1.0}))
        await commit(store, 20, revision(table, "y", None, {"a": 2.0}))
        past, key = store.snapshot(10), encode_part("y")
        assert await ids(past, table.by_creation_time) == ["x"]
        assert await past.get(table.by_id, key) is None
        assert document("y", {"a": 2.0}) == await store.snapshot(20).get(table.by_id, key)

    async def test_the_past_of_an_update(self, store: Store) -> None:
        table = store.table("items")
        await commit(store, 10, revision(table, "x", None, {"a": 1.0}))
        await commit(store, 20, revision(table, "x", {"a": 1.0}, {"a": 2.0}))
        await commit(store, 30, revision(table, "x", {"a": 2.0}, {"a": 3.0}))
        for ts, number in ((10, 1.0), (15, 1.0), (20, 2.0), (29, 2.0), (30, 3.0)):
            expected = document("x", {"a": number})
            assert expected == await store.snapshot(ts).get(table.by_id, encode_part("x"))
            assert [expected] == [
                row.document for row in await rows(store.snapshot(ts), table.by_creation_time)
            ]

    async def test_the_past_of_a_delete(self, store: Store) -> None:
        table = store.table("items")
        await commit(store, 10, revision(table, "x", None, {"a": 1.0}))
        await commit(store, 20, revision(table, "x", {"a": 1.0}, None))
        past = store.snapshot(10)
        assert document("x", {"a": 1.0}) == await past.get(table.by_id, encode_part("x"))
        assert await ids(past, table.by_id) == ["x"]
        assert await store.snapshot(20).get(table.by_id, encode_part("x")) is None
        assert await ids(store.snapshot(20), table.by_id) == []

    async def test_the_past_of_a_delete_and_an_insert_of_the_same_id(self, store: Store) -> None:
        table, key = store.table("items"), encode_part("x")
        await commit(store, 10, revision(table, "x", None, {"a": 1.0}))
        await commit(store, 20, revision(table, "x", {"a": 1.0}, None))
        await commit(store, 30, revision(table, "x", None, {"a": 3.0}))
        found = [await store.snapshot(ts).get(table.by_id, key) for ts in (5, 10, 20, 30)]
        assert [None, document("x", {"a": 1.0}), None, document("x", {"a": 3.0})] == found
        listed = [await ids(store.snapshot(ts), table.by_id) for ts in (5, 10, 20, 30)]
        assert listed == [[], ["x"], [], ["x"]]

    async def test_the_past_of_a_key_that_moved(self, store: Store) -> None:
        await store.define([BY_A])
        table, by_a = store.table("items"), index_of(store, "by_a")
        versions: list[Fields] = [{"a": 1.0}, {"a": 1.0, "b": 0.0}, {"a": 5.0}, {"a": 3.0}]
        await commit(store, 10, revision(table, "x", None, versions[0]))
        await commit(store, 11, revision(table, "y", None, {"a": 2.0}))
        for step in (1, 2, 3):
            change = revision(table, "x", versions[step - 1], versions[step])
            await commit(store, 10 * (step + 1), change)
        orders = [await ids(store.snapshot(ts), by_a) for ts in (11, 20, 30, 40)]
        assert orders == [["x", "y"], ["x", "y"], ["y", "x"], ["y", "x"]]
        for version in versions:
            key = table.keys(wire_of("x", version))[2].joined
            expected = [
                document("x", seen) if seen["a"] == version["a"] else None for seen in versions
            ]
            # The first version is asked for at 11, when the other document is there as well.
            found = [await store.snapshot(ts).get(by_a, key) for ts in (11, 20, 30, 40)]
            assert expected == found

    async def test_the_past_of_an_index_is_not_that_of_another(self, store: Store) -> None:
        await store.define([BY_A_AND_B])
        table = store.table("items")
        await commit(store, 10, revision(table, "x", None, {"a": 1.0, "b": 1.0}))
        await commit(store, 20, revision(table, "x", {"a": 1.0, "b": 1.0}, {"a": 1.0, "b": 9.0}))
        old, new = (
            table.keys(wire_of("x", {"a": 1.0, "b": number}))[3].joined for number in (1.0, 9.0)
        )
        for ts, here, gone in ((10, old, new), (20, new, old)):
            snapshot = store.snapshot(ts)
            assert (await rows(snapshot, index_of(store, "by_a_b")))[0].key == here
            assert await snapshot.get(index_of(store, "by_a_b"), gone) is None
            assert await ids(snapshot, index_of(store, "by_a")) == ["x"]

    async def test_the_limit_of_a_scan_counts_rows_of_the_past(self, store: Store) -> None:
        await store.define([BY_A])
        table, by_a = store.table("items"), index_of(store, "by_a")
        await commit(store, 10, *(revision(table, f"{n}", None, {"a": float(n)}) for n in range(6)))
        # The front is gone, the middle is at both ends, and newcomers fill the present.
        await commit(store, 20, revision(table, "0", {"a": 0.0}, None))
        await commit(store, 21, revision(table, "2", {"a": 2.0}, {"a": 9.0}))
        await commit(store, 22, revision(table, "3", {"a": 3.0}, {"a": -9.0}))
        await commit(store, 23, *(revision(table, f"new{n}", None, {"a": n / 9}) for n in range(5)))
        past = store.snapshot(10)
        assert await ids(past, by_a, limit=3) == ["0", "1", "2"]
        assert await ids(past, by_a, limit=3, descending=True) == ["5", "4", "3"]
        assert await ids(past, by_a, encode_part(2.0), limit=2) == ["2", "3"]
        until = await ids(past, by_a, b"", encode_part(3.0), limit=2, descending=True)
        assert until == ["2", "1"]

    async def test_a_snapshot_that_is_held_does_not_move(self, store: Store) -> None:
        await store.define([BY_A])
        table, by_a = store.table("items"), index_of(store, "by_a")
        await commit(store, 10, revision(table, "x", None, {"a": 1.0}))
        held = store.snapshot(10)
        assert await ids(held, by_a) == ["x"]
        await commit(store, 20, revision(table, "y", None, {"a": 0.0}))
        await commit(store, 30, revision(table, "x", {"a": 1.0}, None))
        assert await ids(held, by_a) == ["x"]
        assert document("x", {"a": 1.0}) == await held.get(table.by_id, encode_part("x"))

    async def test_the_past_between_the_commits_of_one_slot(self, store: Store) -> None:
        table = store.table("items")
        async with store.commit_slot() as slot:
            await slot.append(CommitEntry(10, [revision(table, "x", None, {"a": 1.0})]))
            await slot.append(CommitEntry(11, [revision(table, "x", {"a": 1.0}, {"a": 2.0})]))
            await slot.append(CommitEntry(12, [revision(table, "x", {"a": 2.0}, None)]))
            await slot.commit()
        key = encode_part("x")
        found = [await store.snapshot(ts).get(table.by_id, key) for ts in (9, 10, 11, 12)]
        assert [None, document("x", {"a": 1.0}), document("x", {"a": 2.0}), None] == found

    async def test_the_past_of_an_index_that_was_made_later(self, store: Store) -> None:
        """It is the past, or it is refused; it is never the present."""
        table = store.table("items")
        await commit(store, 10, revision(table, "x", None, {"a": 1.0}))
        await commit(store, 20, revision(table, "x", {"a": 1.0}, {"a": 2.0}))
        await store.define([BY_A])
        found: list[Row] | None = None
        with suppress(OutOfRetentionError):
            found = await rows(store.snapshot(10), index_of(store, "by_a"))
        if found is not None:
            assert [document("x", {"a": 1.0})] == [row.document for row in found]

    async def test_a_past_that_is_no_longer_kept_is_refused(self, forgetful: Store) -> None:
        table = forgetful.table("items")
        await commit(forgetful, 10, revision(table, "x", None, {"a": 0.0}))
        held = forgetful.snapshot(10)
        for n in range(3):
            change = revision(table, "x", {"a": float(n)}, {"a": float(n + 1)})
            await commit(forgetful, 20 + n, change)
        for lost in (held, forgetful.snapshot(19)):
            with pytest.raises(OutOfRetentionError):
                await lost.get(table.by_id, encode_part("x"))
            with pytest.raises(OutOfRetentionError):
                await lost.scan(table.by_id, b"", prefix_end(b""), limit=1)
        found = [
            await forgetful.snapshot(ts).get(table.by_id, encode_part("x")) for ts in (20, 21, 22)
        ]
        assert [document("x", {"a": float(n)}) for n in (1, 2, 3)] == found

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

    # --- Scans ---

    async def test_rows_have_their_key_and_their_document(self, store: Store) -> None:
        await store.define([BY_A])
        table = store.table("items")
        fields = {"a": "Straße 🚲\0", "b": {"$bytes": "AP8="}, "c": [None, True, 1.5]}
        await commit(store, 10, revision(table, "x", None, fields))
        (row,) = await rows(store.snapshot(10), index_of(store, "by_a"))
        assert table.keys(wire_of("x", fields))[2].joined == row.key
        assert document("x", fields) == row.document
        assert wire_size(wire_of("x", fields)) == row.document.size
        assert isinstance(row.document.json, bytes)
        found = await store.snapshot(10).get(index_of(store, "by_a"), row.key)
        assert document("x", fields) == found

    async def test_scans_follow_the_order_of_keys(self, store: Store) -> None:
        await store.define([BY_A])
        table, by_a = store.table("items"), index_of(store, "by_a")
        numbers = [3.0, -1.0, 2.0, 0.5, -0.25, 100.0]
        await commit(store, 10, *(revision(table, f"{n}", None, {"a": n}) for n in numbers))
        await commit(store, 20, revision(table, "1.0", None, {"a": 1.0}))
        expected = [f"{n}" for n in sorted([*numbers, 1.0])]
        now = store.snapshot(20)
        assert expected == await ids(now, by_a)
        assert expected[::-1] == await ids(now, by_a, descending=True)
        for limit in range(9):
            assert expected[:limit] == await ids(now, by_a, limit=limit)
            assert expected[::-1][:limit] == await ids(now, by_a, limit=limit, descending=True)

    async def test_ties_are_ordered_by_creation_time_and_id(self, store: Store) -> None:
        await store.define([BY_A])
        table, by_a = store.table("items"), index_of(store, "by_a")
        made = {"p": 2.0, "q": 1.0, "r": 1.0, "s": 3.0}
        await commit(
            store,
            10,
            *(revision(table, i, None, {"a": 1.0, "_creationTime": t}) for i, t in made.items()),
        )
        assert await ids(store.snapshot(10), by_a) == ["q", "r", "p", "s"]
        assert await ids(store.snapshot(10), by_a, descending=True) == ["s", "p", "r", "q"]
        assert await ids(store.snapshot(10), table.by_creation_time) == ["q", "r", "p", "s"]
        assert await ids(store.snapshot(10), table.by_id) == ["p", "q", "r", "s"]

    async def test_a_range_includes_its_lower_and_excludes_its_upper_end(
        self, store: Store
    ) -> None:
        table = store.table("items")
        await commit(store, 10, *(revision(table, i, None, {}) for i in "abcd"))
        now = store.snapshot(10)
        a, b, d = encode_part("a"), encode_part("b"), encode_part("d")
        for descending in (False, True):

            async def found(lower: bytes, upper: bytes, descending: bool = descending) -> list[str]:
                return sorted(await ids(now, table.by_id, lower, upper, descending=descending))

            assert await found(b, d) == ["b", "c"]
            assert await found(b, b) == []
            assert await found(d, a) == []
            assert await found(b"", a) == []
            assert await found(d, prefix_end(b"")) == ["d"]

    async def test_tables_do_not_see_each_other(self, store: Store) -> None:
        items, users = store.table("items"), store.table("users")
        await commit(
            store,
            10,
            revision(items, "x", None, {"a": 1.0}),
            revision(users, "y", None, {"a": 2.0}),
        )
        assert await ids(store.snapshot(10), items.by_creation_time) == ["x"]
        assert await ids(store.snapshot(10), users.by_creation_time) == ["y"]
        await commit(store, 20, revision(items, "x", {"a": 1.0}, None))
        assert await ids(store.snapshot(10), items.by_creation_time) == ["x"]
        assert await ids(store.snapshot(20), users.by_creation_time) == ["y"]

    async def test_keys_are_bytes_of_any_kind(self, store: Store) -> None:
        await store.define([BY_A])
        table, by_a = store.table("items"), index_of(store, "by_a")
        values = ["", "\0", "\0\0", "\0a", "a", "a\0", "a\0b", "ab", "\uffff", "\U00010000"]
        # Inserted in another order than the expected one.
        for ts, value in enumerate(reversed(values)):
            await commit(store, 10 + ts, revision(table, f"{value!a}", None, {"a": value}))
        now = store.snapshot(10 + len(values))
        assert [f"{value!a}" for value in values] == await ids(now, by_a)
        for value in values:
            prefix = encode_part(value)
            assert [f"{value!a}"] == await ids(now, by_a, prefix, prefix_end(prefix))

    async def test_get_wants_the_whole_key(self, store: Store) -> None:
        await store.define([BY_A])
        table, by_a = store.table("items"), index_of(store, "by_a")
        await commit(store, 10, revision(table, "x", None, {"a": 1.0}))
        parts = table.keys(wire_of("x", {"a": 1.0}))[2].parts
        now = store.snapshot(10)
        assert document("x", {"a": 1.0}) == await now.get(by_a, make_key(parts).joined)
        assert await now.get(by_a, make_key(parts[:2]).joined) is None

    # --- Full-text search ---

    async def test_searches_the_words_of_a_field(self, store: Store) -> None:
        await store.define([WITH_TEXTS])
        table = store.table("items")
        bodies = {
            "w": "The quick fox",
            "x": "a fox, FOX!",
            "y": "two foxes; three",
            "z": "quick_1 2",
        }
        await commit(
            store, 10, *(revision(table, i, None, {"a": text}) for i, text in bodies.items())
        )
        now = store.snapshot(10)
        assert await found(store, now, "fox") == ["x", "w", "y"]
        assert await found(store, now, "quick fo") == ["w", "z", "x", "y"]
        assert await found(store, now, "fo quick") == ["z", "w"]
        assert await found(store, now, "FOX's") == ["x", "w"]
        assert await found(store, now, "none") == []

    async def test_a_search_knows_only_texts(self, store: Store) -> None:
        await store.define([WITH_TEXTS])
        table = store.table("items")
        versions: list[Fields] = [{}, {"a": None}, {"a": 1.0}, {"a": ["word"]}, {"b": "word"}]
        await commit(
            store, 10, *(revision(table, str(i), None, each) for i, each in enumerate(versions))
        )
        assert await found(store, store.snapshot(10), "word") == []
        assert await found(store, store.snapshot(10), "1") == []

    async def test_words_are_those_of_every_script(self, store: Store) -> None:
        await store.define([WITH_TEXTS])
        table = store.table("items")
        bodies = {
            "w": "Straße Über",
            "x": "Привет, мир",
            "y": "日本 語",
            "z": "\ue0000\ue000 \U0001d4b3",
        }
        await commit(
            store, 10, *(revision(table, i, None, {"a": text}) for i, text in bodies.items())
        )
        now = store.snapshot(10)
        searches = [
            "STRASSE",
            "straße",
            "über",
            "МИР",
            "日",
            "0",
            "\U0001d4b3",
            "\ue0000",
            '"',
            "*",
        ]
        expected = [[], ["w"], ["w"], ["x"], ["y"], ["z"], ["z"], ["z"], [], []]
        assert expected == [await found(store, now, text) for text in searches]

    async def test_ranks_by_how_often_how_rare_how_long_and_how_new(self, store: Store) -> None:
        await store.define([WITH_TEXTS])
        table = store.table("items")
        bodies = {
            "once": "red two three four",
            "twice": "red red three four",
            "short": "red",
            "rare": "blue two three four",
            "both": "red blue three four",
            "longer": "red two three four five six seven",
            "new": "red two three four",
        }
        await commit(
            store,
            10,
            *(
                revision(table, each, None, {"a": text, "_creationTime": float(at)})
                for at, (each, text) in enumerate(bodies.items())
            ),
        )
        order = ["both", "rare", "short", "twice", "new", "once", "longer"]
        assert order == await found(store, store.snapshot(10), "blue red")
        assert order[:3] == await found(store, store.snapshot(10), "blue red", limit=3)

    async def test_a_whole_word_ranks_before_one_that_begins_like_it(self, store: Store) -> None:
        await store.define([WITH_TEXTS])
        table = store.table("items")
        await commit(
            store,
            10,
            revision(table, "whole", None, {"a": "cat"}),
            revision(table, "begins", None, {"a": "category", "_creationTime": 2.0}),
        )
        assert await found(store, store.snapshot(10), "cat") == ["whole", "begins"]

    async def test_filters_of_a_search_are_equalities(self, store: Store) -> None:
        await store.define([WITH_TEXTS])
        table = store.table("items")
        versions: dict[str, Fields] = {
            "v": {"a": "word"},
            "w": {"a": "word", "b": None},
            "x": {"a": "word", "b": 1.0},
            "y": {"a": "word", "b": "1", "c": {"d": True}},
            "z": {"a": "other", "b": "1"},
        }
        await commit(store, 10, *(revision(table, i, None, each) for i, each in versions.items()))
        now = store.snapshot(10)
        for value, expected in ((UNDEFINED, "v"), (None, "w"), (1.0, "x"), ("1", "y")):
            assert await found(store, now, "word", (0, value)) == [expected]
        assert await found(store, now, "word", (1, True)) == ["y"]
        assert await found(store, now, "word", (0, "1"), (1, UNDEFINED)) == []
        assert await found(store, now, "other word", (0, "1")) == ["z", "y"]

    async def test_a_text_index_follows_updates_and_deletes(self, store: Store) -> None:
        await store.define([WITH_TEXTS])
        table = store.table("items")
        steps: list[Fields | None] = [
            None,
            {"a": "red red"},
            {"a": "red blue"},
            {"a": "red blue", "b": 1.0},
            {"a": "blue", "b": 1.0},
            {"b": 1.0},
            {"a": "red"},
            None,
        ]
        for at, (before, after) in enumerate(pairwise(steps)):
            await commit(store, 10 * (at + 1), revision(table, "x", before, after))
        for at, fields in enumerate(steps):
            text = str((fields or {}).get("a", ""))
            then = store.snapshot(10 * at)
            for word in ("red", "blue"):
                assert await found(store, then, word) == (["x"] if word in text else [])
            is_filtered = "red" in text and (fields or {}).get("b") == 1.0
            assert await found(store, then, "red", (0, 1.0)) == (["x"] if is_filtered else [])

    async def test_ranks_of_the_past_are_those_it_had(self, store: Store) -> None:
        """They depend on all that was found then, and on nothing that came later."""
        await store.define([WITH_TEXTS])
        table = store.table("items")
        bodies = {"x": "red", "y": "red red two", "z": "blue two three"}
        await commit(
            store, 10, *(revision(table, i, None, {"a": text}) for i, text in bodies.items())
        )
        before = await found(store, store.snapshot(10), "red blue")
        changes = [revision(table, str(i), None, {"a": "blue " * (i + 1)}) for i in range(9)]
        await commit(store, 20, *changes, revision(table, "y", {"a": bodies["y"]}, None))
        assert before == await found(store, store.snapshot(10), "red blue")
        assert before != await found(store, store.snapshot(20), "red blue")

    async def test_a_search_in_the_slot_sees_what_was_appended(self, store: Store) -> None:
        await store.define([WITH_TEXTS])
        table = store.table("items")
        await commit(store, 10, revision(table, "x", None, {"a": "red"}))
        async with store.commit_slot() as slot:
            await slot.append(CommitEntry(20, [revision(table, "y", None, {"a": "red"})]))
            await slot.append(CommitEntry(30, [revision(table, "x", {"a": "red"}, None)]))
            assert await found(store, slot.snapshot(), "red") == ["y"]
            assert await found(store, store.snapshot(10), "red") == ["x"]
        assert await found(store, store.snapshot(10), "red") == ["x"]
        assert await found(store, store.snapshot(99), "red") == ["x"]

    async def test_define_builds_a_text_index_from_what_is_stored(self, store: Store) -> None:
        table, count = store.table("items"), 1_234
        await commit(
            store, 10, *(revision(table, f"{i:05}", None, {"a": f"w{i % 2}"}) for i in range(count))
        )
        await store.define([WITH_TEXTS])
        later = store.table("items")
        assert len(await found(store, store.snapshot(10), "w1", limit=count)) == count // 2
        await commit(store, 20, revision(later, "00001", {"a": "w1"}, {"a": "w0"}))
        assert len(await found(store, store.snapshot(20), "w1", limit=count)) == count // 2 - 1

    async def test_define_keeps_and_drops_text_indexes(self, store: Store) -> None:
        await store.define([WITH_TEXTS])
        first = text_index_of(store)
        await commit(store, 10, revision(store.table("items"), "x", None, {"a": "a", "b": "b"}))
        await store.define([BY_A, TableSpec("users", {})])
        assert store.table("items").text_indexes == ()
        await store.define([WITH_TEXTS])
        again = text_index_of(store)
        assert again.number > first.number
        await store.define([replace(WITH_TEXTS, indexes=BY_A.indexes)])
        assert again == text_index_of(store)
        other = TextSpec(("b",), ())
        await store.define([TableSpec("items", {}, {"by_text": other})])
        assert text_index_of(store).number > again.number
        assert await found(store, store.snapshot(10), "b") == ["x"]
        assert await found(store, store.snapshot(10), "a") == []

    async def test_the_past_of_a_text_index_that_was_not_there_is_unknown(
        self, store: Store
    ) -> None:
        table = store.table("items")
        await commit(store, 10, revision(table, "x", None, {"a": "red"}))
        await commit(store, 20, revision(table, "x", {"a": "red"}, {"a": "blue"}))
        await store.define([WITH_TEXTS])
        with pytest.raises(OutOfRetentionError):
            await found(store, store.snapshot(10), "red")


class DurableStoreSuite(StoreSuite):
    """What a store must do besides when it can be closed and opened again."""

    @pytest.fixture
    async def reopened(
        self, store: Store, tmp_path: Path
    ) -> AsyncIterator[Callable[[], Awaitable[Store]]]:
        """Closes the store and opens what it left as another one."""
        opened = [store]

        async def reopen() -> Store:
            await opened[-1].close()
            opened.append(self.new_store(tmp_path))
            await opened[-1].open()
            return opened[-1]

        yield reopen
        await opened[-1].close()

    async def test_opens_at_the_newest_commit(self, store: Store, tmp_path: Path) -> None:
        table = store.table("items")
        await commit(store, 10, revision(table, "x", None, {}))
        await commit(store, 25, revision(table, "y", None, {}))
        async with store.commit_slot() as slot:
            await slot.append(CommitEntry(30, [revision(table, "z", None, {})]))
        await store.close()
        again = self.new_store(tmp_path)
        assert await again.open() == 25
        assert await ids(again.snapshot(25), table.by_id) == ["x", "y"]
        async with again.commit_slot() as slot:
            assert slot.head == 25
        await again.close()

    async def test_keeps_documents(
        self, store: Store, reopened: Callable[[], Awaitable[Store]]
    ) -> None:
        await store.define([BY_A_AND_B])
        table = store.table("items")
        await commit(store, 10, *(revision(table, i, None, {"a": i, "b": 1.0}) for i in "wxyz"))
        await commit(store, 20, revision(table, "x", {"a": "x", "b": 1.0}, None))
        await commit(store, 30, revision(table, "y", {"a": "y", "b": 1.0}, {"a": "~", "b": 2.0}))
        names = ("by_id", "by_creation_time", "by_a", "by_a_b")
        before = [await rows(store.snapshot(30), index_of(store, name)) for name in names]
        again = await reopened()
        after = [await rows(again.snapshot(30), index_of(again, name)) for name in names]
        assert before == after
        assert [row.document.id for row in after[2]] == ["w", "z", "y"]

    async def test_can_be_written_after_reopening(
        self, store: Store, reopened: Callable[[], Awaitable[Store]]
    ) -> None:
        table = store.table("items")
        await commit(store, 10, *(revision(table, i, None, {"a": 1.0}) for i in "xyz"))
        again = await reopened()
        table = again.table("items")
        await commit(again, 20, revision(table, "v", None, {"a": 2.0}))
        await commit(again, 30, revision(table, "y", {"a": 1.0}, {"a": 3.0}))
        await commit(again, 40, revision(table, "x", {"a": 1.0}, None))
        again = await reopened()
        expected = [document("v", {"a": 2.0}), document("y", {"a": 3.0})]
        expected.append(document("z", {"a": 1.0}))
        found = await rows(again.snapshot(40), again.table("items").by_id)
        assert expected == [row.document for row in found]

    async def test_keeps_numbers(
        self, store: Store, reopened: Callable[[], Awaitable[Store]]
    ) -> None:
        deep = TableSpec("deep", {"by_bc": (("b", "c"), ("d",))})
        await store.define([BY_A, deep])
        tables = [store.table(name) for name in ("items", "deep", "late")]
        await commit(store, 10, revision(tables[2], "x", None, {}))
        again = await reopened()
        assert [again.table(name) for name in ("items", "deep", "late")] == tables
        assert tables == sorted(again.tables(), key=lambda table: table.number)
        new = again.table("new")
        assert new.number not in {table.number for table in tables}
        taken = {index.number for table in tables for index in table.indexes}
        assert taken.isdisjoint(index.number for index in new.indexes)

    async def test_keeps_the_number_of_a_table_that_was_named_during_a_commit(
        self, store: Store, reopened: Callable[[], Awaitable[Store]]
    ) -> None:
        """A commit may make durable no more tables than it has written down."""
        items = store.table("items")
        async with store.commit_slot() as slot:
            await slot.append(CommitEntry(10, [revision(items, "x", None, {})]))
            named_between = store.table("between")
            committing = asyncio.create_task(slot.commit())
            await asyncio.sleep(0)
            named_during = store.table("during")
            await committing
        await commit(store, 20, revision(named_during, "y", None, {}))
        await commit(store, 30, revision(named_between, "z", None, {}))
        again = await reopened()
        assert [items, named_between, named_during] == [
            again.table(name) for name in ("items", "between", "during")
        ]
        found = [
            await ids(again.snapshot(30), again.table(name).by_id)
            for name in ("items", "between", "during", "other")
        ]
        assert found == [["x"], ["z"], ["y"], []]

    async def test_keeps_the_number_of_a_table_that_a_left_slot_used_first(
        self, store: Store, reopened: Callable[[], Awaitable[Store]]
    ) -> None:
        items, users = store.table("items"), store.table("users")
        async with store.commit_slot() as slot:
            await slot.append(CommitEntry(10, [revision(users, "x", None, {})]))
        await commit(store, 20, revision(users, "y", None, {}))
        again = await reopened()
        assert users == again.table("users")
        assert await ids(again.snapshot(20), again.table("users").by_id) == ["y"]
        assert items.number != again.table("third").number

    async def test_never_gives_a_dropped_number_again(
        self, store: Store, reopened: Callable[[], Awaitable[Store]]
    ) -> None:
        await store.define([BY_A])
        dropped = index_of(store, "by_a")
        await commit(store, 10, revision(store.table("items"), "x", None, {"a": 1.0}))
        await store.define([TableSpec("items", {})])
        again = await reopened()
        assert again.table("items").index("by_a") is None
        await again.define([BY_A])
        assert dropped.number < index_of(again, "by_a").number
        assert await ids(again.snapshot(10), index_of(again, "by_a")) == ["x"]

    async def test_keeps_what_lies_beside_the_documents(
        self, store: Store, reopened: Callable[[], Awaitable[Store]]
    ) -> None:
        secret, receipt = store.secret, Receipt("ann", 5, b"1.0", b"[]")
        await store.set_note("schema", "text")
        await commit(store, 10, revision(store.table("items"), "x", None, {}), receipt=receipt)
        again = await reopened()
        assert secret == again.secret
        assert await again.note("schema") == "text"
        assert (10, receipt) == await again.receipt("ann", 5)
        assert await again.last_receipt("ann") == (5, 10)

    async def test_does_not_invent_a_past(
        self, store: Store, reopened: Callable[[], Awaitable[Store]]
    ) -> None:
        """What is not kept over reopening is refused, not answered from the present."""
        table = store.table("items")
        await commit(store, 10, revision(table, "x", None, {"a": 1.0}))
        change = await commit(store, 20, revision(table, "x", {"a": 1.0}, {"a": 2.0}))
        again = await reopened()
        found: StoredDocument | None = document("x", {"a": 1.0})
        with suppress(OutOfRetentionError):
            found = await again.snapshot(10).get(table.by_id, encode_part("x"))
        assert document("x", {"a": 1.0}) == found
        assert await again.commits_after(10) in (None, [change])
        assert list(await again.commits_after(20) or ()) == []

    async def test_keeps_text_indexes(
        self, store: Store, reopened: Callable[[], Awaitable[Store]]
    ) -> None:
        await store.define([WITH_TEXTS])
        before = store.table("items")
        await commit(store, 10, revision(before, "x", None, {"a": "red"}))
        again = await reopened()
        assert before == again.table("items")
        await again.define([WITH_TEXTS])
        assert before == again.table("items")
        await commit(again, 20, revision(before, "y", None, {"a": "red red"}))
        assert await found(again, again.snapshot(20), "red") == ["y", "x"]

    async def test_a_new_store_has_another_secret(self, store: Store, tmp_path: Path) -> None:
        other = self.new_store(tmp_path / "elsewhere")
        await other.open()
        assert store.secret != other.secret
        await other.close()
