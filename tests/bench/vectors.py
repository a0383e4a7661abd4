"""How long a vector search takes among a hundred thousand vectors of 256 dimensions.

The store is a SQLite file; the first search reads all vectors from it. Prints one JSON line of the
kit's kind. A search with a filter looks at a hundredth of the documents.
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from reactive import Document, vector_index
from reactive.clock import SystemClock
from reactive.engine.database import Database
from reactive.limits import DEFAULT_LIMITS
from reactive.runtime.codec import Encoder
from reactive.runtime.schema import Schema
from reactive.runtime.vectors import FilterOf, VectorSearch
from reactive.storage.sqlite import SQLiteStore
from reactive.testing.documents import revision
from reactive.values.document import CommitEntry

DOCUMENTS = 100_000
DIMENSIONS = 256
TOPICS = 100
SEARCHES = 200
PART = 1_000


class Note(Document, table="notes"):
    embedding: list[float]
    topic: int

    by_embedding = vector_index("embedding", dimensions=DIMENSIONS, filter_fields=["topic"])


async def fill(store: SQLiteStore, dice: np.random.Generator) -> None:
    table = store.table("notes")
    for part in range(DOCUMENTS // PART):
        vectors = dice.standard_normal((PART, DIMENSIONS)).astype(np.float32).tolist()
        changes = [
            revision(table, f"{part:05} {n:05}", None, {"embedding": each, "topic": n % TOPICS})
            for n, each in enumerate(vectors)
        ]
        async with store.commit_slot() as slot:
            await slot.append(CommitEntry(part + 1, changes))
            await slot.commit()
        print(f"\r{(part + 1) * PART:,} documents", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


class Bench:
    def __init__(self, database: Database, schema: Schema) -> None:
        self.dice = np.random.default_rng(2)
        self.vectors = VectorSearch(database, SystemClock(), DEFAULT_LIMITS)
        self.vectors.serve(schema)

    async def search_ms(self, filter: FilterOf | None = None) -> float:
        vector = self.dice.standard_normal(DIMENSIONS).tolist()
        start = time.perf_counter()
        found = await self.vectors.search(
            Note,
            Note.by_embedding,
            vector=vector,
            limit=10,
            filter=filter,
            default=Encoder("exact").default,
        )
        assert len(found) == 10
        return (time.perf_counter() - start) * 1e3

    async def several(self, filter: FilterOf | None = None) -> dict[str, float]:
        times = sorted([await self.search_ms(filter) for _ in range(SEARCHES)])
        return {"p50_ms": times[SEARCHES // 2], "p99_ms": times[SEARCHES * 99 // 100]}


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "data.sqlite3", commit_in_thread=False)
        database = Database(store, SystemClock(), DEFAULT_LIMITS, print)
        await database.open()
        schema = Schema([Note], "exact")
        await database.define(schema.specs)
        schema.bind(store)
        await fill(store, np.random.default_rng(1))
        await database.close()
        await database.open()
        schema.bind(store)
        bench = Bench(database, schema)
        first = await bench.search_ms()
        measured = {
            "first_s": first / 1e3,
            "all": await bench.several(),
            "filtered": await bench.several(lambda q: q.eq("topic", 7)),
        }
        print(json.dumps({"V": measured}))
        await bench.vectors.close()
        await database.close()


if __name__ == "__main__":
    asyncio.run(main())
