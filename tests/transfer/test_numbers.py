"""Tables keep their numbers where nothing stands in the way."""

import re

import pytest

from reactive.errors import ProjectError
from reactive.transfer.numbers import plan_numbers


def test_numbers_of_the_import_win_where_tables_are_empty() -> None:
    plan = plan_numbers({"a": 10_002, "b": 10_001}, {"a": 10_001, "b": 10_002}, {"a", "b"})

    assert plan == {"a": 10_002, "b": 10_001}


def test_empty_table_that_is_in_the_way_gets_another_number() -> None:
    plan = plan_numbers({"a": 10_001}, {"other": 10_001, "more": 10_002}, {"other", "more"})

    assert plan == {"a": 10_001, "more": 10_002, "other": 10_003}


def test_tables_without_a_number_keep_theirs_or_get_the_next() -> None:
    plan = plan_numbers({"a": None, "new": None}, {"a": 10_004, "_jobs": 1}, set())

    assert plan == {"a": 10_004, "_jobs": 1, "new": 10_005}


def test_system_tables_have_numbers_of_their_own() -> None:
    plan = plan_numbers({"_b": 1}, {"_a": 1, "user": 10_001}, {"_a", "user"})

    assert plan == {"_b": 1, "_a": 2, "user": 10_001}


@pytest.mark.parametrize(
    ("wanted", "present", "said"),
    [
        ({"a": 10_002}, {"a": 10_001}, "the table a has number 10002 in the import and 10001 here"),
        ({"a": 10_001}, {"b": 10_001}, "the table b here, and b has documents"),
        ({"a": 10_001, "b": 10_001}, {}, "gives the tables a and b the number 10001"),
        ({"a": 5}, {}, "the number 5, which is not between 10001"),
        ({"_a": 10_001}, {}, "the number 10001, which is not between 1 and 10000"),
        ({"a": 2**32}, {}, "is not between"),
    ],
)
def test_what_cannot_be_is_named(
    wanted: dict[str, int | None], present: dict[str, int], said: str
) -> None:
    with pytest.raises(ProjectError, match=re.escape(said)):
        plan_numbers(wanted, present, set())
