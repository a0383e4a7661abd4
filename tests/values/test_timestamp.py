"""Timestamps only grow, and cross the wire as eight little-endian bytes."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactive.errors import CallError
from reactive.values.timestamp import decode_timestamp, encode_timestamp, next_timestamp

timestamps = st.integers(0, 2**63 - 1)


@given(timestamps)
def test_round_trip(ts: int) -> None:
    text = encode_timestamp(ts)
    assert ts == decode_timestamp(text)
    assert ts.to_bytes(8, "little") == base64.b64decode(text)


def test_the_wire_form() -> None:
    assert encode_timestamp(0) == "AAAAAAAAAAA="
    assert encode_timestamp(1) == "AQAAAAAAAAA="
    assert encode_timestamp(2**63 - 1) == "/////////38="


@pytest.mark.parametrize(
    "text",
    [
        None,
        1,
        b"AAAAAAAAAAA=",
        "",
        "AAAA",
        "AAAAAAAAAAAA",
        "AAAAAAAAAAA",
        "AAAA AAAAAAA=",
        "é",
        "//////////8=",
        base64.b64encode((2**63).to_bytes(8, "little")).decode(),
    ],
)
def test_what_is_no_timestamp(text: object) -> None:
    with pytest.raises(CallError, match="is no timestamp") as raised:
        decode_timestamp(text)
    assert raised.value.code == "BadTimestamp"


@given(timestamps, timestamps)
def test_the_next_timestamp_grows(now_ns: int, last: int) -> None:
    ts = next_timestamp(now_ns, last)
    assert ts > last
    assert max(now_ns, last + 1) == ts
