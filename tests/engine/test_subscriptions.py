"""A commit finds exactly those whose read set it changed, however many others there are."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reactive.engine.subscriptions import SubscriptionIndex
from reactive.storage.catalog import Catalog
from reactive.testing.documents import Fields, revision
from reactive.values.document import CommitEntry, Revision
from reactive.values.keys import after, encode_part, prefix_end
from reactive.values.ranges import IndexRange, ReadSet, single_key, whole_index
from reactive.values.tables import TableSpec

CATALOG = Catalog()
CATALOG.adopt(
    CATALOG.plan(
        [
            TableSpec("items", {"by_a": (("a",),), "by_b_a": (("b",), ("a",))}),
            TableSpec("users", {}),
        ]
    )
)
ITEMS, USERS = CATALOG.table("items"), CATALOG.table("users")
BY_ID, BY_CREATION_TIME, BY_A, BY_B_A = (index.number for index in ITEMS.indexes)

values = st.sampled_from([0.0, 1.0, 2.0, "a"])
fields = st.fixed_dictionaries({}, optional={"a": values, "b": values})


@st.composite
def ranges(draw: st.DrawFn) -> IndexRange:
    index = draw(st.sampled_from([BY_ID, BY_A, BY_B_A, USERS.by_id.number]))
    equal = [encode_part(each) for each in draw(st.lists(values, max_size=2))]
    if index in (BY_ID, USERS.by_id.number):
        return draw(
            st.sampled_from(
                [whole_index(index), *(single_key(index, encode_part(i)) for i in "xyz")]
            )
        )
    prefix = b"".join(equal)
    bounds = st.sampled_from([encode_part(each) for each in (0.0, 1.0, 2.0, "a")])
    lower = prefix + draw(bounds | st.just(b""))
    upper = draw(bounds.map(lambda part: after(prefix + part)) | st.just(prefix_end(prefix)))
    return IndexRange(index, len(equal), prefix, lower, upper)


def read_set(each: list[IndexRange]) -> ReadSet:
    reads = ReadSet()
    for one in each:
        reads.add(one)
    return reads


changes = st.dictionaries(
    st.sampled_from("xyz"), st.tuples(st.none() | fields, st.none() | fields), max_size=2
)


def entry(change: dict[str, tuple[Fields | None, Fields | None]], ts: int = 1) -> CommitEntry:
    revisions = [
        revision(ITEMS, name, before, now)
        for name, (before, now) in change.items()
        if before is not None or now is not None
    ]
    return CommitEntry(ts, revisions)


def touched_by_hand(filed: dict[int, list[IndexRange]], commit: CommitEntry) -> set[int]:
    keys = [
        (index, key.joined)
        for each in commit.revisions
        for keys in (each.before_keys, each.after_keys)
        for index, key in zip(each.indexes, keys, strict=False)
    ]
    return {
        owner
        for owner, reads in filed.items()
        if any(read.contains(index, key) for read in reads for index, key in keys)
    }


history_steps = st.one_of(
    st.tuples(st.just("add"), st.integers(0, 9), st.lists(ranges(), max_size=3)),
    st.tuples(st.just("remove"), st.integers(0, 9), st.none()),
    st.tuples(st.just("commit"), st.just(0), changes),
)


@settings(max_examples=200)
@given(st.lists(history_steps, max_size=25))
def test_touches_whom_a_list_would(history: list[tuple[str, int, Any]]) -> None:
    index, filed = SubscriptionIndex[int](), dict[int, list[IndexRange]]()
    for step, owner, content in history:
        if step == "add":
            filed[owner] = content
            index.add(owner, read_set(content))
        elif step == "remove":
            filed.pop(owner, None)
            index.remove(owner)
        else:
            assert touched_by_hand(filed, entry(content)) == index.touched(entry(content))
        assert len(filed) == len(index)
    for before, now in ((None, {"a": 1.0}), ({"b": 1.0}, {"b": 1.0, "a": 2.0})):
        commit = entry({"x": (before, now)})
        assert touched_by_hand(filed, commit) == index.touched(commit)


def test_the_slow_way_sees_somebody_who_is_missing() -> None:
    filed = {1: [whole_index(BY_A)], 2: [whole_index(BY_A)]}
    index = SubscriptionIndex[int]()
    index.add(1, read_set(filed[1]))
    commit = entry({"x": (None, {})})
    assert touched_by_hand(filed, commit) != index.touched(commit)


def equal_to(value: object) -> IndexRange:
    prefix = encode_part(value)
    return IndexRange(BY_A, 1, prefix, prefix, prefix_end(prefix))


@pytest.mark.parametrize("others", [0, 10, 1_000, 5_000])
def test_a_commit_looks_up_as_many_places_whoever_else_is_there(others: int) -> None:
    index = SubscriptionIndex[int]()
    for n in range(-1, others):
        index.add(n, read_set([equal_to(float(n)), single_key(BY_ID, encode_part(f"{n}"))]))
    index.touched(entry({"x": (None, {"a": -1.0})}))
    # One place in `by_id`, one in `by_a`; nobody reads the other indexes.
    assert index.probes == 2
    assert {-1} == index.touched(entry({"x": ({"a": -1.0}, {"a": -2.0})}))
    # The key in `by_id` stays, and so is looked up once; the one in `by_a` moves.
    assert index.probes == 2 + 3


def test_every_length_of_prefix_costs_a_look_up() -> None:
    index = SubscriptionIndex[str]()
    index.add("all", read_set([whole_index(BY_B_A)]))
    index.add("equal", read_set([IndexRange(BY_B_A, 1, b"\x03", b"\x03", prefix_end(b"\x03"))]))
    assert {"all"} == index.touched(entry({"x": (None, {"b": 1.0})}))
    assert index.probes == 2
    index.remove("equal")
    index.touched(entry({"x": (None, {"b": 1.0})}))
    assert index.probes == 3


def test_a_commit_to_what_nobody_reads_costs_nothing() -> None:
    index = SubscriptionIndex[int]()
    index.add(1, read_set([whole_index(USERS.by_id.number)]))
    assert set() == index.touched(entry({"x": (None, {"a": 1.0})}))
    assert index.probes == 0
    index.add(2, read_set([whole_index(BY_A)]))
    index.remove(2)
    assert set() == index.touched(entry({"x": (None, {"a": 1.0})}))
    assert index.probes == 0


def test_filing_again_replaces() -> None:
    index = SubscriptionIndex[int]()
    index.add(1, read_set([equal_to(1.0)]))
    index.add(1, read_set([equal_to(2.0)]))
    assert set() == index.touched(entry({"x": (None, {"a": 1.0})}))
    assert {1} == index.touched(entry({"x": (None, {"a": 2.0})}))
    assert len(index) == 1


def test_somebody_who_read_nothing_is_never_told() -> None:
    index = SubscriptionIndex[int]()
    index.add(1, ReadSet())
    assert set() == index.touched(entry({"x": (None, {"a": 1.0})}))
    assert len(index) == 1
    index.remove(1)
    index.remove(1)
    assert len(index) == 0


def test_reading_on_after_filing_changes_nothing() -> None:
    """A transaction whose reads were filed may still be read from."""
    index, reads = SubscriptionIndex[int](), read_set([equal_to(1.0)])
    index.add(1, reads)
    reads.add(equal_to(2.0))
    reads.add(whole_index(USERS.by_id.number))
    assert index.touched(entry({"x": (None, {"a": 2.0})})) == set()
    index.remove(1)
    assert index.touched(entry({"x": (None, {"a": 1.0})})) == set()


def test_clearing_tells_who_was_there() -> None:
    index = SubscriptionIndex[int]()
    for owner in range(3):
        index.add(owner, read_set([equal_to(float(owner))]))
    assert index.clear() == [0, 1, 2]
    assert len(index) == 0
    assert set() == index.touched(entry({"x": (None, {"a": 1.0})}))
    index.add(7, read_set([equal_to(1.0)]))
    assert {7} == index.touched(entry({"x": (None, {"a": 1.0})}))


def test_an_insert_and_delete_of_one_commit_touch_both_places() -> None:
    index = SubscriptionIndex[str]()
    index.add("one", read_set([equal_to(1.0)]))
    index.add("two", read_set([equal_to(2.0)]))
    index.add("three", read_set([equal_to(3.0)]))
    commit = entry({"x": ({"a": 1.0}, None), "y": (None, {"a": 2.0})})
    assert {"one", "two"} == index.touched(commit)


def test_a_revision_of_nothing_touches_nobody() -> None:
    index = SubscriptionIndex[str]()
    index.add("all", read_set([whole_index(BY_A)]))
    nothing = Revision("x", (BY_ID, BY_CREATION_TIME, BY_A, BY_B_A), None, None, (), ())
    assert set() == index.touched(CommitEntry(1, [nothing]))
