"""Ranges of bytes, against what slices say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactive.wire.storage import RangeError, requested_range

TAG = '"tag"'
numbers = st.integers(0, 30)


@given(numbers, numbers, numbers)
def test_from_to(size: int, first: int, last: int) -> None:
    data = bytes(range(size))
    headers = {"Range": f"bytes={first}-{last}"}
    wanted = data[first : last + 1]
    if size == 0 or last < first:
        assert requested_range(headers, size, TAG) is None
    elif not wanted:
        with pytest.raises(RangeError):
            requested_range(headers, size, TAG)
    else:
        found = requested_range(headers, size, TAG)
        assert found is not None
        assert data[found[0] : found[1]] == wanted
        assert found[1] <= size


@given(numbers, numbers)
def test_the_last(size: int, count: int) -> None:
    data = bytes(range(size))
    headers = {"Range": f"bytes=-{count}"}
    if size == 0:
        assert requested_range(headers, size, TAG) is None
    elif count == 0:
        with pytest.raises(RangeError):
            requested_range(headers, size, TAG)
    else:
        found = requested_range(headers, size, TAG)
        assert found is not None
        assert data[found[0] : found[1]] == data[-count:]


@given(st.text(max_size=30), st.integers(0, 100))
def test_nonsense_is_within_the_file(text: str, size: int) -> None:
    for header in (text, f"bytes={text}"):
        try:
            found = requested_range({"Range": header}, size, TAG)
        except RangeError:
            continue
        assert found is None or 0 <= found[0] < found[1] <= size


def test_if_range() -> None:
    headers = {"Range": "bytes=1-2"}
    assert requested_range(headers, 10, TAG) == (1, 3)
    assert requested_range({**headers, "If-Range": TAG}, 10, TAG) == (1, 3)
    assert requested_range({**headers, "If-Range": f"W/{TAG}"}, 10, TAG) is None
