"""The flag is flipped after every single event of an answer, and its reader has it all, once.

The readers are real: python-socketio's client and the Python client, over sockets.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from reactive.ai import events
from reactive.ai.events import Event, is_terminal
from reactive.ai.reducer import reduce
from reactive.ai.writer import StreamWriter
from reactive.cli.trial_readers import MovingReader, SteadyReader
from reactive.client import ReactiveClient
from tests.trial.conftest import LOOK_S, plant
from tests.upkeep.world import Chat, Sent

RECORDED: list[Event] = [
    events.reasoning_start("r"),
    events.reasoning_delta("r", "Let me "),
    events.reasoning_delta("r", "think."),
    events.reasoning_end("r"),
    events.text_start("a"),
    events.text_delta("a", "Counting "),
    events.text_delta("a", "🌍 words"),
    events.text_end("a"),
    events.tool_input_start("t", "count_text"),
    events.tool_input_delta("t", '{"text": '),
    events.tool_input_delta("t", '"x"}'),
    events.tool_call("t", "count_text", {"text": "x"}),
    events.tool_result("t", output={"words": 1}),
    events.step_finish(events.usage(3, 2)),
    events.text_start("b"),
    events.text_delta("b", "One, "),
    events.text_delta("b", "so far."),
    events.text_end("b"),
    events.step_finish(events.usage(4, 5)),
    events.stream_finish("stop", events.usage(7, 7)),
]
WAIT_S = 20.0


class Flips:
    """An answer that is written event by event, with its readers."""

    def __init__(
        self, chat: Chat, url: str, client: ReactiveClient, sent: Sent, writer: StreamWriter
    ) -> None:
        self.chat = chat
        self.sent = sent
        self.writer = writer
        self.news = asyncio.Event()
        self.moving = MovingReader(url, client, sent.thread, sent.stream, self.news.set)
        self.steady = SteadyReader(client, sent.stream)

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not is_so():
                self.news.clear()
                await self.news.wait()

    async def until_moved(self, times: int) -> None:
        await self.until(lambda: self.moving.moves >= times)

    async def write(self, event: Event) -> None:
        """Commits an event."""
        if is_terminal(event):
            await self.chat.finish(self.writer, event)
            return
        self.writer.append(event)
        await self.chat.backend.advance(0.2)

    async def set(self, variant: str) -> None:
        await self.chat.backend.mutation("flags:set", key="realtime", variant=variant)

    async def check_whole(self) -> None:
        """Both readers have what the log has, once."""
        log = await self.chat.events(self.sent)
        moving = self.moving
        assert (0, 0) == (moving.doubled, moving.gaps)
        assert ("identical", "identical") == (moving.judge(log).kind, self.steady.judge(log).kind)
        told = "".join(piece.value for piece in moving.pieces if piece.type == "content")
        assert reduce(log).content == told == "Counting 🌍 wordsOne, so far."


@asynccontextmanager
async def flips_of(chat: Chat, variant: str) -> AsyncIterator[Flips]:
    """An answer under way whose two readers have begun."""
    sent = await chat.prepare()
    flusher = await chat.begin(sent)
    (writer,) = flusher._writers
    url = await chat.backend.listen()
    await chat.backend.mutation("flags:set", key="realtime", variant=variant)
    async with ReactiveClient(url) as client:
        flips = Flips(chat, url, client, sent, writer)
        readers = asyncio.gather(flips.moving.run(), flips.steady.run())
        await asyncio.wait_for(flips.moving.is_reading.wait(), WAIT_S)
        yield flips
        await asyncio.wait_for(readers, WAIT_S)


@pytest.mark.parametrize("paths", [("legacy", "reactive"), ("reactive", "legacy")])
@pytest.mark.parametrize("every", [1, 2])
async def test_flip_after_every_event(chat: Chat, paths: tuple[str, str], every: int) -> None:
    async with flips_of(chat, paths[0]) as flips:
        moving = flips.moving
        for number, event in enumerate(RECORDED, 1):
            await flips.write(dict(event))
            if number % every == 0 and not is_terminal(event):
                moves = moving.moves
                await flips.set(paths[number // every % 2])
                await flips.until_moved(moves + 1)

    assert (len(RECORDED) - 1) // every == moving.moves
    await flips.check_whole()


async def test_way_back_moves_readers_in_mid_answer(chat: Chat) -> None:
    async with flips_of(chat, "reactive") as flips:
        moving = flips.moving
        await chat.backend.mutation("flags:set", key="realtime", variant="reactive", percentage=100)
        for event in RECORDED[:7]:
            await flips.write(dict(event))
        await flips.until(lambda: any(piece.value == "🌍 words" for piece in moving.pieces))
        assert [] == moving.arrivals, "nothing came over the socket"
        await plant(chat, 60, errors=1)
        await chat.backend.advance(LOOK_S)
        await flips.until_moved(1)
        for event in RECORDED[7:]:
            await flips.write(dict(event))

    assert moving.arrivals, "the rest did"
    assert 1 == moving.moves
    assert "legacy" == (await chat.backend.query("flags:get", key="realtime"))["variant"]
    await flips.check_whole()
