"""A server that stops in mid-answer, for as long as it may take to do so."""

import asyncio
from collections.abc import Callable

import pytest
from aiohttp import ClientPayloadError, ClientSession

from tests.readers.reading import new_thread, read
from tests.server import ServerProcess


async def test_server_that_stops_breaks_readers_off(own_app: Callable[..., ServerProcess]) -> None:
    server = own_app()
    async with ClientSession(server.url) as site:
        await new_thread(site, "t")
        body = {"threadId": "t", "prompt": "x", "model": "scripted/slow"}
        async with site.post("/stream-chat", json=body) as response:
            stream = response.headers["x-stream-id"]
            reader = asyncio.ensure_future(read(response))
            server.process.terminate()
            with pytest.raises(ClientPayloadError):
                await reader
    assert await asyncio.to_thread(server.stop) == 0
    server.start()
    async with ClientSession(server.url) as site, site.get(f"/stream-chat/{stream}") as response:
        # Nobody makes the answer any more; its reader hears how it has ended.
        assert (await read(response)).types[-1] in ("stream-finish", "stream-error")
