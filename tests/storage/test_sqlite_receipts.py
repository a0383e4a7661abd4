"""Where the receipts of a SQLite file are found: in memory, in their index, in files of before."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reactive.errors import StorageError
from reactive.limits import DEFAULT_LIMITS
from reactive.storage.sqlite import SQLiteStore
from reactive.testing.documents import revision
from reactive.testing.store_checks import commit
from reactive.values.document import CommitEntry, Receipt
from tests.storage.test_sqlite import hold_commit

NAME = "data.sqlite3"
SLICE = 3
LIMITS = replace(DEFAULT_LIMITS, receipts_unindexed_max=SLICE)

# What a server of before makes of each file that it opens.
SCHEMA_OF_BEFORE = """
CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tables(number INTEGER PRIMARY KEY, name TEXT UNIQUE, indexes TEXT);
CREATE TABLE IF NOT EXISTS documents(n INTEGER PRIMARY KEY, id TEXT, size INTEGER, json BLOB);
CREATE TABLE IF NOT EXISTS entries(i INTEGER, k BLOB, n INTEGER, PRIMARY KEY(i, k)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS receipts(
    ts INTEGER PRIMARY KEY, session TEXT, request INTEGER, value BLOB, log_lines BLOB);
CREATE UNIQUE INDEX IF NOT EXISTS receipts_by_request ON receipts(session, request);
PRAGMA user_version=1;
"""


def receipt(ts: int) -> Receipt:
    """The receipt of the commit at `ts`, of one of two clients."""
    return Receipt("ann" if ts % 2 else "bob", ts // 2, b"%d" % ts, b"[]")


def write_as_before(path: Path, *commits: int, forget: int = 0) -> None:
    """What a server of before does with a file in which it makes these commits."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(SCHEMA_OF_BEFORE)
        connection.execute("DELETE FROM receipts WHERE ts < ?", (forget,))
        connection.executemany(
            "INSERT INTO receipts VALUES (?, ?, ?, ?, ?)", [(ts, *receipt(ts)) for ts in commits]
        )
        connection.executemany(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            [("secret", bytes(32)), ("head", max(commits)), ("next_index", 1)],
        )


def all_of(path: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def indexed(path: Path) -> list[int]:
    """The commits whose receipts are in the index."""
    return sorted(ts for (ts,) in all_of(path, "SELECT ts FROM receipt_index"))


async def write(store: SQLiteStore, *commits: int) -> None:
    for ts in commits:
        await commit(store, ts, receipt=receipt(ts))


async def known(store: SQLiteStore, last: int) -> list[int]:
    """The commits up to `last` whose receipts are found, each as it was written."""
    found = []
    for ts in range(1, last + 1):
        each = await store.receipt(*receipt(ts)[:2])
        if each is not None:
            assert (ts, receipt(ts)) == each
            found.append(ts)
    return found


@pytest.fixture(params=[False, True], ids=["loop", "thread"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SQLiteStore]:
    store = SQLiteStore(tmp_path / NAME, LIMITS, commit_in_thread=request.param)
    await store.open()
    yield store
    await store.close()


# --- Into the index ---


async def test_index_is_written_once_for_many_commits(store: SQLiteStore, tmp_path: Path) -> None:
    lengths = []
    for ts in range(1, 10):
        await write(store, ts)
        lengths.append(len(indexed(tmp_path / NAME)))

    assert [0] * SLICE + [SLICE] * SLICE + [2 * SLICE] * SLICE == lengths
    assert list(range(1, 10)) == await known(store, 12)


async def test_commit_writes_no_page_for_each_client(tmp_path: Path) -> None:
    """Clients who were here before: each has a leaf of the index."""
    clients, rounds = 40, 40
    store = SQLiteStore(
        tmp_path / NAME,
        replace(DEFAULT_LIMITS, receipts_unindexed_max=clients * rounds),
        commit_in_thread=False,
    )
    await store.open()
    store._write.execute("PRAGMA wal_autocheckpoint=0")
    pages = []
    ts = 0
    for number in range(rounds + 2):
        store._write.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        async with store.commit_slot() as slot:
            for client in range(clients):
                ts += 1
                name = f"{client:036}"
                await slot.append(CommitEntry(ts, [], Receipt(name, number, b"null", b"[]")))
            await slot.commit()
        _, written, _ = store._write.execute("PRAGMA wal_checkpoint").fetchone()
        pages.append(written)
    await store.close()

    # The end of the receipts, the way to it, and the newest timestamp.
    assert max(pages[:rounds] + pages[-1:]) <= 5
    assert pages[rounds] > 15, "the one that indexes them all"


async def test_index_is_read_where_memory_ends(store: SQLiteStore, tmp_path: Path) -> None:
    await write(store, 1, 2, 3, 4, 5)
    await store.close()
    assert [1, 2, 3] == indexed(tmp_path / NAME)
    again = SQLiteStore(tmp_path / NAME, LIMITS)
    await again.open()

    assert [1, 2, 3, 4, 5] == await known(again, 8)
    assert (2, 5) == await again.last_receipt("ann")
    assert (2, 4) == await again.last_receipt("bob")
    await write(again, 6, 7)
    assert [1, 2, 3, 4, 5, 6, 7] == await known(again, 8)
    assert [1, 2, 3, 4, 5, 6] == indexed(tmp_path / NAME)
    await again.close()


async def test_highest_request_counts_wherever_it_is(store: SQLiteStore) -> None:
    for ts, request in ((1, 9), (2, 1), (3, 5), (4, 7)):
        await commit(store, ts, receipt=Receipt("ann", request, b"null", b"[]"))

    assert (9, 1) == await store.last_receipt("ann")
    await commit(store, 5, receipt=Receipt("ann", 12, b"null", b"[]"))
    assert (12, 5) == await store.last_receipt("ann")


# --- Slots that are left, disks that refuse ---


async def test_what_a_slot_was_to_index_is_indexed_by_the_next(
    store: SQLiteStore, tmp_path: Path
) -> None:
    await write(store, 1, 2, 3)
    async with store.commit_slot() as slot:
        await slot.append(CommitEntry(4, [], receipt(4)))
    assert [1, 2, 3] == await known(store, 4)
    assert [] == indexed(tmp_path / NAME)
    # The same request once more, as it was not answered.
    await write(store, 4, 5)
    assert [1, 2, 3, 4, 5] == await known(store, 8)
    assert [1, 2, 3] == indexed(tmp_path / NAME)


@pytest.mark.parametrize("table", ["receipt_index", "receipts", "meta"])
async def test_database_that_refuses_receipts_keeps_those_it_has(
    store: SQLiteStore, tmp_path: Path, table: str
) -> None:
    await write(store, 1, 2, 3)
    trigger = f"CREATE TEMP TRIGGER refuse BEFORE {{}} ON {table} BEGIN SELECT RAISE(ABORT, 'no');"
    store._write.execute(trigger.format("UPDATE" if table == "meta" else "INSERT") + " END")
    with pytest.raises(StorageError, match="refused a write: no"):
        await commit(store, 4, revision(store.table("items"), "x", None, {}), receipt=receipt(4))
    assert [1, 2, 3] == await known(store, 4)
    store._write.execute("DROP TRIGGER refuse")
    await write(store, 4, 5)

    assert [1, 2, 3, 4, 5] == await known(store, 8)
    assert [1, 2, 3] == indexed(tmp_path / NAME)


@pytest.mark.parametrize("is_on_disk", [False, True])
async def test_receipts_are_found_while_they_are_put_into_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_on_disk: bool
) -> None:
    """For a reader they may be in both places meanwhile; those of the commit are in none."""
    store = SQLiteStore(tmp_path / NAME, LIMITS, commit_in_thread=True)
    await store.open()
    await write(store, 1, 2, 3)
    commit_held = hold_commit(store, monkeypatch, is_on_disk=is_on_disk)
    committing = asyncio.create_task(commit(store, 4, receipt=receipt(4)))
    await commit_held.reached()
    assert [1, 2, 3] == await known(store, 5)
    assert (1, 3) == await store.last_receipt("ann")
    assert (1, 2) == await store.last_receipt("bob")
    commit_held.release()
    await committing

    assert [1, 2, 3, 4] == await known(store, 5)
    assert (2, 4) == await store.last_receipt("bob")
    assert [1, 2, 3] == indexed(tmp_path / NAME)
    await store.close()


# --- Forgetting ---


@pytest.mark.parametrize("before", [1, 2, 4, 5, 6, 9])
async def test_forgotten_receipts_are_nowhere(
    store: SQLiteStore, tmp_path: Path, before: int
) -> None:
    await write(store, 1, 2, 3, 4, 5)
    await store.forget_receipts(before)
    kept = list(range(before, 6))
    assert kept == await known(store, 8)
    assert [ts for ts in kept if ts <= SLICE] == indexed(tmp_path / NAME)
    await write(store, 6, 7, 8)
    assert [*kept, 6, 7, 8] == await known(store, 8)
    await store.close()
    again = SQLiteStore(tmp_path / NAME, LIMITS)
    await again.open()

    assert [*kept, 6, 7, 8] == await known(again, 8)
    await again.close()


@pytest.mark.parametrize("table", ["receipt_index", "receipts"])
async def test_receipts_that_cannot_be_forgotten_are_all_kept(
    store: SQLiteStore, tmp_path: Path, table: str
) -> None:
    await write(store, 1, 2, 3, 4, 5)
    store._write.execute(
        f"CREATE TEMP TRIGGER refuse BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    with pytest.raises(StorageError, match="refused a write: no"):
        await store.forget_receipts(5)
    assert [1, 2, 3, 4, 5] == await known(store, 5)
    assert [1, 2, 3] == indexed(tmp_path / NAME)
    store._write.execute("DROP TRIGGER refuse")
    await store.forget_receipts(5)
    assert [5] == await known(store, 5)


async def test_bulk_load_keeps_receipts(store: SQLiteStore) -> None:
    await write(store, 1, 2, 3, 4)
    head = await store.load(100, lambda loader: None)
    assert [1, 2, 3, 4] == await known(store, 5)
    await commit(store, head + 1, receipt=Receipt("eve", 1, b"null", b"[]"))
    await commit(store, head + 2, receipt=Receipt("eve", 2, b"null", b"[]"))

    assert [1, 2, 3, 4] == await known(store, 5)
    assert (2, head + 2) == await store.last_receipt("eve")


# --- Files of before ---


async def test_file_of_before_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / NAME
    write_as_before(path, 1, 2, 3, 4, 5, 6, 7)
    store = SQLiteStore(path, LIMITS, commit_in_thread=False)

    assert 7 == await store.open()
    assert [1, 2, 3, 4, 5, 6, 7] == indexed(path) == await known(store, 9)
    assert (3, 7) == await store.last_receipt("ann")
    await write(store, 8, 9)
    assert list(range(1, 10)) == await known(store, 12)
    await store.close()
    assert [] == all_of(path, "SELECT 1 FROM sqlite_master WHERE name = 'receipts_by_request'")
    assert [(1,)] == all_of(path, "PRAGMA user_version"), "no other format"


async def test_server_of_before_may_have_the_file_in_between(tmp_path: Path) -> None:
    """It finds all receipts, adds and forgets some, and knows nothing of the new index."""
    path = tmp_path / NAME
    store = SQLiteStore(path, LIMITS, commit_in_thread=False)
    await store.open()
    await write(store, 1, 2, 3, 4, 5)
    await store.close()
    assert [1, 2, 3] == indexed(path)
    write_as_before(path, 6, 7, 8, forget=3)
    assert [(3,), (5,), (7,)] == all_of(
        path, "SELECT ts FROM receipts INDEXED BY receipts_by_request WHERE session = 'ann'"
    )
    again = SQLiteStore(path, LIMITS, commit_in_thread=False)

    assert 8 == await again.open()
    assert [3, 4, 5, 6, 7, 8] == await known(again, 10) == indexed(path)
    await write(again, 9)
    assert [3, 4, 5, 6, 7, 8, 9] == await known(again, 10)
    await again.close()


async def test_upgrade_that_breaks_off_is_done_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / NAME
    write_as_before(path, 1, 2, 3, 4)
    script = "reactive.storage.sqlite_receipts._UPGRADE"
    with monkeypatch.context() as patch:
        patch.setattr(script, "BEGIN; DROP INDEX receipts_by_request; SELECT nothing; COMMIT;")
        with pytest.raises(StorageError, match="nothing"):
            await SQLiteStore(path, LIMITS).open()
    assert [] == indexed(path)
    store = SQLiteStore(path, LIMITS, commit_in_thread=False)
    await store.open()

    assert [1, 2, 3, 4] == indexed(path) == await known(store, 5)
    await store.close()
