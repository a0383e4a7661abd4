"""The log of a stream as the database keeps it, for its writer and its readers."""

import hashlib
import json
import logging
import sys
import zlib
from collections.abc import Sequence
from typing import Any

import orjson

from reactive import ActionCtx, Id, MutationCtx, QueryCtx, Unset
from reactive.ai.events import Event
from reactive.ai.reducer import Part
from reactive.ai.writer import Answer, Batch, row_of
from reactive.errors import CallError, ReactiveError, UsageError
from schema import MessagePart, Stream, StreamArchive, StreamEvents

_logger = logging.getLogger("chat")

READ_MAX = 500
_TIMED_OUT = ("FunctionTimedOut", "SystemTimeoutError")
_MESSAGE_STATUS = {"finished": "complete", "stopped": "stopped", "error": "error"}


class AppLog:
    """Writes through the app's mutations. Implements `reactive.ai.writer.StreamLog`."""

    def __init__(self, ctx: ActionCtx) -> None:
        self._ctx = ctx

    async def flush(self, batches: Sequence[Batch]) -> Sequence[Answer]:
        try:
            return await self._flush(batches)
        except (CallError, UsageError) as error:
            # No failure of the storage: something in one of them can never be written.
            if len(batches) == 1:
                return [_given_up(batches[0], error)]
        return [await self._flush_alone(batch) for batch in batches]

    async def _flush_alone(self, batch: Batch) -> Answer:
        try:
            [answer] = await self.flush([batch])
        except ReactiveError as error:
            # Others may have been written, so it is this one that is tried again.
            return Answer(refused=error)
        return answer

    async def _flush(self, batches: Sequence[Batch]) -> list[Answer]:
        found = await self._ctx.run_mutation("streams:flush", batches=[*map(stored, batches)])
        return [Answer(**each) for each in found]

    async def look(self, stream_ids: Sequence[str]) -> Sequence[Answer]:
        found = await self._ctx.run_query("streams:look", stream_ids=list(stream_ids))
        return [Answer(**each) for each in found]


def _given_up(batch: Batch, error: ReactiveError) -> Answer:
    """A stream that cannot be written: it keeps what was, and is ended as one that is lost.

    Raises:
        ReactiveError: when it has only taken too long.
    """
    if error.code in _TIMED_OUT:
        raise error
    _logger.error("the stream %s cannot be written: %s", batch.stream_id, error)
    return Answer(is_lost=True)


def stored(batch: Batch) -> dict[str, Any]:
    """A batch as the app's mutations take it."""
    state = batch.state
    ending = None
    if batch.is_last:
        used = state.usage or state.spent
        ending = {
            "state": state.status,
            "message_status": _MESSAGE_STATUS[state.status],
            "content": state.content,
            "finish_reason": state.finish_reason,
            "usage": {
                "input_tokens": used["inputTokens"],
                "output_tokens": used["outputTokens"],
                "cached_tokens": used["cachedTokens"],
                "reasoning_tokens": used["reasoningTokens"],
            },
            "error_code": state.error_code,
            "error_text": state.error_text,
            "final_seq": state.last_seq,
            "attempt": state.attempt,
        }
    events = batch.events
    return {
        "stream_id": batch.stream_id,
        "log": orjson.dumps(events).decode() if events else None,
        "start_seq": events[0]["seq"] if events else 0,
        "end_seq": events[-1]["seq"] if events else 0,
        "size": sum(len(event.get("delta", "")) for event in events),
        "rows": [
            (place in batch.new_rows, batch.row_ids.get(place), row_of(row))
            for row in batch.rows
            for place in [(row.index, row.segment)]
        ],
        "order": batch.order,
        "resets": batch.resets,
        "beats": batch.beats,
        "attempt": state.attempt,
        "counted": {
            "counts": orjson.dumps(state.counts).decode(),
            "characters": state.characters,
            "counted_seq": state.last_seq,
        }
        if batch.beats or batch.is_last
        else None,
        "failed_attempts": [event["from"] for event in events if event["type"] == "attempt-reset"],
        "is_visible": any(event["type"] == "text-delta" for event in events),
        "ending": ending,
    }


def present(value: Any) -> Any:
    """A field of a document as JSON has it: null for one that is absent."""
    return None if isinstance(value, Unset) else value


async def events_after(
    ctx: QueryCtx | MutationCtx, stream: Stream, after: int, limit: int = READ_MAX
) -> list[Event]:
    """The stored events after the one of this number, at most about `limit`."""
    if stream.is_compacted:
        archived = await _archived(ctx, stream.id, after)
        return [event for event in archived if event["seq"] > after][:limit]
    found: list[Event] = []
    rows = ctx.db.query(StreamEvents).with_index(
        "by_stream", lambda q: q.eq("stream_id", stream.id).gt("end_seq", after)
    )
    async for row in rows:
        found += [event for event in row.events if event["seq"] > after]
        if len(found) >= limit:
            return found[:limit]
    return found


async def last_seq(ctx: QueryCtx | MutationCtx, stream: Stream) -> int:
    """The number of the newest stored event, 0 for none."""
    rows = ctx.db.query(StreamEvents).with_index("by_stream", stream_id=stream.id)
    newest = await rows.order("desc").first()
    return 0 if newest is None else newest.end_seq


async def figures(ctx: QueryCtx | MutationCtx, stream: Stream) -> tuple[dict[str, int], int, int]:
    """How many events there are of each type, the characters of their deltas, and the last number.

    Reads no more of the log than what came since the last heartbeat.
    """
    counts: dict[str, int] = orjson.loads(stream.counts)
    characters, last = stream.characters, stream.counted_seq
    if isinstance(stream.final_seq, Unset) or last < stream.final_seq:
        for event in await events_after(ctx, stream, last, limit=sys.maxsize):
            counts[event["type"]] = counts.get(event["type"], 0) + 1
            characters += len(event.get("delta", ""))
            last = event["seq"]
    return counts, characters, last


async def stored_events(ctx: QueryCtx | MutationCtx, stream: Stream) -> list[Event]:
    """The whole log so far."""
    if stream.is_compacted:
        return await _archived(ctx, stream.id)
    rows = await ctx.db.query(StreamEvents).with_index("by_stream", stream_id=stream.id).collect()
    return [event for row in rows for event in row.events]


async def _archived(
    ctx: QueryCtx | MutationCtx, stream_id: Id[Stream], after: int = 0
) -> list[Event]:
    archives = ctx.db.query(StreamArchive).with_index(
        "by_stream", lambda q: q.eq("stream_id", stream_id).gt("end_seq", after)
    )
    return [event for archive in await archives.collect() for event in unpack(archive.blob)]


def pack(events: Sequence[Event]) -> tuple[bytes, str]:
    """The log as an archive keeps it, and its hash."""
    lines = "\n".join(json.dumps(event, ensure_ascii=False) for event in events).encode()
    return zlib.compress(lines), hashlib.sha256(lines).hexdigest()


def unpack(blob: bytes) -> list[Event]:
    """What `pack` packed."""
    lines = zlib.decompress(blob).decode()
    return [json.loads(line) for line in lines.split("\n") if line]


async def lag_ms(ctx: QueryCtx | MutationCtx, stream: Stream) -> float:
    """How long the newest event had waited when it was committed, in milliseconds."""
    if stream.is_compacted:
        archives = ctx.db.query(StreamArchive).with_index("by_stream", stream_id=stream.id)
        last = await archives.order("desc").first()
        return 0.0 if last is None else last.lag_ms
    rows = ctx.db.query(StreamEvents).with_index("by_stream", stream_id=stream.id)
    newest = await rows.order("desc").first()
    return 0.0 if newest is None else max(0.0, newest.ts - newest.events[0]["ts"])


async def is_over(stream: Stream, last_seq: int) -> bool:
    """Whether nothing follows the event of this number."""
    return not isinstance(stream.final_seq, Unset) and last_seq >= stream.final_seq


async def parts_stored(ctx: QueryCtx | MutationCtx, stream: Stream) -> list[Part]:
    """The parts as their rows have them, for an answer whose log is not kept any more."""
    rows = ctx.db.query(MessagePart).with_index("by_message", message_id=stream.message_id)
    parts: dict[int, Part] = {}
    for row in await rows.collect():
        if row.stream_id != stream.id:
            continue
        part = parts.get(row.position)
        if part is None:
            part = parts[row.position] = Part(row.position, row.type, row.state, pieces=[])
            part.started_at = present(row.started_at) or 0.0
            for name in ("tool_call_id", "tool_name", "input_text", "error_text"):
                setattr(part, name, present(getattr(row, name)) or "")
            part.input, part.output = present(row.input), present(row.output)
        # What the last row of a part says holds for the part.
        part.state = row.state
        part.ended_at = present(row.ended_at)
        part.pieces.append(present(row.text) or "")
    return [*parts.values()]
