"""Convex's values, compared and measured the slow way.

Written from the rules and not from the code: nothing here knows keys or wire forms. An `Int64` is
an integer of 64 bits, every other number is a float.
"""

import math
from itertools import zip_longest
from typing import Any, Final

from reactive.values.encoding import Int64
from tests.values.strategies import bits_of


class Absent:
    """The type of `ABSENT`."""


ABSENT: Final = Absent()
"""What stands for a field that is not there."""

_END: Final = object()


def compare(one: Any, other: Any) -> int:
    """Below zero, zero or above, as the one value is less than, equal to or above the other."""
    if kind_of(one) != kind_of(other):
        return kind_of(one) - kind_of(other)
    match one:
        case Int64() | bool():
            return int(one > other) - int(one < other)
        case float() | int():
            return _compare_floats(float(one), float(other))
        case str():
            return _compare_items(list(map(ord, one)), list(map(ord, other)), _minus)
        case bytes():
            return _compare_items(list(one), list(other), _minus)
        case list():
            return _compare_items(one, other, compare)
        case dict():
            return _compare_items(sorted(one.items()), sorted(other.items()), _compare_fields)
        case _:
            return 0


def kind_of(value: Any) -> int:
    """The place of the value's type in the order of types."""
    # A truth value is an `int` to Python, and so is an `Int64`: both come before `int`.
    kinds = (Absent, type(None), Int64, bool, int | float, str, bytes, list, dict)
    places = (0, 1, 2, 4, 3, 5, 6, 7, 8)
    for kind, place in zip(kinds, places, strict=True):
        if isinstance(value, kind):
            return place
    raise TypeError(value)


def _minus(one: int, other: int) -> int:
    return one - other


def _compare_fields(one: tuple[str, Any], other: tuple[str, Any]) -> int:
    return compare(one[0], other[0]) or compare(one[1], other[1])


def _compare_items(one: list[Any], other: list[Any], of_items: Any) -> int:
    for mine, theirs in zip_longest(one, other, fillvalue=_END):
        if mine is _END:
            return -1
        if theirs is _END:
            return 1
        result = int(of_items(mine, theirs))
        if result:
            return result
    return 0


def _compare_floats(one: float, other: float) -> int:
    mine, theirs = _float_place(one), _float_place(other)
    return (mine > theirs) - (mine < theirs)


def _float_place(number: float) -> tuple[int, float, int]:
    """IEEE's total order: NaNs at both ends by their payload, and -0 before 0."""
    sign = int(math.copysign(1, number))
    if math.isnan(number):
        return 2 * sign, 0.0, sign * (bits_of(number) % 2**52)
    return 0, number, sign


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same to the bit, types included."""
    return type(one) is type(other) and compare(one, other) == 0 and _same_inside(one, other)


def _same_inside(one: Any, other: Any) -> bool:
    if isinstance(one, list):
        return all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    return True


def as_read(value: Any) -> Any:
    """The Python value that comes back: whole numbers as `int` as far as JavaScript counts."""
    if isinstance(value, list):
        return [as_read(item) for item in value]
    if isinstance(value, dict):
        return {name: as_read(item) for name, item in value.items()}
    if type(value) is float and math.isfinite(value) and value == math.floor(value):
        is_minus_zero = value == 0 and math.copysign(1, value) < 0
        return value if abs(value) > 2**53 or is_minus_zero else int(value)
    return value


def size(value: Any) -> int:
    """What the value counts against Convex's limits."""
    match value:
        case None | bool():
            return 1
        case int() | float():
            return 9
        case str():
            return 2 + len(value.encode())
        case bytes():
            return 2 + len(value)
        case list():
            return 2 + sum(size(item) for item in value)
        case dict():
            return 2 + sum(len(name.encode()) + 1 + size(item) for name, item in value.items())
        case _:
            raise TypeError(value)
