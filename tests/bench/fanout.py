"""What it costs a server to tell a thousand clients the same thing.

Two servers send the same bytes to as many sockets of this process: ours, which pushes the update of
a live query, and a bare aiohttp server that does nothing but `send_str`. The clients only count
frames. Prints one JSON line: the processor time of each server per message.

`--counts` only counts what one write to a query with a thousand subscribers makes ours do.
"""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, web

from tests.bench.servers import cpu_s, end, own_command
from tests.bench.wire import WAIT_SECONDS_MAX, Client, Counts, sessions

RECEIVERS = 1_000
WARM_UP = 3
WRITES = 60
ROWS = 50
BODY = "x" * 100
CHANNEL = "fanout"


class Receivers:
    """Counts what many sockets are sent."""

    def __init__(self) -> None:
        self._left = 0
        self._all = asyncio.Event()
        self.last = ""

    def heard(self, text: str) -> None:
        """A socket was sent a text. A server's own keep-alive is short, and no delivery."""
        if len(text) > 1_000:
            self.last = text
            self._left -= 1
            if self._left == 0:
                self._all.set()

    async def everybody_after(self, write: Callable[[], Awaitable[object]]) -> None:
        """Returns when each has had a message more."""
        self._left = RECEIVERS
        self._all.clear()
        await write()
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            await self._all.wait()


async def spent_us(receivers: Receivers, pid: int, write: Callable[[], Awaitable[object]]) -> float:
    """The server's microseconds per message."""
    for _ in range(WARM_UP):
        await receivers.everybody_after(write)
    start = cpu_s(pid)
    for _ in range(WRITES):
        await receivers.everybody_after(write)
    return (cpu_s(pid) - start) * 1e6 / (WRITES * RECEIVERS)


class Writer:
    """Inserts messages into the channel that everybody watches."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._seq = 0

    async def write(self) -> None:
        self._seq += 1
        await self._client.mutate("bench:insert", channel=CHANNEL, seq=self._seq, body=BODY)


@contextlib.asynccontextmanager
async def subscribed(http: ClientSession, url: str) -> AsyncIterator[tuple[Receivers, Writer]]:
    """A thousand sockets that watch the channel and have had their first result."""
    writer = Writer(await Client(http, url).connect())
    for _ in range(ROWS):
        await writer.write()
    receivers = Receivers()
    clients = [await Client(http, url).connect() for _ in range(RECEIVERS)]
    for each in clients:
        await each.watch([("bench:latest", {"channel": CHANNEL})])
        each.heard = receivers.heard
    yield receivers, writer
    await asyncio.gather(*(each.close() for each in clients))


async def ours(http: ClientSession, url: str, pid: int) -> tuple[float, str]:
    """The cost of a push, and the text of one."""
    async with subscribed(http, url) as (receivers, writer):
        return await spent_us(receivers, pid, writer.write), receivers.last


async def listen(socket: ClientWebSocketResponse, receivers: Receivers) -> None:
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            receivers.heard(message.data)


async def bare(http: ClientSession, text: str) -> float:
    """The cost of `send_str` for a text of this size."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "port"
        process = subprocess.Popen(  # noqa: ASYNC220
            [*own_command("fanout"), "--bare", str(file)], stdin=subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(WAIT_SECONDS_MAX):
                while not file.exists():  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            url = f"http://127.0.0.1:{file.read_text()}/ws"
            receivers = Receivers()
            sockets = [
                await http.ws_connect(url, compress=0, max_msg_size=0) for _ in range(RECEIVERS)
            ]
            readers = [asyncio.create_task(listen(each, receivers)) for each in sockets]
            teller = await http.ws_connect(url, compress=0, max_msg_size=0)
            await teller.send_str(text)
            found = await spent_us(receivers, process.pid, lambda: teller.send_str("go"))
            await asyncio.gather(*(each.close() for each in [teller, *sockets]), *readers)
            return found
        finally:
            end(process)


def serve_bare(file: Path) -> None:
    """Sends the longest text it was ever sent to all others, whenever it is sent another one."""
    sockets: list[web.WebSocketResponse] = []
    text = ""

    async def handler(request: web.Request) -> web.WebSocketResponse:
        nonlocal text
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        sockets.append(socket)
        async for message in socket:
            if len(message.data) > len(text):
                text = message.data
                continue
            for each in sockets:
                if each is not socket:
                    await each.send_str(text)
        sockets.remove(socket)
        return socket

    async def run() -> None:
        application = web.Application()
        application.router.add_get("/ws", handler)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        written = file.with_suffix(".new")
        written.write_text(str(port))
        written.rename(file)
        await asyncio.Event().wait()

    asyncio.run(run())


async def measure(url: str, pid: int) -> dict[str, float]:
    async with sessions() as http:
        pushed, text = await ours(http, url, pid)
        sent = await bare(http, text)
    return {
        "bytes": len(text),
        "ours_us_per_message": pushed,
        "bare_us_per_message": sent,
        "bare_to_ours": sent / pushed,
    }


async def count(url: str) -> dict[str, float]:
    """Executions and rows read per write, with all subscribers."""
    async with sessions() as http, subscribed(http, url) as (receivers, writer):
        counts = await Counts(http, url).begin()
        for _ in range(WRITES):
            await receivers.everybody_after(writer.write)
        executions, rows = await counts.read()
    # Each write is one execution, of the mutation; the others are the query's.
    return {
        "query_executions_per_write": executions / WRITES - 1,
        "rows_read_per_write": rows / WRITES,
    }


def main() -> None:
    if "--bare" in sys.argv:
        serve_bare(Path(sys.argv[-1]))
        return
    url, pid = os.environ["CONVEX_URL"], int(os.environ["CONVEX_PID"])
    if "--counts" in sys.argv:
        print(json.dumps({"counts": asyncio.run(count(url))}))
    else:
        print(json.dumps({"fanout": asyncio.run(measure(url, pid))}))


if __name__ == "__main__":
    main()
