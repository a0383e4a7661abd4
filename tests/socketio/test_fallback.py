"""The three levels of falling back: other sockets, another place to write to, another question."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from reactive import create_app
from reactive.errors import StorageError
from reactive.limits import DEFAULT_LIMITS
from reactive.storage.memory import MemoryStore
from reactive.testing.faults import FaultyStore, Moment, Place
from tests.ai.fake_provider import TEXT, FakeProvider, environment
from tests.runtime.harness import own_modules
from tests.server import ServerProcess
from tests.socketio.conftest import KEY, ROOT, Site
from tests.socketio.field import Connect, expected, kinds, text

STREAM_EVENTS = {"stream-chunk", "stream-complete", "stream-error"}
WORDS = "".join(f"w{number} " for number in range(20))


class Disk(FaultyStore):
    """A store that is full for a while, after `left` more commits."""

    left: int | None = None

    def fill(self, *, after: int = 0) -> None:
        self.left = after

    def empty(self) -> None:
        self.left = None

    async def strike(self, place: Place, moment: Moment) -> None:
        if self.left is not None and (place, moment) == ("commit", "before"):
            if self.left == 0:
                raise StorageError("the disk is full")
            self.left -= 1
        await super().strike(place, moment)


class Full(Site):
    """A server in this process, whose disk and whose provider are in a test's hand."""

    def __init__(self, url: str, session: ClientSession, disk: Disk, fake: FakeProvider) -> None:
        super().__init__(ServerProcess(ROOT, Path("unused")), session)
        self.url = url
        self.disk = disk
        self.fake = fake


@pytest.fixture
async def full(
    fake: FakeProvider, session: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Full]:
    disk = Disk(MemoryStore(DEFAULT_LIMITS))
    monkeypatch.setattr("reactive.app.MemoryStore", lambda limits: disk)
    for name, value in environment(fake.url).items():
        monkeypatch.setenv(name, value)
    words: list[tuple[object, ...]] = [("text", word + " ") for word in WORDS.split()]
    dripping = [step for word in words for step in (word, ("pause", 0.01))]
    fake.scripts["held"] = [("begin",), ("pause", 0.3), *dripping, ("end", "stop")]
    flags = {"realtime": "legacy"}
    app = create_app(ROOT, store="memory:", admin_key=KEY, rate_limit=0, flags=flags)
    with own_modules():
        async with TestServer(app) as server:
            yield Full(str(server.make_url("")).rstrip("/"), session, disk, fake)


async def _status(site: Site, thread: str) -> list[tuple[str, str]]:
    found = await site.call("query", "messages:observe", threadId=thread)
    return [(each["status"], each["content"]) for each in found]


async def _until_stored(site: Site, thread: str, content: str) -> None:
    async with asyncio.timeout(20):
        while (await _status(site, thread))[1] != ("complete", content):
            pass


@pytest.mark.parametrize("variant", ["legacy", "reactive"])
async def test_store_that_refuses_before_anything_is_seen(
    full: Full, connect: Connect, task: str, variant: str
) -> None:
    """The sockets get the whole answer from memory, and the store when it works again."""
    thread = await full.thread(task)
    await full.admin("flags:set", key="realtime", variant=variant)
    client = await connect(full.url)
    told = await client.join(task, fallback=True)
    assert told == {"variant": variant, "path": "legacy"}
    sent = await client.send(task, "go", llmModel="openai/held", clientMessageId="m1")
    stream = sent["streamId"]
    await full.fake.until(lambda: len(full.fake.requests) == 1)
    full.disk.fill()

    complete = await client.until_told("stream-complete")
    assert (complete["messageId"], complete["finishReason"]) == (sent["messageId"], "stop")
    assert text(client.chunks()) == WORDS
    assert await _status(full, thread) == [("complete", "go"), ("streaming", "")]
    assert not [each for each in await full.log(stream) if each["type"] == "text-delta"]
    # Who comes now, and who comes back, is told the same from memory.
    cursor = client.chunks()[3]
    late, back = await connect(full.url), await connect(full.url)
    await late.join(task, fallback=True)
    assert text((await late.until_told("stream-state"))["chunks"]) == WORDS
    since = {"streamId": stream, "seq": cursor["seq"]}
    await back.join(task, since=since, fallback=True)
    await back.until_told("stream-complete")
    assert back.chunks() == client.chunks()[4:]

    full.disk.empty()
    await _until_stored(full, thread, WORDS)
    assert kinds(client.chunks()) == expected(await full.log(stream))
    # One key for all ways: nothing is asked or paid for again.
    args = {"taskId": task, "prompt": "go", "model": "openai/held", "clientMessageId": "m1"}
    again = await full.call("action", "streaming:streamChatWithTools", **args)
    assert (again["messageId"], again["finishReason"]) == (sent["messageId"], "stop")
    assert await client.send(task, "go", llmModel="openai/held", clientMessageId="m1") == sent
    assert len(await _status(full, thread)) == 2
    assert len(full.fake.requests) == 1
    assert [each["attempts"] for each in await full.call("query", "usage:summary")] == [1]


async def test_store_that_comes_back_in_mid_answer(full: Full, connect: Connect, task: str) -> None:
    thread = await full.thread(task)
    client = await connect(full.url)
    await client.join(task)
    sent = await client.send(task, "go", llmModel="openai/held")
    await full.fake.until(lambda: len(full.fake.requests) == 1)
    full.disk.fill()
    await client.until(lambda: len(client.chunks()) >= 3)
    full.disk.empty()
    await client.until_told("stream-complete")
    await _until_stored(full, thread, WORDS)
    assert text(client.chunks()) == WORDS
    assert kinds(client.chunks()) == expected(await full.log(sent["streamId"]))


async def test_store_that_refuses_the_beginning(full: Full, connect: Connect, task: str) -> None:
    """The action has written the question, and can't even say that the answer has begun."""
    thread = await full.thread(task)
    client = await connect(full.url)
    await client.join(task)
    full.disk.fill(after=1)
    args = {"taskId": task, "prompt": "go", "model": "openai/held", "clientMessageId": "m1"}
    answering = asyncio.ensure_future(full.call("action", "streaming:streamChatWithTools", **args))
    await client.until_told("stream-complete")
    assert text(client.chunks()) == WORDS
    assert (await _status(full, thread))[1] == ("pending", "")

    full.disk.empty()
    assert (await answering)["finishReason"] == "stop"
    assert (await _status(full, thread))[1] == ("complete", WORDS)
    assert kinds(client.chunks()) == expected(await full.log(client.chunks()[0]["streamId"]))
    assert len(full.fake.requests) == 1


async def test_mode_without_fallback_shows_nothing_that_is_not_stored(
    full: Full, connect: Connect, task: str
) -> None:
    thread = await full.thread(task)
    await full.admin("flags:set", key="realtime", variant="reactive-only")
    client = await connect(full.url)
    told = await client.join(task, fallback=True)
    assert told == {"variant": "reactive-only", "path": "reactive"}
    await client.send(task, "go", llmModel="openai/held")
    await full.fake.until(lambda: len(full.fake.requests) == 1)
    full.disk.fill()
    await full.fake.until(lambda: full.fake.open == 0)
    assert (await _status(full, thread))[1] == ("streaming", "")
    full.disk.empty()
    await _until_stored(full, thread, WORDS)
    assert not STREAM_EVENTS & set(client.names())


async def test_two_paths_in_one_room(full: Full, connect: Connect, task: str) -> None:
    """Level 1: what is pushed does not arrive at one of them, and the log is fine."""
    await full.thread(task)
    await full.admin("flags:set", key="realtime", variant="reactive")
    pushed, cut_off = await connect(full.url), await connect(full.url)
    assert (await pushed.join(task))["path"] == "reactive"
    assert (await cut_off.join(task, fallback=True))["path"] == "legacy"
    sent = await cut_off.send(task, "go", llmModel="openai/held")
    for client in (pushed, cut_off):
        await client.until(lambda client=client: client.statuses() == ["RUNNING", "COMPLETED"])  # type: ignore[misc]
    assert kinds(cut_off.chunks()) == expected(await full.log(sent["streamId"]))
    assert not STREAM_EVENTS & set(pushed.names())


async def test_stream_that_breaks_twice_is_asked_for_plainly(
    full: Full, connect: Connect, task: str
) -> None:
    """Level 3, as the sockets see it: each attempt begins with an empty state."""
    thread = await full.thread(task)
    client = await connect(full.url)
    await client.join(task)
    sent = await client.send(task, "go", llmModel="openai/eof0,eof0,ok")
    await client.until_told("stream-complete")
    assert [request.streams for request in full.fake.requests] == [True, True, False]
    assert len(client.told("stream-state")) == 3
    assert text(client.chunks()) == TEXT
    assert (await _status(full, thread))[1:] == [("complete", TEXT)]
    log = await full.log(sent["streamId"])
    assert [each["to"] for each in log if each["type"] == "attempt-reset"] == [2, 3]


async def test_tool_waits_for_the_store(full: Full, connect: Connect, task: str) -> None:
    """What a tool does can't be taken back, so its call is stored before."""
    await full.thread(task)
    client = await connect(full.url)
    await client.join(task)
    full.fake.scripts["calling"] = [
        ("begin",),
        ("pause", 0.3),
        ("call", 0, "c1", "count_text"),
        ("args", 0, '{"text": "abc"}'),
        ("pause", 0.2),
        ("end", "tools"),
    ]
    sent = await client.send(task, "go", llmModel="openai/calling,ok")
    await full.fake.until(lambda: len(full.fake.requests) == 1)
    full.disk.fill()
    await full.fake.until(lambda: full.fake.open == 0)
    await client.until(lambda: [each for each in client.chunks() if "toolCallStart" in each])
    assert not [each for each in client.chunks() if each["type"] in ("tool-call", "tool-result")]
    full.disk.empty()
    await client.until_told("stream-complete")
    log = await full.log(sent["streamId"])
    assert kinds(client.chunks()) == expected(log)
    assert [each["success"] for each in log if each["type"] == "tool-result"] == [True]
