"""Reads a stream's log from any event on, to its end, however long that takes.

Every transport reads through this: it sees what is committed, in order, without gaps, once.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from time import time_ns
from weakref import WeakSet

from reactive.ai import metrics
from reactive.ai.events import Event, is_terminal
from reactive.limits import DEFAULT_LIMITS

Read = Callable[[str, int], Awaitable[tuple[list[Event], bool]]]
"""Gives the next committed events of a stream after a number, and whether its log has ended."""

_readers: dict[str, "WeakSet[asyncio.Event]"] = {}


def wake(stream_id: str) -> None:
    """Tells this process's readers of a stream that there is more. Never waits."""
    for reader in _readers.get(stream_id, ()):
        reader.set()


def readers(stream_id: str | None = None) -> int:
    """How many readers this process has, of one stream or of all."""
    if stream_id is not None:
        return len(_readers.get(stream_id, ()))
    return sum(len(each) for each in _readers.values())


async def follow_pages(
    read: Read,
    stream_id: str,
    after: int = 0,
    look_s: float = DEFAULT_LIMITS.reader_look_s,
    *,
    path: str = "sse",
) -> AsyncGenerator[list[Event], None]:
    """The events of a stream after the one with number `after`, until its terminal one.

    Each time all that are there already. Another process may be writing, so the log is looked at
    every `look_s` seconds in any case. `path` says in the metrics how the events travel on.
    """
    model = ""
    is_live = False
    metrics.reader_came()
    news = asyncio.Event()
    waiting = _readers.setdefault(stream_id, WeakSet())
    waiting.add(news)
    try:
        while True:
            # Cleared before the look: what is committed during it rings again.
            news.clear()
            found, is_over = await read(stream_id, after)
            events = [event for event in found if event["seq"] > after]
            if events:
                after = events[-1]["seq"]
                if events[0]["type"] == "stream-start":
                    model = events[0]["model"]
                if is_live:
                    # What was there before the reader came has not waited for it.
                    metrics.delivered(path, model, time_ns() / 1e9 - events[0]["ts"] / 1e3)
                yield events
                if is_terminal(events[-1]):
                    return
            elif is_over:
                return
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), look_s)
            is_live = True
    finally:
        metrics.reader_left()
        waiting.discard(news)
        if not waiting:
            _readers.pop(stream_id, None)


async def follow(
    read: Read,
    stream_id: str,
    after: int = 0,
    look_s: float = DEFAULT_LIMITS.reader_look_s,
    *,
    path: str = "sse",
) -> AsyncGenerator[Event, None]:
    """As `follow_pages`, one event at a time."""
    async with aclosing(follow_pages(read, stream_id, after, look_s, path=path)) as pages:
        async for events in pages:
            for event in events:
                yield event
