"""What an answer costs, counted: the gains of the design, held by tests."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from reactive.ai.events import Event
from reactive.ai.providers.base import Completed
from reactive.ai.providers.scripted import Scripted
from reactive.clock import sleep
from reactive.limits import DEFAULT_LIMITS
from tests.upkeep.world import Chat

PAGE = {"numItems": 20, "cursor": None}
TOKEN = "word"
TOKENS_PER_S = 50
TICKS_PER_S = 1 / DEFAULT_LIMITS.flush_s


@pytest.fixture(autouse=True)
def _long_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that tells 4,000 characters in 20 seconds."""

    async def stream(self: Scripted, request: Any) -> AsyncGenerator[Event | Completed, None]:
        yield {"type": "text-start", "partId": "a"}
        for _ in range(1_000):
            await sleep(self._clock, 1 / TOKENS_PER_S)
            yield {"type": "text-delta", "partId": "a", "delta": TOKEN}
        yield {"type": "text-end", "partId": "a"}
        used = {"inputTokens": 1, "outputTokens": 1_000, "cachedTokens": 0, "reasoningTokens": 0}
        yield Completed("stop", used)  # type: ignore[arg-type]

    monkeypatch.setattr(Scripted, "stream", stream)


class Counts:
    """What runs, by path, and what is committed."""

    def __init__(self, chat: Chat) -> None:
        self._app = chat.backend._app
        self.runs: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()
        runner = self._app.service._runner
        run = runner.run

        async def counted(definition: Any, execution: Any, *args: Any, **more: Any) -> object:
            # One that a busy machine has interrupted raises, and comes again.
            value = await run(definition, execution, *args, **more)
            self.runs[definition.path] += 1
            self.rows[definition.path] += execution.transaction.documents_read
            return value

        runner.run = counted  # type: ignore[method-assign,assignment]

    @property
    def commits(self) -> int:
        return self._app.database.commits


@asynccontextmanager
async def watched(chat: Chat, path: str, **args: Any) -> AsyncIterator[list[Any]]:
    """The values that a client of a live query is pushed."""
    values: list[Any] = []

    async def watch() -> None:
        async for value in chat.backend.subscribe(path, args):
            values.append(value)

    task = asyncio.ensure_future(watch())
    await chat.backend.settle()
    try:
        yield values
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("streams", [1, 40])
async def test_all_streams_share_a_transaction_a_tick(chat: Chat, streams: int) -> None:
    thread = await chat.thread()
    for _ in range(streams):
        await chat.send(thread=thread)
    await chat.backend.advance(1)
    counts = Counts(chat)
    before = counts.commits

    await chat.backend.advance(4)

    # Beside them: heart beats ride along, and the look for orphans is noted every five seconds.
    # A heartbeat that falls between two ticks is one more.
    assert 4 * TICKS_PER_S * 0.8 <= counts.runs["streams:flush"] <= 4 * TICKS_PER_S + 3
    assert counts.commits - before <= counts.runs["streams:flush"] + 3
    rows = await chat.rows("streamEvents")
    assert len({row.stream_id for row in rows}) == streams
    assert len(rows) >= streams * 4 * TICKS_PER_S * 0.8


async def test_many_streams_wait_for_each_other(chat: Chat) -> None:
    thread = await chat.thread()
    for _ in range(100):
        await chat.send(thread=thread)
    await chat.backend.advance(1)
    counts = Counts(chat)
    before = counts.commits

    await chat.backend.advance(4)

    assert 4 * 20 * 0.8 <= counts.runs["streams:flush"] <= 4 * 20
    assert counts.commits - before <= counts.runs["streams:flush"] + 3
    assert len({row.stream_id for row in await chat.rows("streamEvents")}) == 100


async def test_lists_stand_still_while_tokens_arrive(chat: Chat) -> None:
    sent = await chat.send()
    async with (
        watched(chat, "messages:list", threadId=sent.thread, paginationOpts=PAGE) as messages,
        watched(chat, "threads:list", paginationOpts=PAGE) as threads,
    ):
        await chat.backend.advance(1)
        counts = Counts(chat)
        pushed = len(messages), len(threads)

        await chat.backend.advance(15)

        assert len(await chat.events(sent)) > 200
        assert counts.runs["messages:list"] == counts.runs["threads:list"] == 0
        assert (len(messages), len(threads)) == pushed
        await chat.backend.advance(10)
        assert messages[-1]["page"][0]["status"] == "complete"
        assert counts.runs["messages:list"] == 1
        assert counts.runs["threads:list"] == 0


@pytest.mark.parametrize(
    ("path", "interval_s"), [("messages:observe", 2.0), ("messages:legacyView", 0.3)]
)
async def test_observers_are_told_now_and_then_and_of_an_end_at_once(
    chat: Chat, path: str, interval_s: float
) -> None:
    sent = await chat.send()
    async with watched(chat, path, threadId=sent.thread) as told:
        await chat.backend.advance(1)
        before = len(told)

        await chat.backend.advance(12)

        # Its own runs, and not the answer's ticks, of which there are 25 a second.
        assert 12 / interval_s * 0.8 <= len(told) - before <= 12 / interval_s
        texts = [len(value[-1]["content"]) for value in told]
        assert texts == sorted(texts)
        assert texts[-1] > 1_500
        assert "streaming" == told[-1][-1]["status"]

        # One push has just been; the next would be a whole interval away.
        pushed = len(told)
        while len(told) == pushed:
            await chat.backend.advance(0.01)
        await chat.backend.mutation("streams:stop", streamId=sent.stream)
        # The writer hears of it, and then writes the end.
        await chat.backend.advance(DEFAULT_LIMITS.stop_look_s + DEFAULT_LIMITS.flush_s)
        assert "stopped" == told[-1][-1]["status"]


@pytest.mark.parametrize("watchers", [1, 25])
async def test_tick_costs_two_executions_however_many_watch(chat: Chat, watchers: int) -> None:
    """One writes, one reads the open row; those who watch the same share it."""
    sent = await chat.send()
    await chat.backend.advance(0.5)
    where = {"messageId": sent.message, "index": 0, "segment": 0}
    tasks = [watched(chat, "parts:get", **where) for _ in range(watchers)]
    texts = [await each.__aenter__() for each in tasks]
    counts = Counts(chat)

    await chat.backend.advance(1)

    ticks = counts.runs["streams:flush"]
    assert ticks > 12
    assert counts.runs["parts:get"] <= ticks
    assert sum(counts.runs.values()) <= 2 * ticks + 5
    assert all(len(each) >= ticks * 0.9 for each in texts)
    for each in tasks:
        await each.__aexit__(None, None, None)


async def test_order_is_pushed_once_for_each_row_and_sealed_rows_never_again(chat: Chat) -> None:
    sent = await chat.send()
    async with (
        watched(chat, "parts:order", messageId=sent.message) as orders,
        watched(chat, "parts:get", messageId=sent.message, index=0, segment=0) as first,
    ):
        await chat.backend.advance(8)
        pushed = len(first)
        assert "done" == first[-1]["state"]
        await chat.backend.advance(30)

        rows = -(-1_000 * len(TOKEN) // DEFAULT_LIMITS.segment_characters_min)
        assert len(orders[-1]) == rows > 10
        # The first row, each further one, and the end.
        assert len(orders) == rows + 1
        assert len(first) == pushed


async def test_tick_reads_no_more_of_a_long_answer_than_of_a_short_one(chat: Chat) -> None:
    await chat.send()
    service = chat.backend._app.service
    read = []
    for _ in range(2):
        await chat.backend.advance(1)
        before = service.rows_read
        await chat.backend.advance(5)
        read.append(service.rows_read - before)
        await chat.backend.advance(4)

    ticks = 5 * TICKS_PER_S
    assert read[0] <= 4 * ticks
    assert read[1] <= read[0] + 10


async def test_debug_panel_reads_a_bounded_part_of_the_log_now_and_then(chat: Chat) -> None:
    sent = await chat.send()
    async with watched(chat, "streams:debugInfo", streamId=sent.stream) as figures:
        await chat.backend.advance(12)
        counts = Counts(chat)
        await chat.backend.advance(6)

        # Twice in a second, and once more for each heartbeat.
        assert 6 <= counts.runs["streams:debugInfo"] <= 12 + 3
        beats = DEFAULT_LIMITS.heartbeat_s * TICKS_PER_S
        assert counts.rows["streams:debugInfo"] <= counts.runs["streams:debugInfo"] * (beats + 10)
        await chat.backend.advance(10)

    log = await chat.events(sent)
    [told] = figures[-1:]
    assert told["countsByType"] == Counter(each["type"] for each in log)
    assert told["lastSeq"] == told["durableSeq"] == told["eventCount"] == len(log)
    assert told["bytes"] == 1_000 * len(TOKEN)
