"""What was prepared on an older snapshot stands only if nothing has changed that it read."""

from dataclasses import replace

import pytest

from reactive.engine.database import Database
from reactive.engine.transaction import Transaction
from reactive.errors import ConflictError
from reactive.limits import DEFAULT_LIMITS
from reactive.storage.memory import MemoryStore
from reactive.testing.store_checks import BY_A
from reactive.values.tables import TableSpec
from tests.engine.harness import (
    Prepared,
    by_a,
    equal_to,
    fields_of,
    insert,
    opened,
    put,
    read,
    run,
    scan,
    table_of,
    write,
)


async def conflict_of(database: Database, transaction: Transaction) -> ConflictError | None:
    try:
        await database.commit(transaction)
    except ConflictError as error:
        return error
    return None


async def test_a_document_that_changed_since_it_was_read(database: Database) -> None:
    table = table_of(database)
    await run(database, put(table, "x", {"a": 1.0}))
    mine = database.begin()
    mine.source = "mine"
    await write(mine, table, "x", {"a": 2.0})
    await run(database, put(table, "x", {"a": 3.0}))
    error = await conflict_of(database, mine)
    assert error is not None
    assert error.code == "OptimisticConcurrencyControlFailure"
    for part in ("x", "put x", "mine"):
        assert part in str(error)
    assert await fields_of(database, "x") == {"a": 3.0}


async def test_a_document_that_appeared_where_none_was_read(database: Database) -> None:
    table = table_of(database)
    mine = database.begin()
    assert await read(mine, table, "x") is None
    insert(mine, table, "y", {})
    await run(database, put(table, "x", {"a": 1.0}))
    assert await conflict_of(database, mine) is not None


@pytest.mark.parametrize(
    ("other", "is_conflict"),
    [({"a": 1.0}, True), ({"a": 2.0}, False), ({}, False)],
)
async def test_a_phantom(database: Database, other: dict[str, float], is_conflict: bool) -> None:
    table = table_of(database)
    mine = database.begin()
    mine.depend(equal_to(by_a(database), 1.0))
    insert(mine, table, "mine", {"a": 7.0})
    await run(database, put(table, "x", other))
    assert is_conflict == (await conflict_of(database, mine) is not None)


async def test_write_skew(database: Database) -> None:
    """Both read both, each changes another one: only one of them may stand."""
    table = table_of(database)
    await run(database, put(table, "x", {"a": 1.0}), put(table, "y", {"a": 1.0}))
    both = [database.begin(), database.begin()]
    for transaction, name in zip(both, ("x", "y"), strict=True):
        for each in ("x", "y"):
            await read(transaction, table, each)
        await write(transaction, table, name, {"a": 0.0})
    ends = [await conflict_of(database, transaction) for transaction in both]
    assert ends[0] is None
    assert ends[1] is not None


async def test_a_conflict_with_a_work_of_the_same_batch(database: Database) -> None:
    table = table_of(database)
    mine = database.begin()
    await write(mine, table, "x", {"a": 1.0})
    behind, beside = Prepared(mine), database.begin()
    await write(beside, table, "y", {"a": 1.0})
    fine = Prepared(beside)
    await run(database, put(table, "x", {"a": 5.0}), behind, fine)
    (end,) = behind.ends
    assert isinstance(end, ConflictError)
    assert fine.ts == database.head
    assert database.batches == 1
    assert [await fields_of(database, name) for name in ("x", "y")] == [{"a": 5.0}, {"a": 1.0}]


async def test_what_was_prepared_first_wins_within_a_batch(database: Database) -> None:
    table = table_of(database)
    works = []
    for a in (1.0, 2.0, 3.0):
        transaction = database.begin()
        await write(transaction, table, "x", {"a": a})
        works.append(Prepared(transaction))
    await run(database, *works)
    assert works[0].ts == database.head
    assert all(isinstance(work.ends[0], ConflictError) for work in works[1:])
    assert await fields_of(database, "x") == {"a": 1.0}


async def test_blind_inserts_do_not_conflict(database: Database) -> None:
    table = table_of(database)
    works = []
    for n in range(5):
        transaction = database.begin()
        insert(transaction, table, f"{n}", {"a": 1.0})
        works.append(Prepared(transaction))
    await run(database, *works)
    assert [database.head - works[-1].ts] == [0]
    assert await scan(database.begin(), table, by_a(database)) == ["0", "1", "2", "3", "4"]


async def test_a_batch_of_nothing_but_conflicts_costs_nothing(database: Database) -> None:
    table = table_of(database)
    mine = database.begin()
    await write(mine, table, "x", {"a": 1.0})
    await run(database, put(table, "x", {"a": 5.0}))
    before = (database.batches, database.head)
    assert await conflict_of(database, mine) is not None
    assert before == (database.batches, database.head)


async def test_a_transaction_older_than_the_log_cannot_stand() -> None:
    limits = replace(DEFAULT_LIMITS, log_entries_max=3)
    async with opened(MemoryStore(limits), limits=limits) as database:
        table = table_of(database)
        await run(database, put(table, "x", {"a": 1.0}))
        mine, younger = database.begin(), database.begin()
        await write(mine, table, "y", {"a": 1.0})
        for n in range(4):
            await run(database, put(table, f"{n}", {}))
            if n == 0:
                younger = database.begin()
                await write(younger, table, "z", {"a": 1.0})
        assert await conflict_of(database, mine) is not None
        assert await conflict_of(database, younger) is None


async def test_a_new_schema_ends_what_began_under_the_old_one(database: Database) -> None:
    table = table_of(database)
    writer, reader = database.begin(), database.begin()
    insert(writer, table, "x", {"a": 1.0})
    await scan(reader, table, by_a(database))
    await database.define([BY_A, TableSpec("users", {})])
    error = await conflict_of(database, writer)
    assert error is not None
    assert "schema" in str(error)
    # One that wrote nothing has nothing that the new schema could refuse.
    assert database.head == await database.commit(reader)
    again = database.begin()
    insert(again, table_of(database), "x", {"a": 1.0})
    assert await conflict_of(database, again) is None
