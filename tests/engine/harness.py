"""A database, somebody to commit to it, and somebody to be told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from reactive.engine.database import Database
from reactive.engine.transaction import Transaction
from reactive.errors import ReactiveError, UncertainCommitError
from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.storage.interface import Store
from reactive.testing.clock import ManualClock
from reactive.testing.documents import Fields, document, wire_of
from reactive.testing.store_checks import BY_A
from reactive.values.encoding import load_json
from reactive.values.keys import encode_part, prefix_end
from reactive.values.ranges import IndexRange, ReadSet
from reactive.values.tables import IndexDefinition, TableDefinition
from reactive.values.timestamp import Timestamp

SECOND = 1_000_000_000


def table_of(database: Database) -> TableDefinition:
    return database.store.table("items")


def by_a(database: Database) -> IndexDefinition:
    index = table_of(database).index("by_a")
    assert index is not None
    return index


@dataclass
class Fatal:
    """Where a database reports that its process must stop."""

    errors: list[UncertainCommitError] = field(default_factory=list)

    def __call__(self, error: UncertainCommitError) -> None:
        self.errors.append(error)


@asynccontextmanager
async def opened(
    store: Store,
    *,
    limits: Limits = DEFAULT_LIMITS,
    clock: ManualClock | None = None,
    fatal: Fatal | None = None,
) -> AsyncIterator[Database]:
    """A database over the store, whose items have an index `by_a`."""
    database = Database(store, clock or ManualClock(), limits, fatal or Fatal())
    await database.open()
    if store.table("items").index("by_a") is None:
        await database.define([BY_A])
    yield database
    await database.close()


# What a transaction can do, without any of the runtime.


async def read(transaction: Transaction, table: TableDefinition, name: str) -> Fields | None:
    """The fields of a document without those of the system."""
    found = await transaction.get(table, name)
    if found is None:
        return None
    wire = load_json(found.json)
    return {key: value for key, value in wire.items() if not key.startswith("_")}


async def write(
    transaction: Transaction, table: TableDefinition, name: str, after: Fields | None
) -> None:
    """Reads the document and replaces it; None deletes it."""
    before = await transaction.get(table, name)
    transaction.write(
        table,
        name,
        before,
        () if before is None else table.keys(load_json(before.json)),
        None if after is None else document(name, after),
        () if after is None else table.keys(wire_of(name, after)),
    )


def insert(transaction: Transaction, table: TableDefinition, name: str, fields: Fields) -> None:
    """Writes without having looked, as an insert with a fresh id does."""
    keys = table.keys(wire_of(name, fields))
    transaction.write(table, name, None, (), document(name, fields), keys)


async def scan(
    transaction: Transaction,
    table: TableDefinition,
    index: IndexDefinition,
    *,
    lower: bytes = b"",
    upper: bytes = prefix_end(b""),
    descending: bool = False,
    limit: int = 1_000,
) -> list[str]:
    """The ids of a range, which the transaction then depends on as far as it was consumed."""
    rows = await transaction.scan(table, index, lower, upper, descending=descending, limit=limit)
    if len(rows) == limit:
        if not rows:
            return []
        if descending:
            lower = rows[-1].key
        else:
            upper = rows[-1].key + b"\0"
    transaction.depend(IndexRange(index.number, 0, b"", lower, upper))
    return [row.id for row in rows]


def equal_to(index: IndexDefinition, value: object) -> IndexRange:
    prefix = encode_part(value)
    return IndexRange(index.number, 1, prefix, prefix, prefix_end(prefix))


def reads_of(*ranges: IndexRange) -> ReadSet:
    reads = ReadSet()
    for each in ranges:
        reads.add(each)
    return reads


class Watcher:
    """Implements `Subscriber`, and remembers when it was told."""

    def __init__(self) -> None:
        self.told: list[Timestamp] = []

    def invalidated(self, ts: Timestamp) -> None:
        self.told.append(ts)


Do = Callable[[Transaction], Awaitable[None]]


class Job:
    """Implements `Work`: does something in the slot, and remembers how it ended."""

    def __init__(self, do: Do, source: str = "") -> None:
        self._do = do
        self._source = source
        self.client: object | None = None
        self.ends: list[Timestamp | ReactiveError] = []
        self.runs = 0

    async def run(self, begin: Callable[[], Transaction]) -> Transaction | None:
        self.runs += 1
        transaction = begin()
        transaction.source = self._source
        await self._do(transaction)
        return transaction

    def committed(self, ts: Timestamp) -> None:
        self.ends.append(ts)

    def failed(self, error: ReactiveError) -> None:
        self.ends.append(error)

    @property
    def ts(self) -> Timestamp:
        """When it was committed.

        Raises:
            AssertionError: when it was not, or ended more than once.
        """
        (end,) = self.ends
        assert isinstance(end, int), end
        return end


class Prepared(Job):
    """Work that was done before, on an older snapshot."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(_nothing)
        self._transaction = transaction

    async def run(self, begin: Callable[[], Transaction]) -> Transaction:
        self.runs += 1
        return self._transaction


async def _nothing(transaction: Transaction) -> None:
    pass


def put(table: TableDefinition, name: str, fields: Fields | None) -> Job:
    """Replaces one document."""

    async def do(transaction: Transaction) -> None:
        await write(transaction, table, name, fields)

    return Job(do, f"put {name}")


def increment(table: TableDefinition, name: str) -> Job:
    """Counts, as a mutation does that reads what it writes."""

    async def do(transaction: Transaction) -> None:
        before = await read(transaction, table, name)
        await write(transaction, table, name, {"a": (before or {"a": 0.0})["a"] + 1})

    return Job(do, f"increment {name}")


async def settle() -> None:
    """Lets the loop run until nothing is left that runs by itself."""
    for _ in range(20):
        await asyncio.sleep(0)


async def run(database: Database, *jobs: Job) -> None:
    """Submits the jobs in one turn of the loop, and waits until they have ended."""
    for job in jobs:
        database.submit(job)
    await settle()


async def fields_of(database: Database, name: str) -> object:
    return await read(database.begin(), table_of(database), name)
