"""Servers that die, or cannot write, in the middle of an answer: nothing half is ever left.

Whatever was seen by a reader before is still there afterwards, each stream ends once, and log,
parts and message say the same.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reactive.ai.events import Event, is_terminal
from reactive.ai.reducer import StreamState, reduce
from reactive.errors import StorageError
from reactive.limits import DEFAULT_LIMITS
from reactive.storage.memory import MemoryStore
from reactive.testing.faults import FaultyStore, Moment, Place
from tests.server import ServerProcess
from tests.sync_client import SyncClient
from tests.upkeep.world import ROOT, Chat, chatting

FIRST_PAGE = {"numItems": 10, "cursor": None}
ENDS_WITHIN_S = DEFAULT_LIMITS.lease_s + 20.0
STORY_S = 20.0

Seen = list[Event]
When = Callable[[Seen], bool]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    process = ServerProcess(ROOT, tmp_path / "data.sqlite3")
    with process:
        yield process


@pytest.fixture
async def client(server: ServerProcess) -> AsyncIterator[SyncClient]:
    async with SyncClient() as client:
        yield await client.open(server.sync_url)


async def send(client: SyncClient, model: str, prompt: str) -> dict[str, str]:
    thread = await client.run("threads:create", {"title": "x"})
    sent = await client.run(
        "messages:send", {"threadId": thread, "prompt": prompt, "model": f"scripted/{model}"}
    )
    return {"thread": thread, **sent}


async def seen_until(client: SyncClient, stream: str, holds: When) -> Seen:
    """What a reader has been pushed of a log when it first fits."""
    log = await client.subscribe("streamEvents:getStreamEvents", {"streamId": stream})
    result = await client.result_becomes(log, lambda found: holds(found.value["events"]))
    events: Seen = result.value["events"]
    return events


def characters(count: int) -> When:
    return lambda events: sum(len(each.get("delta", "")) for each in events) >= count


def has(kind: str) -> When:
    return lambda events: any(each["type"] == kind for each in events)


async def ended(server: ServerProcess, sent: dict[str, str]) -> StreamState:
    """The answer once it is over, and everything about it fits."""
    async with SyncClient() as reader:
        await reader.open(server.sync_url)
        state = await reader.subscribe(
            "streamEvents:getStreamState", {"streamId": sent["streamId"]}
        )
        told = await reader.result_becomes(
            state, lambda found: found.value["finalSeq"] is not None, seconds=ENDS_WITHIN_S
        )
        return await check_whole(reader, sent, told.value)


async def check_whole(
    reader: SyncClient, sent: dict[str, str], told: dict[str, Any]
) -> StreamState:
    page = await reader.query(
        "streamEvents:getStreamEvents", {"streamId": sent["streamId"], "limit": 1_000}
    )
    log = page.value["events"]
    assert page.value["isDone"]
    assert [each["seq"] for each in log] == [*range(1, int(told["finalSeq"]) + 1)]
    assert [each["seq"] for each in log if is_terminal(each)] == [told["finalSeq"]]
    state = reduce(log)
    assert told["state"] == state.status

    messages = await reader.query(
        "messages:list", {"threadId": sent["thread"], "paginationOpts": FIRST_PAGE}
    )
    answer, question = messages.value["page"]
    assert (answer["_id"], question["_id"]) == (sent["messageId"], sent["userMessageId"])
    status = {"finished": "complete", "stopped": "stopped", "error": "error"}[state.status]
    assert (answer["status"], answer["content"]) == (status, state.content)
    assert answer.get("errorCode") == state.error_code

    order = await reader.query("parts:order", {"messageId": sent["messageId"]})
    texts: dict[int, str] = {}
    states: dict[int, str] = {}
    for place in order.value:
        part = await reader.query(
            "parts:get",
            {
                "messageId": sent["messageId"],
                "index": place["index"],
                "segment": place["segment"],
            },
        )
        assert part.value["sealed"]
        texts[place["index"]] = texts.get(place["index"], "") + part.value.get("text", "")
        states[place["index"]] = part.value["state"]
    assert texts == {part.index: part.text for part in state.parts}
    assert states == {part.index: part.state for part in state.parts}
    usage = await reader.query("usage:summary", {})
    assert [row["attempts"] for row in usage.value] == [1]
    return state


# --- kill -9 ---


async def test_killed_after_the_placeholder(server: ServerProcess, client: SyncClient) -> None:
    """The answer is made by the next server, or ends without a text."""
    sent = await send(client, "slow", "one two")
    server.kill()
    server.start()

    state = await ended(server, sent)

    assert (state.status, state.content) in [("finished", "one two"), ("error", "")]


async def test_killed_in_mid_text(server: ServerProcess, client: SyncClient) -> None:
    sent = await send(client, "story", "x")
    seen = await seen_until(client, sent["streamId"], characters(200))
    server.kill()
    server.start()

    state = await ended(server, sent)

    assert (state.status, state.error_code) == ("error", "orphaned")
    assert state.content.startswith(reduce(seen).content)


async def test_killed_in_mid_tool(server: ServerProcess, client: SyncClient) -> None:
    sent = await send(client, "tools", "some words " * 200)
    seen = await seen_until(client, sent["streamId"], has("tool-input-delta"))
    server.kill()
    server.start()

    state = await ended(server, sent)

    assert (state.status, state.error_code) == ("error", "orphaned")
    assert {part.state for part in state.parts} == {"error"}
    assert len(state.parts) >= len(reduce(seen).parts)


async def test_killed_before_the_end(server: ServerProcess, client: SyncClient) -> None:
    prompt = "word " * 100
    sent = await send(client, "echo", prompt)
    seen = await seen_until(client, sent["streamId"], characters(len(prompt) - 20))
    server.kill()
    server.start()

    state = await ended(server, sent)

    assert state.content.startswith(reduce(seen).content)
    if state.status == "finished":
        assert state.content == prompt
    else:
        assert state.error_code == "orphaned"


async def test_killed_after_the_end_before_a_reader_heard_of_it(
    server: ServerProcess, client: SyncClient
) -> None:
    sent = await send(client, "echo", "one two three")
    deaf = await SyncClient().open(server.sync_url)
    await deaf.add("streamEvents:getStreamEvents", {"streamId": sent["streamId"]})
    await seen_until(
        client, sent["streamId"], lambda events: bool(events) and is_terminal(events[-1])
    )
    server.kill()
    await deaf.close()
    server.start()

    state = await ended(server, sent)

    assert (state.status, state.content) == ("finished", "one two three")


async def test_killed_while_an_action_makes_the_answer(
    server: ServerProcess, client: SyncClient
) -> None:
    """It has no job that could have failed; its lease runs out."""
    thread = await client.run("threads:create", {"title": "x"})
    await client.request(
        "Action",
        "streaming:streamChatWithTools",
        {"taskId": thread, "prompt": "x", "model": "scripted/story"},
    )
    listed = await client.subscribe(
        "messages:list", {"threadId": thread, "paginationOpts": FIRST_PAGE}
    )
    page = await client.result_becomes(listed, lambda found: len(found.value["page"]) == 2)
    answer, question = page.value["page"]
    sent = {
        "thread": thread,
        "userMessageId": question["_id"],
        "messageId": answer["_id"],
        "streamId": answer["streamId"],
    }
    seen = await seen_until(client, sent["streamId"], characters(100))
    server.kill()
    server.start()

    state = await ended(server, sent)

    assert (state.status, state.error_code) == ("error", "orphaned")
    assert state.content.startswith(reduce(seen).content)


async def test_killed_again_and_again(server: ServerProcess, client: SyncClient) -> None:
    """A kill while the server is still tidying up after the one before."""
    sent = await send(client, "story", "x")
    await seen_until(client, sent["streamId"], characters(50))
    for _ in range(3):
        server.kill()
        server.start()

    state = await ended(server, sent)

    assert (state.status, state.error_code) == ("error", "orphaned")


# --- SIGTERM ---


async def test_stopped_server_ends_its_answers_itself(
    server: ServerProcess, client: SyncClient
) -> None:
    sent = await send(client, "story", "x")
    seen = await seen_until(client, sent["streamId"], characters(50))
    code = await asyncio.to_thread(server.stop)
    server.start()

    async with SyncClient() as reader:
        await reader.open(server.sync_url)
        told = await reader.query("streamEvents:getStreamState", {"streamId": sent["streamId"]})
        # Nobody had to find it: it was over when the process ended.
        state = await check_whole(reader, sent, told.value)

    assert code == 0
    assert state.content.startswith(reduce(seen).content)
    assert (state.status, state.error_code) in [("error", "orphaned"), ("finished", None)]


# --- A store that cannot be written ---


class Disk(FaultyStore):
    """A store that is full for a while."""

    is_full = False

    async def strike(self, place: Place, moment: Moment) -> None:
        if self.is_full and (place, moment) == ("commit", "before"):
            raise StorageError("the disk is full")
        await super().strike(place, moment)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk(MemoryStore(DEFAULT_LIMITS))
    monkeypatch.setattr("reactive.testing.backend.MemoryStore", lambda limits: disk)
    return disk


async def told_by(chat: Chat, seconds: float) -> str:
    """The story, as a disk that works has it."""
    sent = await chat.send(model="scripted/story")
    await chat.backend.advance(seconds)
    return (await chat.check_whole(sent)).content


async def test_disk_full_for_three_seconds_loses_nothing(disk: Disk) -> None:
    async with chatting() as chat:
        story = await told_by(chat, STORY_S)
        sent = await chat.send(model="scripted/story")
        await chat.backend.advance(1)
        before = await chat.events(sent)
        disk.is_full = True
        await chat.backend.advance(3)
        assert await chat.events(sent) == before
        disk.is_full = False
        await chat.backend.advance(STORY_S)

        state = await chat.check_whole(sent)
        assert (state.status, state.content) == ("finished", story)
        assert (await chat.events(sent))[: len(before)] == before


async def test_disk_full_for_long_ends_the_answer_with_what_was_written(disk: Disk) -> None:
    async with chatting() as chat:
        story = await told_by(chat, STORY_S)
        sent = await chat.send(model="scripted/story")
        await chat.backend.advance(1)
        before = await chat.events(sent)
        disk.is_full = True
        await chat.backend.advance(60)
        disk.is_full = False
        await chat.backend.advance(20)

        state = await chat.check_whole(sent)
        assert state.status == "error"
        assert state.error_code in ("storage_error", "orphaned")
        assert state.content == reduce(before).content
        assert story.startswith(state.content)
        # And the next answer is as good as ever.
        assert await told_by(chat, STORY_S) == story
