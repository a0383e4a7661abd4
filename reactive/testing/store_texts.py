"""What every store must do with full-text indexes, as a part of
`reactive.testing.store_suite`."""

from dataclasses import replace
from itertools import pairwise

import pytest

from reactive.errors import OutOfRetentionError
from reactive.storage.interface import Store
from reactive.testing.documents import Fields, revision
from reactive.testing.store_checks import (
    BY_A,
    WITH_TEXTS,
    StoreChecks,
    commit,
    found,
    text_index_of,
)
from reactive.values.document import CommitEntry
from reactive.values.keys import UNDEFINED
from reactive.values.tables import TableSpec, TextSpec


class TextChecks(StoreChecks):
    """Searches find what commits wrote, now and in the past."""

    # --- Full-text search ---

    async def test_searches_the_words_of_a_field(self, store: Store) -> None:
        await store.define([WITH_TEXTS])
        table = store.table("items")
        bodies = {
            "w": "The quick fox",
            "x": "a fox, FOX!",
            "y": "two foxes; three",
            "z": "quick_1 2",
        }
        await commit(
            store, 10, *(revision(table, i, None, {"a": text}) for i, text in bodies.items())
        )
        now = store.snapshot(10)
        assert await found(store, now, "fox") == ["x", "w", "y"]
        assert await found(store, now, "quick fo") == ["w", "z", "x", "y"]
        assert await found(store, now, "fo quick") == ["z", "w"]
        assert await found(store, now, "FOX's") == ["x", "w"]
        assert await found(store, now, "none") == []

    async def test_a_search_knows_only_texts(self, store: Store) -> None:
        await store.define([WITH_TEXTS])
        table = store.table("items")
        versions: list[Fields] = [{}, {"a": None}, {"a": 1.0}, {"a": ["word"]}, {"b": "word"}]
        await commit(
            store, 10, *(revision(table, str(i), None, each) for i, each in enumerate(versions))
        )
        assert await found(store, store.snapshot(10), "word") == []
        assert await found(store, store.snapshot(10), "1") == []

    async def test_words_are_those_of_every_script(self, store: Store) -> None:
        await store.define([WITH_TEXTS])
        table = store.table("items")
        bodies = {
            "w": "Straße Über",
            "x": "Привет, мир",
            "y": "日本 語",
            "z": "\ue0000\ue000 \U0001d4b3",
        }
        await commit(
            store, 10, *(revision(table, i, None, {"a": text}) for i, text in bodies.items())
        )
        now = store.snapshot(10)
        searches = [
            "STRASSE",
            "straße",
            "über",
            "МИР",
            "日",
            "0",
            "\U0001d4b3",
            "\ue0000",
            '"',
            "*",
        ]
        expected = [[], ["w"], ["w"], ["x"], ["y"], ["z"], ["z"], ["z"], [], []]
        assert expected == [await found(store, now, text) for text in searches]

    async def test_ranks_by_how_often_how_rare_how_long_and_how_new(self, store: Store) -> None:
        await store.define([WITH_TEXTS])
        table = store.table("items")
        bodies = {
            "once": "red two three four",
            "twice": "red red three four",
            "short": "red",
            "rare": "blue two three four",
            "both": "red blue three four",
            "longer": "red two three four five six seven",
            "new": "red two three four",
        }
        await commit(
            store,
            10,
            *(
                revision(table, each, None, {"a": text, "_creationTime": float(at)})
                for at, (each, text) in enumerate(bodies.items())
            ),
        )
        order = ["both", "rare", "short", "twice", "new", "once", "longer"]
        assert order == await found(store, store.snapshot(10), "blue red")
        assert order[:3] == await found(store, store.snapshot(10), "blue red", limit=3)

    async def test_a_whole_word_ranks_before_one_that_begins_like_it(self, store: Store) -> None:
        await store.define([WITH_TEXTS])
        table = store.table("items")
        await commit(
            store,
            10,
            revision(table, "whole", None, {"a": "cat"}),
            revision(table, "begins", None, {"a": "category", "_creationTime": 2.0}),
        )
        assert await found(store, store.snapshot(10), "cat") == ["whole", "begins"]

    async def test_filters_of_a_search_are_equalities(self, store: Store) -> None:
        await store.define([WITH_TEXTS])
        table = store.table("items")
        versions: dict[str, Fields] = {
            "v": {"a": "word"},
            "w": {"a": "word", "b": None},
            "x": {"a": "word", "b": 1.0},
            "y": {"a": "word", "b": "1", "c": {"d": True}},
            "z": {"a": "other", "b": "1"},
        }
        await commit(store, 10, *(revision(table, i, None, each) for i, each in versions.items()))
        now = store.snapshot(10)
        for value, expected in ((UNDEFINED, "v"), (None, "w"), (1.0, "x"), ("1", "y")):
            assert await found(store, now, "word", (0, value)) == [expected]
        assert await found(store, now, "word", (1, True)) == ["y"]
        assert await found(store, now, "word", (0, "1"), (1, UNDEFINED)) == []
        assert await found(store, now, "other word", (0, "1")) == ["z", "y"]

    async def test_a_text_index_follows_updates_and_deletes(self, store: Store) -> None:
        await store.define([WITH_TEXTS])
        table = store.table("items")
        steps: list[Fields | None] = [
            None,
            {"a": "red red"},
            {"a": "red blue"},
            {"a": "red blue", "b": 1.0},
            {"a": "blue", "b": 1.0},
            {"b": 1.0},
            {"a": "red"},
            None,
        ]
        for at, (before, after) in enumerate(pairwise(steps)):
            await commit(store, 10 * (at + 1), revision(table, "x", before, after))
        for at, fields in enumerate(steps):
            text = str((fields or {}).get("a", ""))
            then = store.snapshot(10 * at)
            for word in ("red", "blue"):
                assert await found(store, then, word) == (["x"] if word in text else [])
            is_filtered = "red" in text and (fields or {}).get("b") == 1.0
            assert await found(store, then, "red", (0, 1.0)) == (["x"] if is_filtered else [])

    async def test_ranks_of_the_past_are_those_it_had(self, store: Store) -> None:
        """They depend on all that was found then, and on nothing that came later."""
        await store.define([WITH_TEXTS])
        table = store.table("items")
        bodies = {"x": "red", "y": "red red two", "z": "blue two three"}
        await commit(
            store, 10, *(revision(table, i, None, {"a": text}) for i, text in bodies.items())
        )
        before = await found(store, store.snapshot(10), "red blue")
        changes = [revision(table, str(i), None, {"a": "blue " * (i + 1)}) for i in range(9)]
        await commit(store, 20, *changes, revision(table, "y", {"a": bodies["y"]}, None))
        assert before == await found(store, store.snapshot(10), "red blue")
        assert before != await found(store, store.snapshot(20), "red blue")

    async def test_a_search_in_the_slot_sees_what_was_appended(self, store: Store) -> None:
        await store.define([WITH_TEXTS])
        table = store.table("items")
        await commit(store, 10, revision(table, "x", None, {"a": "red"}))
        async with store.commit_slot() as slot:
            await slot.append(CommitEntry(20, [revision(table, "y", None, {"a": "red"})]))
            await slot.append(CommitEntry(30, [revision(table, "x", {"a": "red"}, None)]))
            assert await found(store, slot.snapshot(), "red") == ["y"]
            assert await found(store, store.snapshot(10), "red") == ["x"]
        assert await found(store, store.snapshot(10), "red") == ["x"]
        assert await found(store, store.snapshot(99), "red") == ["x"]

    async def test_define_builds_a_text_index_from_what_is_stored(self, store: Store) -> None:
        table, count = store.table("items"), 1_234
        await commit(
            store, 10, *(revision(table, f"{i:05}", None, {"a": f"w{i % 2}"}) for i in range(count))
        )
        await store.define([WITH_TEXTS])
        later = store.table("items")
        assert len(await found(store, store.snapshot(10), "w1", limit=count)) == count // 2
        await commit(store, 20, revision(later, "00001", {"a": "w1"}, {"a": "w0"}))
        assert len(await found(store, store.snapshot(20), "w1", limit=count)) == count // 2 - 1

    async def test_define_keeps_and_drops_text_indexes(self, store: Store) -> None:
        await store.define([WITH_TEXTS])
        first = text_index_of(store)
        await commit(store, 10, revision(store.table("items"), "x", None, {"a": "a", "b": "b"}))
        await store.define([BY_A, TableSpec("users", {})])
        assert store.table("items").text_indexes == ()
        await store.define([WITH_TEXTS])
        again = text_index_of(store)
        assert again.number > first.number
        await store.define([replace(WITH_TEXTS, indexes=BY_A.indexes)])
        assert again == text_index_of(store)
        other = TextSpec(("b",), ())
        await store.define([TableSpec("items", {}, {"by_text": other})])
        assert text_index_of(store).number > again.number
        assert await found(store, store.snapshot(10), "b") == ["x"]
        assert await found(store, store.snapshot(10), "a") == []

    async def test_the_past_of_a_text_index_that_was_not_there_is_unknown(
        self, store: Store
    ) -> None:
        table = store.table("items")
        await commit(store, 10, revision(table, "x", None, {"a": "red"}))
        await commit(store, 20, revision(table, "x", {"a": "red"}, {"a": "blue"}))
        await store.define([WITH_TEXTS])
        with pytest.raises(OutOfRetentionError):
            await found(store, store.snapshot(10), "red")
