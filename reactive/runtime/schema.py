"""A project's schema: its document classes turned into tables, indexes and codecs."""

import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from reactive.errors import ProjectError, UsageError
from reactive.runtime.codec import Codec
from reactive.runtime.document import (
    AnyDocument,
    Document,
    Index,
    SearchIndex,
    VectorIndex,
    any_document,
)
from reactive.runtime.types import table_name
from reactive.runtime.validators import explain, wire_names_of
from reactive.storage.interface import Store
from reactive.values.encoding import load_json
from reactive.values.keys import prefix_end
from reactive.values.tables import (
    BY_CREATION_TIME,
    BY_ID,
    CREATION_TIME_FIELD,
    ID_FIELD,
    TableDefinition,
    TableSpec,
    is_identifier,
)
from reactive.values.timestamp import Timestamp

_INDEX_FIELDS_MAX = 16
_INDEXES_MAX = 64
_SYSTEM_NAMES = {"id": ID_FIELD, "creation_time": CREATION_TIME_FIELD}


@dataclass(slots=True)
class Table:
    """One table as functions know it."""

    name: str
    codec: Codec
    definition: TableDefinition
    index_fields: Mapping[str, tuple[str, ...]]
    """For each index the Python names of its fields, creation time at the end."""


@dataclass(slots=True)
class Schema:
    """All tables of a project, whatever their classes are called.

    Raises:
        ProjectError: from the constructor, naming class and index that cannot be.
    """

    classes: Iterable[type[Document]]
    case: str
    tables: dict[str, Table] = field(default_factory=dict)
    _specs: dict[str, TableSpec] = field(default_factory=dict)
    _codecs: dict[str, Codec] = field(default_factory=dict)
    _index_fields: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    _store: Store | None = None

    def __post_init__(self) -> None:
        for cls in self.classes:
            name = cls.__table__
            if name in self._specs:
                raise ProjectError(f"schema: two classes are the table {name!r}")
            self._codecs[name] = Codec(cls, name, self.case)
            indexes = list(_indexes_of(cls))
            if len(indexes) > _INDEXES_MAX:
                raise ProjectError(f"schema: table {name} has more than {_INDEXES_MAX} indexes")
            plain = [i for i in indexes if not isinstance(i, SearchIndex | VectorIndex)]
            self._specs[name] = TableSpec(
                name, {each.name: self._wire_paths(cls, each) for each in plain}
            )
            self._index_fields[name] = {each.name: each.fields for each in plain}

    @property
    def specs(self) -> list[TableSpec]:
        """What the store has to provide."""
        return list(self._specs.values())

    def bind(self, store: Store) -> None:
        """Connects the classes with the store's tables, whose indexes are those of `specs`."""
        self._store = store
        self.tables.clear()

    def table(self, table: object) -> Table:
        """The table of a class or a name; a name without a class has documents of any fields."""
        name = table_name(table)
        known = self.tables.get(name)
        return known if known is not None else self._add(name)

    def _add(self, name: str) -> Table:
        if not is_identifier(name):
            raise UsageError(f"{name!r} is no table name", code="InvalidTableName")
        if name.startswith("_"):
            raise UsageError(
                f"{name!r} is a table of the system; use ctx.db.system", code="SystemTableError"
            )
        if self._store is None:
            raise RuntimeError("the schema is not bound to a store")
        codec = self._codecs.get(name)
        if codec is None:
            codec = self._codecs[name] = Codec(any_document(name), name, "exact")
        fields = {
            BY_ID: ("id",),
            BY_CREATION_TIME: ("creation_time",),
            **{
                index: (*names, "creation_time")
                for index, names in self._index_fields.get(name, {}).items()
            },
        }
        made = self.tables[name] = Table(name, codec, self._store.table(name), fields)
        return made

    def table_of_number(self, number: int) -> Table | None:
        """The table that ids with this number belong to."""
        for table in self.tables.values():
            if table.definition.number == number:
                return table
        if self._store is not None:
            for definition in self._store.tables():
                if definition.number == number:
                    return self.table(definition.name)
        return None

    def number_of(self, name: str) -> int:
        """The number of a table, for checking ids."""
        return self.table(name).definition.number

    def _wire_paths(self, cls: type[Document], index: Index) -> tuple[tuple[str, ...], ...]:
        where = f"schema: index {cls.__name__}.{index.name}"
        if not is_identifier(index.name) or index.name.startswith("_"):
            raise ProjectError(f"{where} is no name for an index")
        if index.name in (BY_ID, BY_CREATION_TIME):
            raise ProjectError(f"{where}: the name is reserved")
        if not index.fields:
            raise ProjectError(f"{where} has no fields")
        if len(index.fields) > _INDEX_FIELDS_MAX:
            raise ProjectError(f"{where} has more than {_INDEX_FIELDS_MAX} fields")
        if len(set(index.fields)) < len(index.fields):
            raise ProjectError(f"{where} names a field twice")
        return tuple(self._wire_path(cls, name, where) for name in index.fields)

    def _wire_path(self, cls: type[Document], dotted: str, where: str) -> tuple[str, ...]:
        spell = wire_names_of(self.case)
        models: list[type[BaseModel]] = [cls]
        path = []
        for name in dotted.split("."):
            if name in _SYSTEM_NAMES or name in _SYSTEM_NAMES.values():
                raise ProjectError(f"{where}: {name} ends every index and cannot be named")
            found = [model for model in models if name in model.__pydantic_fields__]
            if models and not found:
                raise ProjectError(f"{where} names the field {dotted!r}, which does not exist")
            if found:
                info = found[0].__pydantic_fields__[name]
                path.append(info.serialization_alias or info.alias or spell(name))
                models = [
                    inner
                    for model in found
                    for inner in _models_in(model.__pydantic_fields__[name].annotation)
                ]
            else:
                path.append(name)
        return tuple(path)

    async def check_documents(self, store: Store, at: Timestamp) -> None:
        """Validates every stored document against its class.

        Raises:
            ProjectError: naming table, id, field and reason of the first that does not fit.
        """
        snapshot = store.snapshot(at)
        for definition in store.tables():
            codec = self._codecs.get(definition.name)
            if codec is None or issubclass(codec.cls, AnyDocument):
                continue
            lower = b""
            while rows := await snapshot.scan(definition.by_id, lower, prefix_end(b""), limit=500):
                for row in rows:
                    _check(codec, row.id, load_json(row.json))
                lower = row.key + b"\0"


def _check(codec: Codec, document_id: str, wire: dict[str, Any]) -> None:
    try:
        codec.parse(wire)
    except ValidationError as error:
        where, sentence, value = explain(error)[0]
        raise ProjectError(
            f"schema: the document {document_id} of table {codec.table} does not match: "
            f"field {where}: {sentence} (it has {value!r:.200})"
        ) from error


def _indexes_of(cls: type[Document]) -> Iterator[Index]:
    seen = set()
    for base in cls.__mro__:
        for name, value in vars(base).items():
            if isinstance(value, Index) and name not in seen:
                seen.add(name)
                yield value


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models_in(argument)
