"""The stores in SQLite keep the promises of every store, and answer for the disk below them."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from typing_extensions import override

from reactive.errors import StorageError, UncertainCommitError
from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.storage import sqlite_layout
from reactive.storage.interface import Store
from reactive.storage.sqlite import SQLiteStore
from reactive.storage.sqlite_layout import sqlite_path
from reactive.testing.documents import document, revision
from reactive.testing.store_checks import (
    BY_A,
    WITH_TEXTS,
    commit,
    found,
    ids,
    index_of,
    stays_pending,
    stop,
    text_index_of,
)
from reactive.testing.store_suite import DurableStoreSuite, StoreSuite
from reactive.values.document import CommitEntry, Receipt
from reactive.values.keys import encode_part
from tests.storage.machine import DurableStoreMachine, StoreMachine

NAME = "data.sqlite3"
LARGE = "x" * 50_000


class TestInMemory(StoreSuite):
    @override
    def new_store(self, folder: Path, limits: Limits = DEFAULT_LIMITS) -> Store:
        return SQLiteStore(None, limits)


class TestOnFile(DurableStoreSuite):
    @override
    def new_store(self, folder: Path, limits: Limits = DEFAULT_LIMITS) -> Store:
        return SQLiteStore(folder / NAME, limits, commit_in_thread=False)


class TestOnFileInThread(DurableStoreSuite):
    @override
    def new_store(self, folder: Path, limits: Limits = DEFAULT_LIMITS) -> Store:
        return SQLiteStore(folder / NAME, limits, commit_in_thread=True)


class InMemoryMachine(StoreMachine):
    @override
    def new_store(self, folder: Path, limits: Limits) -> Store:
        return SQLiteStore(None, limits)


class OnFileMachine(DurableStoreMachine):
    @override
    def new_store(self, folder: Path, limits: Limits) -> Store:
        return SQLiteStore(folder / NAME, limits, commit_in_thread=False)


class OnFileInThreadMachine(DurableStoreMachine):
    @override
    def new_store(self, folder: Path, limits: Limits) -> Store:
        return SQLiteStore(folder / NAME, limits, commit_in_thread=True)


TestInMemoryMachine = InMemoryMachine.TestCase
TestInMemoryMachine.settings = settings(max_examples=60, stateful_step_count=25)
TestOnFileMachine = OnFileMachine.TestCase
TestOnFileMachine.settings = settings(max_examples=25, stateful_step_count=20)
TestOnFileInThreadMachine = OnFileInThreadMachine.TestCase
TestOnFileInThreadMachine.settings = settings(max_examples=25, stateful_step_count=20)


@pytest.fixture(params=[False, True], ids=["loop", "thread"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SQLiteStore]:
    """A store on a file, with one commit in it."""
    store = SQLiteStore(tmp_path / NAME, commit_in_thread=request.param)
    await store.open()
    await commit(store, 10, revision(store.table("items"), "x", None, {"a": 1.0}))
    yield store
    await store.close()


async def open_and_close(path: Path) -> None:
    store = SQLiteStore(path)
    try:
        await store.open()
    finally:
        await store.close()


# --- Opening ---


async def test_makes_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "some" / "where" / NAME
    await open_and_close(path)
    assert path.is_file()


async def test_a_file_has_one_user(store: SQLiteStore, tmp_path: Path) -> None:
    second = SQLiteStore(tmp_path / NAME)
    with pytest.raises(StorageError, match=rf"{NAME} is in use by another server"):
        await second.open()
    # The first does not notice.
    await commit(store, 20, revision(store.table("items"), "y", None, {}))
    await store.close()
    assert await second.open() == 20
    await second.close()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"garbage" * 1_000, id="no database"),
        pytest.param(b"SQLite format 3\0" + b"\xff" * 8_000, id="a broken header"),
        pytest.param(b"short", id="a few bytes"),
    ],
)
async def test_refuses_what_is_no_database(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / NAME
    path.write_bytes(content)
    with pytest.raises(StorageError, match=f"(?s){NAME}.*database"):
        await open_and_close(path)
    assert content == path.read_bytes()


async def test_refuses_a_database_with_its_end_cut_off(store: SQLiteStore, tmp_path: Path) -> None:
    many = [revision(store.table("items"), f"{n}", None, {"a": LARGE}) for n in range(20)]
    await commit(store, 20, *many)
    await store.close()
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes()[:8_192])
    with pytest.raises(StorageError, match=NAME):
        await open_and_close(path)


async def test_refuses_another_format(store: SQLiteStore, tmp_path: Path) -> None:
    await store.close()
    path = tmp_path / NAME
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StorageError, match=rf"{NAME} .*formats 1 and 2 .* format 99"):
        await open_and_close(path)
    assert before == path.read_bytes()


async def test_refuses_the_database_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / NAME
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE documents(customer TEXT)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StorageError, match=NAME):
        await open_and_close(path)
    assert before == path.read_bytes()


async def test_refuses_paths_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / NAME, tmp_path / "folder"):
        with pytest.raises(StorageError, match=path.name):
            await open_and_close(path)


async def test_a_refused_file_is_free_again(tmp_path: Path) -> None:
    """The store that was refused has let go of it, though nobody has closed it."""
    path = tmp_path / NAME
    path.write_bytes(b"garbage" * 1_000)
    refused = SQLiteStore(path)
    with pytest.raises(StorageError):
        await refused.open()
    with sqlite3.connect(tmp_path / "other") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    path.unlink()
    (tmp_path / "other").rename(path)
    with pytest.raises(StorageError):
        await refused.open()
    path.unlink()
    await open_and_close(path)


async def test_closing_what_was_never_opened(tmp_path: Path) -> None:
    await SQLiteStore(tmp_path / NAME).close()


async def test_the_disk_decides_where_commits_run(tmp_path: Path) -> None:
    """Whichever way the probe decides, the store works and the probe leaves nothing behind."""
    store = SQLiteStore(tmp_path / NAME)
    await store.open()
    await commit(store, 10, revision(store.table("items"), "x", None, {}))
    assert await ids(store.snapshot(10), store.table("items").by_id) == ["x"]
    await store.close()


def test_paths_of_urls(tmp_path: Path) -> None:
    assert tmp_path / "data" / "a.db" == sqlite_path("sqlite:///data/a.db", tmp_path)
    assert Path("/var/a.db") == sqlite_path("sqlite:////var/a.db", tmp_path)
    assert sqlite_path("sqlite:///:memory:", tmp_path) is None


# --- A disk that fails ---


class Connection:
    """Stands before a store's connection, and lets one statement fail."""

    def __init__(
        self, inner: sqlite3.Connection, statement: str, error: sqlite3.Error, *, does_it: bool
    ) -> None:
        self._inner = inner
        self._statement = statement
        self._error: sqlite3.Error | None = error
        self._does_it = does_it

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def execute(self, statement: str, *arguments: Any) -> sqlite3.Cursor:
        if self._error is None or not statement.startswith(self._statement):
            return self._inner.execute(statement, *arguments)
        error, self._error = self._error, None
        if self._does_it:
            self._inner.execute(statement, *arguments)
        raise error


def let_fail(
    store: SQLiteStore,
    monkeypatch: pytest.MonkeyPatch,
    statement: str,
    error: sqlite3.Error,
    *,
    does_it: bool = False,
) -> None:
    failing = Connection(store._write, statement, error, does_it=does_it)
    monkeypatch.setattr(store, "_write", failing)


def fill_disk(store: SQLiteStore) -> None:
    """No page more than there are: what SQLite then says is what it says of a full disk."""
    (pages,) = store._write.execute("PRAGMA page_count").fetchone()
    store._write.execute(f"PRAGMA max_page_count = {pages}")


def empty_disk(store: SQLiteStore) -> None:
    store._write.execute("PRAGMA max_page_count = 1000000")


async def assert_only_x(store: Store, ts: int) -> None:
    """The store is as the fixture made it, and takes the next commit."""
    table = store.table("items")
    for snapshot in (store.snapshot(ts), store.snapshot(10)):
        assert await ids(snapshot, table.by_id) == ["x"]
        assert document("x", {"a": 1.0}) == await snapshot.get(table.by_id, encode_part("x"))
    async with store.commit_slot() as slot:
        assert slot.head == 10
    assert list(await store.commits_after(10) or ()) == []
    await commit(store, ts, revision(table, "x", {"a": 1.0}, {"a": 2.0}))
    assert document("x", {"a": 2.0}) == await store.snapshot(ts).get(table.by_id, encode_part("x"))


async def test_a_full_disk_refuses_a_commit(store: SQLiteStore) -> None:
    table = store.table("items")
    fill_disk(store)
    large = [revision(table, f"{n}", None, {"a": LARGE}) for n in range(5)]
    with pytest.raises(StorageError, match="full"):
        await commit(store, 20, *large, receipt=Receipt("ann", 1, b"null", b"[]"))
    empty_disk(store)
    assert await store.receipt("ann", 1) is None
    await assert_only_x(store, 20)


async def test_a_disk_that_is_full_after_some_commits_of_a_slot(store: SQLiteStore) -> None:
    """All of the slot is refused, also what had found its place."""
    table = store.table("items")
    fill_disk(store)

    async def commit_two() -> None:
        async with store.commit_slot() as slot:
            await slot.append(CommitEntry(20, [revision(table, "y", None, {})]))
            large = [revision(table, f"{n}", None, {"a": LARGE}) for n in range(5)]
            await slot.append(CommitEntry(30, large))
            await slot.commit()

    with pytest.raises(StorageError, match="full"):
        await commit_two()
    empty_disk(store)
    await assert_only_x(store, 30)


async def test_a_full_disk_refuses_new_indexes(store: SQLiteStore, tmp_path: Path) -> None:
    table = store.table("items")
    many = [revision(table, f"{n}", None, {"a": "x" * 900}) for n in range(50)]
    await commit(store, 20, *many)
    fill_disk(store)
    with pytest.raises(StorageError, match="full"):
        await store.define([BY_A])
    assert table == store.table("items")
    empty_disk(store)
    await store.define([BY_A])
    assert len(await ids(store.snapshot(20), index_of(store, "by_a"))) == 51


FULL = sqlite3.OperationalError("database or disk is full")
FULL.sqlite_errorcode = sqlite3.SQLITE_FULL


async def test_a_disk_that_is_full_at_the_last_moment(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_fail(store, monkeypatch, "COMMIT", FULL)
    with pytest.raises(StorageError, match="disk is full"):
        await commit(store, 20, revision(store.table("items"), "y", None, {}))
    await assert_only_x(store, 20)


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.OperationalError("disk I/O error"),
        sqlite3.DatabaseError("database disk image is malformed"),
    ],
)
async def test_a_transaction_that_cannot_begin(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch, error: sqlite3.Error
) -> None:
    let_fail(store, monkeypatch, "BEGIN", error)
    with pytest.raises(StorageError, match=str(error)):
        await commit(store, 20, revision(store.table("items"), "y", None, {}))
    await assert_only_x(store, 20)


@pytest.mark.parametrize("action", ["ABORT", "FAIL", "ROLLBACK"])
@pytest.mark.parametrize(
    "event", ["INSERT ON documents", "UPDATE ON documents", "DELETE ON documents"]
)
@pytest.mark.parametrize("is_looked_at", [False, True])
async def test_a_write_that_fails_before_the_commit(
    store: SQLiteStore, action: str, event: str, is_looked_at: bool
) -> None:
    """All of the slot is refused, also where SQLite has ended the transaction by itself and where
    somebody who was reading has heard of it first."""
    table = store.table("items")
    await commit(store, 20, revision(table, "z", None, {}))
    store._write.execute(
        f"CREATE TEMP TRIGGER refuse BEFORE {event} BEGIN SELECT RAISE({action}, 'refused'); END"
    )

    async def commit_two() -> None:
        async with store.commit_slot() as slot:
            insert = revision(table, "y", None, {})
            update = revision(table, "x", {"a": 1.0}, {"a": 5.0})
            await slot.append(CommitEntry(30, [insert, update]))
            if is_looked_at and not event.startswith("DELETE"):
                with pytest.raises(sqlite3.Error, match="refused"):
                    await slot.snapshot().get(table.by_id, encode_part("nobody"))
                # What comes later in the slot is refused with it, whether it would do or not.
                sqlite3.Connection.execute(store._write, "DROP TRIGGER refuse")
            is_delete = event.startswith("DELETE")
            last = revision(table, "z", {}, None) if is_delete else revision(table, "w", None, {})
            await slot.append(CommitEntry(40, [last], Receipt("ann", 1, b"null", b"[]")))
            await slot.commit()

    # And not an `UncertainCommitError`: that nothing was written is known.
    with pytest.raises(StorageError, match="refused"):
        await commit_two()
    store._write.execute("DROP TRIGGER IF EXISTS refuse")
    for snapshot in (store.snapshot(20), store.snapshot(40)):
        assert await ids(snapshot, table.by_id) == ["x", "z"]
    await commit(store, 30, revision(table, "z", {}, None))
    await store.forget_receipts(30)
    async with store.commit_slot() as slot:
        assert slot.head == 30
    assert document("x", {"a": 1.0}) == await store.snapshot(30).get(table.by_id, encode_part("x"))


async def test_a_document_that_changes_often_is_written_once(store: SQLiteStore) -> None:
    table = store.table("items")
    written: list[str] = []
    async with store.commit_slot() as slot:
        store._write.set_trace_callback(written.append)
        await slot.append(CommitEntry(20, [revision(table, "y", None, {"b": 0.0})]))
        for n in range(5):
            change = revision(table, "y", {"b": float(n)}, {"b": n + 1.0})
            await slot.append(CommitEntry(30 + n, [change]))
        await slot.commit()
    store._write.set_trace_callback(None)
    assert await ids(store.snapshot(34), table.by_id) == ["x", "y"]
    assert document("y", {"b": 5.0}) == await store.snapshot(34).get(table.by_id, encode_part("y"))
    assert sum(each.startswith("UPDATE documents") for each in written) == 1


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.OperationalError("disk I/O error"),
        sqlite3.DatabaseError("database disk image is malformed"),
    ],
)
@pytest.mark.parametrize("does_it", [False, True])
async def test_a_commit_whose_outcome_is_unknown(
    store: SQLiteStore,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    error: sqlite3.Error,
    does_it: bool,
) -> None:
    let_fail(store, monkeypatch, "COMMIT", error, does_it=does_it)
    with pytest.raises(UncertainCommitError, match=str(error)):
        await commit(store, 20, revision(store.table("items"), "y", None, {}))
    # Only whoever reads the file again knows, and then knows all of it.
    await store.close()
    again = SQLiteStore(tmp_path / NAME)
    head = await again.open()
    found = await ids(again.snapshot(head), again.table("items").by_id)
    assert (head, found) == (20, ["x", "y"]) if does_it else (head, found) == (10, ["x"])
    await again.close()


@pytest.mark.parametrize("statement", ["BEGIN", "COMMIT", "INSERT OR REPLACE", "UPDATE meta"])
async def test_indexes_that_cannot_be_changed(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    before = store.table("items")
    if statement == "INSERT OR REPLACE":
        # What is done with `executemany` passes by; SQLite itself refuses this one.
        store._write.execute(
            "CREATE TEMP TRIGGER refuse BEFORE INSERT ON tables"
            " BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
    else:
        let_fail(store, monkeypatch, statement, sqlite3.OperationalError("refused"))
    with pytest.raises(StorageError, match="refused"):
        await store.define([BY_A])
    store._write.execute("DROP TRIGGER IF EXISTS refuse")
    assert before == store.table("items")
    await store.define([BY_A])
    assert await ids(store.snapshot(10), index_of(store, "by_a")) == ["x"]


@pytest.mark.parametrize("statement", ["INSERT OR REPLACE INTO meta", "DELETE FROM receipts"])
async def test_what_lies_beside_the_documents_can_be_refused_too(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    await store.set_note("schema", "old")
    receipt = Receipt("ann", 1, b"null", b"[]")
    await commit(store, 20, receipt=receipt)

    async def write_beside() -> None:
        await store.set_note("schema", "new")
        await store.forget_receipts(30)

    let_fail(store, monkeypatch, statement, sqlite3.OperationalError("refused"))
    with pytest.raises(StorageError, match="refused"):
        await write_beside()
    is_note = "meta" in statement
    assert await store.note("schema") == ("old" if is_note else "new")
    assert (20, receipt) == await store.receipt("ann", 1)
    await write_beside()
    assert await store.note("schema") == "new"
    assert await store.receipt("ann", 1) is None


# --- Commits in a thread ---


class HeldCommit:
    """Stands before a store's connection, and holds the thread of its next commit."""

    def __init__(self, inner: sqlite3.Connection, *, is_on_disk: bool) -> None:
        self._inner = inner
        self._is_on_disk = is_on_disk
        self._loop = asyncio.get_running_loop()
        self._reached = asyncio.Event()
        self._released = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def execute(self, statement: str, *arguments: Any) -> sqlite3.Cursor:
        if statement != "COMMIT" or self._released.is_set():
            return self._inner.execute(statement, *arguments)
        if not self._is_on_disk:
            self._wait()
        done = self._inner.execute(statement, *arguments)
        if self._is_on_disk:
            self._wait()
        return done

    def _wait(self) -> None:
        self._loop.call_soon_threadsafe(self._reached.set)
        asyncio.run_coroutine_threadsafe(self._released.wait(), self._loop).result()

    async def reached(self) -> None:
        await self._reached.wait()

    def release(self) -> None:
        self._released.set()


def hold_commit(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch, *, is_on_disk: bool
) -> HeldCommit:
    held = HeldCommit(store._write, is_on_disk=is_on_disk)
    monkeypatch.setattr(store, "_write", held)
    return held


@pytest.fixture
async def threaded(tmp_path: Path) -> AsyncIterator[SQLiteStore]:
    """A store whose commits run in a thread, with one commit in it."""
    store = SQLiteStore(tmp_path / NAME, commit_in_thread=True)
    await store.open()
    await commit(store, 10, revision(store.table("items"), "x", None, {"a": 1.0}))
    yield store
    await store.close()


@pytest.mark.parametrize("is_on_disk", [False, True])
async def test_the_loop_runs_while_a_commit_waits_for_the_disk(
    threaded: SQLiteStore, monkeypatch: pytest.MonkeyPatch, is_on_disk: bool
) -> None:
    """Readers meanwhile see nothing of it, and everything as soon as it is done."""
    store, table = threaded, threaded.table("items")
    commit_held = hold_commit(store, monkeypatch, is_on_disk=is_on_disk)
    change = [revision(table, "x", {"a": 1.0}, {"a": 2.0}), revision(table, "y", None, {})]
    receipt = Receipt("ann", 1, b"null", b"[]")
    committing = asyncio.create_task(commit(store, 20, *change, receipt=receipt))
    waiting = asyncio.create_task(store.wait_for_commit(10))
    await commit_held.reached()
    snapshot = store.snapshot(10)
    assert ["x"] == await ids(snapshot, table.by_id)
    assert document("x", {"a": 1.0}) == await snapshot.get(table.by_id, encode_part("x"))
    assert await snapshot.get(table.by_id, encode_part("y")) is None
    assert [] == list(await store.commits_after(10) or ())
    assert await store.receipt("ann", 1) is None
    assert await stays_pending(waiting)
    commit_held.release()
    await committing
    await waiting
    assert ["x"] == await ids(snapshot, table.by_id)
    assert ["x", "y"] == await ids(store.snapshot(20), table.by_id)
    assert (20, receipt) == await store.receipt("ann", 1)


@pytest.mark.parametrize("is_on_disk", [False, True])
async def test_a_commit_that_is_cancelled_is_not_known_by_half(
    threaded: SQLiteStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_on_disk: bool
) -> None:
    """Whether it is durable or not, the store says of it what its file says."""
    store, table = threaded, threaded.table("items")
    commit_held = hold_commit(store, monkeypatch, is_on_disk=is_on_disk)
    committing = asyncio.create_task(commit(store, 20, revision(table, "y", None, {})))
    await commit_held.reached()
    committing.cancel()
    next_one = asyncio.create_task(commit(store, 30, revision(table, "z", None, {})))
    await stays_pending(next_one)
    commit_held.release()
    await asyncio.wait([committing, next_one])
    await next_one
    assert ["x"] == await ids(store.snapshot(10), table.by_id)
    known = [entry.ts for entry in await store.commits_after(10) or ()]
    found = await ids(store.snapshot(30), table.by_id)
    assert (known, found) in (([20, 30], ["x", "y", "z"]), ([30], ["x", "z"]))
    await store.close()
    again = SQLiteStore(tmp_path / NAME)
    assert await again.open() == 30
    assert found == await ids(again.snapshot(30), table.by_id)
    await again.close()


async def test_a_waiter_that_gave_up_does_no_harm(store: SQLiteStore) -> None:
    waiting = asyncio.create_task(store.wait_for_commit(10))
    assert await stays_pending(waiting)
    await stop(waiting)
    await commit(store, 20, revision(store.table("items"), "y", None, {}))
    await store.wait_for_commit(10)


async def test_readers_cannot_write(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / NAME, commit_in_thread=True)
    await store.open()
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store._read.execute("DELETE FROM meta")
    await store.close()


# --- Formats ---


def layout(path: Path) -> tuple[int, dict[str, Any]]:
    """The format of a file, and the indexes of its tables as they are kept."""
    with closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        rows = connection.execute("SELECT name, indexes FROM tables")
        return version, {name: json.loads(text) for name, text in rows}


async def test_a_file_without_text_indexes_is_as_it_always_was(tmp_path: Path) -> None:
    """So that servers of before full-text search open it, and this one opens theirs."""
    path = tmp_path / NAME
    store = SQLiteStore(path, commit_in_thread=False)
    await store.open()
    await store.define([BY_A])
    await commit(store, 10, revision(store.table("items"), "x", None, {"a": "red"}))
    await store.close()
    indexes = [
        [number, name, [[field]]]
        for number, name, field in ((1, "by_id", "_id"), (2, "by_creation_time", "_creationTime"))
    ]
    assert layout(path) == (1, {"items": [*indexes, [3, "by_a", [["a"]]]]})
    again = SQLiteStore(path, commit_in_thread=False)
    await again.open()
    await again.define([WITH_TEXTS])
    assert await found(again, again.snapshot(10), "red") == ["x"]
    await again.close()
    assert layout(path)[0] == 2, "a server of before would not keep the index"


async def test_an_index_of_other_words_is_built_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / NAME
    with monkeypatch.context() as patch:
        patch.setattr(sqlite_layout, "TEXT_VERSION", "0/of long ago")
        store = SQLiteStore(path, commit_in_thread=False)
        await store.open()
        await store.define([WITH_TEXTS])
        await commit(store, 10, revision(store.table("items"), "x", None, {"a": "red"}))
        before = text_index_of(store)
        await store.close()
    again = SQLiteStore(path, commit_in_thread=False)
    await again.open()
    await again.define([WITH_TEXTS])
    assert text_index_of(again).number > before.number
    assert await found(again, again.snapshot(10), "red") == ["x"]
    table = again.table("items")
    await commit(again, 20, revision(table, "x", {"a": "red"}, {"a": "blue"}))
    assert await found(again, again.snapshot(20), "red") == []
    await again.close()
