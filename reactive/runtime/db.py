"""What `ctx.db` is: reads, writes and queries of one execution."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from reactive.errors import UsageError
from reactive.runtime.document import Document, stored_of
from reactive.runtime.query import Query
from reactive.runtime.schema import Table
from reactive.runtime.system_tables import HIDDEN_TABLES, ScheduledFunction, StoredFile
from reactive.runtime.types import UNSET, Id
from reactive.values.document import StoredDocument
from reactive.values.encoding import load_json
from reactive.values.ids import decode_id, new_document_id
from reactive.values.tables import CREATION_TIME_FIELD, ID_FIELD

if TYPE_CHECKING:
    from reactive.runtime.execution import Execution

D = TypeVar("D", bound=Document)
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
        return self._place_of(decoded[0])

    def _place(self, table: object) -> Table:
        return self._run.schema.table(table)

    def _place_of(self, number: int) -> Table | None:
        table = self._run.schema.table_of_number(number)
        if table is not None and table.is_system:
            raise UsageError(
                f"{table.name!r} is a table of the system; use ctx.db.system",
                code="SystemTableError",
            )
        return table

    @overload
    def query(self, table: type[D]) -> Query[D]: ...

    @overload
    def query(self, table: str) -> Query[Any]: ...

    def query(self, table: Any) -> Query[Any]:
        """A query of all documents of a table, oldest first, to be narrowed by its steps."""
        return Query(self._run, self._place(table))

    @property
    def system(self) -> "SystemReader":
        """Reads of the tables that the server keeps, `_scheduled_functions` and `_storage`."""
        return SystemReader(self._run)

    async def normalize_id(self, table: type[D] | str, text: str) -> Id[D] | None:
        """The text as an id of this table, or None when it is none."""
        decoded = decode_id(str(text))
        if decoded is None or decoded[0] != self._place(table).definition.number:
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
        place = self._place(table)
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
        definition = place.definition
        run.transaction.write(
            definition,
            document_id,
            None,
            (),
            stored,
            definition.keys(wire),
            (),
            definition.text_entries(wire),
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
        old, definition = load_json(stored.json), table.definition
        self._run.transaction.write(
            definition,
            stored.id,
            stored,
            definition.keys(old),
            None,
            (),
            definition.text_entries(old),
        )

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
        keys = definition.keys(old)
        self._run.transaction.write(
            definition,
            stored.id,
            stored,
            keys,
            table.codec.store(wire),
            keys if definition.has_same_keys(old, wire) else definition.keys(wire),
            definition.text_entries(old),
            definition.text_entries(wire),
        )


class SystemReader:
    """Reads of the system tables, as `ctx.db.system`."""

    __slots__ = ("_db",)

    def __init__(self, run: "Execution") -> None:
        self._db = SystemTables(run)

    async def get(self, id: Id[D]) -> D | None:
        """The document of a system table, or None when there is none.

        Raises:
            UsageError: when the id is none of a system table.
        """
        return await self._db.get(id)

    @overload
    def query(self, table: Literal["_scheduled_functions"]) -> Query[ScheduledFunction]: ...

    @overload
    def query(self, table: Literal["_storage"]) -> Query[StoredFile]: ...

    @overload
    def query(self, table: str) -> Query[Any]: ...

    def query(self, table: str) -> Query[Any]:
        """A query of a system table, oldest first.

        Raises:
            UsageError: when there is no such table.
        """
        if table in HIDDEN_TABLES:
            raise UsageError(f"{table!r} is no table that can be read", code="SystemTableError")
        return self._db.query(table)


class SystemTables(DatabaseWriter):
    """Reads and writes of the system tables, for the server itself."""

    __slots__ = ()

    def count_job(self, size: int) -> None:
        """Counts a function that is scheduled against the limits of the transaction."""
        self._run.transaction.count_job(size)

    def _place(self, table: object) -> Table:
        return self._run.schema.system_table(table)

    def _place_of(self, number: int) -> Table | None:
        table = self._run.schema.table_of_number(number)
        if table is not None and not table.is_system:
            raise UsageError(
                f"an id of table {table.name!r} is none of a system table; use ctx.db",
                code="SystemTableError",
            )
        return table


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
