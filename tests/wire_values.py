"""Values as they are on the wire, for tests that write and compare them."""

import base64
import json
import struct
from typing import Any

Json = Any


def int64(number: int) -> Json:
    """The wire form of a Convex Int64."""
    return {"$integer": base64.b64encode(struct.pack("<q", number)).decode()}


def float64(number: float) -> Json:
    """The wire form of a float that JSON cannot write."""
    return {"$float": base64.b64encode(struct.pack("<d", number)).decode()}


def bytes_value(data: bytes) -> Json:
    return {"$bytes": base64.b64encode(data).decode()}


def exact(value: Json) -> str:
    """A text that is equal for equal wire values only: Python takes 1 and True for the same."""

    def as_float(part: Json) -> Json:
        match part:
            case bool():
                return part
            case int():
                return float(part)
            case list():
                return [as_float(element) for element in part]
            case dict():
                return {key: as_float(element) for key, element in part.items()}
            case _:
                return part

    return json.dumps(as_float(value), sort_keys=True)


def ts_number(text: str) -> int:
    """The nanoseconds of a `ts`, which must be the base64 of exactly eight bytes."""
    raw = base64.b64decode(text, validate=True)
    assert len(raw) == 8, f"a ts has 8 bytes, this one has {len(raw)}: {text!r}"
    number: int = struct.unpack("<Q", raw)[0]
    assert number < 2**63
    return number


def ts_text(number: int) -> str:
    return base64.b64encode(struct.pack("<Q", number)).decode()
