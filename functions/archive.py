"""What becomes of a log after its end: it is compared with its answer, packed, and later forgotten.

The rows of an answer's parts stay as they are: clients hold them by index and segment, and a part
in one row could be more than a document may have.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from functions import _log
from functions._log import present
from functions._retention import (
    ARCHIVE_AGE,
    ARCHIVE_CHARACTERS,
    COMPACT_AFTER,
    COMPACTED_AT_ONCE,
    DIFFERENCES_KEPT,
    EXPIRED_AT_ONCE,
    MISMATCHES_KEPT,
    ROWS_DELETED_AT_ONCE,
)
from functions.stream_events import whole_log
from reactive import (
    ActionCtx,
    Id,
    MutationCtx,
    QueryCtx,
    internal_action,
    internal_mutation,
    internal_query,
)
from reactive.ai import metrics
from reactive.ai.events import Event
from reactive.ai.reducer import StreamState, reduce
from reactive.ai.segments import Segment, segments_of
from reactive.ai.writer import order_of, row_of, shown
from schema import (
    AuditReport,
    CachedAnswer,
    Message,
    MessagePart,
    PartOrder,
    Stream,
    StreamArchive,
    StreamEvents,
)

_STATUS = {"finished": "complete", "stopped": "stopped", "error": "error"}


@internal_action
async def compact(ctx: ActionCtx) -> int:
    """Packs the logs of streams that ended some time ago, and says how many.

    A log that does not fit its answer is left as it is, and named in the day's report.
    """
    due = await ctx.run_query(uncompacted)
    packed = 0
    for stream_id in due:
        events = await whole_log(ctx, stream_id)
        differences = await ctx.run_query(compare, stream_id=stream_id, events=events)
        runs = [] if differences else [_packed(run) for run in _runs(events)]
        if not differences and [e for run in runs for e in _log.unpack(run["blob"])] != events:
            differences = ["the archive does not give the log back"]
        await ctx.run_mutation(conclude, stream_id=stream_id, runs=runs, differences=differences)
        metrics.audited(is_mismatch=bool(differences))
        packed += not differences
    return packed


def _runs(events: Sequence[Event]) -> Iterator[list[Event]]:
    """The events in runs that fit a document."""
    run: list[Event] = []
    size = 0
    for event in events:
        length = len(json.dumps(event))
        if run and size + length > ARCHIVE_CHARACTERS:
            yield run
            run, size = [], 0
        run.append(event)
        size += length
    if run:
        yield run


def _packed(run: list[Event]) -> dict[str, Any]:
    blob, digest = _log.pack(run)
    return {
        "start_seq": run[0]["seq"],
        "end_seq": run[-1]["seq"],
        "blob": blob,
        "event_count": len(run),
        "sha256": digest,
    }


@internal_query
async def uncompacted(ctx: QueryCtx) -> list[Id[Stream]]:
    """The streams whose log is to be packed now, those that ended first at the front."""
    latest_ms = (ctx.now - COMPACT_AFTER).timestamp() * 1_000
    due = ctx.db.query(Stream).with_index(
        "by_end",
        lambda q: (
            q.eq("is_compacted", False)
            .eq("is_damaged", False)
            .gt("ended_at", 0)
            .lte("ended_at", latest_ms)
        ),
    )
    return [stream.id for stream in await due.take(COMPACTED_AT_ONCE)]


@internal_query
async def compare(ctx: QueryCtx, stream_id: Id[Stream], events: list[dict[str, Any]]) -> list[str]:
    """In what a stream's row, its message and its parts differ from what its events say."""
    stream = await ctx.db.get(stream_id)
    if stream is None:
        return ["there is no such stream"]
    try:
        state = reduce(events)
    except ValueError as error:
        return [f"the log: {error}"]
    differences = _stream_differences(stream, state)
    message = await ctx.db.get(stream.message_id)
    if message is not None and message.stream_id != stream_id:
        # It was answered anew: message and parts are another stream's now.
        return differences
    rows = ctx.db.query(MessagePart).with_index("by_message", message_id=stream.message_id)
    order = (
        await ctx.db.query(PartOrder)
        .with_index("by_message", message_id=stream.message_id)
        .unique()
    )
    segments = [row for part in state.parts for row in segments_of(part)]
    return [
        *differences,
        *_message_differences(message, state),
        *_row_differences(await rows.collect(), segments),
        *_order_differences(order, segments),
    ]


def _order_differences(order: PartOrder | None, segments: Sequence[Segment]) -> list[str]:
    stored = [] if order is None else order.rows
    is_same = order_of(stored) == [shown(segment) for segment in segments]
    return [] if is_same else ["the order of the parts"]


def _stream_differences(stream: Stream, state: StreamState) -> list[str]:
    pairs = {
        "state": (stream.state, stream.state if stream.state == "superseded" else state.status),
        "final seq": (present(stream.final_seq), state.last_seq),
        "finish reason": (present(stream.finish_reason), state.finish_reason),
        "error code": (present(stream.error_code), state.error_code),
    }
    return _named("stream", pairs)


def _message_differences(message: Message | None, state: StreamState) -> list[str]:
    if message is None:
        return ["there is no message"]
    pairs = {
        "status": (message.status, _STATUS.get(state.status)),
        "content": (message.content, state.content),
        "finish reason": (present(message.finish_reason), state.finish_reason),
        "error code": (present(message.error_code), state.error_code),
    }
    return _named("message", pairs)


def _named(of: str, pairs: dict[str, tuple[Any, Any]]) -> list[str]:
    # The texts themselves are users' own, and no report's business.
    return [f"the {of}'s {name}" for name, (stored, wanted) in pairs.items() if stored != wanted]


def _row_differences(rows: Sequence[MessagePart], segments: Sequence[Segment]) -> list[str]:
    wanted = {(each.index, each.segment): row_of(each) for each in segments}
    found = {(row.position, row.segment): row for row in rows}
    different = [
        place
        for place in wanted.keys() | found.keys()
        if not _same(found.get(place), wanted.get(place))
    ]
    return [f"part {index}, segment {segment}" for index, segment in sorted(different)]


def _same(row: MessagePart | None, wanted: dict[str, Any] | None) -> bool:
    if row is None or wanted is None:
        return False
    names = ("type", "state", "sealed", "text", "tool_name", "input", "output", "error_text")
    return all(present(getattr(row, name)) == wanted.get(name) for name in names)


@internal_mutation
async def conclude(
    ctx: MutationCtx, stream_id: Id[Stream], runs: list[dict[str, Any]], differences: list[str]
) -> None:
    """Puts the archive in the place of a log, or notes in what the log does not fit its answer."""
    stream = await ctx.db.get(stream_id)
    if stream is None or stream.is_compacted:
        return
    await _report(ctx, stream_id, differences)
    if differences:
        await ctx.db.patch(stream_id, is_damaged=True)
        return
    lag_ms = await _log.lag_ms(ctx, stream)
    expires_at = (ctx.now + ARCHIVE_AGE).timestamp() * 1_000
    for run in runs:
        archive = StreamArchive(stream_id=stream_id, lag_ms=lag_ms, expires_at=expires_at, **run)
        await ctx.db.insert(archive)
    await ctx.db.patch(stream_id, is_compacted=True)
    await delete_log(ctx, stream_id)


@internal_mutation
async def delete_log(ctx: MutationCtx, stream_id: Id[Stream]) -> None:
    """Deletes the rows of a log that is archived, so many at once."""
    rows = ctx.db.query(StreamEvents).with_index("by_stream", stream_id=stream_id)
    found = await rows.take(ROWS_DELETED_AT_ONCE)
    for row in found:
        await ctx.db.delete(row.id)
    if len(found) == ROWS_DELETED_AT_ONCE:
        await ctx.scheduler.run_after(0, delete_log, stream_id=stream_id)


async def _report(ctx: MutationCtx, stream_id: Id[Stream], differences: list[str]) -> None:
    day = datetime.fromtimestamp(ctx.now.timestamp(), UTC).date().isoformat()
    report = await ctx.db.query(AuditReport).with_index("by_day", day=day).unique()
    now = report or AuditReport(day=day, checked=0, mismatched=0, found=[])
    found = now.found
    if differences and len(found) < MISMATCHES_KEPT:
        found = [*found, {"streamId": stream_id, "differences": differences[:DIFFERENCES_KEPT]}]
    changed = AuditReport(
        day=day,
        checked=now.checked + 1,
        mismatched=now.mismatched + bool(differences),
        found=found,
    )
    if report is None:
        await ctx.db.insert(changed)
    else:
        await ctx.db.replace(report.id, changed)


@internal_mutation
async def expire(ctx: MutationCtx) -> None:
    """Deletes archives and answers to be given again that are older than they may be."""
    now_ms = ctx.now.timestamp() * 1_000
    archives = ctx.db.query(StreamArchive).with_index(
        "by_expiry", lambda q: q.lt("expires_at", now_ms)
    )
    answers = ctx.db.query(CachedAnswer).with_index(
        "by_expiry", lambda q: q.lt("expires_at", now_ms)
    )
    old = [
        *(await archives.take(EXPIRED_AT_ONCE)),
        *(await answers.take(EXPIRED_AT_ONCE)),
    ]
    for each in old:
        await ctx.db.delete(each.id)
    if len(old) >= EXPIRED_AT_ONCE:
        await ctx.scheduler.run_after(0, expire)
