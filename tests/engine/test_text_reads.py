"""Whom a document's words concern: found by look-ups, as going through all searches would."""

from hypothesis import given
from hypothesis import strategies as st

from reactive.engine.commit_log import conflict_with
from reactive.engine.subscriptions import SubscriptionIndex
from reactive.engine.text_reads import TextReads
from reactive.testing.documents import Fields, revision
from reactive.values.document import CommitEntry
from reactive.values.keys import encode_part
from reactive.values.ranges import ReadSet
from reactive.values.tables import (
    IndexDefinition,
    TableDefinition,
    TextIndexDefinition,
    TextSpec,
)
from reactive.values.text import TextEntry, TextRead, TextSearch, search_words

TEXT = 3
TABLE = TableDefinition(
    10_001,
    "items",
    (
        IndexDefinition(1, "by_id", (("_id",),)),
        IndexDefinition(2, "by_creation_time", (("_creationTime",),)),
    ),
    (TextIndexDefinition(TEXT, "by_text", TextSpec(("a",), (("b",), ("c",)))),),
)

words = st.sampled_from(["a", "ab", "abc", "b", "c"])
values = st.sampled_from([None, 1.0, "x"])
searches = st.builds(
    lambda text, filters: search(" ".join(text), **filters),
    st.lists(words, min_size=1, max_size=3),
    st.dictionaries(st.sampled_from("bc"), values, max_size=2),
)
entries = st.builds(
    lambda text, b, c: TextEntry(TEXT, 1.0, " ".join(text), (encode_part(b), encode_part(c))),
    st.lists(words, min_size=1, max_size=4),
    values,
    values,
)


def search(text: str, **filters: object) -> TextSearch:
    places = {"b": 0, "c": 1}
    return TextSearch(
        search_words(text), tuple((places[name], encode_part(v)) for name, v in filters.items())
    )


def reads(*texts: TextSearch) -> ReadSet:
    read_set = ReadSet()
    for each in texts:
        read_set.add_text(TextRead(TEXT, each))
    return read_set


def change(before: Fields | None, after: Fields | None, name: str = "x") -> CommitEntry:
    return CommitEntry(10, [revision(TABLE, name, before, after)])


@given(
    st.lists(st.tuples(st.integers(0, 4), searches, st.booleans()), max_size=12),
    st.lists(entries, max_size=4),
)
def test_probes_find_what_a_look_through_all_finds(
    filed: list[tuple[int, TextSearch, bool]], documents: list[TextEntry]
) -> None:
    index: TextReads[int] = TextReads()
    for owner, each, _ in filed:
        index.add(owner, each)
    for owner, each, is_kept in filed:
        if not is_kept:
            index.remove(owner, each)
    kept = [(owner, each) for owner, each, is_kept in filed if is_kept]
    assert bool(index) is bool(kept)
    for document in documents:
        hit: set[int] = set()
        index.probe(document, hit)
        assert {owner for owner, each in kept if each.finds(document)} == hit


def test_a_write_concerns_searches_for_its_words_before_and_after() -> None:
    index: SubscriptionIndex[str] = SubscriptionIndex()
    for owner in ("red", "blue", "gre", "green"):
        index.add(owner, reads(search(owner)))
    assert index.touched(change(None, {"a": "red"})) == {"red"}
    assert index.touched(change({"a": "red"}, None)) == {"red"}
    assert index.touched(change({"a": "red"}, {"a": "blue"})) == {"red", "blue"}
    assert index.touched(change(None, {"a": "green"})) == {"gre", "green"}
    assert index.touched(change(None, {"a": "grey redder"})) == {"gre", "red"}
    assert index.touched(change({"a": "yellow"}, {"a": "white"})) == set()
    assert index.touched(change({}, {"b": "red"})) == set()


def test_a_write_of_another_field_concerns_who_sees_the_document() -> None:
    index: SubscriptionIndex[str] = SubscriptionIndex()
    index.add("red", reads(search("red")))
    assert index.touched(change({"a": "red", "d": 1.0}, {"a": "red", "d": 2.0})) == {"red"}


def test_a_document_that_moves_between_filters_concerns_both() -> None:
    index: SubscriptionIndex[str] = SubscriptionIndex()
    for owner in ("x", "y", "z"):
        index.add(owner, reads(search("red", b=owner)))
    index.add("all", reads(search("red")))
    moved = change({"a": "red", "b": "x"}, {"a": "red", "b": "y"})
    assert index.touched(moved) == {"x", "y", "all"}


def test_who_is_removed_hears_nothing() -> None:
    index: SubscriptionIndex[str] = SubscriptionIndex()
    index.add("one", reads(search("red"), search("red blue"), search("blue", b=1.0)))
    index.add("two", reads(search("red")))
    index.remove("one")
    assert index.touched(change(None, {"a": "red blue", "b": 1.0})) == {"two"}
    index.add("two", reads(search("blue")))
    assert index.touched(change(None, {"a": "red"})) == set()
    assert index.clear() == ["two"]
    assert index.touched(change(None, {"a": "blue"})) == set()


def test_probes_do_not_grow_with_the_searches() -> None:
    """A thousand searches among other documents cost the look-up of their filter."""
    index: SubscriptionIndex[int] = SubscriptionIndex()
    for owner in range(1_000):
        index.add(owner, reads(search(f"word{owner}", b=f"channel {owner}")))
    index.probes = 0
    assert index.touched(change(None, {"a": "word7 and more", "b": "another channel"})) == set()
    assert index.probes == 1
    index.probes = 0
    assert index.touched(change(None, {"a": "word7 and more", "b": "channel 7"})) == {7}
    assert index.probes == 2, "no other length of a last word is in use than that of word7"
    index.probes = 0
    assert index.touched(change({"b": 1.0}, {"b": 2.0})) == set()
    assert index.probes == 0


def test_many_searches_for_many_words_cost_one_probe_for_each_word() -> None:
    index: SubscriptionIndex[int] = SubscriptionIndex()
    for owner in range(1_000):
        index.add(owner, reads(search(f"first{owner} last{owner:03}")))
    index.probes = 0
    assert index.touched(change(None, {"a": "first5 last007 x"})) == {5, 7}
    assert index.probes == 1 + 3 + 1, "its words, and beginnings of seven letters"


def test_a_conflict_is_a_change_of_what_a_search_finds() -> None:
    read_set = reads(search("red", b="x"))
    conflict = conflict_with(read_set, change(None, {"a": "Red!", "b": "x"}, "y"))
    assert conflict is not None
    assert conflict.document_id == "y"
    assert conflict_with(read_set, change({"a": "red", "b": "x"}, {"a": "red"})) is not None
    assert conflict_with(read_set, change(None, {"a": "red", "b": "y"})) is None
    assert conflict_with(read_set, change(None, {"a": "blue", "b": "x"})) is None


def test_read_sets_join() -> None:
    joined, other = reads(search("red")), reads(search("red"), search("blue"))
    joined.update(other)
    assert joined.texts == other.texts
    assert joined.count == 2
