"""The loop behind every response: silence, clients that take nothing, and the server's own end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from aiohttp import ClientPayloadError, ClientSession, web

from reactive.ai import events, follow, metrics
from reactive.ai.dialects import Dialect, Sse, Trpc
from reactive.ai.events import Event
from reactive.ai.http import Outcome, respond
from reactive.limits import Limits
from reactive.runtime.context import ActionCtx
from tests.proxy import TcpProxy

LIMITS = Limits(reader_idle_s=0.04, reader_gone_s=0.02, reader_stall_s=0.3, reader_look_s=0.02)


class Log:
    """Stands for the context of an endpoint, and for the log that it reads."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.log: list[Event] = []
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.dialect: Dialect = Sse()
        self.limits = LIMITS

    def add(self, event: Event) -> None:
        self.log.append({"seq": len(self.log) + 1, "ts": 0.0, **event})
        follow.wake("s1")

    async def run_query(self, _: Any, /, stream_id: str, after: int) -> dict[str, Any]:
        return {"events": self.log[after : after + 50], "lastSeq": 0, "isDone": False}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        ctx = cast("ActionCtx", self)
        response, outcome = await respond(
            ctx, request, None, "s1", self.dialect, limits=self.limits
        )
        self.outcome.set_result(outcome)
        return response


@pytest.fixture
async def log() -> Log:
    return Log()


@pytest.fixture
async def port(log: Log) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_get("/", log.serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.mark.parametrize(
    ("dialect", "sign", "end"),
    [(Sse(), b": keep-alive\n", b"stream-finish"), (Trpc(), b"event: ping\n", b"finalized")],
)
async def test_silence_is_broken(
    log: Log, port: int, dialect: Dialect, sign: bytes, end: bytes
) -> None:
    log.dialect = dialect
    async with ClientSession() as site, site.get(f"http://127.0.0.1:{port}") as response:
        for _ in range(3):
            while await response.content.readline() != sign:
                pass
        log.add(events.stream_finish("stop", events.usage()))
        assert end in await response.content.read()
    assert await log.outcome == "told"


async def test_server_that_stops_breaks_off_at_once(log: Log, port: int) -> None:
    log.limits = Limits(reader_gone_s=60.0, reader_look_s=60.0)
    log.add(events.text_start("t"))
    async with ClientSession() as site, site.get(f"http://127.0.0.1:{port}") as response:
        assert await response.content.readline() == b"id: 1\n"
        log.stopping.set()
        assert await log.outcome == "stopped"
        with pytest.raises(ClientPayloadError):
            await response.read()


async def test_client_that_goes_away_is_noticed(log: Log, port: int) -> None:
    log.limits = Limits(reader_gone_s=0.02, reader_idle_s=60.0, reader_look_s=60.0)
    async with ClientSession() as site:
        response = await site.get(f"http://127.0.0.1:{port}")
        response.close()
    assert await log.outcome == "gone"


async def test_client_that_takes_nothing_is_given_up(log: Log, port: int) -> None:
    async with TcpProxy(port) as proxy, ClientSession() as site:
        response = await site.get(proxy.url)
        async with response:
            proxy.to_client.stall()
            for _ in range(4_000):
                log.add(events.text_delta("t", "x" * 10_000))
            assert await log.outcome == "gone"
            proxy.heal()
            with pytest.raises(ClientPayloadError):
                await response.read()
    assert follow.readers() == 0


async def test_readers_that_come_and_go_leave_nothing_behind() -> None:
    async def read(_: str, after: int) -> tuple[list[Event], bool]:
        return [{"type": "text-start", "partId": "t", "seq": after + 1, "ts": 0.0}], False

    def counted() -> float:
        return metrics.registry.get_sample_value("reactive_stream_readers") or 0.0

    before = counted()
    for _ in range(10):
        readers = [follow.follow_pages(read, "s1") for _ in range(100)]
        for reader in readers:
            assert (await anext(reader))[0]["seq"] == 1
        assert follow.readers("s1") == 100
        assert counted() == before + 100
        for reader in readers:
            await reader.aclose()
    assert follow.readers() == 0
    assert counted() == before
