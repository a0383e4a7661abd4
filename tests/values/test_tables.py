"""Names, definitions, and the keys that a document has in the indexes of its table."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactive.values.encoding import to_wire
from reactive.values.keys import UNDEFINED, IndexKey, encode_part
from reactive.values.tables import IndexDefinition, TableDefinition, is_identifier
from tests.values.strategies import values

BY_ID = IndexDefinition(1, "by_id", (("_id",),))
BY_CREATION_TIME = IndexDefinition(2, "by_creation_time", (("_creationTime",),))
BY_A = IndexDefinition(3, "by_a", (("a",),))
BY_DEEP_AND_A = IndexDefinition(4, "by_deep_and_a", (("b", "c"), ("a",)))
TABLE = TableDefinition(10_001, "items", (BY_ID, BY_CREATION_TIME, BY_A, BY_DEEP_AND_A))


@pytest.mark.parametrize("name", ["a", "A", "_a", "a1", "_1", "by_author", "x" * 64, "__a__"])
def test_identifiers(name: str) -> None:
    assert is_identifier(name)


@pytest.mark.parametrize(
    "name", ["", "_", "___", "1a", "a-b", "a b", "a.b", "é", "x" * 65, "a\n", "$a", "a$", "ª"]
)
def test_what_is_no_identifier(name: str) -> None:
    assert not is_identifier(name)


def test_a_table_knows_its_indexes() -> None:
    assert TABLE.by_id == BY_ID
    assert TABLE.by_creation_time == BY_CREATION_TIME
    assert TABLE.index("by_a") == BY_A
    assert TABLE.index("by_id") == BY_ID
    assert TABLE.index("by_b") is None


@given(st.dictionaries(st.sampled_from("abd"), values), values)
def test_the_keys_of_a_document(fields: dict[str, Any], deep: Any) -> None:
    wire = {**to_wire(fields | {"b": {"c": deep}}), "_id": "x", "_creationTime": 5.0}
    own, created = encode_part("x"), encode_part(5.0)
    a = encode_part(wire.get("a", UNDEFINED))
    expected = [(own,), (created, own), (a, created, own)]
    expected.append((encode_part(to_wire(deep)), a, created, own))
    assert tuple(IndexKey(b"".join(parts), parts) for parts in expected) == TABLE.keys(wire)


@pytest.mark.parametrize("b", [None, 1.0, "c", [], ["c"], {}, {"d": 1.0}, {"$bytes": "YWI="}])
def test_a_path_that_leads_nowhere_is_indexed_as_absent(b: object) -> None:
    keys = TABLE.keys({"_id": "x", "_creationTime": 5.0, "b": b})
    assert encode_part(UNDEFINED) == keys[3].parts[0]
    assert encode_part(UNDEFINED) < encode_part(None)


def test_keys_of_different_documents_differ() -> None:
    one, other = ({"_id": i, "_creationTime": 5.0, "a": 1.0} for i in "xy")
    pairs = zip(TABLE.keys(one), TABLE.keys(other), strict=True)
    assert all(mine.joined != theirs.joined for mine, theirs in pairs)
