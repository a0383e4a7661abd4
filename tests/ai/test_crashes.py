"""Servers that die, or cannot write, in the middle of an answer: nothing half is ever left.

Whatever was seen by a reader before is still there afterwards, each stream ends once, and log,
parts and message say the same.
"""

import asyncio

import pytest

from reactive.ai.reducer import reduce
from reactive.errors import StorageError
from reactive.limits import DEFAULT_LIMITS
from reactive.storage.memory import MemoryStore
from reactive.testing.faults import FaultyStore, Moment, Place
from tests.ai.crashing import (
    attempts,
    characters,
    ended,
    has,
    seen_until,
    send,
)
from tests.server import ServerProcess
from tests.sync_client import SyncClient
from tests.upkeep.world import Chat, chatting

STORY_S = 20.0


# --- kill -9 ---


async def test_killed_at_five_points(server: ServerProcess, client: SyncClient) -> None:
    """At the placeholder, in mid-text, in mid-tool, right before an end, and right after one."""
    tool = await send(client, "tools", "some words " * 400)
    before_tool = await seen_until(client, tool["streamId"], has("tool-input-delta"))
    over = await send(client, "echo", "one two three")
    deaf = await SyncClient().open(server.sync_url)
    await deaf.add("streamEvents:getStreamEvents", {"streamId": over["streamId"]})
    await seen_until(client, over["streamId"], has("stream-finish"))
    text = await send(client, "story", "x")
    before_text = await seen_until(client, text["streamId"], characters(50))
    prompt = "word " * 60
    ending = await send(client, "echo", prompt)
    almost = characters(len(prompt) - 20)
    before_end = await seen_until(client, ending["streamId"], almost)
    placeholder = await send(client, "slow", "one two")
    server.kill()
    await deaf.close()
    server.start()
    everything = (text, tool, over, ending, placeholder)

    states = await asyncio.gather(*[ended(server, each) for each in everything])

    in_text, in_tool, after_end, at_end, at_start = states
    assert (in_text.status, in_text.error_code) == ("error", "orphaned")
    assert in_text.content.startswith(reduce(before_text).content)
    assert (in_tool.status, in_tool.error_code) == ("error", "orphaned")
    assert {part.state for part in in_tool.parts} == {"error"}
    assert len(in_tool.parts) >= len(reduce(before_tool).parts)
    assert (after_end.status, after_end.content) == ("finished", "one two three")
    assert at_end.content.startswith(reduce(before_end).content)
    assert (at_end.status, at_end.error_code) in [("finished", None), ("error", "orphaned")]
    assert at_end.status == "error" or at_end.content == prompt
    # The next server makes it, or it ends without a text.
    assert (at_start.status, at_start.content) in [("finished", "one two"), ("error", "")]
    assert await attempts(server) == len(everything)


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
