"""What `ctx.db` is: reads, writes and queries of one execution."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, overload

from reactive.errors import UsageError
from reactive.runtime.document import Document, stored_of
from reactive.runtime.query import Query
from reactive.runtime.schema import Table
from reactive.runtime.system_tables import HIDDEN_TABLES, ScheduledFunction, StoredFile
from reactive.runtime.types import UNSET, Id
from reactive.values.document import StoredDocument
from reactive.values.ids import new_document_id, table_number_of
from reactive.values.tables import CREATION_TIME_FIELD, ID_FIELD
from reactive.values.text import TextEntry

if TYPE_CHECKING:
    from reactive.runtime.execution import Execution

D = TypeVar("D", bound=Document)
_SYSTEM_FIELDS = frozenset({ID_FIELD, CREATION_TIME_FIELD, "id", "creation_time"})


class DatabaseReader:
    """Reads of one snapshot, and of what the running mutation has written so far."""

    __slots__ = ("_place", "_run", "_transaction")
    _is_system: ClassVar[bool] = False

    def __init__(self, run: "Execution") -> None:
        self._run = run
        self._transaction = run.transaction
        self._place = run.schema.system_table if self._is_system else run.schema.table

    async def get(self, id: Id[D]) -> D | None:
        """The document, or None when there is none.

        Raises:
            UsageError: `InvalidArgument`, when the text is no id.
        """
        table = self._table_of(id)
        if table is None:
            return None
        stored = await self._transaction.get(table.definition, str(id))
        document: D | None = None if stored is None else table.codec.load(stored)
        return document

    def _table_of(self, document_id: object) -> Table | None:
        number = table_number_of(document_id) if isinstance(document_id, str) else None
        if number is None:
            raise UsageError(f"{document_id!r} is no document id", code="InvalidArgument")
        self._run.check_open()
        table = self._run.schema.table_of_number(number)
        if table is not None and table.is_system is not self._is_system:
            raise UsageError(
                f"{table.name!r} is a table of the system; use ctx.db.system"
                if table.is_system
                else f"an id of table {table.name!r} is none of a system table; use ctx.db",
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
        if table_number_of(str(text)) != self._place(table).definition.number:
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
            values = _without_system_fields(values, {})
        wire = place.codec.wire_of(place.codec.validated(values))
        document_id = new_document_id(place.definition.number, int(run.now_ms), run.id_dice)
        wire[ID_FIELD] = document_id
        wire[CREATION_TIME_FIELD] = self._transaction.next_creation_time()
        stored = place.codec.store(wire)
        definition = place.definition
        self._transaction.write(
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
        old = table.codec.wire(stored)
        changes = {**(fields or {}), **named}
        if not _SYSTEM_FIELDS.isdisjoint(changes):
            changes = _without_system_fields(changes, old)
        self._put(table, stored, old, table.codec.patched(old, changes))

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
        old = table.codec.wire(stored)
        if not isinstance(document, Document):
            values = _without_system_fields(values, old)
        wire = table.codec.wire_of(table.codec.validated(values))
        wire[ID_FIELD] = stored.id
        wire[CREATION_TIME_FIELD] = old[CREATION_TIME_FIELD]
        self._put(table, stored, old, wire)

    async def delete(self, id: Id[Any]) -> None:
        """Removes the document.

        Raises:
            UsageError: when it does not exist.
        """
        table, stored = await self._must_find(id)
        old, definition = table.codec.wire(stored), table.definition
        self._transaction.write(
            definition,
            stored.id,
            stored,
            definition.keys(old),
            None,
            (),
            definition.text_entries(old),
        )

    async def _must_find(self, document_id: object) -> tuple[Table, StoredDocument]:
        table = self._table_of(document_id)
        if table is not None:
            stored = await self._transaction.get(table.definition, str(document_id))
            if stored is not None:
                return table, stored
        raise UsageError(f"there is no document {document_id}", code="NonexistentDocument")

    def _put(
        self, table: Table, stored: StoredDocument, old: Mapping[str, Any], wire: Mapping[str, Any]
    ) -> None:
        definition = table.definition
        keys = table.keys(stored, old)
        after = table.codec.store(wire)
        after_keys = keys if definition.has_same_keys(old, wire) else definition.keys(wire)
        table.keep_keys(after, after_keys)
        texts: tuple[TextEntry, ...] = ()
        after_texts = texts
        if definition.text_indexes:
            texts, after_texts = definition.text_entries(old), definition.text_entries(wire)
        self._transaction.write(
            definition, stored.id, stored, keys, after, after_keys, texts, after_texts
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
    _is_system = True

    def count_job(self, size: int) -> None:
        """Counts a function that is scheduled against the limits of the transaction."""
        self._transaction.count_job(size)


def _fields_of(table: Table, document: object) -> dict[str, Any]:
    if isinstance(document, Document):
        if not isinstance(document, table.codec.cls):
            raise UsageError(f"a {type(document).__name__} is no document of table {table.name}")
        return document.__dict__ | (document.__pydantic_extra__ or {})
    if isinstance(document, Mapping):
        return dict(document)
    raise UsageError(f"{document!r:.80} is no document: give an instance or a dict")


def _without_system_fields(values: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The other fields; those of the system may be named only to repeat what they are."""
    for name in sorted(_SYSTEM_FIELDS.intersection(values)):
        is_id = name in (ID_FIELD, "id")
        if values[name] != own.get(ID_FIELD if is_id else CREATION_TIME_FIELD, UNSET):
            raise UsageError(
                f"{name} is set by the database and cannot be {values[name]!r}",
                code="InvalidIdError" if is_id else "InvalidCreationTimeError",
            )
    return {name: value for name, value in values.items() if name not in _SYSTEM_FIELDS}
