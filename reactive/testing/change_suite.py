"""What every store must do when its indexes change while commits go on, as tests to inherit.

class TestMyStore(SchemaChangeSuite):
    def new_store(self, folder: Path, limits: Limits) -> Store:
        return MyStore(limits)
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.storage.interface import SchemaChange, Snapshot, Store
from reactive.testing.documents import Fields, revision, wire_of
from reactive.testing.store_checks import BY_A, BY_A_AND_B, commit, ids, index_of, rows
from reactive.values.document import CommitEntry
from reactive.values.tables import TableDefinition, TableSpec, TextSpec
from reactive.values.text import TextSearch, search_words

BY_A_AND_TEXT = TableSpec("items", {"by_a": (("a",),)}, {"by_text": TextSpec(("b",), (("a",),))})

_SLICE = 10
_MANY = 6 * _SLICE
_TURNS = 20
_LIMITS = replace(DEFAULT_LIMITS, slice_documents_max=_SLICE)


class _Left(Exception):
    """The slot, or the change, is given up."""


async def check_indexes(store: Store, snapshot: Snapshot, state: Mapping[str, Fields]) -> None:
    """The indexes of `BY_A_AND_TEXT` hold exactly these documents."""
    table = store.table("items")
    by_a = index_of(store, "by_a")
    at = table.indexes.index(by_a)
    keys = sorted((table.keys(wire_of(n, each))[at].joined, n) for n, each in state.items())
    found = await rows(snapshot, by_a, limit=10_000)
    assert keys == [(row.key, row.id) for row in found]
    by_text = table.text_index("by_text")
    assert by_text is not None
    for word in ("new", "word", "behind"):
        holders = sorted(n for n, each in state.items() if word in str(each.get("b", "")).split())
        matches = await snapshot.search(by_text, TextSearch(search_words(word), ()))
        exact = [n for n in matches.ranked(10_000) if word in str(state[n]["b"]).split()]
        assert holders == sorted(exact)


class SchemaChangeSuite:
    """The promises of `reactive.storage.interface.Store.define` and of `sweep`."""

    def new_store(self, folder: Path, limits: Limits) -> Store:
        """A store that is not open yet. One that keeps a file keeps it in the folder."""
        raise NotImplementedError

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        store = self.new_store(tmp_path, _LIMITS)
        await store.open()
        yield store
        await store.close()

    async def test_commits_go_on_while_an_index_is_filled(self, store: Store) -> None:
        """Whatever is written behind, at and ahead of the walk is in the index at its end."""
        table = store.table("items")
        names = [f"{n:05}" for n in range(_MANY)]
        await commit(store, 10, *(revision(table, n, None, {"a": 1.0}) for n in names))
        steps = 0
        state: dict[str, Fields] = {n: {"a": 1.0} for n in names}

        async def progress(filled: TableDefinition, done: int) -> None:
            nonlocal steps
            assert (filled.name, filled.number) == ("items", table.number)
            assert 0 < done <= _MANY + steps
            steps += 1
            changes: dict[str, Fields | None] = {
                f"{0:05}-{steps}": {"a": 2.0, "b": "new and behind"},
                f"{_MANY:05}-{steps}": {"a": 2.0, "b": "new and ahead"},
                names[steps]: {"a": 3.0},
                names[-steps]: {"a": 3.0},
                names[20 + steps]: None,
                names[-20 - steps]: None,
            }
            await commit(
                store,
                10 + steps,
                *(revision(table, n, state.get(n), after) for n, after in changes.items()),
            )
            state.update({n: after for n, after in changes.items() if after is not None})
            for name in [n for n, after in changes.items() if after is None]:
                del state[name]

        await store.define([BY_A_AND_TEXT], SchemaChange(progress=progress))
        assert steps >= 2
        now = store.snapshot(10 + steps)
        await check_indexes(store, now, state)
        defined = store.table("items")
        await commit(store, 900, revision(defined, "last", None, {"a": 0.5, "b": "new"}))
        await check_indexes(store, store.snapshot(900), {**state, "last": {"a": 0.5, "b": "new"}})

    async def test_a_left_slot_leaves_an_index_that_is_filled_alone(self, store: Store) -> None:
        table = store.table("items")
        await commit(
            store, 10, *(revision(table, f"{n:05}", None, {"a": 1.0}) for n in range(_MANY))
        )
        before, after = {"a": 1.0}, {"a": 2.0, "b": "words"}

        async def progress(filled: TableDefinition, done: int) -> None:
            with suppress(_Left):
                async with store.commit_slot() as slot:
                    changes = [revision(table, "00000", before, after)]
                    changes += [revision(table, "00001", before, None)]
                    changes += [revision(table, "000005", None, after)]
                    await slot.append(CommitEntry(20, changes))
                    raise _Left

        await store.define([BY_A_AND_TEXT], SchemaChange(progress=progress))
        state: dict[str, Fields] = {f"{n:05}": before for n in range(_MANY)}
        await check_indexes(store, store.snapshot(10), state)

    async def test_a_change_that_is_not_confirmed_changes_nothing(self, store: Store) -> None:
        await store.define([BY_A])
        await commit(store, 10, revision(store.table("items"), "x", None, {"a": 1.0}))
        before = store.tables()

        def refuse() -> None:
            raise _Left

        change = SchemaChange(notes={"shape": "new"}, confirm=refuse, adopted=pytest.fail)
        with pytest.raises(_Left):
            await store.define([BY_A_AND_TEXT], change)
        assert before == store.tables()
        assert await store.note("shape") is None
        await commit(store, 20, revision(store.table("items"), "y", None, {"a": 0.0}))
        await store.sweep()
        assert await ids(store.snapshot(20), index_of(store, "by_a")) == ["y", "x"]
        await store.define([BY_A_AND_TEXT])
        state: dict[str, Fields] = {"x": {"a": 1.0}, "y": {"a": 0.0}}
        await check_indexes(store, store.snapshot(20), state)

    async def test_a_change_is_cancelled_at_any_moment(self, store: Store) -> None:
        table = store.table("items")
        state: dict[str, Fields] = {f"{n:05}": {"a": 1.0, "b": "word"} for n in range(_MANY)}
        await commit(store, 10, *(revision(table, n, None, each) for n, each in state.items()))

        async def progress(filled: TableDefinition, done: int) -> None:
            defining.cancel()

        defining = asyncio.create_task(
            store.define([BY_A_AND_TEXT], SchemaChange(progress=progress))
        )
        with pytest.raises(asyncio.CancelledError):
            await defining
        assert store.table("items") == table
        await commit(store, 20, revision(table, "00000", state.pop("00000"), None))
        await store.define([BY_A_AND_TEXT])
        await store.sweep()
        await check_indexes(store, store.snapshot(20), state)

    async def test_the_change_is_told_in_the_slot_once_it_is_true(self, store: Store) -> None:
        await commit(store, 10, revision(store.table("items"), "x", None, {"a": 1.0}))
        said: list[str] = []

        def confirm() -> None:
            assert store.table("items").index("by_a") is None
            said.append("confirm")

        def adopted() -> None:
            assert store.table("items").index("by_a") is not None
            said.append("adopted")

        change = SchemaChange({"shape": "new", "other": "kept"}, confirm, adopted)
        async with store.commit_slot():
            defining = asyncio.create_task(store.define([BY_A], change))
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            assert said == []
        await defining
        assert said == ["confirm", "adopted"]
        assert await store.note("shape") == "new"
        await store.define([BY_A], SchemaChange({"shape": "newer"}))
        assert (await store.note("shape"), await store.note("other")) == ("newer", "kept")

    async def test_changes_run_one_after_the_other(self, store: Store) -> None:
        table = store.table("items")
        await commit(
            store, 10, *(revision(table, f"{n:05}", None, {"a": 1.0}) for n in range(_MANY))
        )
        both = [store.define([BY_A_AND_TEXT]), store.define([BY_A_AND_B])]
        await asyncio.gather(*both)
        assert BY_A_AND_B.indexes == {
            each.name: each.fields for each in store.table("items").indexes[2:]
        }
        found = await ids(store.snapshot(10), index_of(store, "by_a_b"), limit=10_000)
        assert len(found) == _MANY

    async def test_a_table_that_is_made_during_a_change_is_kept(self, store: Store) -> None:
        table = store.table("items")
        await commit(
            store, 10, *(revision(table, f"{n:05}", None, {"a": 1.0}) for n in range(_MANY))
        )
        made: list[TableDefinition] = []

        async def progress(filled: TableDefinition, done: int) -> None:
            if not made:
                made.append(store.table("late"))
                await commit(store, 20, revision(made[0], "z", None, {"a": 1.0}))

        await store.define([BY_A], SchemaChange(progress=progress))
        assert made == [store.table("late")]
        assert await ids(store.snapshot(20), made[0].by_id) == ["z"]

    async def test_counts_documents(self, store: Store) -> None:
        table = store.table("items")
        assert await store.count(table) == 0
        await commit(
            store, 10, *(revision(table, f"{n:05}", None, {"a": 1.0}) for n in range(_MANY))
        )
        assert await store.count(table) == _MANY

    async def test_sweeping_removes_nothing_that_is_in_use(self, store: Store) -> None:
        await store.define([BY_A_AND_TEXT])
        table = store.table("items")
        state: dict[str, Fields] = {f"{n:05}": {"a": 1.0, "b": "word"} for n in range(_MANY)}
        await commit(store, 10, *(revision(table, n, None, each) for n, each in state.items()))

        async def progress(filled: TableDefinition, done: int) -> None:
            await store.sweep()

        await store.define([BY_A_AND_TEXT, TableSpec("users", {})])
        await store.sweep()
        await check_indexes(store, store.snapshot(10), state)
        spec = TableSpec("items", {**BY_A.indexes, "by_b": (("b",),)}, BY_A_AND_TEXT.text_indexes)
        await store.define([spec], SchemaChange(progress=progress))
        await check_indexes(store, store.snapshot(10), state)
        assert len(await ids(store.snapshot(10), index_of(store, "by_b"))) == _MANY
