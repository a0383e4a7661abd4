"""How deliveries of answers are measured, where they leave the server.

An answer whose variant is `shadow` or `mirror` is told to two sinks at once: one reads the log and
makes chunks of it, as sockets are served, the other watches it, as live queries are. Of any other
answer there is how long its events took to become durable. What a real socket was sent is noted by
a `SocketSample`.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing
from functools import wraps
from typing import Any, TypeVar

import orjson

from functions import archive, stream_events, trials
from functions.stream_events import whole_log
from reactive import ActionCtx, Id
from reactive.ai.dialects.socketio import Chunk, SocketIo
from reactive.ai.events import Event, is_terminal
from reactive.ai.follow import follow_pages
from reactive.ai.parity import chunk_pieces, event_pieces
from reactive.ai.trial import Delivery, Source
from reactive.errors import ReactiveError
from reactive.limits import DEFAULT_LIMITS
from schema import Stream

_log = logging.getLogger("reactive.trial")

TEED = ("shadow", "mirror")

fell_back: set[str] = set()
"""The streams of this process that are being made in an easier way than they were to be."""

R = TypeVar("R")
Make = Callable[..., Coroutine[Any, Any, R]]


def measured(make: Make[R]) -> Make[R]:
    """Measures how the answer that the decorated function makes is delivered."""

    @wraps(make)
    async def measure(ctx: ActionCtx, stream_id: Id[Stream], *args: Any, **kwargs: Any) -> R:
        variant = await ctx.run_query(trials.variant_of, stream_id=stream_id)
        sinks = [_legacy_sink, _reactive_sink] if variant in TEED else []
        running = [asyncio.ensure_future(sink(ctx, stream_id)) for sink in sinks]
        try:
            made = await make(ctx, stream_id, *args, **kwargs)
            if made is not None and variant is not None:
                await _measure(ctx, stream_id, variant, running)
            return made
        finally:
            fell_back.discard(stream_id)
            for task in running:
                task.cancel()

    return measure


async def _measure(
    ctx: ActionCtx,
    stream_id: Id[Stream],
    variant: str,
    sinks: Sequence["asyncio.Future[Delivery]"],
) -> None:
    if sinks:
        # The log has its last event already.
        await asyncio.wait(sinks, timeout=DEFAULT_LIMITS.trial_drain_s)
    late = sum(not sink.done() for sink in sinks)
    if late:
        _log.warning("trial: %d sinks of stream %s were not told its end", late, stream_id)
    try:
        found = [sink.result() for sink in sinks if sink.done()]
        if not sinks:
            found = [await _commits(ctx, stream_id, variant)]
        for delivery in found:
            await record(ctx, stream_id, delivery, source="sink" if sinks else "commit")
    except ReactiveError as error:
        # Measuring must not harm what is measured.
        _log.warning("trial: stream %s was not measured: %s", stream_id, error)


async def _legacy_sink(ctx: ActionCtx, stream_id: Id[Stream]) -> Delivery:
    delivery, dialect = Delivery("legacy"), SocketIo(stream_id)

    async def read(_: str, after: int) -> tuple[list[Event], bool]:
        events = await ctx.run_query(stream_events.log_page, stream_id=stream_id, after=after)
        delivery.executions += 1
        delivery.rows += len(events)
        return events, False

    async with aclosing(follow_pages(read, stream_id, path="legacy")) as pages:
        async for events in pages:
            for event in events:
                for chunk in dialect.chunks([event]):
                    _took_chunk(delivery, chunk, _now_ms(ctx))
                if event["type"] == "attempt-reset":
                    delivery.restarted([])
    return delivery


async def _reactive_sink(ctx: ActionCtx, stream_id: Id[Stream]) -> Delivery:
    delivery = Delivery("reactive")
    after = 0
    while True:
        events: list[Event] = []
        watching = ctx.watch(stream_events.log_page, stream_id=stream_id, after=after)
        async with aclosing(watching) as pages:
            async for events in pages:
                delivery.executions += 1
                delivery.rows += len(events)
                if events:
                    break
        if not events:
            # The server is to stop.
            return delivery
        delivery.took(event_pieces(events), _now_ms(ctx), len(orjson.dumps(events)))
        after = events[-1]["seq"]
        if is_terminal(events[-1]):
            return delivery


async def _commits(ctx: ActionCtx, stream_id: Id[Stream], variant: str) -> Delivery:
    """When the events of an answer became durable, for whichever path it was to take."""
    delivery = Delivery("legacy" if variant == "legacy" else "reactive")
    dialect = SocketIo(stream_id)
    after = 0
    while rows := await ctx.run_query(trials.flushes, stream_id=stream_id, after=after):
        for row in rows:
            events = row["events"]
            after = events[-1]["seq"]
            if delivery.path == "reactive":
                delivery.took(event_pieces(events), row["ts"], len(orjson.dumps(events)))
                continue
            for event in events:
                if event["type"] == "attempt-reset":
                    delivery.restarted([])
                for chunk in dialect.chunks([event]):
                    _took_chunk(delivery, chunk, row["ts"])
        delivery.rows += len(rows)
    return delivery


def _took_chunk(delivery: Delivery, chunk: Chunk, at_ms: float) -> None:
    delivery.took(chunk_pieces([chunk]), at_ms, len(orjson.dumps(chunk)))


def _now_ms(ctx: ActionCtx) -> float:
    return ctx.clock.now_ns() / 1e6


async def record(
    ctx: ActionCtx, stream_id: str, delivery: Delivery, *, source: Source, is_whole: bool = True
) -> None:
    """Keeps what a path has delivered, compared with the log."""
    log = await whole_log(ctx, Id(stream_id))
    differences: list[str] = []
    if is_whole:
        differences = await ctx.run_query(archive.compare, stream_id=Id(stream_id), events=log)
    sample = delivery.sample(log, is_stored=not differences, is_whole=is_whole)
    if differences and sample["first"] is None:
        sample["first"] = {"stored": differences}
    sample["fallbacks"] = int(delivery.path == "reactive" and stream_id in fell_back)
    await ctx.run_mutation(
        trials.record, stream_id=Id[Stream](stream_id), source=source, sample=sample
    )


class SocketSample:
    """What one socket is sent of a stream, from the event after a number on."""

    def __init__(self, ctx: ActionCtx, stream_id: str, after: int) -> None:
        self._ctx = ctx
        self._stream_id = stream_id
        self._delivery = Delivery("legacy", after, began_ms=_now_ms(ctx))

    def sent(self, chunk: Chunk) -> None:
        """Notes a chunk that the socket has taken."""
        _took_chunk(self._delivery, chunk, _now_ms(self._ctx))

    def reset(self, seq: int) -> None:
        """Notes that what came before this event is void."""
        self._delivery.restarted([])
        self._delivery.after = seq

    async def end(self, *, is_whole: bool) -> None:
        """Keeps the sample; `is_whole` says that the stream is over, not only its way by here."""
        if not self._delivery.pieces:
            return
        try:
            await record(
                self._ctx, self._stream_id, self._delivery, source="socket", is_whole=is_whole
            )
        except ReactiveError as error:
            _log.warning("trial: stream %s was not measured: %s", self._stream_id, error)
