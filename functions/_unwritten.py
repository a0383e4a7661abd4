"""Answers that go on while the store refuses to be written: memory first, the store when it can.

Only an answer of which nothing visible was stored yet goes on like that, by the writer that it has
and with the request that the model was asked: nobody sees two halves, nothing is paid for twice.
Sockets of the older path, in this process, read what is kept here after what is stored. A process
that dies has shown what it then has lost; that is the price of showing anything.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from functions import _log
from reactive.ai.events import VISIBLE, Event
from reactive.ai.follow import wake
from reactive.ai.writer import Answer, Batch
from reactive.clock import sleep
from reactive.errors import CallError, ReactiveError, StorageError, UsageError
from reactive.limits import DEFAULT_LIMITS

_logger = logging.getLogger("chat")

OnKept = Callable[[Literal["memory"], Exception], None]


class _Kept:
    """What one answer has said that is not stored, and whether that may be so."""

    def __init__(self, on_kept: OnKept) -> None:
        self.on_kept = on_kept
        self.batches: list[dict[str, Any]] = []
        self.events: list[Event] = []
        self.size = 0
        self.is_lost = False
        self.turn = asyncio.Lock()

    def written(self, count: int) -> None:
        """The oldest batches are stored."""
        last_seq = self.batches[count - 1]["end_seq"]
        del self.batches[:count]
        self.events = [event for event in self.events if event["seq"] > last_seq]
        self.size = sum(batch["size"] for batch in self.batches)


_kept: dict[str, _Kept] = {}


@contextmanager
def keeping(stream_id: str, on_kept: OnKept) -> Iterator[None]:
    """Lets an answer go on in memory, if need be, for as long as it is made here."""
    _kept[stream_id] = _Kept(on_kept)
    try:
        yield
    finally:
        del _kept[stream_id]


def events_after(stream_id: str, after: int) -> list[Event]:
    """The events of a stream after the one of a number that are not stored yet."""
    kept = _kept.get(stream_id)
    return [] if kept is None else [event for event in kept.events if event["seq"] > after]


class KeepingLog(_log.AppLog):
    """Writes through the app's mutations, or keeps what the store refuses."""

    async def flush(self, batches: Sequence[Batch]) -> Sequence[Answer]:
        try:
            for stream_id, kept in list(_kept.items()):
                await self._write(stream_id, kept)
            answers = await super().flush(batches)
        except StorageError as error:
            answers = [_keep(batch, error) for batch in batches]
            if all(answer.refused is not None for answer in answers):
                raise
        return answers

    async def _write(self, stream_id: str, kept: _Kept) -> None:
        """Stores what is kept of a stream.

        Raises:
            ReactiveError: when it can't be stored yet.
        """
        async with kept.turn:
            while kept.batches:
                some = kept.batches[: DEFAULT_LIMITS.flush_streams_max]
                try:
                    answers = await self._ctx.run_mutation("streams:flush", batches=some)
                except (CallError, UsageError) as error:
                    # No failure of the store, and others must not wait for what can never be.
                    _logger.warning("stream %s can't be stored: %s", stream_id, error)
                    kept.is_lost = True
                    kept.written(len(kept.batches))
                    return
                kept.is_lost = any(answer.get("is_lost") for answer in answers)
                kept.written(len(some))
                wake(stream_id)

    async def write_out(self, stream_id: str) -> bool:
        """Stores what is still kept of an answer that is over; whether all of it is stored."""
        kept, clock = _kept[stream_id], self._ctx.clock
        deadline = clock.monotonic() + DEFAULT_LIMITS.stream_kept_s
        while kept.batches:
            try:
                await self._write(stream_id, kept)
            except ReactiveError as error:
                if clock.monotonic() > deadline:
                    _logger.warning("stream %s could not be stored: %s", stream_id, error)
                    return False
                await sleep(clock, DEFAULT_LIMITS.stream_kept_look_s)
        return not kept.is_lost


def _keep(batch: Batch, error: StorageError) -> Answer:
    kept = _kept.get(batch.stream_id)
    is_full = kept is not None and kept.size > DEFAULT_LIMITS.stream_unwritten_bytes
    # A tool runs once its call is stored.
    has_call = any(event["type"] == "tool-call" for event in batch.events)
    if kept is None or is_full or has_call or not (kept.batches or _is_unseen(batch)):
        return Answer(refused=error)
    if not kept.batches:
        kept.on_kept("memory", error)
    row = _log.stored(batch)
    kept.batches.append(row)
    kept.size += row["size"]
    kept.events += batch.events
    return Answer()


def _is_unseen(batch: Batch) -> bool:
    """Whether nothing visible was stored before this batch."""
    visible = sum(batch.state.counts.get(kind, 0) for kind in VISIBLE)
    return visible == sum(event["type"] in VISIBLE for event in batch.events)
