"""Whether a transaction can still stand, after what was committed lately."""

from dataclasses import replace

import pytest

from reactive.engine.commit_log import CommitLog, Conflict, conflict_with
from reactive.limits import DEFAULT_LIMITS
from reactive.storage.catalog import Catalog
from reactive.testing.documents import Fields, revision
from reactive.testing.store_checks import BY_A
from reactive.values.document import CommitEntry
from reactive.values.keys import encode_part, prefix_end
from reactive.values.ranges import IndexRange, ReadSet, single_key, whole_index

CATALOG = Catalog()
CATALOG.adopt(CATALOG.plan([BY_A]))
TABLE = CATALOG.table("items")
BY_ID, BY_CREATION_TIME, INDEX = (index.number for index in TABLE.indexes)


def a_is(number: float) -> IndexRange:
    prefix = encode_part(number)
    return IndexRange(INDEX, 1, prefix, prefix, prefix_end(prefix))


def reads(*ranges: IndexRange) -> ReadSet:
    read_set = ReadSet()
    for each in ranges:
        read_set.add(each)
    return read_set


def change(ts: int, before: Fields | None, after: Fields | None, name: str = "x") -> CommitEntry:
    return CommitEntry(ts, [revision(TABLE, name, before, after)], None, "some:mutation")


@pytest.mark.parametrize(
    ("before", "after", "is_hit"),
    [
        pytest.param(None, {"a": 1.0}, True, id="insert into the range"),
        pytest.param(None, {"a": 2.0}, False, id="insert beside the range"),
        pytest.param({"a": 1.0}, None, True, id="delete from the range"),
        pytest.param({"a": 2.0}, None, False, id="delete beside the range"),
        pytest.param({"a": 1.0}, {"a": 2.0}, True, id="move out"),
        pytest.param({"a": 2.0}, {"a": 1.0}, True, id="move in"),
        pytest.param({"a": 1.0}, {"a": 1.0, "b": 1.0}, True, id="change inside"),
        pytest.param({"a": 2.0}, {"a": 3.0}, False, id="move beside"),
        pytest.param({}, {"b": 1.0}, False, id="change of one that lacks the field"),
    ],
)
def test_a_change_and_a_range(before: Fields | None, after: Fields | None, is_hit: bool) -> None:
    expected = Conflict(7, "x", "some:mutation") if is_hit else None
    assert expected == conflict_with(reads(a_is(1.0)), change(7, before, after))


def test_reading_a_missing_document_conflicts_with_its_coming() -> None:
    missing = reads(single_key(BY_ID, encode_part("x")))
    assert conflict_with(missing, change(7, None, {}))
    assert conflict_with(missing, change(7, {}, None))
    assert conflict_with(missing, change(7, None, {}, name="y")) is None


def test_what_was_not_read_does_not_matter() -> None:
    assert conflict_with(reads(), change(7, None, {"a": 1.0})) is None
    other_index = reads(whole_index(99))
    assert conflict_with(other_index, change(7, None, {"a": 1.0})) is None
    assert conflict_with(reads(whole_index(INDEX)), CommitEntry(7, [])) is None


def test_any_of_the_changes_of_a_commit() -> None:
    revisions = [revision(TABLE, name, None, {"a": a}) for name, a in (("x", 2.0), ("y", 1.0))]
    found = conflict_with(reads(a_is(1.0)), CommitEntry(7, revisions))
    assert Conflict(7, "y", "") == found


def test_the_first_conflict_after_a_timestamp() -> None:
    log = CommitLog(DEFAULT_LIMITS)
    for ts, a in ((10, 1.0), (20, 2.0), (30, 1.0), (40, 1.0)):
        log.append(change(ts, None, {"a": a}, name=f"at {ts}"))

    def first(after: int) -> int | None:
        found = log.first_conflict(reads(a_is(1.0)), after)
        return found.ts if found else None

    assert [first(after) for after in (0, 9, 10, 29, 30, 40)] == [10, 10, 30, 30, 40, None]


def test_what_is_no_longer_known_is_a_conflict() -> None:
    log = CommitLog(replace(DEFAULT_LIMITS, log_entries_max=2))
    for ts in (10, 20, 30):
        log.append(change(ts, None, {"a": 2.0}, name=f"at {ts}"))
    found = log.first_conflict(reads(a_is(1.0)), 9)
    assert found is not None
    assert found.ts == 10
    assert log.first_conflict(reads(a_is(1.0)), 10) is None


def test_beginning_again() -> None:
    log = CommitLog(DEFAULT_LIMITS)
    log.append(change(10, None, {"a": 1.0}))
    log.restart(50)
    for after in (0, 10, 49):
        found = log.first_conflict(reads(a_is(9.0)), after)
        assert found is not None
        assert found.ts == 50
    assert log.first_conflict(reads(a_is(1.0)), 50) is None
    log.append(change(60, None, {"a": 1.0}))
    found = log.first_conflict(reads(a_is(1.0)), 50)
    assert found is not None
    assert found.ts == 60
