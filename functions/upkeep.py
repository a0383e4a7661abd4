"""Ends the answers that nobody makes any more, so that each stream has exactly one end.

A process that dies leaves streams behind that say they are being written. They are known by their
lease, which the writer renews every few seconds, and by the job that was to make them.
"""

from typing import Any

from pydantic import BaseModel

from functions import _log, streams, trials
from functions._retention import ORPHANS_LOOKED_AT, STALE_AFTER, STALE_AT_ONCE
from functions._text import text_so_far
from functions.stream_events import log_pages
from reactive import ActionCtx, Id, MutationCtx, Unset, internal_action, internal_mutation
from reactive.ai import metrics
from reactive.ai.events import Event, stream_error, stream_start
from reactive.ai.reducer import StreamState
from reactive.ai.segments import segments_of, take_changes
from reactive.ai.writer import Batch, shown
from schema import Message, Stream

ORPHANED = "The server lost this answer; what had come of it was kept."
_JOB_OVER = ("success", "failed", "canceled")


class Lost(BaseModel):
    """A stream that nobody writes any more."""

    id: Id[Stream]
    message_id: Id[Message]
    model: str
    attempt: int

    @classmethod
    def of(cls, stream: Stream) -> "Lost":
        """What its end needs to know of it."""
        return cls(
            id=stream.id, message_id=stream.message_id, model=stream.model, attempt=stream.attempt
        )


@internal_mutation
async def end_orphans(ctx: MutationCtx) -> int:
    """Has the streams ended that nobody writes any more, and says how many they are."""
    lost: list[Lost] = []
    for state in ("streaming", "pending"):
        # Those whose lease ends first come first: they are the ones that may be lost.
        open_streams = ctx.db.query(Stream).with_index("by_state", state=state)
        found = await open_streams.take(ORPHANS_LOOKED_AT)
        lost += [Lost.of(stream) for stream in found if await _is_lost(ctx, stream)]
    for each in lost:
        # Each by itself: a log that cannot be read keeps nobody else from his end.
        await ctx.scheduler.run_after(0, end_lost, lost=each)
    return len(lost)


async def _is_lost(ctx: MutationCtx, stream: Stream) -> bool:
    is_late = stream.lease_until < ctx.now.timestamp() * 1_000
    if isinstance(stream.job_id, Unset):
        return is_late
    job = await ctx.db.system.get(Id[Any](stream.job_id))
    if job is None:
        return is_late
    if job.state.kind in _JOB_OVER:
        # It has ended without ending the stream: it was interrupted, or could not write.
        return True
    # While it waits for its turn, or is about to begin, there is no lease that could run out.
    return is_late and stream.state == "streaming"


@internal_action
async def end_lost(ctx: ActionCtx, lost: Lost) -> None:
    """Ends a stream, unless it is not lost after all.

    A log may be longer than what one transaction can read, so it is read before.
    """
    state = StreamState()
    async for page in log_pages(ctx, lost.id):
        for event in page:
            state.apply(event)
    after = state.last_seq
    found = _last_events(lost, state, ctx.clock.now_ns() / 1e6)
    batch = _last_batch(lost, state, found)
    if await ctx.run_mutation(end, stream_id=lost.id, after=after, batch=batch):
        metrics.written(found)


def _last_events(stream: Lost, state: StreamState, now_ms: float) -> list[Event]:
    found: list[Event] = []
    if state.last_seq == 0:
        found.append(stream_start(stream.message_id, stream.model, stream.attempt))
    found.append(stream_error("orphaned", ORPHANED, retryable=True))
    for seq, event in enumerate(found, state.last_seq + 1):
        event |= {"seq": seq, "ts": now_ms}
    return found


def _last_batch(stream: Lost, state: StreamState, found: list[Event]) -> dict[str, Any]:
    """What the stream's own writer would have had written with these events."""
    take_changes(state)
    for event in found:
        state.apply(event)
    batch = Batch(
        stream.id,
        stream.message_id,
        found,
        take_changes(state),
        frozenset(),
        [shown(segments_of(part)[-1]) for part in state.parts],
        False,
        state,
        True,
        False,
    )
    return _log.stored(batch)


@internal_mutation
async def end(ctx: MutationCtx, stream_id: Id[Stream], after: int, batch: dict[str, Any]) -> bool:
    """Writes the end of a stream whose last event is number `after`; whether it was still lost."""
    stream = await ctx.db.get(stream_id)
    if stream is None or stream.state not in streams.OPEN or not await _is_lost(ctx, stream):
        return False
    if await _log.last_seq(ctx, stream) != after:
        return False
    await streams.write(ctx, stream, batch)
    await trials.note_lost(ctx, stream.id)
    return True


@internal_mutation
async def end_stale_messages(ctx: MutationCtx) -> int:
    """The outer net: ends messages that say they are being written though no stream writes them.

    A slow answer whose stream lives is left alone, however old its message is.
    """
    oldest_ms = (ctx.now - STALE_AFTER).timestamp() * 1_000
    ended = 0
    for status in ("streaming", "pending"):
        for message in await _untouched(ctx, status, oldest_ms):
            if await _is_written(ctx, message):
                continue
            await ctx.db.patch(message.id, await _ending(ctx, message))
            ended += 1
    return ended


async def _untouched(ctx: MutationCtx, status: str, before_ms: float) -> list[Message]:
    messages = ctx.db.query(Message).with_index(
        "by_status", lambda q: q.eq("status", status).lt("last_updated", before_ms)
    )
    return await messages.take(STALE_AT_ONCE)


async def _is_written(ctx: MutationCtx, message: Message) -> bool:
    if isinstance(message.stream_id, Unset):
        return False
    stream = await ctx.db.get(Id[Stream](message.stream_id))
    return stream is not None and stream.state in streams.OPEN


async def _ending(ctx: MutationCtx, message: Message) -> dict[str, Any]:
    return {
        "status": "error",
        "content": await text_so_far(ctx, message.id),
        "finish_reason": "error",
        "error_code": "orphaned",
        "error_text": ORPHANED,
        "last_updated": ctx.now.timestamp() * 1_000,
    }
