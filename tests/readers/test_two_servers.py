"""Two servers on one store: an answer that one makes is read on at the other.

A SQLite file is for one process at a time, so there the second takes over from the first. Stores
that several may use at once are stood in for by the one in memory, which two servers of this
process share; nobody but the store then tells one of what the other writes.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from reactive.ai import writer
from reactive.app import App
from reactive.clock import SystemClock
from reactive.limits import DEFAULT_LIMITS
from reactive.settings import load_settings
from reactive.storage.memory import MemoryStore
from reactive.storage.memory_files import MemoryFiles
from tests.readers.reading import call, frames_of, new_thread, read, text_of
from tests.runtime.harness import own_modules
from tests.server import ServerProcess
from tests.sync_client import SyncClient

ROOT = Path(__file__).parents[2]
PROMPT = " ".join(f"word{number}" for number in range(120))

Events = list[dict[str, Any]]


@asynccontextmanager
async def served(store: MemoryStore, *, runs_jobs: bool) -> AsyncIterator[str]:
    """A server of this store, which follows what others commit; gives its URL."""
    settings = load_settings(ROOT, {"rate_limit": 0})
    files = MemoryFiles(DEFAULT_LIMITS, SystemClock())
    app = App(ROOT, settings, is_dev=False, store=store, files=files, runs_jobs=runs_jobs)
    await app.start()
    following = asyncio.create_task(app.database.follow())
    runner = web.AppRunner(app.application(is_started=True), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await app.drain()
        await runner.cleanup()
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        await app.stop()


@pytest.fixture
async def both(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[str, str]]:
    """The URLs of two servers. The first runs what is scheduled, so it makes the answers."""
    # In one process the writer would wake the other server's readers, too.
    monkeypatch.setattr(writer, "wake", lambda stream_id: None)
    store = MemoryStore()
    async with AsyncExitStack() as stack:
        stack.enter_context(own_modules())
        first = await stack.enter_async_context(served(store, runs_jobs=True))
        second = await stack.enter_async_context(served(store, runs_jobs=False))
        yield first, second


async def begun(site: ClientSession, thread: str, count: int) -> tuple[str, str, Events]:
    """Asks, reads so many events and is cut off: the answer's stream, its message, the events."""
    events: Events = []
    async with site.post("/stream-chat", json={"threadId": thread, "prompt": PROMPT}) as response:
        assert response.status == 200, await response.text()
        async for frame in frames_of(response):
            events.append(frame.json)
            if len(events) >= count:
                break
        response.close()
        names = response.headers
    return names["x-stream-id"], names["x-message-id"], events


async def rest(site: ClientSession, stream: str, events: Events) -> Events:
    headers = {"Last-Event-ID": str(events[-1]["seq"])}
    async with site.get(f"/stream-chat/{stream}", headers=headers) as response:
        assert response.status == 200, await response.text()
        return (await read(response)).events


async def test_answer_is_read_on_at_the_other_server(both: tuple[str, str]) -> None:
    first, second = both
    async with ClientSession(first) as one, ClientSession(second) as other, SyncClient() as client:
        thread = await new_thread(one, "t")
        await client.open(second.replace("http", "ws") + "/api/1.48.0/sync")
        stream, message, events = await begun(one, "t", 5)
        watching = await client.subscribe("messages:legacyView", {"threadId": thread})
        state = await call(other, "query", "streamEvents:getStreamState", streamId=stream)
        assert state["state"] == "streaming"

        resumed = asyncio.ensure_future(rest(other, stream, events))
        async with other.get("/api/chat/t/stream") as response:
            assert response.status == 200
            chat = (await response.read()).decode()
        seen: list[str] = []

        def is_over() -> bool:
            answer = client.results[watching].value[-1]
            if not seen or seen[-1] != answer["content"]:
                seen.append(answer["content"])
            return bool(answer["status"] == "complete")

        await client.until(is_over)
        told = events + await resumed
        late = events + await rest(other, stream, events)

    assert [event["seq"] for event in told] == list(range(1, len(told) + 1))
    assert text_of(told) == PROMPT
    assert told[-1]["type"] == "stream-finish"
    assert late == told
    assert chat.rstrip().endswith("data: [DONE]")
    assert len(seen) > 2, "it was not seen to grow"
    assert all(longer.startswith(shorter) for shorter, longer in pairwise(seen))
    assert seen[-1] == PROMPT
    assert message == client.results[watching].value[-1]["_id"]


async def test_second_process_takes_over_a_file(
    own_app: Callable[..., ServerProcess],
) -> None:
    """One that is killed in mid-answer is a test of faults; here it is the reader who was away."""
    first = own_app()
    second = ServerProcess(ROOT, Path(first.store.removeprefix("sqlite:///")))
    async with ClientSession(first.url) as site:
        await new_thread(site, "t")
        body = {"threadId": "t", "prompt": "all of it", "model": "scripted/tools"}
        async with site.post("/stream-chat", json=body) as response:
            stream, whole = response.headers["x-stream-id"], (await read(response)).events
    try:
        assert await asyncio.to_thread(second.launch().process.wait, 20) == 1
        assert "in use by another server" in second.wait_for_output("in use")
        first.kill()
        second.start()
        async with ClientSession(second.url) as site:
            later = [await rest(site, stream, whole[:n]) for n in (1, 7, len(whole) - 1)]
    finally:
        second.end()

    assert later == [whole[1:], whole[7:], whole[-1:]]
