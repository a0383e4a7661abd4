"""Index keys: bytes whose order is the total order of Convex's values.

    undefined < null < int64 < float64 < boolean < string < bytes < array < object

A key is the concatenation of its components. No component is a prefix of another, and every
component starts with a tag below 0xFF, so `prefix_end` bounds all keys that share leading
components.
"""

import base64
import struct
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

_UNDEFINED: Final = b"\x01"
_NULL: Final = b"\x03"
_INT64: Final = b"\x08"
_FLOAT: Final = b"\x0d"
_FALSE: Final = b"\x0e"
_TRUE: Final = b"\x0f"
_STRING: Final = b"\x10"
_BYTES: Final = b"\x11"
_ARRAY: Final = b"\x12"
_OBJECT: Final = b"\x15"
_END: Final = b"\x00"
_AFTER: Final = b"\xff"

_DOUBLE: Final = struct.Struct(">d")
_UINT64: Final = struct.Struct(">Q")
_SIGN: Final = 1 << 63
_ALL: Final = (1 << 64) - 1


class IndexKey(NamedTuple):
    """One entry of an index: the whole key, and the components that it is made of."""

    joined: bytes
    parts: tuple[bytes, ...]


class Undefined:
    """The operand that stands for an absent field."""

    __slots__ = ()


UNDEFINED: Final = Undefined()


def encode_part(wire: Any) -> bytes:
    """The bytes of one component, from a value's wire form or `UNDEFINED`."""
    kind = type(wire)
    if kind is str:
        raw: bytes = wire.encode()
        return b"\x10" + (raw.replace(b"\0", b"\0\xff") if b"\0" in raw else raw) + b"\0"
    if kind is float or kind is int:
        # The same number with the other sign has the same bits but that of the sign.
        return _FLOAT + (_DOUBLE.pack(-wire) if wire > 0 else _ordered(_DOUBLE.pack(wire)))
    if wire is None:
        return _NULL
    if kind is bool:
        return _TRUE if wire else _FALSE
    if kind is list:
        return _ARRAY + b"".join(map(encode_part, wire)) + _END
    if kind is dict:
        return _encode_object(wire)
    if wire is UNDEFINED:
        return _UNDEFINED
    raise TypeError(f"no wire form: {wire!r}")


def _encode_object(wire: Mapping[str, Any]) -> bytes:
    if len(wire) == 1:
        (name,) = wire
        if name == "$integer":
            number = int.from_bytes(base64.b64decode(wire[name]), "little", signed=True)
            return _INT64 + _UINT64.pack(number + _SIGN)
        if name == "$float":
            return _FLOAT + _ordered(base64.b64decode(wire[name])[::-1])
        if name == "$bytes":
            return _BYTES + base64.b64decode(wire[name]).replace(b"\0", b"\0\xff") + _END
    fields = sorted((name.encode(), item) for name, item in wire.items())
    return (
        _OBJECT
        + b"".join(encode_part(name.decode()) + encode_part(item) for name, item in fields)
        + _END
    )


def _ordered(big_endian: bytes) -> bytes:
    bits = int.from_bytes(big_endian, "big")
    return _UINT64.pack(bits ^ _ALL if bits & _SIGN else bits | _SIGN)


def make_key(parts: Iterable[bytes]) -> IndexKey:
    """The key with these components."""
    whole = tuple(parts)
    return IndexKey(b"".join(whole), whole)


def prefix_end(prefix: bytes) -> bytes:
    """The first position after every key that starts with these whole components."""
    return prefix + _AFTER


def after(key: bytes) -> bytes:
    """The first position after exactly this key."""
    return key + _END


def lookup(wire: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """The value at a dotted path of a document's wire form, or `UNDEFINED`."""
    value: Any = wire
    for name in path:
        if type(value) is not dict or name not in value:
            return UNDEFINED
        value = value[name]
    return value
