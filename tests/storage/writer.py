"""Commits to a database as fast as it can, and says after each commit that it is durable.

Run as a process of its own by `test_sqlite_crash.py`, which kills it. A commit has three documents
and a receipt, so that half of one can be told.
"""

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

from reactive.limits import DEFAULT_LIMITS
from reactive.storage.sqlite import SQLiteStore
from reactive.testing.documents import revision
from reactive.values.document import CommitEntry, Receipt

PARTS = 3
BATCH = 2
LIMITS = replace(DEFAULT_LIMITS, receipts_unindexed_max=7)


def receipt(ts: int) -> Receipt:
    """The receipt of the commit at this timestamp, of one of three clients."""
    return Receipt(f"writer {ts * ts % 5}", ts, b"null", b"[]")


async def write(path: Path, *, in_thread: bool) -> None:
    store = SQLiteStore(path, LIMITS, commit_in_thread=in_thread)
    ts = await store.open()
    while True:
        async with store.commit_slot() as slot:
            for _ in range(BATCH):
                ts += 1
                # Tables come into being now and then, as in a server's first days.
                table = store.table(f"t{ts // 50}")
                parts = [
                    revision(table, f"{ts}-{part}", None, {"a": "x" * (ts % 700)})
                    for part in range(PARTS)
                ]
                await slot.append(CommitEntry(ts, parts, receipt(ts)))
            await slot.commit()
        os.write(1, f"{ts}\n".encode())


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), in_thread=sys.argv[2] == "thread"))
