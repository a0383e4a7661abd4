"""What every store must do when it is read, as a part of `reactive.testing.store_suite`."""

from contextlib import suppress

import pytest

from reactive.errors import OutOfRetentionError
from reactive.storage.interface import Store
from reactive.testing.documents import Fields, document, revision, wire_of
from reactive.testing.store_checks import (
    BY_A,
    BY_A_AND_B,
    StoreChecks,
    commit,
    ids,
    index_of,
    rows,
)
from reactive.values.document import CommitEntry, Row
from reactive.values.encoding import wire_size
from reactive.values.keys import encode_part, make_key, prefix_end


class ReadChecks(StoreChecks):
    """Snapshots never change, and scans find what is in their range."""

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
