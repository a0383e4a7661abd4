"""The log of a stream as clients and server code read it, before and after it is archived."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from functions import _log
from functions._checks import own_stream
from functions._log import present
from reactive import ActionCtx, Id, QueryCtx, internal_query, query
from reactive.ai.events import Event
from reactive.ai.reducer import Part, StreamState, reduce
from schema import Stream

LIMIT_MAX = 1_000


@query
async def get_stream_state(ctx: QueryCtx, stream_id: Id[Stream]) -> dict[str, Any]:
    """How far a stream is."""
    stream = await own_stream(ctx, stream_id)
    final_seq = present(stream.final_seq)
    last_seq = final_seq
    if last_seq is None:
        last_seq = await _log.last_seq(ctx, stream)
    return {
        "streamId": stream.id,
        "messageId": stream.message_id,
        "state": stream.state,
        "lastSeq": last_seq,
        "finalSeq": final_seq,
        "startedAt": present(stream.started_at),
        "endedAt": present(stream.ended_at),
        "finishReason": present(stream.finish_reason),
        "errorCode": present(stream.error_code),
    }


@query
async def get_stream_events(
    ctx: QueryCtx, stream_id: Id[Stream], after: int = 0, limit: int = _log.READ_MAX
) -> dict[str, Any]:
    """The events after the one of number `after`; `isDone` says that nothing follows them."""
    stream = await own_stream(ctx, stream_id)
    events = await _log.events_after(ctx, stream, after, max(1, min(limit, LIMIT_MAX)))
    last_seq = events[-1]["seq"] if events else after
    return {
        "events": events,
        "lastSeq": last_seq,
        # An archive that is gone has nothing that could follow.
        "isDone": await _log.is_over(stream, last_seq) or (stream.is_compacted and not events),
    }


@query
async def reconstruct_stream_content(ctx: QueryCtx, stream_id: Id[Stream]) -> dict[str, Any]:
    """What the log so far says, put together anew; the parts themselves once it is not kept."""
    stream = await own_stream(ctx, stream_id)
    events = await _log.stored_events(ctx, stream)
    if stream.is_compacted and not events:
        state = StreamState(parts=await _log.parts_stored(ctx, stream))
    else:
        state = reduce(events)
    return {
        "content": state.content,
        "parts": [_part(part) for part in state.parts],
        "toolExecutions": state.tool_executions,
    }


async def whole_log(ctx: ActionCtx, stream_id: Id[Stream]) -> list[Event]:
    """A stream's log for server code."""
    return [event async for page in log_pages(ctx, stream_id) for event in page]


async def log_pages(ctx: ActionCtx, stream_id: Id[Stream]) -> AsyncIterator[list[Event]]:
    """A stream's log for server code, in pages so that nobody has to wait for it."""
    after = 0
    while page := await ctx.run_query(log_page, stream_id=stream_id, after=after):
        after = page[-1]["seq"]
        yield page
        await asyncio.sleep(0)


@internal_query
async def log_page(ctx: QueryCtx, stream_id: Id[Stream], after: int) -> list[dict[str, Any]]:
    """The next stored events of a stream."""
    stream = await ctx.db.get(stream_id)
    return [] if stream is None else await _log.events_after(ctx, stream, after)


def _part(part: Part) -> dict[str, Any]:
    """A part as `parts:get` gives it, with its whole text."""
    fields: dict[str, Any] = {
        "type": part.type,
        "state": part.state,
        "startedAt": part.started_at,
    }
    if part.type != "tool":
        fields["text"] = part.text
    else:
        tool = {
            "toolCallId": part.tool_call_id,
            "toolName": part.tool_name,
            "input": part.input,
            "output": part.output,
            "errorText": part.error_text,
        }
        fields |= {name: value for name, value in tool.items() if value not in (None, "")}
    if part.ended_at is not None:
        fields["endedAt"] = part.ended_at
    return fields
