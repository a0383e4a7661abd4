"""Numbers of tables and indexes: given once, never given again."""

from hypothesis import given
from hypothesis import strategies as st

from reactive.storage.catalog import Catalog
from reactive.testing.store_checks import BY_A, BY_A_AND_B
from reactive.values.tables import IndexDefinition, TableDefinition, TableSpec

specs = st.lists(
    st.builds(
        TableSpec,
        st.sampled_from(["items", "users", "threads"]),
        st.dictionaries(
            st.sampled_from(["by_a", "by_b"]), st.sampled_from([(("a",),), (("b",), ("a", "c"))])
        ),
    ),
    max_size=3,
    unique_by=lambda spec: spec.name,
)


def numbers(catalog: Catalog) -> dict[int, tuple[str, str, object]]:
    return {
        index.number: (table.name, index.name, index.fields)
        for table in catalog.tables()
        for index in table.indexes
    }


def test_user_tables_start_where_those_of_convex_do() -> None:
    catalog = Catalog()
    assert [catalog.table(name).number for name in ("items", "users")] == [10_001, 10_002]
    assert catalog.table("items").number == 10_001


def test_a_plan_changes_nothing_until_it_is_adopted() -> None:
    catalog = Catalog()
    catalog.adopt(catalog.plan([BY_A]))
    before = catalog.tables()
    planned = catalog.plan([BY_A_AND_B])
    assert before == catalog.tables()
    catalog.adopt(planned)
    assert tuple(planned) == catalog.tables()


@given(st.lists(specs, min_size=1, max_size=6))
def test_a_number_means_one_thing_for_ever(history: list[list[TableSpec]]) -> None:
    catalog = Catalog()
    meanings: dict[int, tuple[str, str, object]] = {}
    tables: dict[str, int] = {}
    for step in history:
        before = numbers(catalog)
        catalog.adopt(catalog.plan(step))
        now = numbers(catalog)
        for number, meaning in now.items():
            assert meaning == meanings.setdefault(number, meaning)
        # What stays keeps its number, and what is new gets one that never was.
        assert set(before.values()) & set(now.values()) == {
            meaning for number, meaning in before.items() if now.get(number) == meaning
        }
        for table in catalog.tables():
            assert table.number == tables.setdefault(table.name, table.number)
            named = {spec.name: spec.indexes for spec in step}
            assert named.get(table.name, {}) == {i.name: i.fields for i in table.indexes[2:]}
        assert all(number < catalog.next_index for number in meanings)


def test_goes_on_after_what_was_saved() -> None:
    saved = TableDefinition(
        10_007,
        "items",
        (
            IndexDefinition(4, "by_id", (("_id",),)),
            IndexDefinition(5, "by_creation_time", (("_creationTime",),)),
        ),
    )
    catalog = Catalog([saved], next_index=9)
    assert saved == catalog.table("items")
    assert catalog.unsaved == []
    new = catalog.table("users")
    assert new.number == 10_008
    assert [index.number for index in new.indexes] == [9, 10]
    assert catalog.next_index == 11


def test_knows_what_is_not_saved() -> None:
    catalog = Catalog()
    items, users = catalog.table("items"), catalog.table("users")
    assert [items, users] == catalog.unsaved
    late = catalog.table("late")
    catalog.saved([items, users])
    assert [late] == catalog.unsaved
    catalog.table("items")
    assert [late] == catalog.unsaved
