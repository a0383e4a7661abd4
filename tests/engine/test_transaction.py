"""A transaction reads one snapshot with its own writes on top, and remembers what it read."""

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reactive.engine.transaction import Transaction
from reactive.errors import LimitError
from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.storage.interface import Snapshot
from reactive.storage.memory import MemoryStore
from reactive.testing.documents import Fields, document, revision, wire_of
from reactive.testing.store_checks import BY_A, commit
from reactive.values.document import Receipt, StoredDocument
from reactive.values.encoding import load_json
from reactive.values.keys import encode_part, prefix_end
from reactive.values.ranges import IndexRange, single_key, whole_index
from reactive.values.tables import IndexDefinition, TableDefinition

IDS = "pqrstu"
State = dict[str, Fields]


async def transaction_on(
    state: State, limits: Limits = DEFAULT_LIMITS
) -> tuple[Transaction, TableDefinition]:
    """A transaction that begins on a database with these documents."""
    store = MemoryStore()
    await store.define([BY_A])
    table = store.table("items")
    await commit(store, 10, *(revision(table, i, None, each) for i, each in state.items()))
    return Transaction(store.snapshot(10), 10, 1_000.0, limits), table


async def write(
    transaction: Transaction, table: TableDefinition, name: str, after: Fields | None
) -> None:
    """Reads the document and replaces it, as `ctx.db` does."""
    before = await transaction.get(table, name)
    old_keys = () if before is None else table.keys(load(before))
    new_keys = () if after is None else table.keys(wire_of(name, after))
    now = None if after is None else document(name, after)
    transaction.write(table, name, before, old_keys, now, new_keys)


def load(stored: StoredDocument) -> dict[str, Any]:
    return dict(load_json(stored.json))


async def ids(
    transaction: Transaction,
    table: TableDefinition,
    *,
    lower: bytes = b"",
    upper: bytes = prefix_end(b""),
    descending: bool = False,
    limit: int = 100,
) -> list[str]:
    index = table.index("by_a")
    assert index is not None
    rows = await transaction.scan(table, index, lower, upper, descending=descending, limit=limit)
    return [row.document.id for row in rows]


# --- Reading ---


async def test_a_read_is_a_dependency_whether_or_not_something_is_there() -> None:
    transaction, table = await transaction_on({"x": {"a": 1.0}})
    assert document("x", {"a": 1.0}) == await transaction.get(table, "x")
    assert await transaction.get(table, "y") is None
    by_id = table.by_id.number
    expected = [single_key(by_id, encode_part(name)) for name in "xy"]
    assert expected == list(transaction.reads)
    assert (1, document("x", {"a": 1.0}).size) == (
        transaction.documents_read,
        transaction.bytes_read,
    )


async def test_what_a_scan_prefetched_is_no_dependency() -> None:
    transaction, table = await transaction_on({"x": {"a": 1.0}, "y": {"a": 2.0}})
    assert await ids(transaction, table) == ["x", "y"]
    assert list(transaction.reads) == []
    assert transaction.documents_read == 0
    transaction.depend(whole_index(table.indexes[2].number))
    transaction.count_read(2, 50)
    assert [whole_index(table.indexes[2].number)] == list(transaction.reads)
    assert (transaction.documents_read, transaction.bytes_read) == (2, 50)


class Asked:
    """A snapshot that notes which keys it was asked for."""

    def __init__(self, inner: Snapshot) -> None:
        self._inner = inner
        self.keys: list[bytes] = []
        self.scan = inner.scan
        self.search = inner.search

    async def get(self, index: IndexDefinition, key: bytes) -> StoredDocument | None:
        self.keys.append(key)
        return await self._inner.get(index, key)


def above(table: TableDefinition, a: float) -> IndexRange:
    """What has a greater `a`, or that one."""
    return whole_index(table.indexes[2].number)._replace(lower=encode_part(a))


async def test_the_store_is_asked_for_a_document_once() -> None:
    transaction, table = await transaction_on({"x": {"a": 1.0}, "y": {"a": 2.0}, "z": {"a": 3.0}})
    transaction.snapshot = asked = Asked(transaction.snapshot)
    await transaction.read(table, table.indexes[2], above(table, 2.5), None, False)
    (walked,) = await transaction.read(table, table.indexes[2], above(table, 1.5), 1, False)
    assert walked.id == "y"
    for _ in range(2):
        for name, a in (("x", 1.0), ("y", 2.0), ("z", 3.0)):
            found = await transaction.get(table, name)
            assert found == document(name, {"a": a})
            assert type(found) is StoredDocument
    assert asked.keys == [encode_part("x")]


async def test_what_was_read_in_a_range_is_no_dependency_of_its_own() -> None:
    transaction, table = await transaction_on({"x": {"a": 1.0}, "y": {"a": 2.0}})
    read = above(table, 1.5)
    await transaction.read(table, table.indexes[2], read, None, False)
    size = transaction.bytes_read
    await transaction.get(table, "y")
    assert list(transaction.reads) == [read]
    assert (transaction.documents_read, transaction.bytes_read) == (2, 2 * size)


@pytest.mark.parametrize("descending", [False, True])
async def test_a_range_is_a_dependency_up_to_the_last_row_that_was_asked_for(
    descending: bool,
) -> None:
    documents: State = {name: {"a": float(at)} for at, name in enumerate("uvwxyz")}
    transaction, table = await transaction_on(documents)
    whole = whole_index(table.indexes[2].number)
    rows = await transaction.read(table, table.indexes[2], whole, 2, descending)
    seen, _ = whole.cut(rows[-1].key, descending=descending)
    assert [row.id for row in rows] == (["z", "y"] if descending else ["u", "v"])
    assert list(transaction.reads) == [seen]
    assert all(whole.contains(seen.number, row.key) for row in rows)


async def test_a_long_range_is_read_in_chunks() -> None:
    documents: State = {f"{at:04}": {"a": float(at)} for at in range(700)}
    transaction, table = await transaction_on(documents)
    whole = whole_index(table.indexes[2].number)
    rows = await transaction.read(table, table.indexes[2], whole, None, False)
    assert [row.id for row in rows] == list(documents)
    assert list(transaction.reads) == [whole]
    assert transaction.documents_read == 700


async def test_what_a_range_had_of_its_own_writes_is_forgotten_with_them() -> None:
    transaction, table = await transaction_on({"x": {"a": 1.0}})
    mark = transaction.savepoint()
    await write(transaction, table, "x", {"a": 5.0})
    await write(transaction, table, "z", {"a": 3.0})
    rows = await transaction.read(table, table.indexes[2], above(table, 0.0), None, False)
    for row in rows:
        transaction.consumed(row)
    assert [row.id for row in rows] == ["z", "x"]
    transaction.rollback_to(mark)
    assert document("x", {"a": 1.0}) == await transaction.get(table, "x")
    assert await transaction.get(table, "z") is None


async def test_a_read_counts_and_is_a_dependency_although_a_scan_has_found_it() -> None:
    transaction, table = await transaction_on({"x": {"a": 1.0}})
    await ids(transaction, table)
    for _ in range(3):
        await transaction.get(table, "x")
    assert [single_key(table.by_id.number, encode_part("x"))] == list(transaction.reads)
    assert transaction.documents_read == 3
    assert transaction.bytes_read == 3 * document("x", {"a": 1.0}).size


async def test_what_a_scan_found_of_its_own_writes_is_forgotten_with_them() -> None:
    transaction, table = await transaction_on({"x": {"a": 1.0}, "y": {"a": 2.0}})
    mark = transaction.savepoint()
    await write(transaction, table, "x", {"a": 5.0})
    await write(transaction, table, "y", None)
    await write(transaction, table, "z", {"a": 3.0})
    assert await ids(transaction, table) == ["z", "x"]
    assert document("x", {"a": 5.0}) == await transaction.get(table, "x")
    transaction.rollback_to(mark)
    assert document("x", {"a": 1.0}) == await transaction.get(table, "x")
    assert document("y", {"a": 2.0}) == await transaction.get(table, "y")
    assert await transaction.get(table, "z") is None


async def test_own_writes_are_read() -> None:
    transaction, table = await transaction_on({"x": {"a": 1.0}, "y": {"a": 2.0}})
    await write(transaction, table, "x", {"a": 5.0})
    await write(transaction, table, "y", None)
    await write(transaction, table, "z", {"a": 3.0})
    assert document("x", {"a": 5.0}) == await transaction.get(table, "x")
    assert await transaction.get(table, "y") is None
    assert document("z", {"a": 3.0}) == await transaction.get(table, "z")
    assert await ids(transaction, table) == ["z", "x"]
    assert await ids(transaction, table, descending=True) == ["x", "z"]
    assert await ids(transaction, table, lower=encode_part(4.0)) == ["x"]


async def test_reading_what_was_written_is_no_dependency() -> None:
    """What it depends on is what it found before it wrote."""
    transaction, table = await transaction_on({})
    now = document("z", {})
    transaction.write(table, "z", None, (), now, table.keys(wire_of("z", {})))
    assert now == await transaction.get(table, "z")
    assert list(transaction.reads) == []


async def test_tables_are_apart() -> None:
    transaction, table = await transaction_on({"x": {"a": 1.0}})
    store = MemoryStore()
    store.table("items")
    users = store.table("users")
    transaction.write(users, "u", None, (), document("u", {}), users.keys(wire_of("u", {})))
    assert await ids(transaction, table) == ["x"]
    assert await transaction.get(table, "u") is None


numbers = st.sampled_from([0.0, 1.0, 2.0, 3.0])
fields = st.fixed_dictionaries({}, optional={"a": numbers})
states = st.dictionaries(st.sampled_from(IDS), fields)
changes = st.lists(st.tuples(st.sampled_from(IDS), st.none() | fields), max_size=8)
bounds = st.sampled_from([b"", encode_part(1.0), encode_part(2.0), prefix_end(b"")])


@settings(max_examples=200)
@given(states, changes, bounds, bounds, st.integers(0, 7))
async def test_scans_see_own_writes_in_both_orders(
    state: State,
    written: list[tuple[str, Fields | None]],
    lower: bytes,
    upper: bytes,
    limit: int,
) -> None:
    transaction, table = await transaction_on(state)
    model = dict(state)
    for name, after in written:
        await write(transaction, table, name, after)
        model.pop(name, None)
        if after is not None:
            model[name] = after
    keys = {name: table.keys(wire_of(name, each))[2].joined for name, each in model.items()}
    expected = sorted(
        (name for name in model if lower <= keys[name] < upper), key=lambda name: keys[name]
    )
    found = await ids(transaction, table, lower=lower, upper=upper, limit=limit)
    assert expected[:limit] == found
    backwards = await ids(
        transaction, table, lower=lower, upper=upper, limit=limit, descending=True
    )
    assert expected[::-1][:limit] == backwards


# --- Writing ---


async def test_a_commit_has_one_change_for_each_document() -> None:
    transaction, table = await transaction_on({"x": {"a": 1.0}, "y": {"a": 2.0}})
    for a in (5.0, 6.0, 7.0):
        await write(transaction, table, "x", {"a": a})
    await write(transaction, table, "y", {"a": 9.0})
    await write(transaction, table, "y", None)
    await write(transaction, table, "z", {"a": 8.0})
    await write(transaction, table, "z", {"a": 9.0})
    transaction.source = "items:change"
    transaction.receipt = Receipt("ann", 1, b"null", b"[]")
    entry = transaction.entry(77)
    assert (77, "items:change", transaction.receipt) == (entry.ts, entry.source, entry.receipt)
    expected = [
        revision(table, "x", {"a": 1.0}, {"a": 7.0}),
        revision(table, "y", {"a": 2.0}, None),
        revision(table, "z", None, {"a": 9.0}),
    ]
    assert expected == list(entry.revisions)


async def test_what_came_and_went_is_no_change() -> None:
    transaction, table = await transaction_on({})
    await write(transaction, table, "z", {"a": 1.0})
    await write(transaction, table, "z", None)
    assert list(transaction.entry(77).revisions) == []
    await write(transaction, table, "z", {"a": 2.0})
    assert [revision(table, "z", None, {"a": 2.0})] == list(transaction.entry(77).revisions)


async def test_is_empty_until_something_is_to_be_committed() -> None:
    transaction, table = await transaction_on({"x": {}})
    seen = [transaction.is_empty]
    await transaction.get(table, "x")
    seen.append(transaction.is_empty)
    mark = transaction.savepoint()
    await write(transaction, table, "x", {"a": 1.0})
    seen.append(transaction.is_empty)
    transaction.rollback_to(mark)
    seen.append(transaction.is_empty)
    transaction.receipt = Receipt("ann", 1, b"null", b"[]")
    seen.append(transaction.is_empty)
    assert seen == [True, True, False, True, False]


async def test_creation_times_grow_by_the_smallest_step() -> None:
    transaction, _ = await transaction_on({})
    times = [transaction.next_creation_time() for _ in range(1_000)]
    assert math.nextafter(1_000.0, math.inf) == times[0]
    assert all(math.nextafter(one, math.inf) == other for one, other in pairwise(times))


# --- Going back ---


async def test_going_back_takes_back_writes_only() -> None:
    transaction, table = await transaction_on({"x": {"a": 1.0}, "y": {"a": 2.0}})
    await write(transaction, table, "x", {"a": 5.0})
    mark = transaction.savepoint()
    await write(transaction, table, "x", {"a": 6.0})
    await write(transaction, table, "y", None)
    await write(transaction, table, "z", {"a": 3.0})
    created = transaction.next_creation_time()
    reads, counted = list(transaction.reads), transaction.documents_read
    written = (transaction.documents_written, transaction.bytes_written)
    transaction.rollback_to(mark)
    assert await ids(transaction, table) == ["y", "x"]
    assert document("x", {"a": 5.0}) == await transaction.get(table, "x")
    assert await transaction.get(table, "z") is None
    assert [revision(table, "x", {"a": 1.0}, {"a": 5.0})] == list(transaction.entry(77).revisions)
    # What it has read, counted and given out stays.
    assert reads == list(transaction.reads)
    assert counted == transaction.documents_read
    assert written == (transaction.documents_written, transaction.bytes_written)
    assert transaction.documents_written == 4
    assert transaction.next_creation_time() > created


@settings(max_examples=150)
@given(states, st.lists(changes, min_size=1, max_size=5), st.data())
async def test_nested_savepoints(
    state: State, layers: list[list[tuple[str, Fields | None]]], data: st.DataObject
) -> None:
    transaction, table = await transaction_on(state)
    model = dict(state)
    stack: list[tuple[int, State]] = []
    for layer in layers:
        stack.append((transaction.savepoint(), dict(model)))
        for name, after in layer:
            await write(transaction, table, name, after)
            model.pop(name, None)
            if after is not None:
                model[name] = after
        if data.draw(st.booleans()):
            depth = data.draw(st.integers(0, len(stack) - 1))
            mark, then = stack[depth]
            model = dict(then)
            transaction.rollback_to(mark)
            del stack[depth + 1 :]
        assert sorted(model) == sorted(await ids(transaction, table))
        for name in IDS:
            expected = document(name, model[name]) if name in model else None
            assert expected == await transaction.get(table, name)


# --- Limits ---


def limited(**limits: int) -> Limits:
    return replace(DEFAULT_LIMITS, **limits)


async def test_too_many_documents_read() -> None:
    transaction, table = await transaction_on({"x": {}}, limited(documents_read_max=3))
    await transaction.get(table, "x")
    await transaction.get(table, "y")  # what is missing was not read
    transaction.count_read(2, 10)
    with pytest.raises(LimitError, match="limit: 3") as raised:
        await transaction.get(table, "x")
    assert raised.value.code == "TooManyDocumentsRead"


async def test_too_many_bytes_read() -> None:
    size = document("x", {}).size
    transaction, table = await transaction_on({"x": {}}, limited(bytes_read_max=size))
    await transaction.get(table, "x")
    with pytest.raises(LimitError, match=f"limit: {size} bytes") as raised:
        transaction.count_read(1, 1)
    assert raised.value.code == "TooManyBytesRead"


async def test_too_many_ranges_read() -> None:
    transaction, table = await transaction_on({}, limited(ranges_read_max=3))
    for name in ("x", "y", "z", "x", "y"):
        await transaction.get(table, name)
    with pytest.raises(LimitError, match="limit: 3 index ranges") as raised:
        await transaction.get(table, "w")
    assert raised.value.code == "TooManyReads"


async def test_reading_5_000_times_the_same_is_reading_once() -> None:
    transaction, table = await transaction_on({})
    for _ in range(5_000):
        await transaction.get(table, "x")
    for n in range(4_095):
        await transaction.get(table, f"{n}")
    with pytest.raises(LimitError) as raised:
        await transaction.get(table, "one more")
    assert raised.value.code == "TooManyReads"


async def test_too_many_documents_written() -> None:
    transaction, table = await transaction_on({"x": {}}, limited(documents_written_max=3))
    for after in ({"a": 1.0}, None, {"a": 2.0}):
        await write(transaction, table, "x", after)
    with pytest.raises(LimitError, match="limit: 3") as raised:
        await write(transaction, table, "x", {"a": 1.0})
    assert raised.value.code == "TooManyWrites"
    # What was refused was not written.
    assert document("x", {"a": 2.0}) == await transaction.get(table, "x")


async def test_too_many_bytes_written() -> None:
    size = document("x", {"a": 1.0}).size
    transaction, table = await transaction_on({}, limited(bytes_written_max=2 * size))
    await write(transaction, table, "x", {"a": 1.0})
    await write(transaction, table, "x", None)
    await write(transaction, table, "y", {"a": 1.0})
    with pytest.raises(LimitError, match=f"limit: {2 * size} bytes") as raised:
        await write(transaction, table, "z", {})
    assert raised.value.code == "TooManyBytesWritten"


async def test_chunks_stop_in_time() -> None:
    """The next rows are as many as may still be read, if they are like those before."""
    transaction, _ = await transaction_on({}, limited(bytes_read_max=1_000_000))
    first = transaction.next_chunk()
    assert 0 < first <= 1_024
    transaction.count_read(10, 100)
    assert transaction.next_chunk() == 1_024
    transaction.count_read(90, 900_000)
    assert 16 <= transaction.next_chunk() <= 99_900 // 9_000 + 16
    transaction.count_read(1, 99_000)
    assert 1 <= transaction.next_chunk() <= 16


async def test_a_range_of_one_prefix() -> None:
    transaction, table = await transaction_on({})
    prefix = encode_part(1.0)
    number = table.indexes[2].number
    transaction.depend(IndexRange(number, 1, prefix, prefix, prefix_end(prefix)))
    key = table.keys(wire_of("x", {"a": 1.0}))[2]
    assert transaction.reads.overlaps(number, key)
    assert not transaction.reads.overlaps(number, table.keys(wire_of("x", {"a": 2.0}))[2])
