"""What the engine asks of a store, and the order in which things must happen.

Promises that every store keeps, and that `reactive.testing.store_suite` checks:

1. A snapshot never changes: what it answers does not depend on commits after its timestamp. 2.
There is one commit slot, over all processes that share the store. Whoever holds it sees in `head`
   the newest durable commit, whoever made it.
3. What was appended in a slot is seen by the slot's own snapshot at once, by nobody else until
   `commit` has returned, and by nobody ever when the slot is left without it.
4. A commit is whole: after a crash either all appended entries of a slot are there or none.
5. `commits_after` gives every commit that it does not declare lost, in order, none twice.

A store on this machine answers without suspending, so that a caller runs through in one turn of the
event loop; nothing but speed may depend on that.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from reactive.errors import StorageError
from reactive.values.document import CommitEntry, Receipt, Row, StoredDocument
from reactive.values.tables import (
    IndexDefinition,
    TableDefinition,
    TableSpec,
    TextIndexDefinition,
)
from reactive.values.text import TextMatches, TextSearch
from reactive.values.timestamp import Timestamp


class Snapshot(Protocol):
    """The database at one timestamp.

    Raises:
        OutOfRetentionError: from any read, when its past is no longer kept.
    """

    async def get(self, index: IndexDefinition, key: bytes) -> StoredDocument | None:
        """The document with exactly this key of the index."""
        ...

    async def scan(
        self,
        index: IndexDefinition,
        lower: bytes,
        upper: bytes,
        *,
        descending: bool = False,
        limit: int,
    ) -> list[Row]:
        """At most `limit` rows with `lower <= key < upper`, in key order or its reverse."""
        ...

    async def search(self, index: TextIndexDefinition, search: TextSearch) -> TextMatches:
        """All documents that the search finds; the caller may change what it is given."""
        ...


class CommitSlot(Protocol):
    """The right to commit."""

    head: Timestamp

    def snapshot(self) -> Snapshot:
        """The newest commit and everything appended so far."""
        ...

    async def append(self, entry: CommitEntry) -> None:
        """Applies one commit, whose timestamp is later than all before. Not durable yet."""
        ...

    async def commit(self) -> None:
        """Makes everything appended durable.

        Raises:
            StorageError: when nothing was written.
            UncertainCommitError: when it is unknown whether it was.
        """
        ...


def _nothing() -> None:
    pass


async def _no_progress(table: TableDefinition, done: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """Whoever changes the indexes, and what he has to say while that goes on.

    `notes` become durable together with the indexes, in the place of older ones.
    """

    notes: Mapping[str, str] = field(default_factory=dict)
    confirm: Callable[[], None] = _nothing
    """The last word, in the slot: what it raises ends the change. Must not wait."""
    adopted: Callable[[], None] = _nothing
    """The new indexes are the truth, and no commit has seen them yet. Must not wait or raise."""
    progress: Callable[[TableDefinition, int], Awaitable[None]] = _no_progress
    """Told now and then how many documents of a table are in its new indexes."""


class Store(Protocol):
    """Bytes at a timestamp."""

    async def open(self) -> Timestamp:
        """Makes the store ready and returns its newest durable commit, 0 when it has none.

        Raises:
            StorageError: when it is damaged, of another format or in use by another process.
        """
        ...

    async def close(self) -> None: ...

    @property
    def secret(self) -> bytes:
        """Thirty-two random bytes, drawn when the store was made, that never leave the server."""
        ...

    async def note(self, name: str) -> str | None:
        """A text that was kept under this name beside the documents."""
        ...

    async def set_note(self, name: str, text: str) -> None: ...

    def tables(self) -> Sequence[TableDefinition]:
        """All tables that documents were ever written to or that a schema names."""
        ...

    def table(self, name: str) -> TableDefinition:
        """The table; an unknown name gets a number, durable with the first commit that uses it."""
        ...

    async def define(self, specs: Sequence[TableSpec], change: SchemaChange | None = None) -> None:
        """Makes the indexes of these tables exactly those named: builds new ones, drops others.

        Commits go on while new indexes are filled. Then all becomes true at once, in the slot and
        between two commits: `change` is asked to confirm, indexes and notes are made durable, and
        `change` is told. When anything is raised before that, everything stays as it was. Changes
        run one after the other.

        Raises:
            StorageError: when the store refuses; nothing is changed then.
        """
        ...

    async def sweep(self) -> None:
        """Removes what dropped and unfinished indexes left, between other people's commits."""
        ...

    async def count(self, table: TableDefinition) -> int:
        """How many documents the table has, give or take what is committed meanwhile."""
        ...

    def snapshot(self, at: Timestamp) -> Snapshot: ...

    def commit_slot(self) -> AbstractAsyncContextManager[CommitSlot]: ...

    async def receipt(self, session: str, request: int) -> tuple[Timestamp, Receipt] | None:
        """The record of a mutation that this client sent before."""
        ...

    async def last_receipt(self, session: str) -> tuple[int, Timestamp]:
        """The highest request number of the client with a receipt, and its commit; -1 for none."""
        ...

    async def forget_receipts(self, before: Timestamp) -> None:
        """Drops the receipts of commits before the timestamp."""
        ...

    async def commits_after(self, at: Timestamp) -> Sequence[CommitEntry] | None:
        """The commits after the timestamp, oldest first; None when some are no longer known."""
        ...

    async def wait_for_commit(self, after: Timestamp) -> None:
        """Returns once a commit after the timestamp is durable, whoever made it."""
        ...


class DuplicateIdError(StorageError):
    """A document that is to be loaded has the id of another."""

    default_code = "DuplicateId"


class Loader(Protocol):
    """Writes any number of documents that become durable together; for one thread."""

    def tables(self) -> Mapping[str, TableDefinition]:
        """All tables by their names, as they are now."""
        ...

    def is_empty(self, table: TableDefinition) -> bool:
        """Whether the table has no documents."""
        ...

    def renumber(self, numbers: Mapping[str, int]) -> Mapping[str, TableDefinition]:
        """Gives tables these numbers, makes those that are missing, and returns all tables.

        No two tables may end with the same number.
        """
        ...

    def clear(self, table: TableDefinition) -> None:
        """Takes all documents out of the table."""
        ...

    def put(
        self, table: TableDefinition, wire: Mapping[str, Any], document: StoredDocument
    ) -> None:
        """Adds a document; `wire` is its parsed JSON.

        Raises:
            DuplicateIdError: when there is a document of the same id.
        """
        ...


Fill = Callable[[Loader], None]


@runtime_checkable
class BulkStore(Protocol):
    """A store that takes more documents at once than a commit may have."""

    async def load(self, now_ns: int, fill: Fill) -> Timestamp:
        """Runs `fill`, perhaps in a thread, while nobody else commits; all it does is one commit.

        What was before that commit is not known any more: `commits_after` gives None.

        Raises:
            Exception: what `fill` raises; nothing was written then.
            StorageError: when nothing was written.
            UncertainCommitError: when it is unknown whether it was.
        """
        ...
