"""Vector search in an action: `ctx.vector_search(Note, "by_embedding", vector=…, limit=…)`.

The vectors of an index are kept in memory. They are read from the table when it is first searched,
slice by slice, and follow every commit from then on: a search sees all that was durable when it was
called. Source of the rules and limits: Convex's vector search.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from reactive.clock import Clock
from reactive.engine.database import Database
from reactive.errors import LimitError, UsageError
from reactive.limits import Limits
from reactive.runtime.document import Index
from reactive.runtime.indexes import VectorFields
from reactive.runtime.progress import Progress
from reactive.runtime.schema import Schema
from reactive.runtime.types import UNSET, Id
from reactive.runtime.walk import walk
from reactive.values.document import CommitEntry
from reactive.values.encoding import ToWire, from_wire, load_json, to_wire
from reactive.values.keys import UNDEFINED, encode_part, lookup
from reactive.values.tables import TableDefinition

if TYPE_CHECKING:
    from reactive.runtime.vector_matrix import VectorMatrix

D = TypeVar("D", covariant=True)

_NUMBERS = {float, int}


class VectorHit(BaseModel, Generic[D]):
    """A document that a vector search found; its wire names are Convex's."""

    model_config = ConfigDict(frozen=True, validate_by_name=True, validate_by_alias=True)

    id: Id[D] = Field(validation_alias="_id", serialization_alias="_id")
    score: float = Field(validation_alias="_score", serialization_alias="_score")
    """The cosine of the angle between the two vectors, from -1 to 1; 0 for a vector of zeros."""


class VectorFilter(NamedTuple):
    """Equalities of which one has to hold: positions of filter fields, and encoded values."""

    equalities: tuple[tuple[int, bytes], ...]


class VectorFilterBuilder:
    """Equality of a filter field, or any of several."""

    def __init__(self, where: str, fields: VectorFields, limits: Limits, default: ToWire) -> None:
        self._where = where
        self._fields = fields
        self._limits = limits
        self._default = default

    def eq(self, field: str, value: object) -> VectorFilter:
        """Documents whose field has this value; `UNSET` finds those that lack it.

        Raises:
            UsageError: when the index does not filter by the field.
        """
        if field not in self._fields.filters:
            raise UsageError(
                f"{self._where}: {field!r} is not one of its filter fields "
                f"{list(self._fields.filters)}",
                code="FieldNotInIndex",
            )
        wire = UNDEFINED if value is UNSET else to_wire(value, default=self._default)
        return VectorFilter(((self._fields.filters.index(field), encode_part(wire)),))

    def or_(self, *filters: VectorFilter) -> VectorFilter:
        """Documents that fit any of the filters."""
        return VectorFilter(tuple(e for each in filters for e in self._checked(each).equalities))

    def build(self, made: object) -> VectorFilter:
        """What a function of this builder returned, each equality once.

        Raises:
            UsageError: when that is no filter.
            LimitError: when it has too many equalities.
        """
        equalities = tuple(dict.fromkeys(self._checked(made).equalities))
        if not equalities:
            self._refuse("or_() needs at least one equality")
        most = self._limits.vector_filters_max
        if len(equalities) > most:
            raise LimitError(
                f"{self._where}: a search has {len(equalities)} filters (limit: {most})",
                code="VectorFiltersTooManyError",
            )
        return VectorFilter(equalities)

    def _checked(self, made: object) -> VectorFilter:
        if not isinstance(made, VectorFilter):
            self._refuse(f"a filter is made by q.eq(...) and q.or_(...), not {made!r:.80}")
        return made

    def _refuse(self, reason: str) -> NoReturn:
        raise UsageError(f"{self._where}: {reason}", code="InvalidVectorFilter")


FilterOf = Callable[[VectorFilterBuilder], VectorFilter]


class _LiveIndex:
    """The vectors of one index. Those that are written while it is read count as written last."""

    def __init__(
        self, table: TableDefinition, fields: VectorFields, matrix: "VectorMatrix"
    ) -> None:
        self.table = table
        self.fields = fields
        self.matrix = matrix
        self.written: set[str] | None = set()
        self.loading: asyncio.Task[None] | None = None

    def follow(self, document_id: str, wire: Mapping[str, Any] | None) -> None:
        """A commit has written or, with None, deleted the document."""
        if self.written is not None:
            self.written.add(document_id)
        self._place(document_id, wire)

    def read(self, document_id: str, wire: Mapping[str, Any]) -> None:
        """The document was found in the table, maybe a moment ago."""
        if self.written is not None and document_id not in self.written:
            self._place(document_id, wire)

    def _place(self, document_id: str, wire: Mapping[str, Any] | None) -> None:
        fields = self.fields
        vector = None if wire is None else stored_vector(lookup(wire, fields.path))
        if wire is None or vector is None or len(vector) != fields.dimensions:
            self.matrix.drop(document_id)
            return
        filters = [encode_part(lookup(wire, path)) for path in fields.filter_paths]
        self.matrix.put(document_id, vector, filters)


class VectorSearch:
    """All vector indexes that have been searched; follows the database's commits."""

    def __init__(self, database: Database, clock: Clock, limits: Limits) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits
        self._schema: Schema | None = None
        self._indexes: dict[tuple[str, str], _LiveIndex] = {}
        self._threads: ThreadPoolExecutor | None = None
        database.observers.append(self)

    def serve(self, schema: Schema) -> None:
        """Searches the indexes of this schema from now on; those that changed are read anew."""
        self._schema = schema
        for table, name in list(self._indexes):
            if schema.table(table).vector_fields.get(name) != self._indexes[table, name].fields:
                del self._indexes[table, name]

    async def close(self) -> None:
        """Stops reading and searching."""
        loading = [i.loading for i in self._indexes.values() if i.loading is not None]
        self._indexes.clear()
        for task in loading:
            task.cancel()
        await asyncio.gather(*loading, return_exceptions=True)
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)

    async def search(
        self,
        table: object,
        index: Index | str,
        *,
        vector: Sequence[float],
        limit: int,
        filter: FilterOf | None,
        default: ToWire,
    ) -> list[VectorHit[Any]]:
        """The documents nearest to the vector, nearest first; see `ActionCtx.vector_search`."""
        assert self._schema is not None
        name = index.name if isinstance(index, Index) else index
        known = self._schema.table(table)
        fields = known.vector_fields.get(name)
        if fields is None:
            raise UsageError(
                f"table {known.name} has no vector index {name!r}", code="IndexNotFoundError"
            )
        where = f"vector index {known.name}.{name}"
        numbers = _searched_vector(where, fields, vector)
        self._check_limit(where, limit)
        equalities: tuple[tuple[int, bytes], ...] = ()
        if filter is not None:
            builder = VectorFilterBuilder(where, fields, self._limits, default)
            equalities = builder.build(filter(builder)).equalities
        matrix = await self._ready(known.name, name, fields)
        view = matrix.view()
        loop = asyncio.get_running_loop()
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._limits.vector_threads, "vectors")
        searching = loop.run_in_executor(self._threads, view.search, numbers, equalities, limit)
        searching.add_done_callback(lambda _: view.release())
        return [VectorHit(id=Id(each), score=score) for each, score in await searching]

    def _check_limit(self, where: str, limit: object) -> None:
        if type(limit) is not int or limit < 1:
            raise UsageError(
                f"{where}: a search has a limit of at least 1, not {limit!r}",
                code="InvalidVectorLimit",
            )
        most = self._limits.vector_results_max
        if limit > most:
            raise LimitError(
                f"{where}: a search asks for {limit} results (limit: {most})",
                code="VectorLimitTooLargeError",
            )

    # Reading

    async def _ready(self, table: str, name: str, fields: VectorFields) -> "VectorMatrix":
        """The vectors of the index, all of them."""
        while True:
            live = self._indexes.get((table, name))
            if live is None:
                live = self._indexes[table, name] = self._new_index(table, fields)
                live.loading = asyncio.create_task(self._load(live, name))
            if live.loading is not None:
                # Others may wait for it, too, who are not cancelled.
                await asyncio.shield(live.loading)
            if self._indexes.get((table, name)) is live:
                return live.matrix

    def _new_index(self, table: str, fields: VectorFields) -> _LiveIndex:
        # Numpy takes a tenth of a second to load, which a server without vectors need not wait for.
        from reactive.runtime.vector_matrix import VectorMatrix

        matrix = VectorMatrix(fields.dimensions, len(fields.filters))
        return _LiveIndex(self._database.store.table(table), fields, matrix)

    async def _load(self, live: _LiveIndex, name: str) -> None:
        key = live.table.name, name
        progress = Progress(self._database.store, self._clock, self._limits)
        done = 0
        try:
            async for rows in walk(self._database, live.table, self._limits):
                for row in rows:
                    live.read(row.id, load_json(row.json))
                done += len(rows)
                await progress.report("reading vectors of", live.table, done)
                if self._indexes.get(key) is not live:
                    return
        except BaseException:
            if self._indexes.get(key) is live:
                del self._indexes[key]
            raise
        live.written = live.loading = None

    def published(self, entry: CommitEntry) -> None:
        """Follows a commit; see `reactive.engine.database.Observer`."""
        if not self._indexes:
            return
        for revision in entry.revisions:
            for live in self._indexes.values():
                if live.table.by_id.number == revision.indexes[0]:
                    after = revision.after
                    wire = None if after is None else load_json(after.json)
                    live.follow(revision.id, wire)

    def missed(self) -> None:
        """What is in memory may be out of date: it is read anew when it is asked for."""
        self._indexes.clear()


def stored_vector(wire: object) -> list[float] | None:
    """The numbers of a vector as it is stored; None for anything else, infinite ones included."""
    if type(wire) is not list or not wire:
        return None
    values = wire
    if not set(map(type, values)) <= _NUMBERS:
        # Minus zero, and what is no number, have a form of their own.
        values = [from_wire(each) if _is_special(each) else each for each in values]
        if not set(map(type, values)) <= _NUMBERS:
            return None
    return values if all(map(math.isfinite, values)) else None


def _is_special(wire: object) -> bool:
    return type(wire) is dict and len(wire) == 1 and "$float" in wire


def _searched_vector(where: str, fields: VectorFields, vector: Sequence[float]) -> list[float]:
    """The numbers that are searched for.

    Raises:
        UsageError: when they are none, or not as many as the index has dimensions.
    """
    given: object = vector
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise UsageError(
            f"{where}: it is searched for a list of floats, not for {given!r:.80}",
            code="InvalidVector",
        )
    values = list(given)
    if len(values) != fields.dimensions:
        raise UsageError(
            f"{where} has {fields.dimensions} dimensions, and the vector that is searched for "
            f"has {len(values)}",
            code="VectorDimensionsMismatch",
        )
    for place, value in enumerate(values):
        # Numbers of numpy are welcome, which know how to become a float.
        is_number = hasattr(value, "__float__") and not isinstance(value, bool | str)
        if not is_number or not math.isfinite(value):
            raise UsageError(
                f"{where}: number {place} of the vector is {value!r:.80}, which is no finite float",
                code="InvalidVector",
            )
    return [float(value) for value in values]
