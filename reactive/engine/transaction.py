"""One transaction: it reads one snapshot, remembers what it read, and keeps its writes to
itself."""

import math
from collections.abc import Sequence
from operator import attrgetter

from reactive.errors import LimitError
from reactive.limits import Limits
from reactive.storage.history import merge_rows
from reactive.storage.interface import Snapshot
from reactive.values.document import CommitEntry, Receipt, Revision, Row, StoredDocument
from reactive.values.keys import IndexKey, encode_part
from reactive.values.ranges import IndexRange, ReadSet, single_key
from reactive.values.tables import IndexDefinition, TableDefinition, TextIndexDefinition
from reactive.values.text import TextEntry, TextRead, TextSearch
from reactive.values.timestamp import Timestamp

_SIZE_OF = attrgetter("size")
_CHUNK_MIN = 16
_FIRST_CHUNK = 128
_CHUNK_MAX = 1_024


class Transaction:
    """Reads at `begin_ts`, with its own writes on top.

    What was found in the snapshot is kept until the end, as nothing changes it: to read a document
    again, or to write it, asks the store for nothing. `snapshot` answers the reads; whoever runs
    the transaction elsewhere than on the event loop may replace it by one that asks the loop.
    `epoch` counts the schemas that the database has had: a transaction that began under another one
    cannot commit. `created_ms` is the newest creation time that it has given to a document. Not
    safe for use by two tasks at once.
    """

    __slots__ = (
        "_changes",
        "_journal",
        "_known",
        "_limits",
        "_read",
        "begin_ts",
        "bytes_read",
        "bytes_written",
        "created_ms",
        "documents_read",
        "documents_written",
        "epoch",
        "job_bytes",
        "jobs",
        "reads",
        "receipt",
        "snapshot",
        "source",
    )

    def __init__(
        self,
        snapshot: Snapshot,
        begin_ts: Timestamp,
        created_ms: float,
        limits: Limits,
        epoch: int = 0,
    ) -> None:
        self.snapshot = snapshot
        self.begin_ts = begin_ts
        self.epoch = epoch
        self.reads = ReadSet()
        self.receipt: Receipt | None = None
        self.source = ""
        self.documents_read = 0
        self.bytes_read = 0
        self.documents_written = 0
        self.bytes_written = 0
        self.jobs = 0
        self.job_bytes = 0
        self._limits = limits
        self.created_ms = created_ms
        self._changes: dict[int, dict[str, Revision]] = {}
        self._journal: list[tuple[int, str, Revision | None]] = []
        self._read: list[list[Row]] = []
        self._known: dict[str, Row | StoredDocument] = {}

    # Reading

    async def get(self, table: TableDefinition, document_id: str) -> StoredDocument | None:
        """The document, or None; either way the transaction depends on it."""
        changes = self._changes.get(table.number)
        if changes is not None and document_id in changes:
            return changes[document_id].after
        document = self._read_before(document_id)
        if document is None:
            key = encode_part(document_id)
            self.depend(single_key(table.indexes[0].number, key))
            document = await self.snapshot.get(table.indexes[0], key)
            if document is None:
                return None
            self._known[document_id] = document
        self.count_read(1, document.size)
        return document

    def _read_before(self, document_id: str) -> StoredDocument | None:
        """What the snapshot holds under this id, where that was read.

        The transaction depends on it then: who changes a document changes each range it is in.
        """
        for rows in self._read:
            for row in rows:
                self._known[row.id] = row
        self._read.clear()
        found = self._known.get(document_id)
        return found.document if isinstance(found, Row) else found

    async def read(
        self,
        table: TableDefinition,
        index: IndexDefinition,
        whole: IndexRange,
        limit: int | None,
        descending: bool,
    ) -> list[Row]:
        """The first rows of the range, or all of them; it depends on nothing behind the last one.

        Raises:
            LimitError: when too much is read.
        """
        rows: list[Row] = []
        rest = whole
        while True:
            wanted = _CHUNK_MAX if limit is None else limit - len(rows)
            if wanted > _CHUNK_MIN:
                wanted = min(wanted, self.next_chunk())
            if self._changes:
                found = await self.scan(
                    table, index, rest.lower, rest.upper, descending=descending, limit=wanted
                )
            else:
                found = await self.snapshot.scan(
                    index, rest.lower, rest.upper, descending=descending, limit=wanted
                )
                self._read.append(found)
            is_end = len(found) < wanted
            if is_end:
                self.depend(rest)
            else:
                seen, rest = rest.cut(found[-1].key, descending=descending)
                self.depend(seen)
            self.count_read(len(found), sum(map(_SIZE_OF, found)))
            if rows:
                rows.extend(found)
            else:
                rows = found
            if is_end or len(rows) == limit:
                return rows

    def consumed(self, row: Row) -> None:
        """Counts a row that `scan` found; the transaction depends on it already."""
        if not self._changes:
            self._known[row.id] = row
        self.count_read(1, row.size)

    async def scan(
        self,
        table: TableDefinition,
        index: IndexDefinition,
        lower: bytes,
        upper: bytes,
        *,
        descending: bool,
        limit: int,
    ) -> list[Row]:
        """At most `limit` rows of the range. Neither counted nor depended on: see `consumed`."""
        changes = self._changes.get(table.number)
        if not changes:
            return await self.snapshot.scan(index, lower, upper, descending=descending, limit=limit)
        at = table.indexes.index(index)
        extra = []
        for revision in changes.values():
            if revision.after is not None:
                key = revision.after_keys[at].joined
                if lower <= key < upper:
                    extra.append(Row.of(key, revision.after))
        rows = await self.snapshot.scan(
            index, lower, upper, descending=descending, limit=limit + len(changes)
        )
        return merge_rows(rows, set(changes), extra, descending=descending, limit=limit)

    async def search(
        self, table: TableDefinition, index: TextIndexDefinition, search: TextSearch, *, limit: int
    ) -> list[str]:
        """The ids of what the search finds, best first; the transaction depends on all of it.

        `found` gives the documents.
        """
        self.reads.add_text(TextRead(index.number, search))
        if self.reads.count > self._limits.ranges_read_max:
            raise self._too_many_reads()
        matches = await self.snapshot.search(index, search)
        for document_id, revision in self._changes.get(table.number, {}).items():
            matches.drop(document_id)
            after = [entry for entry in revision.after_texts if entry.number == index.number]
            matches.add(document_id, search, after)
        return matches.ranked(limit)

    async def found(self, table: TableDefinition, document_id: str) -> StoredDocument:
        """A document that a search of this transaction has found. Not counted."""
        changes = self._changes.get(table.number)
        if changes is not None and document_id in changes:
            document = changes[document_id].after
        else:
            document = await self.snapshot.get(table.indexes[0], encode_part(document_id))
        if document is None:
            raise RuntimeError(f"a search found the document {document_id}, which does not exist")
        return document

    def next_chunk(self) -> int:
        """How many rows to ask for next, so that a scan of large documents stops in time."""
        if self.documents_read == 0:
            return _FIRST_CHUNK
        average = max(1, self.bytes_read // self.documents_read)
        left = self._limits.bytes_read_max - self.bytes_read
        return max(_CHUNK_MIN, min(_CHUNK_MAX, left // average + 1))

    def depend(self, read: IndexRange) -> None:
        """Records that the outcome depends on this range.

        Raises:
            LimitError: when the ranges become too many.
        """
        self.reads.add(read)
        if self.reads.count > self._limits.ranges_read_max:
            raise self._too_many_reads()

    def _too_many_reads(self) -> LimitError:
        return LimitError(
            "Too many reads in a single function execution "
            f"(limit: {self._limits.ranges_read_max} index ranges).",
            code="TooManyReads",
        )

    def count_read(self, documents: int, size: int) -> None:
        """Counts documents against the limits of one execution.

        Raises:
            LimitError: when there are too many documents or bytes.
        """
        self.documents_read += documents
        self.bytes_read += size
        if self.documents_read > self._limits.documents_read_max:
            raise LimitError(
                "Too many documents read in a single function execution "
                f"(limit: {self._limits.documents_read_max}). Consider smaller limits in your "
                "queries, pagination, or indexed queries with a selective range.",
                code="TooManyDocumentsRead",
            )
        if self.bytes_read > self._limits.bytes_read_max:
            raise LimitError(
                "Too many bytes read in a single function execution "
                f"(limit: {self._limits.bytes_read_max} bytes). Consider smaller limits in your "
                "queries, pagination, or indexed queries with a selective range.",
                code="TooManyBytesRead",
            )

    # Writing

    def next_creation_time(self) -> float:
        """Milliseconds since the epoch, growing by the smallest step a float can make."""
        self.created_ms = math.nextafter(self.created_ms, math.inf)
        return self.created_ms

    def write(
        self,
        table: TableDefinition,
        document_id: str,
        before: StoredDocument | None,
        before_keys: Sequence[IndexKey],
        after: StoredDocument | None,
        after_keys: Sequence[IndexKey],
        before_texts: tuple[TextEntry, ...] = (),
        after_texts: tuple[TextEntry, ...] = (),
    ) -> None:
        """Buffers one change of one document; `before` is what `get` answered.

        Raises:
            LimitError: when too much is written. Each call counts.
        """
        self.documents_written += 1
        self.bytes_written += after.size if after is not None else 0
        if (
            self.documents_written > self._limits.documents_written_max
            or self.bytes_written > self._limits.bytes_written_max
        ):
            raise self._too_much_written()
        changes = self._changes.setdefault(table.number, {})
        known = changes.get(document_id)
        self._journal.append((table.number, document_id, known))
        if known is not None:
            before, before_keys = known.before, known.before_keys
            before_texts = known.before_texts
        changes[document_id] = Revision(
            document_id,
            table.index_numbers,
            before,
            after,
            tuple(before_keys),
            tuple(after_keys),
            before_texts,
            after_texts,
        )

    def _too_much_written(self) -> LimitError:
        if self.documents_written > self._limits.documents_written_max:
            return LimitError(
                "Too many documents written in a single function execution "
                f"(limit: {self._limits.documents_written_max}).",
                code="TooManyWrites",
            )
        return LimitError(
            "Too many bytes written in a single function execution "
            f"(limit: {self._limits.bytes_written_max} bytes).",
            code="TooManyBytesWritten",
        )

    def count_job(self, size: int) -> None:
        """Counts a function that is scheduled, with `size` bytes of arguments.

        Raises:
            LimitError: when there are too many functions or bytes.
        """
        self.jobs += 1
        self.job_bytes += size
        if self.jobs > self._limits.jobs_scheduled_max:
            raise LimitError(
                "Too many functions scheduled by this mutation "
                f"(limit: {self._limits.jobs_scheduled_max}).",
                code="TooManyFunctionsScheduled",
            )
        if self.job_bytes > self._limits.job_arguments_bytes_max:
            raise LimitError(
                "Too large total size of the arguments of functions scheduled by this mutation "
                f"(limit: {self._limits.job_arguments_bytes_max} bytes).",
                code="ScheduledFunctionsArgumentsTooLarge",
            )

    def savepoint(self) -> int:
        """A mark to go back to. Reads, limits and creation times do not go back."""
        return len(self._journal)

    def rollback_to(self, savepoint: int) -> None:
        """Takes back all writes since the mark."""
        while len(self._journal) > savepoint:
            table, document_id, known = self._journal.pop()
            if known is None:
                del self._changes[table][document_id]
            else:
                self._changes[table][document_id] = known

    @property
    def is_empty(self) -> bool:
        """Whether committing would change nothing."""
        return self.receipt is None and not any(self._changes.values())

    def entry(self, ts: Timestamp) -> CommitEntry:
        """What committing at this timestamp would publish."""
        revisions = [
            revision
            for changes in self._changes.values()
            for revision in changes.values()
            if revision.before is not None or revision.after is not None
        ]
        return CommitEntry(ts, revisions, self.receipt, self.source)
