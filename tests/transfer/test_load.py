"""`SQLiteStore.load` below the command line: one commit of any size, or nothing."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reactive.errors import OutOfRetentionError
from reactive.storage.interface import DuplicateIdError, Loader
from reactive.storage.sqlite import SQLiteStore
from reactive.values.document import StoredDocument
from reactive.values.encoding import dump_wire
from reactive.values.ids import encode_id
from reactive.values.keys import prefix_end
from reactive.values.tables import TableSpec


@pytest.fixture(params=["file", "memory"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SQLiteStore]:
    made = SQLiteStore(tmp_path / "data.sqlite3" if request.param == "file" else None)
    await made.open()
    await made.define([TableSpec("a", {"by_n": (("n",),)}), TableSpec("b", {})])
    yield made
    await made.close()


def put(loader: Loader, name: str, number: int) -> None:
    table = loader.tables()[name]
    document_id = encode_id(table.number, number.to_bytes(16, "big"))
    wire = {
        "_id": document_id,
        "_creationTime": float(number + 1),
        "n": float(number),
    }
    loader.put(table, wire, StoredDocument(document_id, dump_wire(wire), 1))


async def ids(store: SQLiteStore, name: str, index: str = "by_id") -> list[str]:
    found = store.table(name).index(index)
    assert found is not None
    rows = await store.snapshot(2**62).scan(found, b"", prefix_end(b""), limit=100)
    return [row.id for row in rows]


async def test_load_is_a_commit_that_hides_the_past(store: SQLiteStore) -> None:
    before = await store.load(5, lambda loader: put(loader, "a", 1))
    waiting = asyncio.ensure_future(store.wait_for_commit(before))
    old = store.snapshot(before)
    after = await store.load(3, lambda loader: put(loader, "a", 2))
    await waiting

    assert (before, after) == (5, 6)
    assert len(await ids(store, "a", "by_n")) == 2
    assert await store.commits_after(before) is None
    with pytest.raises(OutOfRetentionError):
        await old.scan(store.table("a").by_id, b"", prefix_end(b""), limit=1)


async def test_tables_get_other_numbers_and_keep_them(store: SQLiteStore) -> None:
    numbers = {"a": store.table("b").number, "b": store.table("a").number, "new": 10_009}

    def fill(loader: Loader) -> None:
        tables = loader.renumber(numbers)
        assert {name: tables[name].number for name in numbers} == numbers
        put(loader, "a", 1)
        put(loader, "new", 1)

    await store.load(5, fill)

    assert {name: store.table(name).number for name in numbers} == numbers
    assert store.table("next").number == 10_010
    assert len(await ids(store, "a", "by_n")) == len(await ids(store, "new")) == 1


async def test_what_fails_leaves_nothing(store: SQLiteStore) -> None:
    await store.load(5, lambda loader: put(loader, "a", 1))
    before = await ids(store, "a")

    def fill(loader: Loader) -> None:
        table = loader.renumber({"b": 10_007})["a"]
        assert not loader.is_empty(table)
        loader.clear(table)
        assert loader.is_empty(table)
        put(loader, "a", 2)
        put(loader, "a", 2)

    with pytest.raises(DuplicateIdError):
        await store.load(6, fill)

    assert await ids(store, "a") == before
    assert store.table("b").number != 10_007
    assert await store.load(7, lambda loader: put(loader, "a", 3)) == 7


async def test_load_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "data.sqlite3")
    await store.open()
    await store.define([TableSpec("a", {})])
    is_filling, may_go_on = threading.Event(), threading.Event()

    def fill(loader: Loader) -> None:
        put(loader, "a", 1)
        is_filling.set()
        may_go_on.wait()
        put(loader, "a", 2)

    loading = asyncio.ensure_future(store.load(5, fill))
    await asyncio.to_thread(is_filling.wait)
    unseen = await ids(store, "a")
    loading.cancel()
    await asyncio.sleep(0)
    may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await loading

    assert unseen == await ids(store, "a") == []
    assert await store.load(5, lambda loader: put(loader, "a", 1)) == 5
    await store.close()


async def test_documents_are_there_after_a_restart(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "data.sqlite3")
    await store.open()
    await store.define([TableSpec("a", {})])
    await store.load(5, lambda loader: put(loader, "a", 1))
    await store.close()
    again = SQLiteStore(tmp_path / "data.sqlite3")

    assert await again.open() == 5
    assert len(await ids(again, "a")) == 1
    await again.close()
