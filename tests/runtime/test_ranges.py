"""`with_index("by_score", lambda q: …)`: which conditions make a range, and which range."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactive import UNSET, Id, Int64
from reactive.errors import CallError, UsageError
from reactive.runtime.codec import Encoder
from reactive.runtime.ranges import IndexRangeBuilder, plain_prefix
from reactive.values.keys import UNDEFINED, encode_part
from reactive.values.ranges import IndexRange

FIELDS = ("game", "score", "player.name", "creation_time")
NUMBER = 7

Conditions = Callable[[IndexRangeBuilder], object]


def build(conditions: Conditions) -> IndexRange:
    builder = IndexRangeBuilder("by_score", FIELDS, Encoder("exact").default, UNSET)
    conditions(builder)
    return builder.build(NUMBER)


def key(*values: Any) -> bytes:
    """The start of the keys of documents with these values in the index's first fields."""
    return b"".join(
        encode_part(UNDEFINED if value is UNSET else float(value) if type(value) is int else value)
        for value in values
    )


def contains(found: IndexRange, *values: Any) -> bool:
    # Creation time and id follow in a real key; any bytes that a part may start with will do.
    return found.contains(NUMBER, key(*values) + b"\x0d")


def test_no_condition_is_the_whole_index() -> None:
    found = build(lambda q: q)

    assert found.depth == 0
    values: list[Any] = [UNSET, None, -1e300, "x", [], {}]
    assert all(contains(found, value) for value in values)


def test_equality() -> None:
    found = build(lambda q: q.eq("game", "go"))

    assert (NUMBER, 1, key("go")) == found[:3]
    assert contains(found, "go")
    assert contains(found, "go", 5, "Ada")
    assert not contains(found, "gone")
    assert not contains(found, "g")


def test_equalities_in_any_order() -> None:
    expected = build(lambda q: q.eq("game", "go").eq("score", 5))

    assert expected == build(lambda q: q.eq("score", 5).eq("game", "go"))
    assert expected.depth == 2
    assert contains(expected, "go", 5)
    assert not contains(expected, "go", 6)


@pytest.mark.parametrize(
    ("conditions", "inside", "outside"),
    [
        (lambda q: q.gt("score", 5), [5.1, 6, True, "x"], [5, 4.9, None]),
        (lambda q: q.gte("score", 5), [5, 6, "x"], [4.9, None, UNSET]),
        (lambda q: q.lt("score", 5), [4.9, None, UNSET], [5, 6, "x"]),
        (lambda q: q.lte("score", 5), [5, 4.9, None], [5.1, "x"]),
        (lambda q: q.gt("score", 1).lt("score", 3), [1.1, 2, 2.9], [1, 3]),
        (lambda q: q.lte("score", 3).gte("score", 1), [1, 2, 3], [0.9, 3.1]),
        (lambda q: q.gt("score", None), [-1e300, 0, "x"], [None, UNSET]),
        (lambda q: q.gt("score", UNSET), [None, 0, "x"], [UNSET]),
        (lambda q: q.gte("score", 3).lt("score", 1), [], [0, 1, 2, 3]),
        (lambda q: q.gte("score", "b").lt("score", "c"), ["b", "bz"], ["a", "c", 5]),
    ],
)
def test_bounds(conditions: Conditions, inside: list[Any], outside: list[Any]) -> None:
    def within_go(q: IndexRangeBuilder) -> None:
        conditions(q.eq("game", "go"))

    found = build(within_go)

    assert found.depth == 1
    assert inside == [value for value in [*inside, *outside] if contains(found, "go", value)]
    assert not any(contains(found, "gone", value) for value in inside)


def test_bound_on_the_first_field() -> None:
    found = build(lambda q: q.gte("game", "h"))

    assert found.depth == 0
    assert contains(found, "hex", 1)
    assert not contains(found, "go", 1)


def test_absent_field_is_not_null() -> None:
    absent, null = build(lambda q: q.eq("game", UNSET)), build(lambda q: q.eq("game", None))

    assert contains(absent, UNSET)
    assert not contains(absent, None)
    assert contains(null, None)
    assert not contains(null, UNSET)


def test_bigint_is_no_number() -> None:
    found = build(lambda q: q.eq("game", Int64(5)))

    assert contains(found, {"$integer": "BQAAAAAAAAA="})
    assert not contains(found, 5)


def test_nested_field_and_creation_time() -> None:
    found = build(
        lambda q: (
            q.eq("game", "go").eq("score", 5).eq("player.name", "Ada").gt("creation_time", 100)
        )
    )

    assert contains(found, "go", 5, "Ada", 101)
    assert not contains(found, "go", 5, "Ada", 100)
    assert found == build(
        lambda q: (
            q.eq("game", "go").eq("score", 5).eq("player.name", "Ada").gt("_creationTime", 100)
        )
    )


@pytest.mark.parametrize(
    ("conditions", "code"),
    [
        (lambda q: q.eq("colour", 1), "FieldNotInIndex"),
        (lambda q: q.gt("colour", 1), "FieldNotInIndex"),
        (lambda q: q.eq("_id", "x"), "FieldNotInIndex"),
        (lambda q: q.eq("game", 1).eq("game", 2), "AlreadyDefinedBound"),
        (lambda q: q.gt("game", 1).gte("game", 2), "AlreadyDefinedBound"),
        (lambda q: q.lt("game", 1).lte("game", 2), "AlreadyDefinedBound"),
        (lambda q: q.eq("game", 1).gt("game", 2), "AlreadyDefinedBound"),
        (lambda q: q.lt("game", 1).eq("game", 2), "AlreadyDefinedBound"),
        (lambda q: q.gt("game", 1).lt("score", 2), "BoundsOnMultipleFields"),
        (lambda q: q.eq("score", 1), "InvalidIndexRange"),
        (lambda q: q.eq("game", 1).eq("player.name", 2), "InvalidIndexRange"),
        (lambda q: q.gt("score", 1), "InvalidIndexRange"),
        (lambda q: q.eq("game", 1).gt("player.name", 2), "InvalidIndexRange"),
        (lambda q: q.eq("score", 1).gt("game", 2), "InvalidIndexRange"),
    ],
)
def test_conditions_that_make_no_range(conditions: Conditions, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        build(conditions)

    assert code == caught.value.code
    assert "by_score" in caught.value.message


def test_value_that_is_none_is_refused() -> None:
    with pytest.raises(CallError, match="not a supported value"):
        build(lambda q: q.eq("game", {1, 2}))


# --- Without a builder ---

_scalars: st.SearchStrategy[Any] = st.one_of(
    st.text(max_size=3),
    st.text("ab\0", max_size=3).map(Id),
    st.integers(-3, 3),
    st.sampled_from([2**53, -(2**53), 1.5, -0.0, True, False, None, UNSET, b"a", Int64(3)]),
)


@given(st.dictionaries(st.sampled_from(FIELDS), _scalars, max_size=3))
def test_plain_equality_starts_where_the_builder_would(equal: dict[str, Any]) -> None:
    prefix = plain_prefix(FIELDS, equal)
    if prefix is not None:
        built = build(lambda q: [q.eq(name, value) for name, value in equal.items()])
        assert (built.depth, built.prefix) == (len(equal), prefix)


@pytest.mark.parametrize(
    "equal",
    [
        {"score": 1},
        {"score": 1, "game": "chess"},
        {"game": "\ud800"},
        {"game": 2**53 + 1},
        {"game": True},
        {"game": -1},
        {"unknown": 1},
    ],
)
def test_everything_else_is_the_builders(equal: dict[str, Any]) -> None:
    assert plain_prefix(FIELDS, equal) is None


def test_texts_ids_and_numbers_in_order_are_plain() -> None:
    assert key("chess", 3, "a") == plain_prefix(
        FIELDS, {"game": "chess", "score": 3, "player.name": Id("a")}
    )
