"""What no document may have is kept as text; everything else is kept as it is."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactive.ai.storable import clipped, storable
from reactive.limits import DEFAULT_LIMITS
from reactive.values.encoding import to_wire

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_anything_becomes_storable_and_nothing_is_lost(value: Any) -> None:
    kept = storable(value)

    to_wire(kept)
    assert kept == value or json.loads(kept) == value


@pytest.mark.parametrize(
    "value",
    [
        {"k\u00fcche": 1},
        {"$ref": "#"},
        {"id": 2**60},
        [0] * (DEFAULT_LIMITS.array_items_max + 1),
        {str(number): 0 for number in range(DEFAULT_LIMITS.object_fields_max + 1)},
        "half a character: \ud83d",
    ],
)
def test_what_no_document_may_have_is_text(value: Any) -> None:
    kept = storable({"a": [value]})

    assert isinstance(kept, str)
    assert kept.isascii()
    assert json.loads(kept) == {"a": [value]}


def test_what_is_nested_too_deep_is_text() -> None:
    value: Any = 1
    for _ in range(DEFAULT_LIMITS.document_depth_max):
        value = [value]

    assert json.loads(storable(value)) == value


def test_clipped_text_is_valid_and_no_longer() -> None:
    assert clipped("short", 5) == "short"
    assert clipped("longer", 5) == "long…"
    assert clipped("a\ud83d", 5) == "a?"
