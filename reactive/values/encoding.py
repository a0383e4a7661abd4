"""Convex's values between Python, their wire form and JSON text.

The wire form is what JSON can hold: `int` and `float` are JSON numbers written with a fraction,
`Int64`, `bytes` and the four floats that JSON lacks are `{"$integer": …}`, `{"$bytes": …}` and
`{"$float": …}`. Source: Convex's `convex_encoded_json`.
"""

import base64
import enum
import math
import re
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from reactive.errors import CallError, LimitError
from reactive.limits import DEFAULT_LIMITS

JsonBytes = bytes
"""JSON text that is passed on and joined, never parsed again."""

SAFE_INTEGER: Final = 2**53
_INT64: Final = struct.Struct("<q")
_DOUBLE: Final = struct.Struct("<d")
_NAME: Final = re.compile(r"(?!\$)[\x20-\x7e]{0,1024}\Z")
_ITEM: Final = re.compile(r"\[\d+\]\Z")
_known_names: set[str] = set()


class Int64(int):
    """A 64-bit integer of its own type, a JavaScript `bigint`.

    A plain `int` is a JavaScript number; `Int64(5)` and `int(value)` convert between the two.

    Raises:
        ValueError: when the value does not fit into 64 bits.
    """

    __slots__ = ()

    def __new__(cls, value: int = 0) -> "Int64":
        number = super().__new__(cls, value)
        if not -(2**63) <= number < 2**63:
            raise ValueError(f"{int(value)} does not fit into an Int64")
        return number

    def __repr__(self) -> str:
        return f"Int64({int(self)})"


class NotAValueError(CallError):
    """A Python object that is none of Convex's values; `path` tells where it was."""

    default_code = "InvalidValue"


ToWire = Callable[[object, int, str], Any]
"""What makes a wire form of an object that is none of Python's plain values: it gets the object,
how many more levels it may nest, and its path; `NotImplemented` says that it does not know it."""

DROP: Final = object()
"""What a `ToWire` answers for an object's field that is to be left out."""


def to_wire(
    value: Any,
    depth_max: int = DEFAULT_LIMITS.value_depth_max,
    default: ToWire | None = None,
    path: str = "",
) -> Any:
    """The wire form of a Python value.

    Raises:
        NotAValueError: for what no Convex value can hold; the message has the path to it.
        LimitError: for too deep nesting, too long arrays, too many fields.
    """
    try:
        return _to_wire(value, depth_max, default, path)
    except _TooDeepError as error:
        raise error.limit(depth_max) from None


def fields_to_wire(
    fields: Mapping[str, Any], depth_max: int, default: ToWire | None = None
) -> dict[str, Any]:
    """The wire form of an object with these fields; see `to_wire`."""
    try:
        return _object_to_wire(fields, depth_max, default, "")
    except _TooDeepError as error:
        raise error.limit(depth_max) from None


class _TooDeepError(Exception):
    """Met below; only the caller knows what the limit was."""

    def limit(self, depth_max: int) -> LimitError:
        return LimitError(
            f"{_at(str(self))}nested too deep (limit: {depth_max} levels)", code="TooNestedError"
        )


def _to_wire(value: Any, depth_max: int, default: ToWire | None, path: str) -> Any:
    kind = type(value)
    if kind is str:
        if not value.isascii():
            _check_unicode(value, path)
        return value
    if kind is bool or value is None:
        return value
    if kind is float:
        if value - value == 0.0 and (value != 0.0 or math.copysign(1.0, value) > 0):
            return value
        return {"$float": base64.b64encode(_DOUBLE.pack(value)).decode()}
    if kind is int:
        if -SAFE_INTEGER <= value <= SAFE_INTEGER:
            return float(value)
        raise NotAValueError(f"{_at(path)}the integer {value} is beyond 2^53; use Int64")
    if depth_max <= 0 and isinstance(value, list | tuple | Mapping):
        raise _TooDeepError(path)
    if kind is list or kind is tuple:
        items = value
        if len(items) > DEFAULT_LIMITS.array_items_max:
            raise LimitError(
                f"{_at(path)}an array of {len(items)} items is too long "
                f"(limit: {DEFAULT_LIMITS.array_items_max})",
                code="ArrayTooLong",
            )
        return [
            _to_wire(item, depth_max - 1, default, f"{path}[{i}]") for i, item in enumerate(items)
        ]
    if kind is dict:
        return _object_to_wire(value, depth_max, default, path)
    return _rare_to_wire(value, depth_max, default, path)


def _object_to_wire(
    value: Mapping[Any, Any], depth_max: int, default: ToWire | None, path: str
) -> dict[str, Any]:
    if len(value) > DEFAULT_LIMITS.object_fields_max:
        raise LimitError(
            f"{_at(path)}an object of {len(value)} fields is too large "
            f"(limit: {DEFAULT_LIMITS.object_fields_max})",
            code="TooManyFieldsError",
        )
    out: dict[str, Any] = {}
    for name, item in value.items():
        if name not in _known_names:
            check_field_name(name, path)
        kind = type(item)
        # Most fields are these, which need neither a call nor a path.
        if (kind is str and item.isascii()) or kind is bool or item is None:
            wire = item
        elif kind is int and -SAFE_INTEGER <= item <= SAFE_INTEGER:
            wire = float(item)
        elif kind is float and 0.0 < item < math.inf:
            wire = item
        else:
            wire = _to_wire(item, depth_max - 1, default, f"{path}.{name}")
            if wire is DROP:
                continue
        out[name if type(name) is str else str.__str__(name)] = wire
    return out


def _check_unicode(text: str, path: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise NotAValueError(f"{_at(path)}{text!r:.80} is not valid Unicode") from error


def _rare_to_wire(value: object, depth_max: int, default: ToWire | None, path: str) -> Any:
    if isinstance(value, str) and not isinstance(value, enum.Enum):
        # An id, mostly.
        return _to_wire(str.__str__(value), depth_max, default, path)
    if default is not None:
        wire = default(value, depth_max, path)
        if wire is DROP and _ITEM.search(path):
            raise NotAValueError(f"{_at(path)}{_short(value)} cannot be an item of an array")
        if wire is not NotImplemented:
            return wire
    if isinstance(value, Int64):
        return {"$integer": base64.b64encode(_INT64.pack(value)).decode()}
    if isinstance(value, bytes | bytearray | memoryview):
        return {"$bytes": base64.b64encode(bytes(value)).decode()}
    for base in (bool, str, int, float):
        if isinstance(value, base):
            return _to_wire(base(value), depth_max, default, path)
    if isinstance(value, Mapping):
        return _to_wire(dict(value), depth_max, default, path)
    if isinstance(value, list | tuple):
        return _to_wire(list(value), depth_max, default, path)
    raise NotAValueError(
        f"{_at(path)}{_short(value)} of type {type(value).__qualname__} is not a supported value"
    )


def check_field_name(name: object, path: str = "") -> None:
    """Refuses a key that no object may have.

    Raises:
        NotAValueError: naming the key.
    """
    if not isinstance(name, str) or not _NAME.match(name):
        raise NotAValueError(
            f"{_at(path)}{_short(name)} is no field name: it must be printable ASCII of at most "
            "1024 characters and not start with '$'",
            code="InvalidFieldName",
        )
    if len(_known_names) < 10_000:
        _known_names.add(name)


def dump_wire(wire: object) -> JsonBytes:
    """JSON text of a wire form, keys sorted.

    It is copied, as what orjson gives keeps a buffer of at least 4 KiB for as long as it lives.

    Raises:
        NotAValueError: for strings that are not valid Unicode.
    """
    try:
        return b"%b" % orjson.dumps(wire, option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError, RecursionError) as error:
        raise NotAValueError(f"the value cannot be sent: {error}") from error


def encode_value(value: object) -> JsonBytes:
    """JSON text of a Python value: `to_wire`, then `dump_wire`."""
    return dump_wire(to_wire(value))


def load_json(text: bytes | str) -> Any:
    """Parses JSON text into its wire form.

    Raises:
        CallError: when it is no JSON, or uses what JSON does not have (`NaN`, lone surrogates).
    """
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, RecursionError) as error:
        raise CallError(f"not valid JSON: {error}", code="BadJson") from error


def from_wire(wire: Any, depth_max: int = DEFAULT_LIMITS.value_depth_max) -> Any:
    """The Python value of a wire form: integral numbers become `int`, others `float`.

    Raises:
        CallError: for a form that is no value, with the path to it.
    """
    try:
        if type(wire) is dict and depth_max > 0 and next(iter(wire), "")[:1] != "$":
            return _object_from_wire(wire, depth_max, "")
        return _from_wire(wire, depth_max, "")
    except _TooDeepError as error:
        raise error.limit(depth_max) from None


def _from_wire(wire: Any, left: int, path: str) -> Any:
    kind = type(wire)
    if kind is str or kind is bool or wire is None:
        return wire
    if kind is float:
        if wire.is_integer() and abs(wire) <= SAFE_INTEGER and _is_plain(wire):
            return int(wire)
        return wire
    if kind is int:
        return wire if -SAFE_INTEGER <= wire <= SAFE_INTEGER else float(wire)
    if kind is dict and len(wire) == 1:
        (name,) = wire
        if name[:1] == "$":
            return _special(name, wire[name], path)
    if left <= 0:
        raise _TooDeepError(path)
    if kind is list:
        if len(wire) > DEFAULT_LIMITS.array_items_max:
            raise LimitError(
                f"{_at(path)}an array of {len(wire)} items is too long "
                f"(limit: {DEFAULT_LIMITS.array_items_max})",
                code="ArrayTooLong",
            )
        return [_from_wire(item, left - 1, f"{path}[{i}]") for i, item in enumerate(wire)]
    return _object_from_wire(wire, left, path)


def _object_from_wire(wire: dict[str, Any], left: int, path: str) -> Any:
    if len(wire) > DEFAULT_LIMITS.object_fields_max:
        raise LimitError(
            f"{_at(path)}an object of {len(wire)} fields is too large "
            f"(limit: {DEFAULT_LIMITS.object_fields_max})",
            code="TooManyFieldsError",
        )
    out = {}
    for name, item in wire.items():
        if name not in _known_names:
            check_field_name(name, path)
        kind = type(item)
        # Most fields are these, which need neither a call nor a path.
        if kind is str or kind is bool or item is None:
            out[name] = item
        elif kind is float and 0.0 < item <= SAFE_INTEGER:
            out[name] = int(item) if item.is_integer() else item
        elif kind is int and -SAFE_INTEGER <= item <= SAFE_INTEGER:
            out[name] = item
        else:
            out[name] = _from_wire(item, left - 1, f"{path}.{name}")
    return out


def _special(name: str, payload: object, path: str) -> object:
    try:
        if isinstance(payload, str):
            raw = base64.b64decode(payload, validate=True)
            if name == "$bytes":
                return raw
            if name == "$integer":
                return Int64(_INT64.unpack(raw)[0])
            if name == "$float":
                (number,) = _DOUBLE.unpack(raw)
                if not _is_plain(number):
                    return float(number)
                raise CallError(
                    f"{_at(path)}$float holds the ordinary number {number}", code="BadValue"
                )
    except (ValueError, struct.error) as error:
        raise CallError(f"{_at(path)}bad {name}: {error}", code="BadValue") from error
    raise CallError(f"{_at(path)}{name} is no known kind of value", code="BadValue")


def _is_plain(number: float) -> bool:
    return math.isfinite(number) and (number != 0.0 or math.copysign(1.0, number) > 0)


def wire_size(wire: Any) -> int:
    """The size of a value in bytes as Convex counts it (its clients' `getConvexSize`)."""
    kind = type(wire)
    if kind is str:
        return 2 + (len(wire) if wire.isascii() else len(wire.encode()))
    if kind is float or kind is int:
        return 9
    if wire is None or kind is bool:
        return 1
    if kind is list:
        return 2 + sum(map(wire_size, wire))
    if len(wire) == 1:
        (name,) = wire
        if name[:1] == "$":
            return 2 + len(base64.b64decode(wire[name])) if name == "$bytes" else 9
    total = 2 + len(wire) + sum(map(len, wire))
    for item in wire.values():
        kind = type(item)
        # Most fields are these, which need no call.
        if kind is float or kind is int:
            total += 9
        elif kind is str and item.isascii():
            total += 2 + len(item)
        else:
            total += wire_size(item)
    return total


def to_plain_json(wire: Any) -> Any:
    """The lossy `json` format of the HTTP API: what `{"$…"}` wraps becomes a string."""
    if isinstance(wire, list):
        return [to_plain_json(item) for item in wire]
    if isinstance(wire, dict):
        if len(wire) == 1:
            (name,) = wire
            if name == "$bytes":
                return wire[name]
            if name[:1] == "$":
                number = _special(name, wire[name], "")
                if isinstance(number, Int64):
                    return str(int(number))
                return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(
                    str(number), number
                )
        return {name: to_plain_json(item) for name, item in wire.items()}
    return wire


def _at(path: str) -> str:
    return f"at {path}: " if path else ""


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
