"""`Document`, the class that an author's tables derive from, and the indexes declared on it.

A document that was read is a lazy instance of its class: it holds its stored JSON, and becomes an
ordinary model when somebody looks at a field. One that is only passed on is never parsed.
"""

import types
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self, dataclass_transform

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr
from pydantic._internal._model_construction import ModelMetaclass
from pydantic_core import to_json

from reactive.errors import UsageError
from reactive.runtime.types import UNSET, Id
from reactive.runtime.validators import wire_names_of
from reactive.values.document import StoredDocument
from reactive.values.tables import CREATION_TIME_FIELD, ID_FIELD, is_identifier

current_case: ContextVar[str] = ContextVar("current_case", default="exact")
"""The `case` setting of the project that is being imported."""

_RESERVED = {"id", "creation_time"}


class Index:
    """An index on fields of a document; made by `index`."""

    def __init__(self, *fields: str) -> None:
        self.fields = fields
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class SearchIndex(Index):
    """A full-text index; made by `search_index`."""

    def __init__(self, field: str, filter_fields: tuple[str, ...]) -> None:
        super().__init__(field)
        self.filter_fields = filter_fields


class VectorIndex(Index):
    """An index of vectors; made by `vector_index`."""

    def __init__(self, field: str, dimensions: int, filter_fields: tuple[str, ...]) -> None:
        super().__init__(field)
        self.dimensions = dimensions
        self.filter_fields = filter_fields


def index(*fields: str) -> Index:
    """Declares an index on fields, nested ones with dots; creation time ends every index."""
    return Index(*fields)


def search_index(field: str, *, filter_fields: list[str] | tuple[str, ...] = ()) -> SearchIndex:
    """Declares a full-text index on one string field."""
    return SearchIndex(field, tuple(filter_fields))


def vector_index(
    field: str, *, dimensions: int, filter_fields: list[str] | tuple[str, ...] = ()
) -> VectorIndex:
    """Declares an index of vectors, all of the same number of dimensions."""
    return VectorIndex(field, dimensions, tuple(filter_fields))


@dataclass_transform(kw_only_default=True, field_specifiers=(Field, PrivateAttr))
class _DocumentMeta(ModelMetaclass):
    """Gives each table class the names that its fields have on the wire."""

    def __new__(
        mcs,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        table: str | None = None,
        **kwargs: Any,
    ) -> type:
        if bases and table is not None and not is_identifier(table):
            raise UsageError(f"{name}: {table!r} is no table name", code="InvalidTableName")
        if table is not None:
            if table.startswith("_"):
                raise UsageError(f"{name}: table names may not start with '_'")
            namespace["__table__"] = table
        if "alias_generator" not in namespace.get("model_config", {}):
            config = dict(namespace.get("model_config", {}))
            config["alias_generator"] = wire_names_of(current_case.get())
            namespace["model_config"] = config
        cls = super().__new__(mcs, name, bases, namespace, **kwargs)
        for field in _RESERVED & set(getattr(cls, "__pydantic_fields__", {})):
            raise UsageError(f"{name}.{field}: every document has this field already")
        return cls


class Document(BaseModel, metaclass=_DocumentMeta):
    """A row of a table: `class Message(Document, table="messages")`.

    What is read from the database has `id` and `creation_time` (milliseconds since the epoch) and
    cannot be changed; what a function makes to insert has neither.
    """

    model_config = ConfigDict(
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        protected_namespaces=(),
        ignored_types=(Index, SearchIndex, VectorIndex),
    )
    __slots__ = ("_creation_time", "_stored")
    __table__: ClassVar[str]
    __codec__: ClassVar[Any] = None
    __is_lazy__: ClassVar[bool] = False

    if TYPE_CHECKING:
        _stored: ClassVar[StoredDocument | None]
        _creation_time: ClassVar[float]

        def __init_subclass__(cls, *, table: str | None = None, **kwargs: Any) -> None: ...

    @property
    def id(self) -> Id[Self]:
        """The document's id.

        Raises:
            AttributeError: when it was not read from the database.
        """
        stored = stored_of(self)
        if stored is None:
            raise AttributeError(self._not_read("id"))
        return Id(stored.id)

    @property
    def creation_time(self) -> float:
        """Milliseconds since the epoch.

        Raises:
            AttributeError: when it was not read from the database.
        """
        if stored_of(self) is None:
            raise AttributeError(self._not_read("creation_time"))
        return self._creation_time

    def _not_read(self, name: str) -> str:
        return f"a {type(self).__name__} that was not read has no {name}"

    def __setattr__(self, name: str, value: Any) -> None:
        if stored_of(self) is not None:
            self._refuse_change()
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        if stored_of(self) is not None:
            self._refuse_change()
        super().__delattr__(name)

    def _refuse_change(self) -> NoReturn:
        raise UsageError(
            f"a stored {type(self).__name__} is immutable; use ctx.db.patch or ctx.db.replace",
            code="ImmutableDocument",
        )

    def model_dump(self, *, by_alias: bool | None = None, **kwargs: Any) -> dict[str, Any]:
        """The fields, absent ones left out, with `id` and `creation_time` of a stored document.

        `by_alias=True` gives the wire's names, `_id` and `_creationTime` among them.
        """
        dumped = super().model_dump(by_alias=by_alias, **kwargs)
        for name, value in self.__dict__.items():
            if value is UNSET:
                field = self.__pydantic_fields__[name]
                dumped.pop((by_alias and field.serialization_alias) or name, None)
        stored = stored_of(self)
        if stored is None:
            return dumped
        names = (ID_FIELD, CREATION_TIME_FIELD) if by_alias else ("id", "creation_time")
        system = dict(zip(names, (stored.id, self._creation_time), strict=True))
        include, exclude = kwargs.get("include"), kwargs.get("exclude") or ()
        system = {
            name: value
            for name, value in system.items()
            if name not in exclude and (include is None or name in include)
        }
        return {**system, **dumped}

    def model_dump_json(
        self, *, indent: int | None = None, ensure_ascii: bool = False, **kwargs: Any
    ) -> str:
        """What `model_dump` gives, as JSON text."""
        dumped = self.model_dump(mode="json", **kwargs)
        return to_json(dumped, indent=indent, ensure_ascii=ensure_ascii).decode()

    def __copy__(self) -> Self:
        """A copy without id that may be changed, for `ctx.db.replace`."""
        self.__dict__  # noqa: B018 - a lazy document must be of its class before it is copied
        copy = super().__copy__()
        object.__setattr__(copy, "_stored", None)
        return copy

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        self.__dict__  # noqa: B018 - as above
        copy = super().__deepcopy__(memo)
        object.__setattr__(copy, "_stored", None)
        return copy

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Document):
            return NotImplemented
        mine, theirs = stored_of(self), stored_of(other)
        if (mine and mine.id) != (theirs and theirs.id):
            return False
        # Looking at the fields turns a lazy document into one of its class.
        if self.__dict__ != other.__dict__ or self.model_extra != other.model_extra:
            return False
        return type(self) is type(other)

    __hash__ = None  # type: ignore[assignment]  # what it is equal to may change

    def __repr_args__(self) -> Any:
        stored = stored_of(self)
        if stored is not None:
            yield "id", stored.id
            yield "creation_time", self._creation_time
        yield from ((n, v) for n, v in super().__repr_args__() if v is not UNSET)


class AnyDocument(Document):
    """A document of a table that no class describes: any fields."""

    model_config = ConfigDict(extra="allow", alias_generator=None)


def any_document(table: str) -> type[AnyDocument]:
    """The class of a table's documents where an author wrote none."""
    return types.new_class(table, (AnyDocument,), {"table": table})


def stored_of(document: Document) -> StoredDocument | None:
    """What the document was read as, or None for one that a function made."""
    try:
        stored: StoredDocument | None = object.__getattribute__(document, "_stored")
    except AttributeError:
        # A slot that was never set. An `__init__` that sets it would be called by pydantic for
        # every validation, and would validate with the class's own generous rules.
        return None
    return stored


def wire_fields(cls: type[BaseModel], case: str) -> Mapping[str, str]:
    """The wire name of each field of a model."""
    spell = wire_names_of(case)
    return {
        name: field.serialization_alias or field.alias or spell(name)
        for name, field in cls.__pydantic_fields__.items()
    }
