"""A read set overlaps a key exactly when one of the ranges that were put into it does."""

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reactive.values.keys import IndexKey, after, encode_part, make_key, prefix_end
from reactive.values.ranges import IndexRange, ReadSet, single_key, whole_index

# Few values and two components, so that ranges meet often.
PARTS = [encode_part(value) for value in (None, 1.0, 2.0, "a", "a\0", "b")]
INDEXES = (1, 2)
KEYS = [make_key((one, other)) for one in PARTS for other in PARTS]


@st.composite
def index_ranges(draw: st.DrawFn) -> IndexRange:
    """A range as a query makes it: some equal components, then bounds on the next one."""
    index = draw(st.sampled_from(INDEXES))
    equal = draw(st.lists(st.sampled_from(PARTS), max_size=2))
    prefix = b"".join(equal)
    if len(equal) == 2:
        return IndexRange(index, 2, prefix, prefix, after(prefix))
    bounds = [prefix + bound for part in PARTS for bound in (part, prefix_end(part))]
    lower = draw(st.sampled_from([prefix, *bounds]))
    upper = draw(st.sampled_from([prefix_end(prefix), *bounds]))
    return IndexRange(index, len(equal), prefix, lower, upper)


def brute_force(ranges: list[IndexRange], index: int, key: IndexKey) -> bool:
    return any(each.number == index and each.lower <= key.joined < each.upper for each in ranges)


def filled(ranges: list[IndexRange]) -> ReadSet:
    reads = ReadSet()
    for each in ranges:
        reads.add(each)
    return reads


def hits(reads: ReadSet) -> list[tuple[int, IndexKey]]:
    return [(index, key) for index in INDEXES for key in KEYS if reads.overlaps(index, key)]


def hits_by_hand(ranges: list[IndexRange]) -> list[tuple[int, IndexKey]]:
    return [(i, key) for i in INDEXES for key in KEYS if brute_force(ranges, i, key)]


@settings(max_examples=250)
@given(st.lists(index_ranges(), max_size=12))
def test_overlaps(ranges: list[IndexRange]) -> None:
    assert hits_by_hand(ranges) == hits(filled(ranges))


@settings(max_examples=100)
@given(st.lists(index_ranges(), max_size=8), st.lists(index_ranges(), max_size=8))
def test_update(ranges: list[IndexRange], others: list[IndexRange]) -> None:
    reads, more = filled(ranges), filled(others)
    reads.update(more)
    assert hits_by_hand(ranges + others) == hits(reads)
    assert hits_by_hand(others) == hits(more)
    assert len(list(reads)) == reads.count


@settings(max_examples=100)
@given(st.lists(index_ranges(), max_size=12))
def test_ranges_that_touch_are_one(ranges: list[IndexRange]) -> None:
    merged = list(filled(ranges))
    assert len(merged) == filled(ranges).count
    assert hits_by_hand(ranges) == hits(filled(merged))
    for n, one in enumerate(merged):
        assert (one.lower <= one.upper) or one in ranges
        for other in merged[n + 1 :]:
            if one[:3] == other[:3]:
                assert one.upper < other.lower or other.upper < one.lower


def test_the_brute_force_sees_a_range_that_is_missing() -> None:
    ranges = [whole_index(1), single_key(2, KEYS[3].joined)]
    assert hits_by_hand(ranges) != hits(filled(ranges[:1]))
    assert hits_by_hand(ranges) != hits(filled(ranges[1:]))


def test_walking_one_range_in_steps_counts_once() -> None:
    reads = ReadSet()
    bounds = [encode_part(float(n)) for n in range(1_000)]
    for lower, upper in pairwise(bounds):
        reads.add(IndexRange(1, 0, b"", lower, upper))
    assert [IndexRange(1, 0, b"", bounds[0], bounds[-1])] == list(reads)
    assert reads.count == 1


def test_reading_one_document_often_counts_once() -> None:
    reads = ReadSet()
    for _ in range(5_000):
        reads.add(single_key(1, encode_part("x")))
    assert reads.count == 1
    for n in range(500):
        reads.add(single_key(1, encode_part(f"{n}")))
    assert reads.count == 501


def test_a_bridge_joins_both_banks() -> None:
    a, b, c, d = (encode_part(float(n)) for n in range(4))
    reads = filled([IndexRange(1, 0, b"", a, b), IndexRange(1, 0, b"", c, d)])
    assert reads.count == 2
    reads.add(IndexRange(1, 0, b"", b, c))
    assert [IndexRange(1, 0, b"", a, d)] == list(reads)


@pytest.mark.parametrize(
    ("index", "key", "expected"),
    [
        (1, b"\x10b\0", True),
        (1, b"\x10c\0", False),
        (1, b"\x10b\0\0", True),
        (1, b"\x10a\0", False),
        (2, b"\x10b\0", False),
    ],
)
def test_contains(index: int, key: bytes, expected: bool) -> None:
    read = IndexRange(1, 0, b"", b"\x10b\0", b"\x10c\0")
    assert expected == read.contains(index, key)


@given(st.sampled_from(KEYS), st.sampled_from(KEYS))
@example(KEYS[0], KEYS[0])
def test_single_keys_and_whole_indexes(one: IndexKey, other: IndexKey) -> None:
    assert (one == other) == single_key(1, one.joined).contains(1, other.joined)
    assert whole_index(1).contains(1, one.joined)
    assert not whole_index(1).contains(2, one.joined)


def test_an_empty_read_set_overlaps_nothing() -> None:
    assert hits(ReadSet()) == []
    assert list(ReadSet()) == []
    assert ReadSet().count == 0
