"""A text index is built while others write: it has what they left, every word of it, no more."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.storage.interface import Store
from reactive.storage.memory import MemoryStore
from reactive.storage.sqlite import SQLiteStore
from reactive.testing.documents import Fields, revision
from reactive.testing.store_checks import WITH_TEXTS, found
from reactive.values.document import CommitEntry, Revision
from reactive.values.tables import TableSpec
from tests.search.oracle import Text, check_result

SLICES = replace(DEFAULT_LIMITS, slice_documents_max=3)
WORDS = ["red", "reddish", "blue", "green"]
IDS = [f"{n:02}" for n in range(20)]


def written(dice: random.Random) -> Fields | None:
    """A new version of a document, or none."""
    if dice.random() < 0.3:
        return None
    return {"a": " ".join(dice.choices(WORDS, k=dice.randint(0, 5))), "b": dice.choice([1.0, None])}


class Writer:
    """Commits random changes, and knows what is there."""

    def __init__(self, store: Store, seed: int) -> None:
        self._store = store
        self._dice = random.Random(seed)
        self.state: dict[str, Fields] = {}
        self.ts = 0

    async def write(self) -> None:
        await self._commit({each: written(self._dice) for each in self._dice.sample(IDS, 3)})

    async def delete_all(self) -> None:
        await self._commit(dict.fromkeys(self.state))

    async def _commit(self, changes: dict[str, Fields | None]) -> None:
        async with self._store.commit_slot() as slot:
            # In the slot, where no index comes or goes.
            table, revisions = self._store.table("items"), list[Revision]()
            for each, after in changes.items():
                before = self.state.pop(each, None)
                if after is not None:
                    self.state[each] = after
                if before is not None or after is not None:
                    revisions.append(revision(table, each, before, after))
            self.ts += 10
            await slot.append(CommitEntry(self.ts, revisions))
            await slot.commit()

    async def check(self) -> None:
        texts = {each: Text(1.0, str(fields["a"]).split()) for each, fields in self.state.items()}
        for query in ("red", "blue re", "green", "yellow"):
            check_result(
                await found(self._store, self._store.snapshot(self.ts), query), texts, query
            )


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("new_store", [MemoryStore, lambda limits: SQLiteStore(None, limits)])
async def test_writes_go_on_while_an_index_is_built(
    new_store: Callable[[Limits], Store], seed: int
) -> None:
    store = new_store(SLICES)
    await store.open()
    await store.define([TableSpec("items", {})])
    writer = Writer(store, seed)
    for _ in range(10):
        await writer.write()
    for specs in ([WITH_TEXTS], [TableSpec("items", {})], [WITH_TEXTS]):
        building = asyncio.create_task(store.define(specs))
        while not building.done():
            await asyncio.sleep(0)
            await writer.write()
        await building
    await writer.check()
    for _ in range(5):
        await writer.write()
        await writer.check()
    await writer.delete_all()
    await writer.check()
    await store.close()
