"""A project's schema: its document classes turned into tables, indexes and codecs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic.errors import PydanticUndefinedAnnotation

from reactive.errors import ProjectError, UsageError
from reactive.limits import DEFAULT_LIMITS
from reactive.runtime.codec import Codec
from reactive.runtime.document import Document, any_document
from reactive.runtime.indexes import (
    DeclaredIndexes,
    SearchFields,
    VectorFields,
    declared_indexes,
)
from reactive.runtime.system_tables import CASE, SYSTEM_TABLES
from reactive.runtime.types import table_name
from reactive.storage.interface import Store
from reactive.values.document import StoredDocument
from reactive.values.encoding import JsonBytes
from reactive.values.keys import IndexKey
from reactive.values.ranges import IndexRange, whole_index
from reactive.values.tables import (
    BY_CREATION_TIME,
    BY_ID,
    IndexDefinition,
    TableDefinition,
    TableSpec,
    is_identifier,
)


class TableIndex(NamedTuple):
    """An index, and the Python names of its fields, creation time at the end."""

    fields: tuple[str, ...]
    definition: IndexDefinition


@dataclass(slots=True)
class Table:
    """One table as functions know it."""

    name: str
    codec: Codec
    definition: TableDefinition
    indexes: Mapping[str, TableIndex]
    """The indexes by their names."""
    is_system: bool = False
    """Whether only the server writes it."""
    search_fields: Mapping[str, SearchFields] = field(default_factory=dict)
    """For each full-text index the Python names of its fields."""
    vector_fields: Mapping[str, VectorFields] = field(default_factory=dict)
    """The vector indexes by their names."""
    whole: IndexRange = field(init=False)
    """All documents, by the time at which they were made."""

    _keys: dict[str, tuple[JsonBytes, tuple[IndexKey, ...]]] = field(
        default_factory=dict, init=False
    )

    def __post_init__(self) -> None:
        self.whole = whole_index(self.definition.by_creation_time.number)

    def keys(self, stored: StoredDocument, wire: Mapping[str, Any]) -> tuple[IndexKey, ...]:
        """The keys of a stored document; `wire` is the same document."""
        known = self._keys.get(stored.id)
        if known is not None and known[0] == stored.json:
            return known[1]
        return self.definition.keys(wire)

    def keep_keys(self, stored: StoredDocument, keys: tuple[IndexKey, ...]) -> None:
        """Remembers the keys of a small document that was changed: some are all the time."""
        if len(stored.json) > DEFAULT_LIMITS.recent_parsed_bytes_max:
            return
        if len(self._keys) >= DEFAULT_LIMITS.recent_parsed_max:
            self._keys.clear()
        self._keys[stored.id] = stored.json, keys


@dataclass(slots=True)
class Schema:
    """All tables of a project, whatever their classes are called.

    Raises:
        ProjectError: from the constructor, naming class and index that cannot be.
    """

    classes: Iterable[type[Document]]
    case: str
    tables: dict[str, Table] = field(default_factory=dict)
    _system: dict[str, Table] = field(default_factory=dict)
    _declared: dict[str, DeclaredIndexes] = field(default_factory=dict)
    _codecs: dict[str, Codec] = field(default_factory=dict)
    _by_number: dict[int, Table] = field(default_factory=dict)
    _store: Store | None = None

    def __post_init__(self) -> None:
        for cls in SYSTEM_TABLES.values():
            self._declare(cls, CASE, is_system=True)
        for cls in self.classes:
            self._declare(cls, self.case)

    def _declare(self, cls: type[Document], case: str, *, is_system: bool = False) -> None:
        name = cls.__table__
        if name in self._declared:
            raise ProjectError(f"schema: two classes are the table {name!r}")
        try:
            # An annotation may name a class that came later.
            cls.model_rebuild()
        except PydanticUndefinedAnnotation as error:
            raise ProjectError(f"schema: {cls.__name__}: {error.message}") from error
        self._codecs[name] = Codec(cls, name, case, is_system=is_system)
        self._declared[name] = declared_indexes(cls, case)

    @property
    def specs(self) -> list[TableSpec]:
        """What the store has to provide."""
        return [declared.spec for declared in self._declared.values()]

    @property
    def codecs(self) -> Mapping[str, Codec]:
        """Tables that have a class, by their names: what their documents must be."""
        return {name: self._codecs[name] for name in self._declared}

    def bind(self, store: Store) -> None:
        """Connects the classes with the store's tables, whose indexes are those of `specs`."""
        self._store = store
        self.tables.clear()
        self._by_number.clear()
        self._system = {name: self._made(name, is_system=True) for name in SYSTEM_TABLES}

    def system_table(self, table: object) -> Table:
        """One of the server's own tables.

        Raises:
            UsageError: when there is no such table.
        """
        name = table_name(table)
        if name not in self._system:
            raise UsageError(f"{name!r} is no table of the system", code="SystemTableError")
        return self._system[name]

    def table(self, table: object) -> Table:
        """The table of a class or a name; a name without a class has documents of any fields."""
        name = table if isinstance(table, str) else getattr(table, "__table__", "")
        known = self.tables.get(name)
        return known if known is not None else self._add(table_name(table))

    def _add(self, name: str) -> Table:
        if not is_identifier(name):
            raise UsageError(f"{name!r} is no table name", code="InvalidTableName")
        if name.startswith("_"):
            raise UsageError(
                f"{name!r} is a table of the system; use ctx.db.system", code="SystemTableError"
            )
        made = self.tables[name] = self._made(name)
        return made

    def _made(self, name: str, *, is_system: bool = False) -> Table:
        if self._store is None:
            raise RuntimeError("the schema is not bound to a store")
        codec = self.codec(name)
        declared = self._declared.get(name)
        fields = {
            BY_ID: ("id",),
            BY_CREATION_TIME: ("creation_time",),
            **{
                index: (*names, "creation_time")
                for index, names in (declared.fields if declared is not None else {}).items()
            },
        }
        definition = self._store.table(name)
        indexes = {
            index.name: TableIndex(fields[index.name], index)
            for index in definition.indexes
            if index.name in fields
        }
        table = Table(name, codec, definition, indexes, is_system)
        self._by_number[definition.number] = table
        if declared is not None:
            table.search_fields, table.vector_fields = declared.searches, declared.vectors
        return table

    def codec(self, name: str) -> Codec:
        """How documents of the table are written, whether or not the store has it yet."""
        codec = self._codecs.get(name)
        if codec is None:
            codec = self._codecs[name] = Codec(any_document(name), name, "exact")
        return codec

    def table_of_number(self, number: int) -> Table | None:
        """The table that ids with this number belong to."""
        table = self._by_number.get(number)
        if table is None and self._store is not None:
            for definition in self._store.tables():
                if definition.number == number:
                    return self.table(definition.name)
        return table

    def index_numbers(self, tables: Iterable[object]) -> set[int]:
        """The numbers of all indexes of these tables."""
        return {number for table in tables for number in self.table(table).definition.index_numbers}

    def number_of(self, name: str) -> int:
        """The number of a table, for checking ids."""
        table = self._system.get(name) or self.table(name)
        return table.definition.number
