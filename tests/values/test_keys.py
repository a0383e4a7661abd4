"""Key order is value order."""

import math
import random
from functools import cmp_to_key
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reactive.values.encoding import Int64, to_wire
from reactive.values.keys import (
    UNDEFINED,
    IndexKey,
    after,
    encode_part,
    lookup,
    make_key,
    prefix_end,
)
from tests.values.oracle import ABSENT, compare
from tests.values.strategies import bits_of, double, pairs, values

parts = st.one_of(values, st.just(ABSENT))


def part(value: Any) -> bytes:
    return encode_part(UNDEFINED if value is ABSENT else to_wire(value))


def sign(number: int) -> int:
    return (number > 0) - (number < 0)


def order(one: bytes, other: bytes) -> int:
    return (one > other) - (one < other)


@settings(max_examples=600)
@given(pairs())
@example((Int64(2**62), -math.inf))
@example(("\uffff", "\U00010000"))
@example(("a", "a\0"))
@example((["a"], ["a", None]))
@example(({"a": 1.0}, {"a": 1.0, "b": 1.0}))
@example(({"ab": 1.0}, {"a": 1.0}))
@example((double(0x7FF8000000000001), double(0xFFF8000000000001)))
def test_key_order_is_value_order(pair: tuple[Any, Any]) -> None:
    one, other = pair
    assert sign(compare(one, other)) == order(part(one), part(other))


# From the least to the greatest, each unequal to all others.
LADDER: list[Any] = [
    ABSENT,
    None,
    Int64(-(2**63)),
    Int64(-257),
    Int64(-1),
    Int64(0),
    Int64(1),
    Int64(2**63 - 1),
    -math.nan,
    -math.inf,
    -1e300,
    -1.0,
    -5e-324,
    -0.0,
    0.0,
    5e-324,
    1.0,
    2.0**53,
    math.inf,
    math.nan,
    double(0x7FFFFFFFFFFFFFFF),
    False,
    True,
    "",
    "\0",
    "\0\0",
    "\0a",
    "a",
    "a\0",
    "a\0b",
    "a\x01",
    "ab",
    "b",
    "\x7f",
    "\x80",
    "\ud7ff",
    "\uffff",
    "\U00010000",
    "\U0010ffff",
    b"",
    b"\0",
    b"\0\xff",
    b"\x01",
    b"\xff",
    b"\xff\0",
    b"\xff\xff",
    [],
    [None],
    [None, None],
    [Int64(5)],
    [1.0],
    ["a"],
    ["a", "b"],
    ["a\0"],
    [[]],
    [[], None],
    [{}],
    {},
    {"": "x"},
    {"A": 0.0},
    {"a": None},
    {"a": None, "b": None},
    {"a": 1.0},
    {"a b": None},
    {"aa": None},
    {"b": None},
]


def test_the_ladder_of_values() -> None:
    keys = [part(value) for value in LADDER]
    assert sorted(keys) == keys
    assert len(LADDER) == len(set(keys))


def test_the_oracle_climbs_the_same_ladder() -> None:
    """The oracle is no copy of the code, and this is what keeps it honest."""
    assert all(compare(one, other) < 0 for one, other in pairwise(LADDER))
    shuffled = random.Random(1).sample(LADDER, len(LADDER))
    assert sorted(shuffled, key=cmp_to_key(compare)) == LADDER


def test_the_oracle_sees_a_wrong_order() -> None:
    def careless(value: str) -> bytes:
        """What sorting by UTF-16 would do."""
        return b"\x10" + value.encode("utf-16-be")

    one, other = "\uffff", "\U00010000"
    assert sign(compare(one, other)) != order(careless(one), careless(other))


@given(values)
def test_equal_values_have_one_key(value: Any) -> None:
    reordered = dict(reversed(value.items())) if isinstance(value, dict) else value
    assert part(value) == part(reordered)


@given(st.integers(-(2**53), 2**53))
def test_whole_numbers_are_floats_however_they_are_written(number: int) -> None:
    assert encode_part(float(number)) == encode_part(number)
    assert part(float(number)) == part(number)
    assert part(Int64(number)) < part(float(number))


@given(st.integers(0, 2**64 - 1))
def test_every_nan_finds_itself(bits: int) -> None:
    number = double(bits)
    again = to_wire(number)
    assert part(number) == encode_part(again)
    assert bits_of(number) == bits


@given(parts, parts)
def test_no_component_is_the_beginning_of_another(one: Any, other: Any) -> None:
    first, second = part(one), part(other)
    assert (first == second) == second.startswith(first)


@given(st.lists(parts, min_size=2, max_size=3), st.lists(parts, min_size=2, max_size=3))
def test_keys_compare_component_by_component(one: list[Any], other: list[Any]) -> None:
    shared = min(len(one), len(other))
    one, other = one[:shared], other[:shared]
    expected = next((sign(c) for c in map(compare, one, other) if c), 0)
    joined = [make_key(map(part, each)).joined for each in (one, other)]
    assert expected == order(*joined)


@given(st.lists(parts, max_size=3), st.lists(parts, min_size=1, max_size=3), st.data())
def test_a_prefix_bounds_the_keys_that_begin_with_it(
    equal: list[Any], others: list[Any], data: st.DataObject
) -> None:
    prefix = make_key(map(part, equal)).joined
    inside = make_key(map(part, equal + others)).joined
    assert prefix <= inside < prefix_end(prefix)
    size = len(equal) + len(others)
    stranger = make_key(map(part, data.draw(st.lists(parts, min_size=size, max_size=size))))
    begins = b"".join(stranger.parts[: len(equal)]) == prefix
    assert begins == (prefix <= stranger.joined < prefix_end(prefix))


@given(st.lists(parts, min_size=1, max_size=2), st.lists(parts, min_size=1, max_size=2))
def test_after_a_key_comes_the_next_one(one: list[Any], other: list[Any]) -> None:
    key, stranger = (make_key(map(part, each)).joined for each in (one, other))
    assert key < after(key)
    assert not key < stranger < after(key)


def test_a_key_knows_its_components() -> None:
    expected = IndexKey(part("a") + part(None), (part("a"), part(None)))
    assert expected == make_key(iter([part("a"), part(None)]))
    assert IndexKey(b"", ()) == make_key([])


@pytest.mark.parametrize("value", [(), object(), {1, 2}, b"raw", 1j])
def test_what_is_no_wire_form_has_no_key(value: object) -> None:
    with pytest.raises(TypeError, match="no wire form"):
        encode_part(value)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("a",), {"b": {"c": 1.0}, "n": None}),
        (("a", "b", "c"), 1.0),
        (("a", "n"), None),
        (("a", "n", "c"), UNDEFINED),
        (("a", "x"), UNDEFINED),
        (("x", "a"), UNDEFINED),
        (("list", "0"), UNDEFINED),
        (("text", "b"), UNDEFINED),
    ],
)
def test_lookup(path: tuple[str, ...], expected: object) -> None:
    wire = {"a": {"b": {"c": 1.0}, "n": None}, "list": [1.0], "text": "abc"}
    assert expected == lookup(wire, path)
