"""The writer: whatever is appended, however it is flushed, and whatever fails meanwhile."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reactive.ai import events
from reactive.ai.answering import Retold
from reactive.ai.events import Event, is_terminal
from reactive.ai.reducer import reduce
from reactive.ai.writer import (
    Answer,
    Flusher,
    LostError,
    StorageFailedError,
    StreamWriter,
)
from reactive.clock import SystemClock
from reactive.limits import DEFAULT_LIMITS
from reactive.testing.clock import ManualClock
from tests.ai.memory_log import MemoryLog, Stored
from tests.ai.random_streams import numbered, streams
from tests.ai.test_reducer import shown

STREAM = "stream"
START = events.stream_start("message", "scripted/echo", 1)
FINISH = events.stream_finish("stop", events.usage(1, 1))
# No waits: what is tested here is what is written, not when.
EAGER = replace(DEFAULT_LIMITS, flush_s=0.0, flush_gap_s=0.0)


def writer_of(log: MemoryLog, clock: Any = None, limits: Any = DEFAULT_LIMITS) -> StreamWriter:
    return StreamWriter(Flusher(log, clock or SystemClock(), limits), STREAM, "message")


def timeless(found: list[Event]) -> list[Event]:
    return [{**event, "ts": 1_000.0} for event in found]


@settings(max_examples=60)
@given(streams(is_over=True), st.data())
def test_what_is_stored_is_what_was_appended(found: list[Event], data: st.DataObject) -> None:
    """However the events are cut into flushes, and whichever of these fail: the numbers have no
    gaps, events, rows and content agree, and the end comes with the last of them.
    """
    pauses = data.draw(st.lists(st.integers(0, 3), min_size=len(found), max_size=len(found)))
    failures = data.draw(st.lists(st.booleans(), max_size=12))

    async def scenario() -> Stored:
        log = MemoryLog()
        log.failing = lambda: bool(failures) and failures.pop()
        writer = writer_of(log, limits=EAGER)
        for event, pause in zip(found[:-1], pauses, strict=False):
            writer.append(event)
            for _ in range(pause):
                await asyncio.sleep(0)
        await writer.finish(found[-1])
        return log.streams[STREAM]

    stored = asyncio.run(scenario())

    wanted, state = shown(reduce(numbered(found))), shown(reduce(timeless(stored.events)))
    for each in (wanted, state):
        del each["counts"], each["lastSeq"]
    assert wanted == state
    assert stored.content == stored.state.content
    texts = {part.index: part.text for part in stored.state.parts if part.type != "tool"}
    assert texts == stored.texts()
    assert is_terminal(stored.events[-1])


async def until(clock: ManualClock, condition: Callable[[], bool]) -> None:
    """Lets time pass until something is true."""
    for _ in range(2_000):
        if condition():
            return
        clock.advance(0.01)
        await asyncio.sleep(0.001)
    raise AssertionError("it never came true")


async def test_text_of_one_tick_is_one_event() -> None:
    log = MemoryLog()
    writer = writer_of(log)
    writer.append(START, events.text_start("a"))
    for letter in "abc":
        writer.append(events.text_delta("a", letter))
    await writer.finish(FINISH)

    assert ["abc"] == [e["delta"] for e in log.streams[STREAM].events if e["type"] == "text-delta"]


async def test_terminal_event_and_all_before_it_are_one_transaction() -> None:
    log = MemoryLog()
    writer = writer_of(log)
    writer.append(START)
    await log.until(lambda: STREAM in log.streams)
    writer.append(events.text_start("a"), events.text_delta("a", "Hello"))
    await writer.finish(FINISH)

    assert 2 == len(log.flushes)
    assert "Hello" == log.streams[STREAM].content


async def test_failed_flush_is_written_again_with_its_numbers() -> None:
    log = MemoryLog()
    failures = [True, True, True]
    log.failing = lambda: bool(failures) and failures.pop()
    writer = writer_of(log)
    writer.append(START, events.text_start("a"), events.text_delta("a", "Hello"))
    await writer.finish(FINISH)

    assert [1, 2, 3, 4] == [event["seq"] for event in log.streams[STREAM].events]
    assert [] == failures


async def test_mistake_in_the_log_is_no_end_of_the_flusher() -> None:
    log = MemoryLog()
    failed: list[bool] = []

    def fail_once() -> bool:
        if not failed:
            failed.append(True)
            raise KeyError("a mistake")
        return False

    log.failing = fail_once
    writer = writer_of(log)
    writer.append(START)
    await writer.finish(FINISH)

    assert "finished" == log.streams[STREAM].state.status


async def test_storage_that_fails_for_too_long() -> None:
    clock, log = ManualClock(), MemoryLog()
    log.failing = lambda: True
    writer = writer_of(log, clock)
    writer.append(START)
    task = asyncio.create_task(writer.finish(FINISH))

    await until(clock, task.done)

    with pytest.raises(StorageFailedError):
        await task
    assert writer.stop_requested.is_set()
    assert clock.monotonic() >= DEFAULT_LIMITS.stream_unwritten_s
    with pytest.raises(StorageFailedError):
        writer.append(START)


async def test_too_much_that_cannot_be_written() -> None:
    log = MemoryLog()
    refused = asyncio.Event()

    def refuse() -> bool:
        refused.set()
        return True

    log.failing = refuse
    writer = writer_of(log)
    writer.append(START, events.text_start("a"))
    await asyncio.wait_for(refused.wait(), 10)

    with pytest.raises(StorageFailedError):
        for _ in range(1_000):
            writer.append(events.text_delta("a", "x" * 1_024))
    writer._end(None)


async def test_stop_is_heard_while_there_is_nothing_to_write() -> None:
    log = MemoryLog()
    writer = writer_of(log)
    writer.append(START)
    await log.until(lambda: STREAM in log.streams)

    log.answers[STREAM] = Answer("Ada", "enough")

    await asyncio.wait_for(writer.stop_requested.wait(), 10)
    assert ("Ada", "enough") == (writer.answer.stopped_by, writer.answer.stop_reason)
    await writer.finish(events.stream_stopped("enough", "Ada"))
    assert "stopped" == log.streams[STREAM].state.status


async def test_lost_stream_is_not_written_any_more() -> None:
    log = MemoryLog()
    writer = writer_of(log)
    writer.append(START)
    await log.until(lambda: STREAM in log.streams)
    log.answers[STREAM] = Answer(is_lost=True)
    await asyncio.wait_for(writer.stop_requested.wait(), 10)

    with pytest.raises(LostError):
        writer.append(events.text_start("a"))
    with pytest.raises(LostError):
        await writer.finish(FINISH)
    assert ["stream-start"] == log.streams[STREAM].types()
    writer._end(None)


async def test_silent_stream_gives_signs_of_life() -> None:
    clock, log = ManualClock(), MemoryLog()
    writer = writer_of(log, clock)
    writer.append(START)

    await until(clock, lambda: STREAM in log.streams and log.streams[STREAM].beats >= 3)

    assert clock.monotonic() >= 2 * DEFAULT_LIMITS.heartbeat_s
    assert ["stream-start"] == log.streams[STREAM].types()
    task = asyncio.create_task(writer.finish(FINISH))
    await until(clock, task.done)


async def test_streams_share_transactions_and_none_starves() -> None:
    """More streams than one transaction takes, all of them always with something to say."""
    log = MemoryLog()
    flusher = Flusher(log, SystemClock(), replace(EAGER, flush_streams_max=3))
    writers = [StreamWriter(flusher, f"s{number}", "message") for number in range(8)]
    for writer in writers:
        writer.append(START, events.text_start("a"))

    async def talk(writer: StreamWriter) -> None:
        while len(log.streams) < len(writers):
            writer.append(events.text_delta("a", "x"))
            await asyncio.sleep(0)
        await writer.finish(FINISH)

    await asyncio.wait_for(asyncio.gather(*map(talk, writers)), 10)

    assert {"finished"} == {stored.state.status for stored in log.streams.values()}
    assert 3 == max(len(each) for each in log.flushes)
    assert flusher._writers == {}


async def test_end_that_will_not_be_written_is_not_waited_for() -> None:
    clock = ManualClock()
    flusher = Flusher(MemoryLog(), clock)
    writer = StreamWriter(flusher, STREAM, "message")
    ending = asyncio.create_task(writer.finish(FINISH))
    await asyncio.sleep(0)

    assert flusher._task is not None
    flusher._task.cancel()

    with pytest.raises(StorageFailedError, match="the process is ending"):
        await ending
    assert writer.stop_requested.is_set()


async def test_what_is_told_again_is_written_in_pieces_that_fit_a_document() -> None:
    log = MemoryLog()
    writer = writer_of(log, limits=EAGER)
    retold = Retold(writer)
    pieces = [events.text_delta("a", letter * 90_000) for letter in "abcdefghijkl"]
    for event in (START, events.text_start("a"), *pieces, events.text_end("a")):
        await retold.append(event)
    await writer.finish(FINISH)
    stored = log.streams[STREAM]

    assert stored.content == "".join(event["delta"] for event in pieces)
    assert max(len(event.get("delta", "")) for event in stored.events) < 400_000
