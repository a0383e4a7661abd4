"""Ids of documents: Convex's text form, with one text for one id."""

import random
import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reactive.values.ids import decode_id, encode_id, new_document_id, table_number_of

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
DAY_MS = 86_400_000

table_numbers = st.one_of(
    st.integers(1, 2**32 - 1), st.sampled_from([1, 127, 128, 2**14 - 1, 2**14, 2**28, 2**32 - 1])
)
own_bytes = st.binary(min_size=16, max_size=16)


def spell(raw: bytes) -> str:
    """Base32 one bit at a time."""
    bits = "".join(f"{byte:08b}" for byte in raw)
    bits += "0" * (-len(bits) % 5)
    return "".join(ALPHABET[int(bits[at : at + 5], 2)] for at in range(0, len(bits), 5))


def fletcher(body: bytes) -> bytes:
    """Fletcher-16 one byte at a time, in wrapping arithmetic of bytes."""
    first = second = 0
    for byte in body:
        first = (first + byte) % 256
        second = (second + first) % 256
    return bytes((first, second))


def varint(number: int) -> bytes:
    groups = []
    while True:
        groups.append(number % 128)
        number //= 128
        if not number:
            return bytes([*(group + 128 for group in groups[:-1]), groups[-1]])


def by_hand(head: bytes, own: bytes) -> str:
    body = head + own
    return spell(body + fletcher(body))


@settings(max_examples=300)
@given(table_numbers, own_bytes)
def test_the_text_of_an_id(number: int, own: bytes) -> None:
    text = encode_id(number, own)
    assert by_hand(varint(number), own) == text
    assert (number, own) == decode_id(text)
    assert number == table_number_of(text)
    assert re.fullmatch(f"[{ALPHABET}]{{31,37}}", text)


@pytest.mark.parametrize(
    ("number", "length"),
    [(1, 31), (127, 31), (128, 32), (10_001, 32), (2**14, 34), (2**32 - 1, 37)],
)
def test_the_length_of_an_id(number: int, length: int) -> None:
    assert length == len(encode_id(number, bytes(16)))


@given(table_numbers, own_bytes, table_numbers, own_bytes)
def test_ids_of_different_documents_differ(
    number: int, own: bytes, other_number: int, other_own: bytes
) -> None:
    assume((number, own) != (other_number, other_own))
    assert encode_id(number, own) != encode_id(other_number, other_own)


@settings(max_examples=300)
@given(table_numbers, own_bytes, st.data())
def test_one_wrong_character_is_noticed(number: int, own: bytes, data: st.DataObject) -> None:
    text = encode_id(number, own)
    at = data.draw(st.integers(0, len(text) - 1))
    wrong = data.draw(st.sampled_from(ALPHABET.replace(text[at], "")))
    assert decode_id(text[:at] + wrong + text[at + 1 :]) is None


@settings(max_examples=300)
@given(st.text(ALPHABET, min_size=29, max_size=39))
def test_what_is_read_has_one_text_only(text: str) -> None:
    decoded = decode_id(text)
    assert decoded is None or text == encode_id(*decoded)


@given(table_numbers, own_bytes)
def test_other_spellings_are_refused(number: int, own: bytes) -> None:
    text = encode_id(number, own)
    # What Crockford's own decoders read as the same digits.
    for other in (
        text.upper(),
        text.replace("0", "o"),
        text.replace("1", "l"),
        text.replace("1", "i"),
        text[:4] + "-" + text[4:],
        " " + text,
        text + "\n",
        text + "0",
        text[:-1],
    ):
        assert other == text or decode_id(other) is None
        assert other == text or table_number_of(other) is None


@given(table_numbers, own_bytes, st.data())
def test_bits_of_padding_are_zero(number: int, own: bytes, data: st.DataObject) -> None:
    text = encode_id(number, own)
    spare = len(text) * 5 % 8
    assume(spare)
    last = ALPHABET.index(text[-1])
    assert last % 2**spare == 0
    padding = data.draw(st.integers(1, 2**spare - 1))
    assert decode_id(text[:-1] + ALPHABET[last + padding]) is None


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"\0", id="table zero"),
        pytest.param(b"\x80\0", id="table zero in two groups"),
        pytest.param(b"\x81\0", id="table one in two groups"),
        pytest.param(b"\xff\xff\xff\xff\x10", id="table beyond 32 bits"),
        pytest.param(b"\x80\x80\x80\x80\x80", id="no last group"),
        pytest.param(b"", id="no table"),
    ],
)
def test_tables_that_no_id_names(head: bytes) -> None:
    assert decode_id(by_hand(head, bytes(range(1, 17)))) is None


@pytest.mark.parametrize("size", [15, 17])
def test_an_id_has_sixteen_bytes_of_its_own(size: int) -> None:
    # The first byte of its own is below 0x80, or it could pass for the end of the table's number.
    assert decode_id(by_hand(varint(10_001), bytes(size))) is None
    assert decode_id(by_hand(varint(10_001), bytes(16))) is not None


@pytest.mark.parametrize("text", ["", "x", "é" * 32, "0" * 31, "0" * 37, "z" * 32, "\0" * 31])
def test_text_that_is_no_id(text: str) -> None:
    assert decode_id(text) is None


# --- New ids ---


@given(st.integers(0, 2**47), st.integers())
def test_a_new_id_ends_with_the_day(now_ms: int, seed: int) -> None:
    decoded = decode_id(new_document_id(10_001, now_ms, random.Random(seed)))
    assert decoded is not None
    number, own = decoded
    assert number == 10_001
    assert now_ms // DAY_MS % 2**16 == int.from_bytes(own[14:], "big")


def test_new_ids_come_from_the_dice() -> None:
    dice = random.Random(7)
    ids = [new_document_id(10_001, 1_700_000_000_000, dice) for _ in range(1_000)]
    assert len(set(ids)) == 1_000
    again = random.Random(7)
    assert ids[0] == new_document_id(10_001, 1_700_000_000_000, again)


def test_ids_of_later_milliseconds_lie_later_in_their_index() -> None:
    dice = random.Random(7)
    ids = [new_document_id(10_001, 1_700_000_000_000 + n, dice) for n in range(1_000)]
    assert sorted(ids) == ids


def test_text_order_of_ids_is_the_order_of_their_bytes() -> None:
    dice = random.Random(7)
    owns = sorted(dice.randbytes(16) for _ in range(200))
    assert [encode_id(10_001, own) for own in owns] == sorted(
        encode_id(10_001, own) for own in owns
    )
