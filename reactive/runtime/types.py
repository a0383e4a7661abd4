"""The types that authors annotate with: `Id`, `Int64`, `Unset`."""

import enum
from collections.abc import Callable
from contextvars import ContextVar
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    Generic,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from reactive.values.encoding import Int64
from reactive.values.ids import table_number_of

T = TypeVar("T", covariant=True)

table_numbers: ContextVar[Callable[[str], int] | None] = ContextVar("table_numbers", default=None)
"""Which number a table has where the current function runs; unset outside of functions."""


def table_name(table: object) -> str:
    """The name of a table that is given as its class or by name.

    Raises:
        TypeError: when it is neither.
    """
    name = table if isinstance(table, str) else getattr(table, "__table__", None)
    if not isinstance(name, str):
        raise TypeError(f"{table!r} is no table: give a Document class or a table's name")
    return name


def may_be_text(annotation: Any) -> bool:
    """Whether a value of this type can be a string, as far as the type tells."""
    annotation = getattr(annotation, "__value__", annotation)  # of `type Name = ...`
    annotation = getattr(annotation, "__supertype__", annotation)  # of a NewType
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return issubclass(annotation, str) or annotation in (Any, object)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return any(isinstance(each, str) for each in arguments)
    if origin is Annotated:
        return may_be_text(arguments[0])
    if origin in (Union, UnionType):
        return any(map(may_be_text, arguments))
    return origin is None


class IdOf:
    """What `Id[Table]` adds to a string: its table."""

    def __init__(self, table: object) -> None:
        self.table = table
        self._known: tuple[Callable[[str], int], int] | None = None

    def __repr__(self) -> str:
        return f"IdOf({self.table!r})"

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.validate,
            serialization=core_schema.to_string_ser_schema(),
            json_schema_input_schema=core_schema.str_schema(),
        )

    def validate(self, value: object) -> "Id[Any]":
        """The text as an id; one of another table is refused where tables have numbers."""
        if not isinstance(value, str):
            raise PydanticCustomError("id_type", "Input should be an id, which is a string")
        numbers = table_numbers.get()
        if numbers is not None:
            found = table_number_of(value)
            is_any = self.table is None
            if found is None or (not is_any and found != self._number(numbers)):
                raise PydanticCustomError(
                    "id_table",
                    "Input should be an id of table {table}",
                    {"table": "any" if is_any else repr(table_name(self.table))},
                )
        return value if type(value) is Id else Id(value)

    def _number(self, numbers: Callable[[str], int]) -> int:
        """The table's number among these; those of the last time are remembered."""
        known = self._known
        if known is None or known[0] != numbers:
            known = self._known = numbers, numbers(table_name(self.table))
        return known[1]


if TYPE_CHECKING:

    class Id(str, Generic[T]):
        """The id of a document of one table: `Id[Message]`, or `Id["messages"]` by name."""

else:

    class Id(str):
        """The id of a document of one table: `Id[Message]`, or `Id["messages"]` by name.

        A text that is no id of that table fails validation; whether the document exists does not
        matter.
        """

        __slots__ = ()

        def __class_getitem__(cls, table):
            return Annotated[
                cls, IdOf(None if isinstance(table, TypeVar) or table is Any else table)
            ]

        @classmethod
        def __get_pydantic_core_schema__(cls, source, handler):
            return IdOf(None).__get_pydantic_core_schema__(source, handler)


class Unset(enum.Enum):
    """The type of `UNSET`. A field annotated `str | Unset` may be absent."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> bool:
        return False

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.is_instance_schema(cls, cls_repr="Unset")


UNSET: Final = Unset.UNSET
"""Stands for a field that is absent, which is not the same as one that is None."""


def validate_int64(value: object) -> Int64:
    """The value, if it is an `Int64`."""
    if isinstance(value, Int64):
        return value
    raise PydanticCustomError(
        "int64_type", "Input should be an Int64 (a bigint), not a number or anything else"
    )


def _int64_schema(source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
    return core_schema.no_info_plain_validator_function(validate_int64)


# `values` knows nothing of pydantic, so its type is taught here how it is validated.
Int64.__get_pydantic_core_schema__ = staticmethod(_int64_schema)  # type: ignore[attr-defined]
