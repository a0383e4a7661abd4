"""The part of an index that a query walks: `with_index("by_score", lambda q: q.eq(…).gte(…))`."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Self

from reactive.errors import UsageError
from reactive.runtime.types import Id
from reactive.values.encoding import SAFE_INTEGER, ToWire, to_wire
from reactive.values.keys import UNDEFINED, encode_part, prefix_end
from reactive.values.ranges import IndexRange

_ALIASES = {"_id": "id", "_creationTime": "creation_time"}


class IndexRangeBuilder:
    """Equality on a prefix of the index's fields, then bounds on the next one."""

    _bounded: frozenset[str] = frozenset()
    _lower: bytes = b""
    _upper: bytes | None = None

    def __init__(self, index: str, fields: tuple[str, ...], default: ToWire, unset: object) -> None:
        self._index = index
        self._fields = fields
        self._default = default
        self._unset = unset
        self._equal: dict[str, bytes] = {}

    def eq(self, field: str, value: object) -> Self:
        """Only documents whose field has this value; `UNSET` finds those that lack it."""
        if field not in self._fields:
            field = self._known(field)
        if field in self._equal or field in self._bounded:
            self._refuse("AlreadyDefinedBound", f"{field!r} is bound twice")
        self._equal[field] = self._encode(value)
        return self

    def gt(self, field: str, value: object) -> Self:
        """Only documents whose field is greater."""
        return self._above(field, prefix_end(self._encode(value)))

    def gte(self, field: str, value: object) -> Self:
        """Only documents whose field is equal or greater."""
        return self._above(field, self._encode(value))

    def lt(self, field: str, value: object) -> Self:
        """Only documents whose field is less."""
        return self._below(field, self._encode(value))

    def lte(self, field: str, value: object) -> Self:
        """Only documents whose field is equal or less."""
        return self._below(field, prefix_end(self._encode(value)))

    def _above(self, field: str, bound: bytes) -> Self:
        field = self._known(field)
        if self._lower or field in self._equal:
            self._refuse("AlreadyDefinedBound", f"{field!r} has a lower bound already")
        self._bounded |= {field}
        self._lower = bound
        return self

    def _below(self, field: str, bound: bytes) -> Self:
        field = self._known(field)
        if self._upper is not None or field in self._equal:
            self._refuse("AlreadyDefinedBound", f"{field!r} has an upper bound already")
        self._bounded |= {field}
        self._upper = bound
        return self

    def _known(self, field: str) -> str:
        field = _ALIASES.get(field, field)
        if field not in self._fields:
            self._refuse(
                "FieldNotInIndex", f"{field!r} is not one of its fields {list(self._fields)}"
            )
        return field

    def _encode(self, value: object) -> bytes:
        if value is self._unset:
            return encode_part(UNDEFINED)
        return encode_part(to_wire(value, default=self._default))

    def _refuse(self, code: str, reason: str) -> NoReturn:
        raise UsageError(f"index {self._index}: {reason}", code=code)

    def build(self, number: int) -> IndexRange:
        """The range of keys.

        Raises:
            UsageError: when the conditions do not make one range.
        """
        depth = len(self._equal)
        bounded = self._bounded
        try:
            prefix = b"".join(map(self._equal.__getitem__, self._fields[:depth]))
        except KeyError:
            self._refuse(
                "InvalidIndexRange",
                f"equality on {sorted(self._equal)} is none on its first fields "
                f"{list(self._fields)}",
            )
        if len(bounded) > 1:
            self._refuse("BoundsOnMultipleFields", f"bounds on {sorted(bounded)}")
        if bounded and (depth >= len(self._fields) or self._fields[depth] not in bounded):
            self._refuse(
                "InvalidIndexRange",
                f"a bound on {min(bounded)!r} must follow equality on all fields before it",
            )
        lower = prefix + self._lower
        upper = prefix_end(prefix) if self._upper is None else prefix + self._upper
        return IndexRange(number, depth, prefix, lower, upper)


def plain_prefix(fields: tuple[str, ...], equal: Mapping[str, Any]) -> bytes | None:
    """The start of all keys whose first fields have these values, where that takes no builder.

    That is for most queries: texts, ids and whole numbers, in the order of the index. None for
    everything else.
    """
    parts = []
    for field, (name, value) in zip(fields, equal.items(), strict=False):
        kind = type(value)
        if name == field and (kind is str or kind is Id) and value.isascii():
            parts.append(encode_part(str.__str__(value)))
        elif name == field and kind is int and 0 <= value <= SAFE_INTEGER:
            parts.append(encode_part(value))
        else:
            return None
    return b"".join(parts) if len(parts) == len(equal) else None


RangeOf = Callable[[IndexRangeBuilder], Any]
