"""What the parts of the store suite share: stores, commits, and looks at what is there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.storage.interface import Snapshot, Store
from reactive.values.document import CommitEntry, Receipt, Revision, Row
from reactive.values.keys import encode_part, prefix_end
from reactive.values.tables import IndexDefinition, TableSpec, TextIndexDefinition, TextSpec
from reactive.values.text import TextSearch, search_words
from reactive.values.timestamp import Timestamp

BY_A = TableSpec("items", {"by_a": (("a",),)})
BY_A_AND_B = TableSpec("items", {"by_a": (("a",),), "by_a_b": (("a",), ("b",))})
WITH_TEXTS = TableSpec("items", {}, {"by_text": TextSpec(("a",), (("b",), ("c", "d")))})

_TURNS = 20  # of the loop, after which something that has not happened waits for something else


async def commit(
    store: Store,
    ts: Timestamp,
    *revisions: Revision,
    receipt: Receipt | None = None,
    source: str = "",
) -> CommitEntry:
    """One commit in a slot of its own."""
    entry = CommitEntry(ts, revisions, receipt, source)
    async with store.commit_slot() as slot:
        await slot.append(entry)
        await slot.commit()
    return entry


async def rows(
    snapshot: Snapshot,
    index: IndexDefinition,
    lower: bytes = b"",
    upper: bytes = prefix_end(b""),
    *,
    descending: bool = False,
    limit: int = 1_000,
) -> list[Row]:
    return await snapshot.scan(index, lower, upper, descending=descending, limit=limit)


async def ids(
    snapshot: Snapshot,
    index: IndexDefinition,
    lower: bytes = b"",
    upper: bytes = prefix_end(b""),
    *,
    descending: bool = False,
    limit: int = 1_000,
) -> list[str]:
    """The documents of a scan, by their ids."""
    found = await rows(snapshot, index, lower, upper, descending=descending, limit=limit)
    return [row.document.id for row in found]


async def found(
    store: Store,
    snapshot: Snapshot,
    text: str,
    *filters: tuple[int, object],
    limit: int = 1_000,
) -> list[str]:
    """What a search finds in the index `by_text`, best first."""
    encoded = tuple((at, encode_part(value)) for at, value in filters)
    search = TextSearch(search_words(text), encoded)
    if not search.words:
        return []
    return (await snapshot.search(text_index_of(store), search)).ranked(limit)


def text_index_of(store: Store) -> TextIndexDefinition:
    index = store.table("items").text_index("by_text")
    assert index is not None
    return index


def index_of(store: Store, name: str, table: str = "items") -> IndexDefinition:
    index = store.table(table).index(name)
    assert index is not None
    return index


async def stays_pending(task: asyncio.Task[Any]) -> bool:
    """Whether the task waits for something that the loop does not bring by itself."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    return not task.done()


async def stop(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


class StoreChecks:
    """What all parts of the suite have in common: how they come by a store."""

    def new_store(self, folder: Path, limits: Limits = DEFAULT_LIMITS) -> Store:
        """A store that is not open yet. One that keeps a file keeps it in the folder."""
        raise NotImplementedError

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        store = self.new_store(tmp_path)
        await store.open()
        yield store
        await store.close()

    @pytest.fixture
    async def forgetful(self, tmp_path: Path) -> AsyncIterator[Store]:
        """A store that remembers two commits."""
        store = self.new_store(tmp_path, replace(DEFAULT_LIMITS, log_entries_max=2))
        await store.open()
        yield store
        await store.close()
