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
from pathlib import Path

import pytest

from reactive.errors import OutOfRetentionError
from reactive.storage.interface import Store
from reactive.testing.documents import Fields, document, revision
from reactive.testing.store_checks import (
    BY_A,
    BY_A_AND_B,
    WITH_TEXTS,
    commit,
    found,
    ids,
    index_of,
    rows,
    stays_pending,
)
from reactive.testing.store_commits import CommitChecks
from reactive.testing.store_reads import ReadChecks
from reactive.testing.store_texts import TextChecks
from reactive.values.document import CommitEntry, Receipt, StoredDocument
from reactive.values.keys import UNDEFINED, encode_part, prefix_end
from reactive.values.tables import TableSpec


class StoreSuite(ReadChecks, CommitChecks, TextChecks):
    """The promises of `reactive.storage.interface`, as far as one process can see them."""

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
