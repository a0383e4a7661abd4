"""Values survive the wire, are measured as Convex measures them, and are refused by name."""

import base64
import enum
import json
import math
import struct
from collections import OrderedDict
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings

from reactive.errors import CallError, LimitError
from reactive.limits import DEFAULT_LIMITS
from reactive.values.encoding import (
    DROP,
    Int64,
    NotAValueError,
    check_field_name,
    dump_wire,
    encode_value,
    from_wire,
    load_json,
    to_plain_json,
    to_wire,
    wire_size,
)
from tests.values import oracle
from tests.values.strategies import bits_of, double, values

ARRAY_MAX = DEFAULT_LIMITS.array_items_max
FIELDS_MAX = DEFAULT_LIMITS.object_fields_max


def float_wire(number: float) -> dict[str, str]:
    return {"$float": base64.b64encode(struct.pack("<d", number)).decode()}


def nested(levels: int, core: Any) -> Any:
    for _ in range(levels):
        core = [core]
    return core


# --- Round trips ---


@settings(max_examples=400)
@given(values)
@example(2.0**53)
@example(2.0**53 + 2)
@example(-1e300)
@example(-0.0)
@example([math.nan, -math.inf, 5e-324])
@example({"": {"_a": Int64(2**63 - 1)}, "~": b"\0\xff"})
def test_a_value_survives_its_json_text(value: Any) -> None:
    text = dump_wire(to_wire(value))
    again = from_wire(load_json(text))
    assert oracle.same(oracle.as_read(value), again)


@settings(max_examples=400)
@given(values)
@example(1e300)
@example(2**53)
def test_what_was_read_can_be_written_again(value: Any) -> None:
    """A function that reads a document and writes it back changes nothing."""
    text = encode_value(value)
    assert text == encode_value(from_wire(load_json(text)))


def test_the_comparison_of_round_trips_sees_differences() -> None:
    assert not oracle.same(0, 0.5)
    assert not oracle.same(1, Int64(1))
    assert not oracle.same(1, True)
    assert not oracle.same([0.0], [-0.0])
    assert not oracle.same({"a": 1}, {"b": 1})
    assert not oracle.same([double(0x7FF8000000000000)], [double(0x7FF8000000000001)])


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (None, None),
        (True, True),
        (1, 1.0),
        (-2.5, -2.5),
        (2**53, 2.0**53),
        ("ü", "ü"),
        (Int64(1), {"$integer": "AQAAAAAAAAA="}),
        (Int64(-1), {"$integer": "//////////8="}),
        (-0.0, float_wire(-0.0)),
        (math.inf, float_wire(math.inf)),
        (math.nan, float_wire(math.nan)),
        (b"\0\xff", {"$bytes": "AP8="}),
        (b"", {"$bytes": ""}),
        ((1, [2]), [1.0, [2.0]]),
        ({"a": {"b": None}}, {"a": {"b": None}}),
    ],
)
def test_the_wire_form(value: object, wire: object) -> None:
    assert repr(wire) == repr(to_wire(value))


def test_the_bits_of_a_nan_survive() -> None:
    for bits in (0x7FF8000000000001, 0xFFF8000000000000, 0x7FFFFFFFFFFFFFFF):
        assert bits == bits_of(from_wire(to_wire(double(bits))))


def test_the_wire_form_shares_nothing_with_the_value() -> None:
    value = {"list": [1.0], "object": {"a": 1.0}}
    wire = to_wire(value)
    value["list"].append(2.0)  # type: ignore[attr-defined]
    assert wire == {"list": [1.0], "object": {"a": 1.0}}


def test_json_text_has_sorted_keys_and_numbers_with_a_fraction() -> None:
    text = encode_value({"b": 1, "a": {"d": 0.5, "c": 10**15}, "": True})
    assert text == b'{"":true,"a":{"c":1000000000000000.0,"d":0.5},"b":1.0}'


@given(values)
def test_json_text_is_what_any_parser_reads(value: Any) -> None:
    wire = to_wire(value)
    assert wire == json.loads(encode_value(value), parse_constant=pytest.fail)


# --- What counts as a value ---


class Color(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Pair(NamedTuple):
    one: int
    other: int


class Celsius(float):
    pass


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (Color.RED, "red"),
        (Level.HIGH, 3.0),
        (Celsius(1.5), 1.5),
        (Celsius(math.inf), float_wire(math.inf)),
        (Pair(1, 2), [1.0, 2.0]),
        (OrderedDict(a=1), {"a": 1.0}),
        (MappingProxyType({"a": [1]}), {"a": [1.0]}),
        ({Color.RED: 1}, {"red": 1.0}),
        (bytearray(b"ab"), {"$bytes": "YWI="}),
        (memoryview(b"abcd")[::2], {"$bytes": "YWM="}),
    ],
)
def test_what_is_like_a_value_is_one(value: object, wire: object) -> None:
    assert repr(wire) == repr(to_wire(value))
    assert wire == load_json(encode_value(value))


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, 1j, iter([]), DROP, len, frozenset(), range(3)]
)
def test_what_is_no_value_is_refused_with_its_path(value: object) -> None:
    with pytest.raises(NotAValueError, match=r"at \.rows\[1\]\.cell: .* is not a supported value"):
        to_wire({"rows": [None, {"cell": value}]})
    with pytest.raises(NotAValueError, match=r"^(?!at )"):
        to_wire(value)


@pytest.mark.parametrize("number", [2**53 + 1, -(2**53) - 1, 10**400])
def test_an_integer_that_no_float_counts_is_refused(number: int) -> None:
    with pytest.raises(
        NotAValueError, match=r"at \.n: the integer -?\d+ is beyond 2\^53; use Int64"
    ):
        to_wire({"n": number})


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\udc80\ud800"])
def test_half_a_surrogate_pair_is_refused_with_its_path(text: str) -> None:
    with pytest.raises(NotAValueError, match=r"at \.a\[0\]: .* is not valid Unicode"):
        to_wire({"a": [text]})


def test_an_int64_has_64_bits() -> None:
    assert Int64(-(2**63)) == -(2**63)
    assert repr(Int64(-5)) == "Int64(-5)"
    assert Int64() == 0
    for number in (2**63, -(2**63) - 1):
        with pytest.raises(ValueError, match="does not fit into an Int64"):
            Int64(number)


# --- Values of other types ---


class Celsius2:
    def __init__(self, degrees: float) -> None:
        self.degrees = degrees


def test_others_may_say_what_their_objects_are() -> None:
    seen: list[tuple[int, str]] = []

    def default(value: object, depth_max: int, path: str) -> Any:
        seen.append((depth_max, path))
        return value.degrees if isinstance(value, Celsius2) else NotImplemented

    wire = to_wire({"a": [Celsius2(1.5)], "b": Int64(1)}, 5, default)
    assert wire == {"a": [1.5], "b": {"$integer": "AQAAAAAAAAA="}}
    assert seen == [(3, ".a[0]"), (4, ".b")]
    with pytest.raises(NotAValueError, match=r"at \.a\[1\]: "):
        to_wire({"a": [Celsius2(1.5), object()]}, 5, default)


def test_a_field_can_be_left_out() -> None:
    def default(value: object, depth_max: int, path: str) -> Any:
        return DROP if isinstance(value, Celsius2) else NotImplemented

    assert to_wire({"a": Celsius2(1), "b": {"c": Celsius2(2)}}, default=default) == {"b": {}}


# --- Names ---


@pytest.mark.parametrize("name", ["", "a", "_a", "a b", "~!", "1", "a$", "x" * 1024, "a.b"])
def test_names_that_a_field_may_have(name: str) -> None:
    assert {"o": {name: 1.0}} == to_wire({"o": {name: 1}})
    assert {"o": {name: 1}} == from_wire({"o": {name: 1.0}})
    check_field_name(name)


@pytest.mark.parametrize(
    "name", ["$", "$a", "é", "a\n", "\0", "\x7f", "x" * 1025, "\ud800", "🚲", "a\tb"]
)
def test_names_that_no_field_may_have(name: str) -> None:
    for refuse in (to_wire, from_wire):
        with pytest.raises(NotAValueError, match=r"at \.list\[0\]: .* is no field name") as raised:
            refuse({"list": [{"other": None, name: 1.0}]})
        assert raised.value.code == "InvalidFieldName"


@pytest.mark.parametrize("name", [1, None, True, b"a", ("a",)])
def test_names_are_strings(name: object) -> None:
    with pytest.raises(NotAValueError, match=r"at \.a: .* is no field name"):
        to_wire({"a": {name: 1.0}})


# --- Limits ---


def test_the_longest_array() -> None:
    assert ARRAY_MAX == len(to_wire([None] * ARRAY_MAX)) == len(from_wire([None] * ARRAY_MAX))
    for refuse in (to_wire, from_wire):
        with pytest.raises(LimitError, match=r"at \.a: an array of 8193 .*limit: 8192") as raised:
            refuse({"a": [None] * (ARRAY_MAX + 1)})
        assert raised.value.code == "ArrayTooLong"


def test_the_largest_object() -> None:
    largest = {f"f{n}": None for n in range(FIELDS_MAX)}
    assert largest == to_wire(largest) == from_wire(largest)
    for refuse in (to_wire, from_wire):
        with pytest.raises(LimitError, match=r"at \[1\]: an object of 1025 .*1024") as raised:
            refuse([1.0, largest | {"one more": None}])
        assert raised.value.code == "TooManyFieldsError"


@pytest.mark.parametrize("core", [1.0, None, Int64(1), b"bytes", math.nan])
def test_the_deepest_nesting(core: object) -> None:
    deepest = nested(64, core)
    assert oracle.same(oracle.as_read(deepest), from_wire(load_json(encode_value(deepest))))


def test_too_deep_nesting_is_refused() -> None:
    for refuse in (to_wire, from_wire):
        for value in (nested(65, 1.0), nested(64, {}), nested(500, 1.0)):
            with pytest.raises(LimitError, match=r"at (\[0\]){64}: .*limit: 64") as raised:
                refuse(value)
            assert raised.value.code == "TooNestedError"


def test_the_depth_that_a_caller_allows() -> None:
    document = {"a": [{"b": 1.0}]}
    assert document == to_wire(document, 3)
    assert document == from_wire(document, 3)
    for refuse in (to_wire, from_wire):
        with pytest.raises(LimitError, match=r"at \.a\[0\]: .*limit: 2"):
            refuse(document, 2)
    assert to_wire(1, 0) == 1.0


def test_a_value_that_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(LimitError):
        to_wire(loop)


# --- Sizes ---


@settings(max_examples=400)
@given(values)
def test_sizes(value: Any) -> None:
    assert oracle.size(value) == wire_size(to_wire(value))


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (None, 1),
        (False, 1),
        (0, 9),
        (-0.0, 9),
        (Int64(0), 9),
        ("", 2),
        ("é🚲", 8),
        (b"", 2),
        (b"abc", 5),
        ([], 2),
        ([None, 1], 12),
        ({}, 2),
        ({"": None}, 4),
        ({"a": {"bc": "d"}}, 2 + 2 + 2 + 3 + 3),
        # A document of one field, by Convex's own description of its sizes.
        ({"_id": "x" * 32, "_creationTime": 1.0, "n": 1}, 2 + 38 + 23 + 11),
    ],
)
def test_sizes_by_hand(value: object, size: int) -> None:
    assert size == wire_size(to_wire(value))
    assert size == oracle.size(value)


def test_a_number_without_fraction_counts_the_same() -> None:
    assert wire_size(1) == 9


# --- Reading the wire ---


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        (1.0, 1),
        (1, 1),
        (1.5, 1.5),
        (2.0**53, 2**53),
        (2.0**60, 2.0**60),
        (2**60, 2.0**60),
        (1e300, 1e300),
        ({}, {}),
        ({"$bytes": "YWI="}, b"ab"),
        ({"$integer": "AQAAAAAAAAA="}, Int64(1)),
        (float_wire(math.inf), math.inf),
        (float_wire(-0.0), -0.0),
        (-0.0, -0.0),
    ],
)
def test_reading_the_wire_form(wire: Any, value: Any) -> None:
    assert oracle.same(value, from_wire(wire))


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (float_wire(1.0), "ordinary number 1.0"),
        (float_wire(0.0), "ordinary number 0.0"),
        (float_wire(-5e-324), "ordinary number"),
        ({"$float": "AAAA"}, r"bad \$float"),
        ({"$float": 1.0}, r"\$float is no known kind"),
        ({"$integer": "AQ=="}, r"bad \$integer"),
        ({"$integer": 5}, r"\$integer is no known kind"),
        ({"$integer": "AQAAAAAAAAAA"}, r"bad \$integer"),
        ({"$bytes": "*"}, r"bad \$bytes"),
        ({"$bytes": "é"}, r"bad \$bytes"),
        ({"$bytes": "YWI"}, r"bad \$bytes"),
        ({"$bytes": None}, r"\$bytes is no known kind"),
        ({"$set": "YWI="}, r"\$set is no known kind"),
        ({"$": "YWI="}, r"\$ is no known kind"),
        ({"$bytes": "YWI=", "a": 1.0}, "no field name"),
    ],
)
def test_wire_forms_that_are_no_value(wire: Any, reason: str) -> None:
    with pytest.raises(CallError, match=rf"at \.a\[1\]: .*{reason}"):
        from_wire({"a": [None, wire]})


# --- JSON ---


@pytest.mark.parametrize(
    "text",
    ["", "{", "NaN", "[Infinity]", "{'a': 1}", '"\\ud800"', "1 2", "[1,]", b"\xff", b'"\xff"'],
)
def test_text_that_is_no_json(text: str | bytes) -> None:
    with pytest.raises(CallError, match="not valid JSON") as raised:
        load_json(text)
    assert raised.value.code == "BadJson"


def test_json_that_is_nested_without_end() -> None:
    with pytest.raises(CallError, match="not valid JSON"):
        load_json("[" * 100_000 + "]" * 100_000)


@pytest.mark.parametrize("wire", ["\ud800", object(), {1: 1.0}, nested(2_000, 1.0)])
def test_what_is_no_wire_form_has_no_json(wire: object) -> None:
    with pytest.raises(NotAValueError, match="cannot be sent"):
        dump_wire(wire)


@pytest.mark.parametrize(
    ("wire", "plain"),
    [
        ([1.0, None, {"a": True}], [1.0, None, {"a": True}]),
        ({"a": {"$integer": "AQAAAAAAAAA="}}, {"a": "1"}),
        ([{"$bytes": "YWI="}], ["YWI="]),
        (float_wire(math.nan), "NaN"),
        (float_wire(math.inf), "Infinity"),
        (float_wire(-math.inf), "-Infinity"),
        (float_wire(-0.0), -0.0),
        ({"a": "$b"}, {"a": "$b"}),
        ({"a": 1.0, "b": [{}]}, {"a": 1.0, "b": [{}]}),
    ],
)
def test_plain_json(wire: Any, plain: Any) -> None:
    assert repr(plain) == repr(to_plain_json(wire))
