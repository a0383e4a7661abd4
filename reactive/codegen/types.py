"""Python annotations as TypeScript types.

Arguments get the type of what a client should send, results the type of what `runtime.codec` sends.
Classes with fields become declarations of their own, as do enums and type aliases; one whose fields
have defaults has two, since a client may leave out what a result always has.
"""

import collections
import datetime
import decimal
import enum
import inspect
import math
import types
import typing
import uuid
from collections.abc import Iterable, Mapping, MutableSequence, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

from pydantic import EmailStr, Json, PydanticUserError, TypeAdapter
from pydantic.fields import FieldInfo
from typing_extensions import TypeAliasType

from reactive.codegen.classes import ClassBodies, Place, doc_of, infos, is_record, name_of, spelled
from reactive.codegen.naming import Declaration, Namer
from reactive.codegen.typescript import (
    ANY,
    ANY_OBJECT,
    NULL,
    NUMBER,
    STRING,
    Array,
    Field,
    Generic,
    Name,
    Object,
    Reference,
    Tuple,
    Type,
    Union,
    literal,
    union,
)
from reactive.runtime.document import Document
from reactive.runtime.pagination import PaginationOptions, PaginationResult
from reactive.runtime.registry import FunctionDefinition
from reactive.runtime.schema import Schema
from reactive.runtime.types import Id, IdOf, Unset, table_name
from reactive.values.encoding import Int64

SYSTEM_TABLES: Final = ("_scheduled_functions", "_storage")
"""The system tables whose types are Convex's own."""

_SAFE_INTEGER: Final = 2**53
_ANY_ID = Generic("Id", (Name("TableNames"),))
_NEVER = Name("never")
_KEYWORDS = (
    (Any, ANY),
    (object, ANY),
    (None, NULL),
    (typing.NoReturn, _NEVER),
    (typing.Never, _NEVER),
)
_SCALARS: Final[tuple[tuple[type | tuple[type, ...], Type], ...]] = (
    (type(None), NULL),
    (bool, Name("boolean")),
    (Int64, Name("bigint")),
    ((int, float), NUMBER),
    (str, STRING),
    ((bytes, bytearray), Name("ArrayBuffer")),
    (EmailStr, STRING),
    ((datetime.date, datetime.time, datetime.timedelta, uuid.UUID, decimal.Decimal), STRING),
)
_JSON_TYPES = {
    "string": STRING,
    "number": NUMBER,
    "integer": NUMBER,
    "boolean": Name("boolean"),
    "null": NULL,
}
_JSON: Any = Json
"""At run time it is a class; for type checkers it is none."""
_WRAPPERS = (typing.Required, typing.NotRequired, typing.Final, typing.ClassVar)


class Types:
    """The types of one project. `warnings` tells what has no form, one line each."""

    def __init__(self, schema: Schema) -> None:
        self.warnings: list[str] = []
        self.tables_without_class: dict[str, None] = {}
        self._classes = ClassBodies(schema.case, self._convert)
        self._tables = {cls.__table__: cls for cls in schema.classes}
        self._keys: dict[tuple[object, str], int] = {}
        self._bodies: dict[Reference, Type] = {}
        self._namer = Namer()
        self.documents = {name: self._declare(cls) for name, cls in self._tables.items()}

    def arguments(self, definition: FunctionDefinition) -> Type:
        """The object that a client calls a function with."""
        handler = definition.function.handler
        hints = typing.get_type_hints(handler, include_extras=True)
        fields = []
        rest: Type | None = None
        for parameter in list(inspect.signature(handler).parameters.values())[1:]:
            if parameter.kind is parameter.VAR_KEYWORD:
                rest = ANY
                continue
            annotation = hints.get(parameter.name, Any)
            place = Place("input", f"{definition.path}: argument {parameter.name}")
            fields.append(
                Field(
                    definition.signature.wire_names[parameter.name],
                    self._convert(annotation, place),
                    is_optional=parameter.name in definition.signature.optional,
                    doc=next(filter(None, (i.description for i in infos(annotation))), ""),
                )
            )
        if not fields:
            return Generic("Record", (STRING, _NEVER)) if rest is None else ANY_OBJECT
        return Object(tuple(fields), rest)

    def result(self, definition: FunctionDefinition) -> Type:
        """What a client is sent as a function's result."""
        hints = typing.get_type_hints(definition.function.handler, include_extras=True)
        place = Place("output", f"{definition.path}: result")
        return self._convert(hints.get("return", Any), place)

    def body(self, reference: Reference) -> Type:
        """What a declared type is."""
        return self._bodies[reference]

    def declarations(self) -> list[Declaration]:
        """All types that are declared by name; everything has to be converted before."""
        return self._namer.declarations(self._bodies)

    # Annotations

    def _convert(self, annotation: Any, place: Place) -> Type:
        for known, found in _KEYWORDS:
            if annotation is known:
                return found
        origin = typing.get_origin(annotation)
        if origin is not None:
            return self._parametrized(annotation, origin, typing.get_args(annotation), place)
        if isinstance(annotation, typing.TypeVar):
            return self._variable(annotation, place)
        if isinstance(annotation, TypeAliasType):
            return self._named(annotation, (), place)
        if isinstance(annotation, typing.NewType):
            return self._convert(annotation.__supertype__, place)
        if isinstance(annotation, type):
            return self._class(annotation, place)
        return self._foreign(annotation, place)

    def _variable(self, variable: typing.TypeVar, place: Place) -> Type:
        if variable.__constraints__:
            return union([self._convert(each, place) for each in variable.__constraints__])
        return ANY if variable.__bound__ is None else self._convert(variable.__bound__, place)

    def _parametrized(
        self, annotation: Any, origin: Any, arguments: tuple[Any, ...], place: Place
    ) -> Type:
        if origin is typing.Annotated:
            return self._annotated(arguments[0], annotation.__metadata__, place)
        if origin in (typing.Union, types.UnionType):
            members = [each for each in arguments if each is not Unset]
            return union([self._convert(each, place) for each in members])
        if origin is typing.Literal:
            return union([self._value(each, place) for each in arguments])
        if origin in _WRAPPERS:
            return self._convert(arguments[0], place)
        if isinstance(origin, TypeAliasType) or (isinstance(origin, type) and is_record(origin)):
            return self._named(origin, arguments, place)
        if isinstance(origin, type) and not arguments and origin is not tuple:
            return self._class(origin, place)
        if isinstance(origin, type) and issubclass(origin, Iterable):
            return self._collection(origin, arguments, place)
        return self._foreign(annotation, place)

    def _annotated(self, inner: Any, metadata: tuple[Any, ...], place: Place) -> Type:
        for extra in metadata:
            if isinstance(extra, IdOf):
                return self._id(extra)
            if (extra is _JSON or isinstance(extra, _JSON)) and place.direction == "input":
                return STRING
        found = self._convert(inner, place)
        for extra in metadata:
            if isinstance(extra, FieldInfo) and isinstance(extra.discriminator, str):
                self._discriminate(found, extra.discriminator)
        return found

    def _discriminate(self, found: Type, name: str) -> None:
        """Notes that clients have to send the field that tells the members apart."""
        for member in found.members if isinstance(found, Union) else (found,):
            if isinstance(member, Reference):
                self._namer.require(member, name)

    def _id(self, id_of: IdOf) -> Type:
        if id_of.table is None:
            return _ANY_ID
        name = table_name(id_of.table)
        if name not in self._tables and name not in SYSTEM_TABLES:
            self.tables_without_class[name] = None
        return Generic("Id", (literal(name),))

    def _collection(self, origin: type, arguments: tuple[Any, ...], place: Place) -> Type:
        if issubclass(origin, Mapping):
            key, value = (arguments[0], int) if len(arguments) == 1 else arguments
            return self._record(key, value, place)
        if issubclass(origin, tuple) and arguments[-1:] != (Ellipsis,):
            return Tuple(tuple(self._convert(each, place) for each in arguments))
        self._check_is_sent(origin, place)
        return Array(self._convert(arguments[0], place))

    def _record(self, key: Any, value: Any, place: Place) -> Type:
        keys, values = self._convert(key, place), self._convert(value, place)
        names = keys.members if isinstance(keys, Union) else (keys,)
        if isinstance(keys, Reference):
            body = self._bodies[keys]
            names = body.members if isinstance(body, Union) else (body,)
        if keys == ANY:
            return Generic("Record", (STRING, values))
        if all(isinstance(name, Name) and name.text[:1] in ("'", '"') for name in names):
            return Generic("Partial", (Generic("Record", (keys, values)),))
        if all(name == STRING or isinstance(name, Generic) for name in names):
            return Generic("Record", (keys, values))
        return self._nothing("a dict whose keys are not strings", place)

    def _value(self, value: object, place: Place) -> Type:
        """The type of one value, of a `Literal` or an enum."""
        if isinstance(value, enum.Enum):
            return self._value(value.value, place)
        if isinstance(value, bool):
            return Name("true" if value else "false")
        if isinstance(value, Int64):
            return Name(f"{int(value)}n")
        if isinstance(value, str):
            return literal(str(value))
        if isinstance(value, int | float):
            if not math.isfinite(value) or abs(value) > _SAFE_INTEGER:
                return NUMBER
            return Name(str(int(value)) if value == int(value) else repr(float(value)))
        if isinstance(value, list | tuple):
            return Tuple(tuple(self._value(each, place) for each in value))
        return self._convert(type(value), place)

    # Classes

    def _class(self, cls: type, place: Place) -> Type:
        if issubclass(cls, Id):
            return _ANY_ID
        if cls is PaginationOptions:
            return Name("PaginationOptions")
        if cls is Unset:
            return self._nothing("Unset, which is for what may be absent,", place)
        if issubclass(cls, PaginationResult) and (page := _page_of(cls)) is not None:
            return Generic("PaginationResult", (self._convert(page, place),))
        if issubclass(cls, Document) and place.direction == "output" and self._is_table(cls):
            return Generic("Doc", (literal(cls.__table__),))
        if is_record(cls) or issubclass(cls, enum.Enum):
            return self._named(cls, (), place)
        for bases, found in _SCALARS:
            if issubclass(cls, bases):
                return found
        if issubclass(cls, Mapping):
            return Generic("Record", (STRING, NUMBER if cls is collections.Counter else ANY))
        if issubclass(cls, Sequence | AbstractSet):
            self._check_is_sent(cls, place)
            return Array(ANY)
        return self._foreign(cls, place)

    def _is_table(self, cls: type[Document]) -> bool:
        name = getattr(cls, "__table__", None)
        return name is not None and (self._tables.get(name) is cls or name in SYSTEM_TABLES)

    def _named(self, origin: Any, arguments: tuple[Any, ...], place: Place) -> Reference:
        key = self._keys.setdefault((origin, repr(arguments)), len(self._keys))
        reference = Reference(key, place.direction)
        if reference not in self._bodies:
            self._namer.want(key, name_of(origin, arguments), doc_of(origin))
            # It may name itself.
            self._bodies[reference] = ANY
            self._bodies[reference] = self._classes.body(origin, arguments, place)
        return reference

    def _declare(self, cls: type[Document]) -> Reference:
        """The declaration of a table's documents."""
        return self._named(cls, (), Place("output", ""))

    # What has no form

    def _foreign(self, annotation: Any, place: Place) -> Type:
        """What another library defines: pydantic may take it from one of JSON's scalars."""
        if place.direction == "output":
            return self._nothing(spelled(annotation), place)
        try:
            schema = TypeAdapter(annotation).json_schema()
        except (PydanticUserError, NameError):
            schema = {}
        found = _JSON_TYPES.get(schema.get("type", ""))
        return found or self._nothing(spelled(annotation), place)

    def _nothing(self, what: str, place: Place) -> Type:
        self._warn(f"{place.where}: {what} has no TypeScript type; it is `any`")
        return ANY

    def _check_is_sent(self, cls: type, place: Place) -> None:
        """Sets and the like are taken from a client's array, but no value that is sent."""
        is_list = issubclass(cls, list | tuple) or cls in (Sequence, MutableSequence)
        if place.direction == "output" and not is_list:
            self._warn(f"{place.where}: a {cls.__name__} cannot be sent; make it a list")

    def _warn(self, line: str) -> None:
        if line not in self.warnings:
            self.warnings.append(line)


def _page_of(cls: type[PaginationResult[Any]]) -> Any:
    """What a page has, or None for a class of the author's that has more than a page."""
    metadata = cls.__pydantic_generic_metadata__
    if cls is PaginationResult:
        return Any
    return metadata["args"][0] if metadata["origin"] is PaginationResult else None
