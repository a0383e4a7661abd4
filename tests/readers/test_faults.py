"""Readers on bad lines: cut off or half-closed again and again, stalled, or gone."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from aiohttp import ClientError, ClientSession

from tests.proxy import TcpProxy
from tests.readers.reading import ask, frames_of, new_thread, read, text_of
from tests.server import ServerProcess

LONG = " ".join(f"word{number}" for number in range(80))
CUTS = 10


async def _reconnecting(
    break_off: Callable[[], None], proxy: TcpProxy, stream: str, dice: random.Random, cuts: int
) -> list[dict[str, Any]]:
    """Reads a stream to its end as an EventSource does, through `cuts` cuts."""
    events: list[dict[str, Any]] = []
    async with ClientSession(proxy.url) as site:
        while not events or events[-1]["type"] != "stream-finish":
            patience = dice.randint(0, 6) if cuts else -1
            headers = {"Last-Event-ID": str(events[-1]["seq"])} if events else {}
            try:
                async with site.get(f"/stream-chat/{stream}", headers=headers) as response:
                    async for frame in frames_of(response):
                        events.append(frame.json)
                        patience -= 1
                        if patience == 0:
                            cuts -= 1
                            break_off()
            except ClientError:
                continue
    return events


async def test_cuts_lose_and_double_nothing(
    app: ServerProcess, site: ClientSession, thread: str
) -> None:
    await new_thread(site, thread)
    dice = random.Random(7)
    async with TcpProxy(app.port) as first, TcpProxy(app.port) as second:
        body = {"threadId": thread, "prompt": LONG}
        async with site.post("/stream-chat", json=body) as response:
            stream = response.headers["x-stream-id"]
            one = asyncio.ensure_future(_reconnecting(first.cut, first, stream, dice, CUTS))
            other = asyncio.ensure_future(
                _reconnecting(second.half_close, second, stream, dice, CUTS)
            )
            calm = (await read(response)).events
        assert await one == calm
        assert await other == calm
    assert text_of(calm) == LONG


async def test_stalled_reader_holds_nobody(
    app: ServerProcess, site: ClientSession, thread: str
) -> None:
    await new_thread(site, thread)
    prompt = " ".join(f"{number:09}" * 200 for number in range(50))
    body = {"threadId": thread, "prompt": prompt}
    async with TcpProxy(app.port) as proxy, ClientSession(proxy.url) as far:
        stalled = await far.post("/stream-chat", json=body)
        async with stalled:
            stream = stalled.headers["x-stream-id"]
            proxy.to_client.stall()
            async with site.get(f"/stream-chat/{stream}") as response:
                whole = (await read(response)).events
            assert text_of(whole) == prompt
            assert (await ask(site, thread, "still here")).text == "still here"
            proxy.to_client.resume()
            assert (await read(stalled)).events == whole


async def test_server_that_is_killed_is_read_on_after_its_restart(
    own_app: Callable[..., ServerProcess],
) -> None:
    server = own_app()
    events: list[dict[str, Any]] = []
    async with ClientSession(server.url) as site:
        await new_thread(site, "t")
        body = {"threadId": "t", "prompt": "x", "model": "scripted/story"}
        async with site.post("/stream-chat", json=body) as response:
            stream = response.headers["x-stream-id"]
            try:
                async for frame in frames_of(response):
                    events.append(frame.json)
                    if len(events) == 8:
                        server.kill()
            except ClientError:
                pass
    assert len(events) >= 8
    server.start()
    headers = {"Last-Event-ID": str(events[-1]["seq"])}
    async with (
        ClientSession(server.url, headers=headers) as site,
        site.get(f"/stream-chat/{stream}") as response,
    ):
        events += (await read(response)).events
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["type"] == "stream-error"
    assert events[-1]["code"] == "orphaned"
