"""Ends the answers that nobody makes any more, so that each stream has exactly one end.

A process that dies leaves streams behind that say they are being written. They are known by their
lease, which the writer renews every few seconds, and by the job that was to make them.
"""

from typing import Any

from functions import _log, streams, trials
from functions._retention import (
    ORPHAN_EVENTS,
    ORPHANS_LOOKED_AT,
    STALE_AFTER,
    STALE_AT_ONCE,
)
from functions._text import text_so_far
from reactive import Id, MutationCtx, Unset, internal_mutation
from reactive.ai.events import Event, stream_error, stream_start
from reactive.ai.reducer import reduce
from reactive.ai.segments import segments_of, take_changes
from reactive.ai.writer import Batch, shown
from schema import Message, Stream

ORPHANED = "The server lost this answer; what had come of it was kept."
_JOB_OVER = ("success", "failed", "canceled")


@internal_mutation
async def end_orphans(ctx: MutationCtx) -> int:
    """Ends the streams that nobody writes any more, and says how many.

    Goes on in another transaction when there is too much for this one.
    """
    ended, events = 0, 0
    for state in ("streaming", "pending"):
        # Those whose lease ends first come first: they are the ones that may be lost.
        open_streams = ctx.db.query(Stream).with_index("by_state", state=state)
        for stream in await open_streams.take(ORPHANS_LOOKED_AT):
            if not await _is_lost(ctx, stream):
                continue
            if events > ORPHAN_EVENTS:
                await ctx.scheduler.run_after(0, end_orphans)
                return ended
            events += await _end(ctx, stream)
            ended += 1
    return ended


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


async def _end(ctx: MutationCtx, stream: Stream) -> int:
    """Writes the terminal event as the stream's own writer would have; gives the log's length."""
    state = reduce(await _log.stored_events(ctx, stream))
    take_changes(state)
    now_ms = ctx.now.timestamp() * 1_000
    found: list[Event] = []
    if state.last_seq == 0:
        found.append(stream_start(stream.message_id, stream.model, stream.attempt))
    found.append(stream_error("orphaned", ORPHANED, retryable=True))
    for seq, event in enumerate(found, state.last_seq + 1):
        event |= {"seq": seq, "ts": now_ms}
        state.apply(event)
    rows = take_changes(state)
    batch = Batch(
        stream.id,
        stream.message_id,
        found,
        rows,
        frozenset(),
        [shown(row) for part in state.parts for row in segments_of(part)],
        False,
        state,
        True,
        False,
    )
    await streams.write(ctx, stream, _log.stored(batch))
    await trials.note_lost(ctx, stream.id)
    return state.last_seq


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
