"""Convex's values as Hypothesis draws them: many of each kind, and many that differ only a little.

All are plain Python values (`Int64` for integers of 64 bits), no wire forms, so that an oracle that
looks at them knows nothing of how they are encoded.
"""

import math
import struct
from typing import Any

from hypothesis import strategies as st

from reactive.values.encoding import Int64

# Characters where orders of strings part ways: NUL and its escape, the ends of the lengths of
# UTF-8, both sides of the surrogates, and one that UTF-16 sorts below U+FFFF.
characters = st.one_of(
    st.sampled_from("\0\x01ab\x7f\x80\xff\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff"),
    st.characters(exclude_categories=["Cs"]),
)
texts = st.text(characters, max_size=6)
raw_bytes = st.lists(st.sampled_from([0, 1, 97, 254, 255]), max_size=5).map(bytes)
names = st.text(st.sampled_from("aAbz_0~ $"), min_size=0, max_size=4).filter(
    lambda name: not name.startswith("$")
)


def double(bits: int) -> float:
    """The float with these bits, NaNs with their payload."""
    (number,) = struct.unpack(">d", bits.to_bytes(8, "big"))
    return float(number)


def bits_of(number: float) -> int:
    return int.from_bytes(struct.pack(">d", number), "big")


numbers = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, -math.nan, 5e-324]),
    st.sampled_from([2.0**53, 2.0**53 + 2, -(2.0**60), 1e300]),
    st.integers(-3, 3).map(float),
    st.integers(0, 2**64 - 1).map(double),
)
integers = st.one_of(
    st.sampled_from([Int64(-(2**63)), Int64(2**63 - 1), Int64(0), Int64(-1), Int64(256)]),
    st.integers(-(2**63), 2**63 - 1).map(Int64),
)
scalars = st.one_of(st.none(), integers, numbers, st.booleans(), texts, raw_bytes)


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4)


values: st.SearchStrategy[Any] = st.recursive(scalars, _containers, max_leaves=8)


@st.composite
def _neighbour(draw: st.DrawFn, value: Any) -> Any:
    """A value that differs from this one in one place, or not at all."""
    match value:
        case str():
            return value[: draw(st.integers(0, len(value)))] + draw(texts)
        case bytes():
            return value[: draw(st.integers(0, len(value)))] + draw(raw_bytes)
        case list() if value:
            at = draw(st.integers(0, len(value) - 1))
            changed = draw(_neighbour(value[at]))
            return value[:at] + [changed] * draw(st.integers(0, 2)) + value[at + 1 :]
        case dict() if value:
            name = draw(st.sampled_from(sorted(value)))
            rest = {key: item for key, item in value.items() if key != name}
            return rest | {draw(st.just(name) | names): draw(_neighbour(value[name]))}
        case _:
            return draw(values)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Any, Any]:
    """Two values, often nearly the same."""
    value = draw(values)
    return value, draw(_neighbour(value) | values | st.just(value))
