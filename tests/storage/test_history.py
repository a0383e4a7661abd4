"""The recent past of a store: what is kept, and how it is taken back."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactive.errors import OutOfRetentionError
from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.storage.catalog import Catalog
from reactive.storage.history import History, Rewind, merge_rows
from reactive.testing.documents import Fields, document, revision, wire_of
from reactive.testing.store_checks import BY_A
from reactive.values.document import CommitEntry, Revision, Row
from reactive.values.keys import prefix_end

SECOND = 1_000_000_000


def history(**limits: Any) -> History:
    return History(replace(DEFAULT_LIMITS, **limits))


def entry(ts: int, *revisions: Revision) -> CommitEntry:
    return CommitEntry(ts, revisions)


def table_by_a() -> tuple[Catalog, int]:
    catalog = Catalog()
    catalog.adopt(catalog.plan([BY_A]))
    index = catalog.table("items").index("by_a")
    assert index is not None
    return catalog, index.number


# --- What is kept ---


def test_knows_the_commits_after_a_timestamp() -> None:
    kept = history()
    assert kept.after(0) == []
    entries = [entry(ts) for ts in (10, 20, 30)]
    for each in entries:
        kept.append(each)
    for at, expected in ((0, 3), (9, 3), (10, 2), (19, 2), (20, 1), (30, 0), (99, 0)):
        assert entries[3 - expected :] == kept.after(at)


def test_is_bounded_in_entries() -> None:
    kept = history(log_entries_max=2)
    entries = [entry(ts) for ts in (10, 20, 30, 40)]
    for each in entries:
        kept.append(each)
    assert kept.floor == 20
    assert kept.after(19) is None
    assert entries[2:] == kept.after(20)


def test_is_bounded_in_bytes() -> None:
    catalog, _ = table_by_a()
    change = revision(catalog.table("items"), "x", None, {"a": "x" * 1_000})
    each = entry(0, change).size
    kept = history(log_bytes_max=3 * each)
    for ts in (10, 20, 30):
        kept.append(entry(ts, change))
    assert kept.floor == 0
    kept.append(entry(40, change))
    assert kept.floor == 10
    # The newest is kept, whatever its size, and makes the others go.
    kept.append(entry(50, *[change] * 10))
    assert kept.floor == 40
    assert [found.ts for found in kept.after(40) or ()] == [50]
    kept.append(entry(60, change))
    assert kept.floor == 50


def test_is_bounded_in_age() -> None:
    kept = history(log_age_s=2.0)
    for seconds in (1, 2, 3):
        kept.append(entry(seconds * SECOND))
    assert kept.floor == 0
    kept.append(entry(4 * SECOND + 1))
    assert kept.floor == 2 * SECOND
    kept.append(entry(100 * SECOND))
    assert kept.floor == 4 * SECOND + 1


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 9)), max_size=30), st.integers(1, 4))
def test_never_gives_a_past_with_a_gap(steps: list[tuple[int, int]], entries_max: int) -> None:
    """Commits, and now and then somebody who declares everything until now forgotten."""
    kept = history(log_entries_max=entries_max)
    everything: list[CommitEntry] = []
    ts = declared = 0
    for step, kind in steps:
        ts += step
        if kind == 0:
            declared = kept.floor = everything[-1].ts if everything else 0
        else:
            everything.append(entry(ts))
            kept.append(everything[-1])
        for at in range(ts + 1):
            found = kept.after(at)
            assert found is None or [each for each in everything if each.ts > at] == found
            assert found is None or at >= declared
            assert found is not None or at < kept.floor
        assert kept.floor <= (everything[-1].ts if everything else 0)
        assert len(kept.after(kept.floor) or ()) <= entries_max


def test_a_floor_that_was_raised_stays() -> None:
    kept = history(log_entries_max=3)
    for ts in (10, 20, 30):
        kept.append(entry(ts))
    kept.floor = 30
    for ts in (40, 50):
        kept.append(entry(ts))
        assert kept.after(29) is None
        assert kept.floor == 30


# --- How it is taken back ---


def test_a_past_that_is_not_kept_is_refused() -> None:
    with pytest.raises(OutOfRetentionError):
        Rewind(None)


def test_taking_nothing_back() -> None:
    present = document("x", {"a": 1.0})
    assert present == Rewind([]).get(1, b"key", present)
    assert Rewind([]).get(1, b"key", None) is None
    assert (set(), []) == Rewind([]).rows(1, b"", prefix_end(b""))


@pytest.mark.parametrize(
    ("versions", "then", "now"),
    [
        pytest.param([None, {"a": 1.0}], None, 1.0, id="insert"),
        pytest.param([{"a": 1.0}, None], 1.0, None, id="delete"),
        pytest.param([{"a": 1.0}, {"a": 2.0}], 1.0, 2.0, id="move"),
        pytest.param([{"a": 1.0}, {"a": 2.0}, {"a": 1.0}], 1.0, 1.0, id="there and back"),
        pytest.param(
            [{"a": 1.0}, {"a": 1.0, "b": 1.0}, {"a": 2.0}], 1.0, 2.0, id="stay, then move"
        ),
        pytest.param([{"a": 1.0}, None, {"a": 2.0}], 1.0, 2.0, id="delete and insert"),
        pytest.param([None, {"a": 1.0}, None], None, None, id="insert and delete"),
        pytest.param([None, {"a": 1.0}, {"a": 2.0}], None, 2.0, id="insert and move"),
    ],
)
def test_taking_changes_back(
    versions: list[Fields | None], then: float | None, now: float | None
) -> None:
    catalog, by_a = table_by_a()
    table = catalog.table("items")
    steps = enumerate(pairwise(versions), start=1)
    rewind = Rewind([entry(ts, revision(table, "x", *pair)) for ts, pair in steps])
    past, present = versions[0], versions[-1]

    def key(number: float) -> bytes:
        return table.keys(wire_of("x", {"a": number}))[2].joined

    for number in (1.0, 2.0):
        here = document("x", present) if present is not None and number == now else None
        expected = document("x", past) if past is not None and number == then else None
        assert expected == rewind.get(by_a, key(number), here)
    row = [] if past is None else [Row.of(key(past["a"]), document("x", past))]
    assert ({"x"}, row) == rewind.rows(by_a, b"", prefix_end(b""))
    assert ({"x"}, []) == rewind.rows(by_a, key(3.0), prefix_end(b""))
    assert (set(), []) == rewind.rows(99, b"", prefix_end(b""))


def test_other_documents_stay() -> None:
    catalog, by_a = table_by_a()
    table = catalog.table("items")
    rewind = Rewind([entry(1, revision(table, "x", {"a": 1.0}, {"a": 2.0}))])
    key = table.keys(wire_of("y", {"a": 2.0}))[2].joined
    present = document("y", {"a": 2.0})
    assert present == rewind.get(by_a, key, present)


def test_a_key_that_another_document_has_now() -> None:
    """An index whose keys do not end with the id of the document would see this."""
    catalog, by_a = table_by_a()
    table = catalog.table("items")
    gone = revision(table, "x", {"a": 1.0}, None)
    come = revision(table, "y", None, {"a": 1.0})
    rewind = Rewind([entry(1, gone), entry(2, come)])
    old, new = (table.keys(wire_of(i, {"a": 1.0}))[2].joined for i in "xy")
    assert document("x", {"a": 1.0}) == rewind.get(by_a, old, None)
    assert rewind.get(by_a, new, document("y", {"a": 1.0})) is None


# --- Merging ---


@st.composite
def merges(draw: st.DrawFn) -> tuple[list[Row], set[str], list[Row]]:
    places = draw(st.lists(st.integers(0, 99), unique=True, max_size=12))
    rows = [Row.of(b"%02d" % n, document(f"{n}", {})) for n in places]
    split = draw(st.integers(0, len(rows)))
    hidden = set(draw(st.sets(st.sampled_from([row.document.id for row in rows] or ["none"]))))
    extra = [row for row in rows[split:] if row.document.id not in hidden]
    return sorted(rows[:split]), hidden, extra


@given(merges(), st.booleans(), st.integers(0, 14))
def test_merge_rows(
    merge: tuple[list[Row], set[str], list[Row]], descending: bool, limit: int
) -> None:
    rows, hidden, extra = merge
    ordered = rows[::-1] if descending else rows
    kept = sorted([row for row in rows if row.document.id not in hidden] + extra)
    expected = (kept[::-1] if descending else kept)[:limit]
    found = merge_rows(iter(ordered), hidden, list(extra), descending=descending, limit=limit)
    assert expected == found


def test_the_default_limits_are_a_history() -> None:
    kept = History(Limits())
    kept.append(entry(1))
    assert [entry(1)] == kept.after(0)
