"""How long a server takes from its start to its first answer: on an empty store, and on a gigabyte.

The files are not in the system's cache when the server starts. Prints one JSON line.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tests.bench import stores
from tests.bench.servers import resident_kb, running
from tests.bench.wire import Client, sessions

STARTS = 3


def forget(store: Path) -> None:
    """Takes a store out of the system's cache."""
    for file in store.parent.glob(f"{store.name}*"):
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


async def answer(url: str, channel: str) -> int:
    """How many rows the first answer has."""
    async with sessions() as http:
        client = await Client(http, url).connect()
        await client.watch([("bench:latest", {"channel": channel})])
        await client.close()
        return len(client.values[0])


def start_s(
    folder: Path, environment: Mapping[str, str], store: Path, rows: int
) -> tuple[float, int]:
    """Seconds to the first answer, and the server's memory in kB after it."""
    forget(store)
    begun = time.monotonic()
    with running("R", folder, environment, store) as server:
        found = asyncio.run(answer(server["CONVEX_URL"], "channel 7"))
        took = time.monotonic() - begun
        assert found == rows, f"{found} rows"
        return took, resident_kb(int(server["CONVEX_PID"]))


def main() -> None:
    folder, large = Path.cwd(), stores.large_store()
    empty = folder / "empty.sqlite3"
    # Its tables are made at the first start, which is not counted.
    start_s(folder, os.environ, empty, 0)
    found: dict[str, dict[str, float]] = {}
    for name, store, rows in (("empty", empty, 0), ("large", large, 50)):
        starts = sorted(start_s(folder, os.environ, store, rows) for _ in range(STARTS))
        took, memory = starts[STARTS // 2]
        found[name] = {"first_answer_s": took, "memory_mb": memory / 1024}
    found["large"]["store_mb"] = large.stat().st_size / 2**20
    print(json.dumps(found), file=sys.stdout)


if __name__ == "__main__":
    main()
