"""A server is killed under a thousand clients, and started again on the same store.

The clients wait as Convex's do before they come back, and ask for everything anew. Every one must
be current within ten seconds of the kill, and the new server must not run a query more often than
once for each different one. Prints one JSON line.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from aiohttp import ClientError, ClientSession

from tests.bench.servers import PORTS, cpu_s, running
from tests.bench.wire import WAIT_SECONDS_MAX, Client, backoff_s, figures, percentile, sessions

CLIENTS = 1_000
QUERIES_EACH = 10
KEYS = 2_000
ROWS = 10
BODY = "x" * 100
URL = f"http://127.0.0.1:{PORTS['R']}"


def channels_of(number: int) -> list[str]:
    """What a client watches: each channel is watched by five clients."""
    first = number * QUERIES_EACH
    return [f"channel {(first + each) % KEYS}" for each in range(QUERIES_EACH)]


async def fill(http: ClientSession) -> None:
    """Gives every channel some messages."""
    writer = await Client(http, URL).connect()
    for start in range(0, KEYS, 100):
        await asyncio.gather(
            *(
                writer.mutate("more:fill", channel=f"channel {number}", count=ROWS, body=BODY)
                for number in range(start, start + 100)
            )
        )
    await writer.close()


class Page:
    """A client that comes back, and when it was current again."""

    def __init__(self, http: ClientSession, number: int) -> None:
        self._dice = random.Random(number)
        self._client = Client(http, URL)
        self._channels = channels_of(number)
        self.attempts = 0
        self.current_at = 0.0

    async def open(self) -> None:
        await self._client.connect()
        await self._client.watch([("bench:latest", {"channel": each}) for each in self._channels])
        self._check()

    async def come_back(self) -> None:
        """Waits for the end of the socket, then until everything is known again."""
        await self._client.gone()
        self._client.values.clear()
        retries = 0
        while True:
            await asyncio.sleep(backoff_s(retries, self._dice))
            retries += 1
            self.attempts += 1
            with contextlib.suppress(ClientError, OSError):
                await self._client.connect()
                break
        await self._client.answered()
        self.current_at = time.monotonic()
        self._check()

    def _check(self) -> None:
        for number in range(QUERIES_EACH):
            value = self._client.values[number]
            assert [each["seq"] for each in value] == list(range(ROWS - 1, -1, -1)), value

    async def close(self) -> None:
        await self._client.close()


async def watch_and_kill(http: ClientSession, pid: int) -> list[Page]:
    pages = [Page(http, number) for number in range(CLIENTS)]
    for each in pages:
        await each.open()
    os.kill(pid, signal.SIGKILL)
    return pages


@contextlib.asynccontextmanager
async def running_beside(
    server: str, folder: Path, environment: Mapping[str, str], store: Path
) -> AsyncIterator[Mapping[str, str]]:
    """`running`, while the clients of this loop go on."""
    manager = running(server, folder, environment, store)
    started = await asyncio.to_thread(manager.__enter__)
    try:
        yield started
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)


async def measure(folder: Path, environment: Mapping[str, str]) -> dict[str, float]:
    store = folder / "data.sqlite3"
    async with sessions() as http:
        with running("R", folder, environment, store) as first:
            await fill(http)
            pages = await watch_and_kill(http, int(first["CONVEX_PID"]))
            killed = time.monotonic()
            coming = [asyncio.create_task(each.come_back()) for each in pages]
        async with running_beside("R", folder, environment, store) as second:
            ready = time.monotonic()
            async with asyncio.timeout(WAIT_SECONDS_MAX):
                await asyncio.gather(*coming)
            now = await figures(http, URL)
            spent = cpu_s(int(second["CONVEX_PID"]))
            await asyncio.gather(*(each.close() for each in pages))
    waits = [each.current_at - killed for each in pages]
    # The look at the figures is an execution itself.
    executions = now["reactive_function_executions_total"] - 1
    return {
        "start_s": ready - killed,
        "current_p50_s": percentile(waits, 0.5),
        "current_last_s": max(waits),
        "attempts": sum(each.attempts for each in pages),
        "executions_per_key": executions / KEYS,
        "server_cpu_s": spent,
    }


def main() -> None:
    measured = asyncio.run(measure(Path.cwd(), os.environ))
    print(json.dumps({"restart": measured}))


if __name__ == "__main__":
    main()
