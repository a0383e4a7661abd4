"""Full-text search in a query: `with_search_index("search_body", lambda q: q.search(…).eq(…))`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Self

from reactive.errors import LimitError, UsageError
from reactive.runtime.indexes import SearchFields
from reactive.runtime.schema import Table
from reactive.values.document import Row
from reactive.values.encoding import ToWire, to_wire
from reactive.values.keys import UNDEFINED, encode_part, prefix_end
from reactive.values.ranges import IndexRange
from reactive.values.tables import TextIndexDefinition
from reactive.values.text import TextSearch, search_words

if TYPE_CHECKING:
    from reactive.limits import Limits
    from reactive.runtime.execution import Execution

_PLACE_BYTES: Final = 4


class SearchFilterBuilder:
    """One search of the index's text, and equality of any of its filter fields."""

    def __init__(
        self, index: str, fields: SearchFields, limits: "Limits", default: ToWire, unset: object
    ) -> None:
        self._index = index
        self._fields = fields
        self._limits = limits
        self._default = default
        self._unset = unset
        self._words: tuple[str, ...] | None = None
        self._filters: dict[int, bytes] = {}

    def search(self, field: str, text: str) -> Self:
        """Documents with any of the words of the text, or one that begins like its last word."""
        if field != self._fields.field:
            self._refuse("FieldNotInIndex", f"it searches {self._fields.field!r}, not {field!r}")
        if self._words is not None:
            self._refuse("AlreadySearched", "search() may be called once only")
        if not issubclass(type(text), str):
            self._refuse("InvalidArgument", f"it searches for a text, not for {text!r:.80}")
        words = search_words(text)
        most = self._limits.search_terms_max
        if len(words) > most:
            raise LimitError(
                f"Too many terms in a search of index {self._index}: {len(words)} (limit: {most}).",
                code="SearchQueryTooManyTerms",
            )
        self._words = words
        return self

    def eq(self, field: str, value: object) -> Self:
        """Only documents whose field has this value; `UNSET` finds those that lack it."""
        if field not in self._fields.filters:
            self._refuse(
                "FieldNotInIndex",
                f"{field!r} is not one of its filter fields {list(self._fields.filters)}",
            )
        at = self._fields.filters.index(field)
        if at in self._filters:
            self._refuse("AlreadyDefinedBound", f"{field!r} is bound twice")
        wire = UNDEFINED if value is self._unset else to_wire(value, default=self._default)
        self._filters[at] = encode_part(wire)
        most = self._limits.search_filters_max
        if len(self._filters) > most:
            raise LimitError(
                f"Too many filters in a search of index {self._index}: {len(self._filters)} "
                f"(limit: {most}).",
                code="SearchQueryTooManyFilters",
            )
        return self

    def _refuse(self, code: str, reason: str) -> None:
        raise UsageError(f"search index {self._index}: {reason}", code=code)

    def build(self) -> TextSearch:
        """The search; one without words finds nothing.

        Raises:
            UsageError: when there is no search expression.
        """
        if self._words is None:
            self._refuse(
                "MissingSearchFilterError",
                f"a search needs .search({self._fields.field!r}, text)",
            )
        return TextSearch(self._words or (), tuple(sorted(self._filters.items())))


SearchOf = Callable[[SearchFilterBuilder], Any]


def places_of(index: TextIndexDefinition, search: TextSearch) -> IndexRange:
    """The results of a search as a range: their keys are their places in it."""
    return IndexRange(index.number, 0, repr((index.name, search)).encode(), b"", prefix_end(b""))


class SearchWalk:
    """A walk along the results of a search, best first.

    The transaction depends on the search as a whole, as any document may change the rank of others;
    only documents that are handed out are read and count. The key of a row is its place among the
    results, so that the pages of one query never share a document.
    """

    __slots__ = ("_found", "_index", "_next", "_run", "_search", "_table", "_upper")

    def __init__(
        self,
        run: "Execution",
        table: Table,
        index: TextIndexDefinition,
        search: TextSearch,
        places: IndexRange,
    ) -> None:
        self._run = run
        self._table = table
        self._index = index
        self._search = search
        self._upper = places.upper
        lower = places.lower
        self._next = int.from_bytes(lower[:_PLACE_BYTES], "big") + 1 if lower else 0
        self._found: list[str] | None = None

    async def step(self) -> Row | None:
        """The next row, or None at the end.

        Raises:
            LimitError: behind the last result that a search may give.
        """
        transaction, most = self._run.transaction, self._run.limits.search_results_max
        if self._found is None:
            self._found = []
            if self._search.words:
                self._found = await transaction.search(
                    self._table.definition, self._index, self._search, limit=most + 1
                )
        key = _key(self._next)
        if self._next >= len(self._found) or key >= self._upper:
            return None
        if self._next >= most:
            raise LimitError(
                f"Search query of index {self._index.name} scanned too many documents "
                f"(limit: {most}). Use take(n) or paginate, or filter fields.",
                code="SearchQueryScannedTooManyDocumentsError",
            )
        document = await transaction.found(self._table.definition, self._found[self._next])
        transaction.count_read(1, document.size)
        self._next += 1
        return Row.of(key, document)


def _key(place: int) -> bytes:
    return place.to_bytes(_PLACE_BYTES, "big")
