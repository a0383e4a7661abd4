"""Document ids in Convex's text form.

    bytes = varint(table number) ‖ 16 bytes of its own ‖ checksum (Fletcher-16, little-endian)
    text  = base32 of that in Crockford's alphabet, lower case: 31 to 37 characters

The sixteen bytes start with the time and end with the day, as ids of Convex end with it; the ids
of one table so lie together in an index, which makes inserts touch few pages. Clients treat ids
as opaque.
"""

from functools import lru_cache
from operator import mul
from typing import Protocol

_CROCKFORD = b"0123456789abcdefghjkmnpqrstvwxyz"
_TO_DIGITS = bytes.maketrans(_CROCKFORD, b"0123456789abcdefghijklmnopqrstuv")
_ALPHABET = frozenset(_CROCKFORD.decode())
_PAIRS = [chr(_CROCKFORD[n >> 5]) + chr(_CROCKFORD[n & 31]) for n in range(1024)]
_KNOWN_MAX = 65_536  # ids whose tables are remembered: the same ones are read again and again
_DAY_MS = 86_400_000
_WEIGHTS = {length: tuple(range(length, 0, -1)) for length in range(17, 22)}
# How far an id of so many bytes is moved to the right for each pair of letters, once it is filled
# up with zero bits to whole pairs.
_SHIFTS = {length: tuple(range((length * 8 - 1) // 10 * 10, -1, -10)) for length in range(19, 24)}


class Dice(Protocol):
    """Where random bits come from; `random.Random` is one."""

    def getrandbits(self, k: int, /) -> int: ...


def new_document_id(table_number: int, now_ms: int, dice: Dice) -> str:
    """A fresh id of the table: 64 of its bits are random."""
    own = (
        (now_ms & 0xFFFFFFFFFFFF).to_bytes(6, "big")
        + dice.getrandbits(64).to_bytes(8, "big")
        + ((now_ms // _DAY_MS) & 0xFFFF).to_bytes(2, "big")
    )
    return encode_id(table_number, own)


def encode_id(table_number: int, own: bytes) -> str:
    """The text of the id with these sixteen bytes."""
    body = _varint(table_number) + own
    return _to_text(body + _checksum(body))


def decode_id(text: str) -> tuple[int, bytes] | None:
    """The table number and the sixteen bytes, or None when the text is no id.

    One id has one text only: upper case, padding bits or a longer varint are refused.
    """
    if not 31 <= len(text) <= 37 or not _ALPHABET.issuperset(text):
        return None
    raw = _from_text(text)
    if raw is None:
        return None
    body, checksum = raw[:-2], raw[-2:]
    number, used = _read_varint(body)
    if number == 0 or len(body) - used != 16:
        return None
    if checksum != _checksum(body):
        return None
    return (number, body[used:]) if _varint(number) == body[:used] else None


@lru_cache(maxsize=_KNOWN_MAX)
def table_number_of(text: str) -> int | None:
    """The number of the table that the id belongs to, or None when the text is no id."""
    decoded = decode_id(text)
    return decoded[0] if decoded else None


@lru_cache(maxsize=1024)
def _varint(number: int) -> bytes:
    if number < 0x80:
        return bytes((number,))
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_varint(raw: bytes) -> tuple[int, int]:
    number = 0
    for at, byte in enumerate(raw[:5]):
        number |= (byte & 0x7F) << (7 * at)
        if byte < 0x80:
            return (number, at + 1) if number < 2**32 else (0, 0)
    return 0, 0


def _checksum(body: bytes) -> bytes:
    return bytes((sum(body) & 0xFF, sum(map(mul, body, _WEIGHTS[len(body)])) & 0xFF))


def _to_text(raw: bytes) -> str:
    padding = -len(raw) * 8 % 10
    bits = int.from_bytes(raw, "big") << padding
    text = "".join([_PAIRS[bits >> shift & 1023] for shift in _SHIFTS[len(raw)]])
    return text[:-1] if padding >= 5 else text


def _from_text(text: str) -> bytes | None:
    """The bytes of letters of the alphabet, None when no bytes are written like this."""
    length = len(text) * 5 // 8
    bits, padding = int(text.encode().translate(_TO_DIGITS), 32), len(text) * 5 % 8
    if padding >= 5 or bits & (1 << padding) - 1:
        return None
    return (bits >> padding).to_bytes(length, "big")
