"""Queries of one table: their steps, how they walk an index, and their pages."""

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar

from reactive.errors import UsageError
from reactive.runtime.document import Document, Index
from reactive.runtime.pagination import (
    CursorCodec,
    PageStatus,
    PaginationOptions,
    PaginationResult,
    Position,
)
from reactive.runtime.ranges import IndexRangeBuilder, RangeOf, plain_prefix
from reactive.runtime.schema import Table
from reactive.runtime.search import SearchFilterBuilder, SearchOf, SearchWalk, places_of
from reactive.runtime.types import UNSET
from reactive.values.document import Row
from reactive.values.keys import after, prefix_end
from reactive.values.ranges import IndexRange
from reactive.values.tables import TextIndexDefinition
from reactive.values.text import TextSearch
from reactive.values.tuples import new_tuple

if TYPE_CHECKING:
    from reactive.runtime.execution import Execution

D = TypeVar("D", bound=Document)
_NEAR_LIMIT = 0.75


class Query(Generic[D]):
    """Documents of one table, in the order of one index. Usable once."""

    __slots__ = (
        "_descending",
        "_filters",
        "_index",
        "_is_used",
        "_range",
        "_run",
        "_search",
        "_table",
    )

    def __init__(self, run: "Execution", table: Table) -> None:
        self._run = run
        self._table = table
        self._index = table.definition.indexes[1]
        self._search: tuple[TextIndexDefinition, TextSearch] | None = None
        self._range = table.whole
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
        found = self._table.indexes.get(name)
        if found is None:
            hint = "; use with_search_index" if name in self._table.search_fields else ""
            raise UsageError(
                f"table {self._table.name} has no index {name!r}{hint}", code="IndexNotFoundError"
            )
        if self._search is not None:
            raise UsageError("a query has either with_index or with_search_index")
        if self._range.depth or self._index is not self._table.definition.indexes[1]:
            raise UsageError("a query walks one index only")
        number = found.definition.number
        prefix = None if range is not None else plain_prefix(found.fields, equal)
        if prefix is not None:
            found_range = (number, len(equal), prefix, prefix, prefix_end(prefix))
            self._range = new_tuple(IndexRange, found_range)
        else:
            builder = IndexRangeBuilder(name, found.fields, self._run.encoder.default, UNSET)
            for field, value in equal.items():
                builder.eq(field, value)
            if range is not None:
                range(builder)
            self._range = builder.build(number)
        self._index = found.definition
        return self

    def with_search_index(self, index: Index | str, search: SearchOf, /) -> Self:
        """Finds documents by the words of a text, best first: `lambda q: q.search("body", text)`.

        They have any of the words, or one that begins like the last of them, and fit all of the
        equalities, which `.eq("channel", c)` adds. The order cannot be changed.

        Raises:
            UsageError: when there is no such search index, or it does not have these fields.
            LimitError: when there are too many words or equalities.
        """
        name = index.name if isinstance(index, Index) else index
        fields = self._table.search_fields.get(name)
        definition = self._table.definition.text_index(name)
        if fields is None or definition is None:
            hint = "; use with_index" if name in self._table.indexes else ""
            raise UsageError(
                f"table {self._table.name} has no search index {name!r}{hint}",
                code="IndexNotFoundError",
            )
        if self._range.depth or self._index is not self._table.definition.indexes[1]:
            raise UsageError("a query has either with_index or with_search_index")
        if self._search is not None:
            raise UsageError("a query searches one index only")
        if self._descending is not None:
            raise UsageError("the order of a search cannot be changed: the best come first")
        run = self._run
        builder = SearchFilterBuilder(name, fields, run.limits, run.encoder.default, UNSET)
        search(builder)
        self._search = definition, builder.build()
        self._range = places_of(*self._search)
        return self

    def order(self, order: Literal["asc", "desc"]) -> Self:
        """Forwards, which is the default, or backwards.

        Raises:
            UsageError: when it is neither, or was said before.
        """
        if order not in ("asc", "desc"):
            raise UsageError(f"the order is 'asc' or 'desc', not {order!r}")
        if self._search is not None:
            raise UsageError("the order of a search cannot be changed: the best come first")
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
        return self._documents(self._walk(self._range))

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
        if self._search is None and not self._filters:
            rows = await self._run.transaction.read(
                self._table.definition, self._index, self._range, n, bool(self._descending)
            )
            return self._table.codec.load_all(rows)
        walk = self._walk(self._range)
        found: list[D] = []
        async for document in self._documents(walk):
            found.append(document)
            if len(found) == n:
                break
        return found

    def _walk(self, range: IndexRange) -> "_Walk | SearchWalk":
        if self._search is None:
            return _Walk(self, range)
        return SearchWalk(self._run, self._table, *self._search, range)

    async def _documents(self, walk: "_Walk | SearchWalk") -> AsyncIterator[D]:
        load = self._table.codec.load
        while (row := await walk.step()) is not None:
            document: D = load(row)
            if all(predicate(document) for predicate in self._filters):
                yield document


class _Walk:
    """A walk along a range that records exactly what it has consumed.

    Rows are fetched ahead in chunks, but the transaction depends only on the part of the range up
    to the last row that was handed out, or on all of it once the end was seen.
    """

    __slots__ = (
        "_chunk",
        "_descending",
        "_index",
        "_is_last",
        "_range",
        "_table",
        "_transaction",
        "at",
    )

    def __init__(self, query: Query[Any], range: IndexRange) -> None:
        self._transaction = query._run.transaction
        self._table = query._table
        self._index = query._index
        self._descending = bool(query._descending)
        self._range = range
        self._chunk: list[Row] = []
        self._is_last = False
        self.at = 0

    async def step(self) -> Row | None:
        """The next row, or None at the end."""
        transaction = self._transaction
        if self.at == len(self._chunk) and not self._is_last:
            wanted = transaction.next_chunk()
            self._chunk = await transaction.scan(
                self._table.definition,
                self._index,
                self._range.lower,
                self._range.upper,
                descending=self._descending,
                limit=wanted,
            )
            self._is_last = len(self._chunk) < wanted
            self.at = 0
        row = self._chunk[self.at] if self.at < len(self._chunk) else None
        if row is None:
            transaction.depend(self._range)
            return None
        read, self._range = self._range.cut(row.key, descending=self._descending)
        transaction.depend(read)
        transaction.consumed(row)
        self.at += 1
        return row


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
        walk = query._walk(self._range)
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
        can_split = len(rows) > 2 and query._search is None
        middle = rows[(len(rows) - 1) // 2].key if can_split else None
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
