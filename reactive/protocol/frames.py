"""WebSocket frames as a server sends them: unmasked, uncompressed. Source: RFC 6455, section
5.2."""

import struct
from collections.abc import Iterator

_TEXT = 0x1
_CONTINUATION = 0x0
_FINAL = 0x80

CLOSE_WITHOUT_CODE = b"\x88\x00"
"""A close frame that carries no code: the client sees 1005."""


def text_frames(text: bytes, fragment_bytes: int) -> bytes:
    """One text message: one frame, or several where it is longer than `fragment_bytes`."""
    if len(text) <= fragment_bytes:
        return _header(_FINAL | _TEXT, len(text)) + text
    return b"".join(_fragments(text, fragment_bytes))


def _fragments(text: bytes, fragment_bytes: int) -> Iterator[bytes]:
    opcode = _TEXT
    for at in range(0, len(text), fragment_bytes):
        part = text[at : at + fragment_bytes]
        final = _FINAL if at + fragment_bytes >= len(text) else 0
        yield _header(final | opcode, len(part))
        yield part
        opcode = _CONTINUATION


def _header(first: int, length: int) -> bytes:
    if length < 126:
        return bytes((first, length))
    if length < 65_536:
        return struct.pack("!BBH", first, 126, length)
    return struct.pack("!BBQ", first, 127, length)
