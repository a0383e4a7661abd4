"""Timestamps: positions in the order of commits, in nanoseconds since the epoch."""

import base64
import binascii
import struct
from functools import lru_cache

from reactive.errors import CallError

Timestamp = int

_U64 = struct.Struct("<Q")
_MAX = 2**63 - 1


def next_timestamp(now_ns: int, last: Timestamp) -> Timestamp:
    """The stamp of the next commit: the clock's, unless that would not grow."""
    return now_ns if now_ns > last else last + 1


@lru_cache(maxsize=256)
def encode_timestamp(ts: Timestamp) -> str:
    """The wire form: eight little-endian bytes in base64.

    The last ones are kept, as a commit's is in the answers of a batch, and in Transitions twice.
    """
    return base64.b64encode(_U64.pack(ts)).decode()


def decode_timestamp(text: object) -> Timestamp:
    """Reads the wire form.

    Raises:
        CallError: when the text is no timestamp.
    """
    if isinstance(text, str):
        try:
            (ts,) = _U64.unpack(base64.b64decode(text, validate=True))
        except (binascii.Error, struct.error, ValueError):
            ts = -1
        if 0 <= ts <= _MAX:
            return int(ts)
    raise CallError(f"{text!r} is no timestamp", code="BadTimestamp")
