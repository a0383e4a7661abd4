"""What `ctx.db` is: reads, writes and queries of one execution."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, overload

from reactive.errors import UsageError
from reactive.runtime.document import Document, Index, stored_of
from reactive.runtime.pagination import (
    CursorCodec,
    PageStatus,
    PaginationOptions,
    PaginationResult,
    Position,
)
from reactive.runtime.ranges import IndexRangeBuilder, RangeOf
from reactive.runtime.schema import Table
from reactive.runtime.types import UNSET, Id
from reactive.values.document import Row, StoredDocument
from reactive.values.encoding import load_json
from reactive.values.ids import decode_id, new_document_id
from reactive.values.keys import after, prefix_end
from reactive.values.ranges import IndexRange
from reactive.values.tables import CREATION_TIME_FIELD, ID_FIELD, IndexDefinition

if TYPE_CHECKING:
    from reactive.runtime.execution import Execution

D = TypeVar("D", bound=Document)
_NEAR_LIMIT = 0.75
_SYSTEM_FIELDS = frozenset({ID_FIELD, CREATION_TIME_FIELD, "id", "creation_time"})


class DatabaseReader:
    """Reads of one snapshot, and of what the running mutation has written so far."""

    __slots__ = ("_run",)

    def __init__(self, run: "Execution") -> None:
        self._run = run

    async def get(self, id: Id[D]) -> D | None:
        """The document, or None when there is none.

        Raises:
            UsageError: `InvalidArgument`, when the text is no id.
        """
        found = await self._find(id)
        if found is None:
            return None
        table, stored = found
        return table.codec.load(stored)  # type: ignore[return-value]

    async def _find(self, document_id: object) -> tuple[Table, StoredDocument] | None:
        table = self._table_of(document_id)
        if table is None:
            return None
        stored = await self._run.transaction.get(table.definition, str(document_id))
        return None if stored is None else (table, stored)

    def _table_of(self, document_id: object) -> Table | None:
        decoded = decode_id(document_id) if isinstance(document_id, str) else None
        if decoded is None:
            raise UsageError(f"{document_id!r} is no document id", code="InvalidArgument")
        self._run.check_open()
        return self._run.schema.table_of_number(decoded[0])

    @overload
    def query(self, table: type[D]) -> "Query[D]": ...

    @overload
    def query(self, table: str) -> "Query[Any]": ...

    def query(self, table: Any) -> "Query[Any]":
        """A query of all documents of a table, oldest first, to be narrowed by its steps."""
        return Query(self._run, self._run.schema.table(table))

    async def normalize_id(self, table: type[D] | str, text: str) -> Id[D] | None:
        """The text as an id of this table, or None when it is none."""
        decoded = decode_id(str(text))
        if decoded is None or decoded[0] != self._run.schema.table(table).definition.number:
            return None
        return Id(text)


class DatabaseWriter(DatabaseReader):
    """Reads and writes of a mutation; nothing is seen by others before it commits."""

    __slots__ = ()

    @overload
    async def insert(self, table: D, /) -> Id[D]: ...

    @overload
    async def insert(self, table: type[D] | str, document: D | Mapping[str, Any], /) -> Id[D]: ...

    async def insert(self, table: Any, document: Any = None, /) -> Any:
        """Adds a document, given as an instance or by table and fields, and returns its id.

        Raises:
            UsageError: when the document does not match its table's class.
            LimitError: when it is too large, or too much is written.
        """
        run = self._run
        run.check_open()
        if document is None:
            table, document = type(table), table
        place = run.schema.table(table)
        values = _fields_of(place, document)
        if isinstance(document, Document) and stored_of(document) is not None:
            raise UsageError(
                f"the {type(document).__name__} is stored already; insert a model_copy() of it"
            )
        if not isinstance(document, Document):
            _refuse_system_fields(values, None)
        wire = place.codec.wire_of(place.codec.validated(values))
        document_id = new_document_id(place.definition.number, int(run.now_ms), run.id_dice)
        wire[ID_FIELD] = document_id
        wire[CREATION_TIME_FIELD] = run.transaction.next_creation_time()
        stored = place.codec.store(wire)
        run.transaction.write(
            place.definition, document_id, None, (), stored, place.definition.keys(wire)
        )
        return Id(document_id)

    async def patch(
        self, id: Id[Any], fields: Mapping[str, Any] | None = None, /, **named: Any
    ) -> None:
        """Sets the fields named; `UNSET` removes an optional one. Nested objects are replaced.

        Raises:
            UsageError: when the document does not exist, or would not match its class.
        """
        table, stored = await self._must_find(id)
        document = table.codec.load(stored)
        values = {**document.__dict__, **(document.model_extra or {})}
        changes = {**(fields or {}), **named}
        _refuse_system_fields(changes, stored)
        spelled = {wire: name for name, wire in table.codec.names.items()}
        for name, value in changes.items():
            if name not in _SYSTEM_FIELDS:
                values[spelled.get(name, name) if name not in table.codec.names else name] = value
        self._put(table, stored, {n: v for n, v in values.items() if v is not UNSET})

    async def replace(self, id: Id[D], document: D | Mapping[str, Any]) -> None:
        """Puts other fields in the place of the document's own; its id stays.

        Raises:
            UsageError: when the document does not exist, or the new one does not match its class.
        """
        table, stored = await self._must_find(id)
        values = _fields_of(table, document)
        other = stored_of(document) if isinstance(document, Document) else None
        if other is not None and other.id != stored.id:
            raise UsageError(
                f"the document of {other.id} cannot replace {stored.id}", code="InvalidIdError"
            )
        if not isinstance(document, Document):
            _refuse_system_fields(values, stored)
            values = {n: v for n, v in values.items() if n not in _SYSTEM_FIELDS}
        self._put(table, stored, values)

    async def delete(self, id: Id[Any]) -> None:
        """Removes the document.

        Raises:
            UsageError: when it does not exist.
        """
        table, stored = await self._must_find(id)
        keys = table.definition.keys(load_json(stored.json))
        self._run.transaction.write(table.definition, stored.id, stored, keys, None, ())

    async def _must_find(self, document_id: object) -> tuple[Table, StoredDocument]:
        found = await self._find(document_id)
        if found is None:
            raise UsageError(f"there is no document {document_id}", code="NonexistentDocument")
        return found

    def _put(self, table: Table, stored: StoredDocument, values: Mapping[str, Any]) -> None:
        old = load_json(stored.json)
        wire = table.codec.wire_of(table.codec.validated(values))
        wire[ID_FIELD] = stored.id
        wire[CREATION_TIME_FIELD] = old[CREATION_TIME_FIELD]
        definition = table.definition
        self._run.transaction.write(
            definition,
            stored.id,
            stored,
            definition.keys(old),
            table.codec.store(wire),
            definition.keys(wire),
        )


def _fields_of(table: Table, document: object) -> dict[str, Any]:
    if isinstance(document, Document):
        if not isinstance(document, table.codec.cls):
            raise UsageError(f"a {type(document).__name__} is no document of table {table.name}")
        return {**document.__dict__, **(document.model_extra or {})}
    if isinstance(document, Mapping):
        return dict(document)
    raise UsageError(f"{document!r:.80} is no document: give an instance or a dict")


def _refuse_system_fields(values: Mapping[str, Any], stored: StoredDocument | None) -> None:
    """System fields may be named only to repeat what they are."""
    if _SYSTEM_FIELDS.isdisjoint(values):
        return
    own = load_json(stored.json) if stored is not None else {}
    for name in sorted(_SYSTEM_FIELDS.intersection(values)):
        is_id = name in (ID_FIELD, "id")
        if values[name] != own.get(ID_FIELD if is_id else CREATION_TIME_FIELD, UNSET):
            raise UsageError(
                f"{name} is set by the database and cannot be {values[name]!r}",
                code="InvalidIdError" if is_id else "InvalidCreationTimeError",
            )


class Query(Generic[D]):
    """Documents of one table, in the order of one index. Usable once."""

    __slots__ = ("_descending", "_filters", "_index", "_is_used", "_range", "_run", "_table")

    def __init__(self, run: "Execution", table: Table) -> None:
        self._run = run
        self._table = table
        self._index: IndexDefinition = table.definition.by_creation_time
        self._range = IndexRange(self._index.number, 0, b"", b"", prefix_end(b""))
        self._descending: bool | None = None
        self._filters: list[Callable[[Any], object]] = []
        self._is_used = False

    # Steps

    def with_index(
        self, index: Index | str, range: RangeOf | None = None, /, **equal: object
    ) -> Self:
        """Walks this index: `channel=c` for equality, or a function of a range builder.

        Raises:
            UsageError: when there is no such index, or the conditions make no range of it.
        """
        name = index.name if isinstance(index, Index) else index
        fields = self._table.index_fields.get(name)
        definition = self._table.definition.index(name)
        if fields is None or definition is None:
            raise UsageError(
                f"table {self._table.name} has no index {name!r}", code="IndexNotFoundError"
            )
        if self._range.depth or self._index is not self._table.definition.by_creation_time:
            raise UsageError("a query walks one index only")
        builder = IndexRangeBuilder(name, fields, self._run.encoder.default, UNSET)
        for field, value in equal.items():
            builder.eq(field, value)
        if range is not None:
            range(builder)
        self._index = definition
        self._range = builder.build(definition.number)
        return self

    def order(self, order: Literal["asc", "desc"]) -> Self:
        """Forwards, which is the default, or backwards.

        Raises:
            UsageError: when it is neither, or was said before.
        """
        if order not in ("asc", "desc"):
            raise UsageError(f"the order is 'asc' or 'desc', not {order!r}")
        if self._descending is not None:
            raise UsageError("order() may be called once only")
        self._descending = order == "desc"
        return self

    def filter(self, predicate: Callable[[D], object]) -> Self:
        """Only documents of which the predicate is true; those it drops still count as read."""
        self._filters.append(predicate)
        return self

    # Results

    async def collect(self) -> list[D]:
        """All documents of the query."""
        return await self._take(None)

    async def take(self, n: int) -> list[D]:
        """The first `n` documents; the query then depends on nothing behind the last of them."""
        if type(n) is not int or n < 0:
            raise UsageError(f"take() needs a number of documents, not {n!r}")
        return await self._take(n)

    async def first(self) -> D | None:
        """The first document, or None."""
        found = await self._take(1)
        return found[0] if found else None

    async def unique(self) -> D | None:
        """The only document, or None.

        Raises:
            UsageError: when there is more than one.
        """
        found = await self._take(2)
        if len(found) > 1:
            raise UsageError(
                f"unique() found more than one document of table {self._table.name}: "
                f"{found[0].id} and {found[1].id}",
                code="NotUnique",
            )
        return found[0] if found else None

    def __aiter__(self) -> AsyncIterator[D]:
        self._use()
        return self._documents(_Walk(self, self._range))

    async def paginate(self, options: PaginationOptions) -> PaginationResult[D]:
        """One page, whose end is kept when the query runs again, so that pages have no gaps.

        Raises:
            InvalidCursorError: when the cursor is not one of this query.
            UsageError: for sizes that no page can have, or a second page in one function.
        """
        self._use()
        options.check()
        if self._run.is_paginated:
            raise UsageError(
                "a function may paginate one query only",
                code="MultiplePaginatedDatabaseQueries",
            )
        self._run.is_paginated = True
        return await _Page(self, options).read()

    # How it walks

    def _use(self) -> None:
        if self._is_used:
            raise UsageError("a query can be used once only", code="QueryAlreadyUsed")
        self._is_used = True
        self._run.check_open()

    async def _take(self, n: int | None) -> list[D]:
        self._use()
        if n == 0:
            return []
        walk = _Walk(self, self._range)
        load = self._table.codec.load
        if not self._filters:
            rows = await walk.read(n)
            return [load(row) for row in rows]  # type: ignore[misc]
        found: list[D] = []
        async for document in self._documents(walk):
            found.append(document)
            if len(found) == n:
                break
        return found

    async def _documents(self, walk: "_Walk") -> AsyncIterator[D]:
        load = self._table.codec.load
        while (row := await walk.step()) is not None:
            document = load(row)
            if all(predicate(document) for predicate in self._filters):
                yield document  # type: ignore[misc]


class _Walk:
    """A walk along a range that records exactly what it has consumed.

    Rows are fetched ahead in chunks, but the transaction depends only on the part of the range up
    to the last row that was handed out, or on all of it once the end was seen.
    """

    __slots__ = ("_chunk", "_descending", "_index", "_is_last", "_range", "_run", "_table", "at")

    def __init__(self, query: Query[Any], range: IndexRange) -> None:
        self._run = query._run
        self._table = query._table
        self._index = query._index
        self._descending = bool(query._descending)
        self._range = range
        self._chunk: list[Row] = []
        self._is_last = False
        self.at = 0

    async def _fetch(self, limit: int) -> list[Row]:
        return await self._run.transaction.scan(
            self._table.definition,
            self._index,
            self._range.lower,
            self._range.upper,
            descending=self._descending,
            limit=limit,
        )

    async def read(self, n: int | None) -> list[Row]:
        """The first `n` rows, or all of them."""
        transaction = self._run.transaction
        rows: list[Row] = []
        while True:
            chunk = transaction.next_chunk()
            wanted = chunk if n is None else min(chunk, n - len(rows))
            found = await self._fetch(wanted)
            rows.extend(found)
            is_end = len(found) < wanted
            self._consumed(None if is_end else found[-1].key)
            transaction.count_read(len(found), sum([row.size for row in found]))
            if is_end or len(rows) == n:
                return rows

    async def step(self) -> Row | None:
        """The next row, or None at the end."""
        if self.at == len(self._chunk) and not self._is_last:
            wanted = self._run.transaction.next_chunk()
            self._chunk = await self._fetch(wanted)
            self._is_last = len(self._chunk) < wanted
            self.at = 0
        if self.at == len(self._chunk):
            self._consumed(None)
            return None
        row = self._chunk[self.at]
        self.at += 1
        self._consumed(row.key)
        self._run.transaction.count_read(1, row.size)
        return row

    def _consumed(self, last: bytes | None) -> None:
        """Depends on the range up to this key, and goes on behind it."""
        index, depth, prefix, lower, upper = self._range
        if last is None:
            self._run.transaction.depend(self._range)
        elif self._descending:
            self._run.transaction.depend(IndexRange(index, depth, prefix, last, upper))
            self._range = IndexRange(index, depth, prefix, lower, last)
        else:
            end = after(last)
            self._run.transaction.depend(IndexRange(index, depth, prefix, lower, end))
            self._range = IndexRange(index, depth, prefix, end, upper)


class _Page:
    """The reading of one page."""

    def __init__(self, query: Query[Any], options: PaginationOptions) -> None:
        self._query = query
        self._options = options
        run = query._run
        whole = query._range
        self._descending = bool(query._descending)
        self._cursors = CursorCodec(
            run.secret, query._table.name, query._index.name, whole[1:], self._descending
        )
        start = self._cursors.decode(options.cursor) if options.cursor is not None else None
        end = options.end_cursor or run.journal
        self._end = self._cursors.decode(end) if end else None
        self._is_past_end = start is not None and start.key is None
        self._range = self._between(whole, start, self._end)

    def _between(
        self, whole: IndexRange, start: Position | None, end: Position | None
    ) -> IndexRange:
        index, depth, prefix, lower, upper = whole
        first = start.key if start is not None else None
        last = end.key if end is not None else None
        if self._descending:
            upper = first if first is not None else upper
            lower = last if last is not None else lower
        else:
            lower = after(first) if first is not None else lower
            upper = after(last) if last is not None else upper
        return IndexRange(index, depth, prefix, lower, max(lower, upper))

    async def read(self) -> PaginationResult[Any]:
        """Reads until the page is full, a limit is near or the range is at its end."""
        query, run = self._query, self._query._run
        transaction, limits = run.transaction, run.limits
        rows: list[Row] = []
        page: list[Any] = []
        size = 0
        is_done = self._is_past_end
        status: PageStatus | None = None
        walk = _Walk(query, self._range)
        while not is_done and not (self._end is None and self._is_full(page, rows, size)):
            if rows and (
                transaction.documents_read >= limits.documents_read_max
                or transaction.bytes_read + rows[-1].size > limits.bytes_read_max
            ):
                status = "SplitRequired"
                break
            row = await walk.step()
            if row is None:
                is_done = True
                break
            rows.append(row)
            size += row.size
            document = query._table.codec.load(row)
            if all(predicate(document) for predicate in query._filters):
                page.append(document)
        end = self._position(rows, is_done)
        if status is None and (
            len(rows) > limits.page_split_items
            or transaction.documents_read > limits.documents_read_max * _NEAR_LIMIT
            or transaction.bytes_read > limits.bytes_read_max * _NEAR_LIMIT
        ):
            status = "SplitRecommended"
        cursor = self._cursors.encode(end)
        if self._options.end_cursor is None:
            run.journal_out = cursor
        middle = rows[(len(rows) - 1) // 2].key if len(rows) > 2 else None
        return PaginationResult[Any].model_construct(
            page=page,
            is_done=end.key is None,
            continue_cursor=cursor,
            split_cursor=None if middle is None else self._cursors.encode(Position(middle)),
            page_status=status,
        )

    def _is_full(self, page: list[Any], rows: list[Row], size: int) -> bool:
        options = self._options
        return (
            len(page) >= options.num_items
            or len(rows) >= (options.maximum_rows_read or len(rows) + 1)
            or bool(rows and size >= (options.maximum_bytes_read or size + 1))
        )

    def _position(self, rows: list[Row], is_done: bool) -> Position:
        """Where the page ends: its pinned end when all of it was read, else its last row."""
        if is_done:
            return self._end if self._end is not None else Position(None)
        return Position(rows[-1].key)
