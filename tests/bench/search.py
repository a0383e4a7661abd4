"""How long a full-text search takes among a hundred thousand documents, and what its index costs.

Words are drawn as they are in a language: the commonest one is in two fifths of the documents, most
are in a few. Prints a table; the figure is the best of several runs, in milliseconds.
"""

import asyncio
import itertools
import random
import string
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from reactive.storage.interface import Store
from reactive.storage.sqlite import SQLiteStore
from reactive.testing.documents import revision
from reactive.values.document import CommitEntry, Revision
from reactive.values.keys import encode_part
from reactive.values.tables import TableSpec, TextSpec
from reactive.values.text import TextSearch, search_words

DOCUMENTS = 100_000
VOCABULARY = 20_000
CHANNELS = 100
RESULTS = 20
RUNS = 5
WITH_SEARCH = TableSpec("notes", {}, {"search": TextSpec(("body",), (("channel",),))})


class Words:
    """A made-up language."""

    def __init__(self) -> None:
        self._dice = random.Random(1)
        letters = string.ascii_lowercase
        self.all = [
            "".join(self._dice.choices(letters, k=self._dice.randint(2, 9)))
            for _ in range(VOCABULARY)
        ]
        self._weights = list(itertools.accumulate(1 / (rank + 5) for rank in range(VOCABULARY)))

    def text(self, least: int, most: int) -> str:
        count = self._dice.randint(least, most)
        return " ".join(self._dice.choices(self.all, cum_weights=self._weights, k=count))


async def commit(store: Store, ts: int, revisions: Sequence[Revision]) -> None:
    async with store.commit_slot() as slot:
        await slot.append(CommitEntry(ts, revisions))
        await slot.commit()


async def fill(store: Store, words: Words) -> None:
    table = store.table("notes")
    for part in range(DOCUMENTS // 1_000):
        fields = [
            {"body": words.text(5, 40), "channel": f"channel {n % CHANNELS}"} for n in range(1_000)
        ]
        each = [revision(table, f"{part:05} {n}", None, made) for n, made in enumerate(fields)]
        await commit(store, part + 1, each)


async def search_ms(store: Store, text: str, channel: str | None) -> tuple[int, float]:
    """How many documents are found, and how long finding and ranking them takes."""
    index = store.table("notes").text_index("search")
    assert index is not None
    filters = () if channel is None else ((0, encode_part(channel)),)
    times, found = [], 0
    for _ in range(RUNS):
        start = time.perf_counter()
        matches = await store.snapshot(DOCUMENTS).search(
            index, TextSearch(search_words(text), filters)
        )
        matches.ranked(RESULTS)
        times.append(time.perf_counter() - start)
        found = len(matches)
    return found, min(times) * 1e3


async def insert_ms(store: Store, words: Words, count: int) -> float:
    """How long a commit of one document of so many words takes."""
    table = store.table("notes")
    times = []
    for n in range(50):
        change = revision(table, f"{count} {n}", None, {"body": words.text(count, count)})
        ts = DOCUMENTS * count + n
        start = time.perf_counter()
        await commit(store, ts, [change])
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2] * 1e3


async def main() -> None:
    words = Words()
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "data.sqlite3", commit_in_thread=False)
        await store.open()
        await fill(store, words)
        start = time.perf_counter()
        await store.define([WITH_SEARCH])
        print(f"building the index    {time.perf_counter() - start:>20.1f} s")
        common, usual, rare = (words.all[rank] for rank in (0, 100, 10_000))
        for name, text, channel in (
            ("a rare word", rare, None),
            ("a usual word", usual, None),
            ("a usual word, filtered", usual, "channel 7"),
            ("three letters", usual[:3], None),
            ("one letter", usual[:1], None),
            ("the commonest word", common, None),
            ("the same, filtered", common, "channel 7"),
        ):
            found, elapsed = await search_ms(store, text, channel)
            print(f"search  {name:<24}{found:>7} found {elapsed:>9.2f} ms")
        for count in (10, 100, 1_000):
            print(f"insert  {count:>5} words {await insert_ms(store, words, count):>27.2f} ms")
        await store.close()


if __name__ == "__main__":
    asyncio.run(main())
