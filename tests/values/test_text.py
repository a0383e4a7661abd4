"""Words, searches and ranks, without any index."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactive.values.keys import UNDEFINED, encode_part
from reactive.values.tables import (
    IndexDefinition,
    TableDefinition,
    TextIndexDefinition,
    TextSpec,
)
from reactive.values.text import (
    TextEntry,
    TextMatches,
    TextRead,
    TextSearch,
    search_words,
    split_words,
)
from tests.search.oracle import Text, check_result, words_of

TABLE = TableDefinition(
    10_001,
    "items",
    (IndexDefinition(1, "by_id", (("_id",),)), IndexDefinition(2, "by_creation_time", ())),
    (
        TextIndexDefinition(3, "by_a", TextSpec(("a",), (("b",), ("c", "d")))),
        TextIndexDefinition(4, "by_deep", TextSpec(("c", "d"), ())),
    ),
)

texts = st.text(st.characters() | st.sampled_from("aB1 _-é\u0301क्İ"), max_size=60)


@given(texts)
def test_words(text: str) -> None:
    assert words_of(text) == split_words(text)


@given(texts)
def test_words_of_words_are_themselves(text: str) -> None:
    words = split_words(text)
    assert words == split_words(" ".join(words))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("  ...!", []),
        ("Hello, World", ["hello", "world"]),
        ("snake_case and kebab-case", ["snake", "case", "and", "kebab", "case"]),
        ("it's 3.14", ["it", "s", "3", "14"]),
        ("naïve ÉCOLE", ["naïve", "école"]),
        ("cafe\u0301", ["cafe\u0301"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("日本語です。はい", ["日本語です", "はい"]),
        ("a" * 32 + " " + "b" * 33, ["a" * 32]),
        ("é" * 16 + " " + "è" * 17, ["é" * 16]),
        ("\ud800x", ["x"]),
        ("\u2764\ufe0f love \ufe0f", ["love"]),
    ],
)
def test_known_words(text: str, words: list[str]) -> None:
    assert words == split_words(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ()),
        ("one two", ("one", "two")),
        ("Two one two TWO", ("one", "two")),
        ("one two " + "x" * 40, ("one", "two")),
    ],
)
def test_a_search_has_distinct_words_and_the_last_stays_last(
    text: str, words: tuple[str, ...]
) -> None:
    assert words == search_words(text)


def entry(text: str, *filters: object, created: float = 1.0) -> TextEntry:
    return TextEntry(3, created, " ".join(split_words(text)), tuple(map(encode_part, filters)))


def search(text: str, *filters: tuple[int, object]) -> TextSearch:
    return TextSearch(search_words(text), tuple((at, encode_part(each)) for at, each in filters))


@pytest.mark.parametrize(
    ("searched", "text", "counts"),
    [
        ("fox", "the fox", [1.0]),
        ("fox", "fox fox foxes", [2.5]),
        ("fo", "fox foxes", [1.0]),
        ("ox", "fox", None),
        ("fox the", "fox", [1.0, 0.0]),
        ("fo the", "fox", None),
        ("a b", "b a ba bb", [1.0, 2.0]),
    ],
)
def test_counts(searched: str, text: str, counts: list[float] | None) -> None:
    assert counts == search(searched).counts(entry(text))
    assert (counts is not None) is search(searched).finds(entry(text))


@pytest.mark.parametrize(
    ("filters", "fits"),
    [
        ([], True),
        ([(0, "x")], True),
        ([(0, "y")], False),
        ([(0, UNDEFINED)], False),
        ([(0, "x"), (1, 1.0)], True),
        ([(0, "x"), (1, True)], False),
    ],
)
def test_filters(filters: list[tuple[int, object]], fits: bool) -> None:
    found = search("word", *filters)
    assert fits is found.finds(entry("word", "x", 1.0))
    assert fits is (found.counts(entry("word", "x", 1.0)) is not None)


def test_a_read_is_changed_by_entries_of_its_own_index() -> None:
    assert TextRead(3, search("word")).is_changed_by(entry("a word"))
    assert not TextRead(4, search("word")).is_changed_by(entry("a word"))
    assert not TextRead(3, search("word")).is_changed_by(entry("a sword"))


@pytest.mark.parametrize(
    ("fields", "entries"),
    [
        ({}, []),
        ({"a": "", "c": {"d": "!"}}, []),
        ({"a": 1.0, "c": {"d": ["x"]}}, []),
        ({"a": "X y", "b": None}, [(3, "x y", (None, UNDEFINED))]),
        ({"c": {"d": "x"}}, [(4, "x", ())]),
        ({"a": "x", "c": {"d": "y"}}, [(3, "x", (UNDEFINED, "y")), (4, "y", ())]),
    ],
)
def test_entries_of_a_document(
    fields: dict[str, object], entries: list[tuple[int, str, tuple[object, ...]]]
) -> None:
    expected = tuple(
        TextEntry(number, 7.0, text, tuple(map(encode_part, filters)))
        for number, text, filters in entries
    )
    assert expected == TABLE.text_entries({"_id": "x", "_creationTime": 7.0, **fields})


bodies = st.lists(st.sampled_from(["a", "ab", "abc", "b", "c"]), min_size=1, max_size=8)


@given(
    st.dictionaries(st.sampled_from("pqrstuvw"), st.tuples(st.integers(0, 3), bodies)),
    st.lists(st.sampled_from(["a", "ab", "b", "c", "d"]), min_size=1, max_size=4),
    st.lists(st.sampled_from("pqrstuvw"), max_size=3),
)
def test_ranks(
    documents: dict[str, tuple[int, list[str]]], query: list[str], dropped: list[str]
) -> None:
    """As the oracle has them, whatever was put in and taken out before."""
    looked_for = search(" ".join(query))
    matches = TextMatches(len(looked_for.words))
    for name, (created, words) in documents.items():
        matches.add(name, looked_for, [entry(" ".join(words), created=created)])
    for name in dropped:
        matches.drop(name)
    left = {
        name: Text(created, words)
        for name, (created, words) in documents.items()
        if name not in dropped
    }
    found = matches.ranked(100)
    assert len(found) == len(matches)
    check_result(found, left, " ".join(query))
    assert found[:3] == matches.ranked(3)


def test_equal_ranks_and_times_have_an_order() -> None:
    matches = TextMatches(1)
    for name in "bca":
        matches.add(name, search("x"), [entry("x")])
    assert matches.ranked(9) == ["c", "b", "a"]
