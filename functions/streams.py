"""Answers in the making: how they are started, written, stopped and looked at."""

from datetime import UTC, datetime
from typing import Any

from functions import _cache, _log, _unwritten
from functions._checks import caller_of, own_stream, refuse
from functions._path import path_of_variant
from functions._tools import TOOLS
from functions._trial import measured
from functions._trial_log import TrialLog
from functions._turns import turns_of
from functions.flags import REACTIVE_ONLY
from functions.stream_events import whole_log
from reactive import (
    ActionCtx,
    Id,
    MutationCtx,
    QueryCtx,
    Unset,
    internal_action,
    internal_mutation,
    internal_query,
    mutation,
    query,
)
from reactive.ai import ToolSet, answer, repeat
from reactive.ai.events import Event
from reactive.ai.pricing import cost_micros
from reactive.errors import StorageError
from reactive.limits import DEFAULT_LIMITS
from schema import (
    Message,
    MessagePart,
    PartOrder,
    Stream,
    StreamEvents,
    Usage,
    UsageRow,
)

START_WITHIN_S = 30.0
OPEN = ("pending", "streaming")
_NOTHING_KNOWN = {
    "input_tokens": 0,
    "output_tokens": 0,
    "cached_tokens": 0,
    "reasoning_tokens": 0,
}


@internal_action
async def generate(ctx: ActionCtx, stream_id: Id[Stream]) -> None:
    """Makes the answer of a stream."""
    await make_answer(ctx, stream_id, {})


@measured
async def make_answer(
    ctx: ActionCtx,
    stream_id: Id[Stream],
    api_keys: dict[str, str],
    tools: ToolSet = TOOLS,
) -> Event | None:
    """Makes the answer of a stream and gives its terminal event; None if it was over already.

    `api_keys` win over the environment. They are used, and neither kept nor shown.
    """
    try:
        task = await ctx.run_mutation(begin, stream_id=stream_id)
    except StorageError:
        task = await ctx.run_query(task_of, stream_id=stream_id)
        if task is None or task["variant"] == REACTIVE_ONLY:
            raise
    if task is None:
        return None
    trial = TrialLog(ctx, stream_id, task)
    if task["variant"] == REACTIVE_ONLY:
        terminal = await _answer(ctx, stream_id, task, trial, api_keys, tools)
    else:
        with _unwritten.keeping(stream_id, trial.fell_back):
            terminal = await _answer(ctx, stream_id, task, trial, api_keys, tools)
            if not await _unwritten.KeepingLog(ctx).write_out(stream_id):
                terminal = None
    trial.ended(terminal)
    return terminal


async def _answer(
    ctx: ActionCtx,
    stream_id: Id[Stream],
    task: dict[str, Any],
    trial: TrialLog,
    api_keys: dict[str, str],
    tools: ToolSet,
) -> Event | None:
    path = path_of_variant(task["variant"])
    if task["same_as"] is not None:
        return await repeat(
            ctx,
            _unwritten.KeepingLog(ctx),
            await whole_log(ctx, task["same_as"]),
            stream_id=stream_id,
            message_id=task["message_id"],
            model=task["model"],
            path=path,
        )
    return await answer(
        ctx,
        _unwritten.KeepingLog(ctx),
        stream_id=stream_id,
        message_id=task["message_id"],
        model=task["model"],
        turns=task["turns"],
        system=task["system_prompt"],
        tools=tools,
        api_keys=api_keys,
        on_fallback=None if task["variant"] == REACTIVE_ONLY else trial.fell_back,
        path=path,
    )


@internal_mutation
async def begin(ctx: MutationCtx, stream_id: Id[Stream]) -> dict[str, Any] | None:
    """Takes the lease of a stream; None when somebody has it, or it is over."""
    stream = await ctx.db.get(stream_id)
    if stream is None or stream.state != "pending":
        return None
    task = await _task(ctx, stream)
    key, same_as = await _cache.look_up(ctx, stream, task["system_prompt"], task["turns"])
    await take(ctx, stream, cache_key=key)
    return {**task, "same_as": same_as}


async def take(ctx: MutationCtx, stream: Stream, **fields: Any) -> None:
    """Gives whoever asks the lease of a stream that nobody has."""
    now_ms = ctx.now.timestamp() * 1_000
    lease_until = now_ms + DEFAULT_LIMITS.lease_s * 1_000
    taken = {"state": "streaming", "started_at": now_ms, "lease_until": lease_until}
    await ctx.db.patch(stream.id, **taken, **fields)
    await ctx.db.patch(stream.message_id, status="streaming", last_updated=now_ms)


@internal_query
async def task_of(ctx: QueryCtx, stream_id: Id[Stream]) -> dict[str, Any] | None:
    """As `begin`, where that can't be written: the first flush that can takes the lease."""
    stream = await ctx.db.get(stream_id)
    return None if stream is None or stream.state != "pending" else await _task(ctx, stream)


async def _task(ctx: QueryCtx | MutationCtx, stream: Stream) -> dict[str, Any]:
    return {
        "message_id": stream.message_id,
        "thread_id": stream.thread_id,
        "variant": stream.variant,
        "reason": stream.reason,
        "model": stream.model,
        "system_prompt": _log.present(stream.system_prompt),
        "turns": await turns_of(ctx, stream),
        "same_as": None,
    }


@internal_mutation
async def flush(ctx: MutationCtx, batches: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Writes what the streams of a process have to say, and answers each of them."""
    return [await _flush(ctx, batch) for batch in batches]


async def _flush(ctx: MutationCtx, batch: dict[str, Any]) -> dict[str, Any]:
    stream_id: Id[Stream] = batch["stream_id"]
    stream = await ctx.db.get(stream_id)
    if stream is None or stream.state not in OPEN:
        return {"is_lost": True}
    if stream.state == "pending":
        await take(ctx, stream)
    rows = await write(ctx, stream, batch)
    return {**stop_of(stream), "rows": rows}


async def write(
    ctx: MutationCtx, stream: Stream, batch: dict[str, Any]
) -> list[tuple[int, int, str]]:
    """Writes what a stream that is not over has to say: events, parts, and its end.

    Gives index, segment and id of the part rows that are new.
    """
    rows: list[tuple[int, int, str]] = []
    now_ms = ctx.now.timestamp() * 1_000
    changes: dict[str, Any] = {}
    if batch["log"] is not None:
        # By its fields, as here and below each row counts: an instance would be checked twice.
        await ctx.db.insert(
            StreamEvents,
            {
                "stream_id": stream.id,
                "start_seq": batch["start_seq"],
                "end_seq": batch["end_seq"],
                "log": batch["log"],
                "size": batch["size"],
                "ts": now_ms,
            },
        )
        rows = await _write_parts(ctx, stream, batch)
        if isinstance(stream.first_token_at, Unset) and batch["is_visible"]:
            changes["first_token_at"] = now_ms
    for attempt in batch["failed_attempts"]:
        await _note_usage(ctx, stream, attempt, _NOTHING_KNOWN)
    if batch["attempt"] not in (0, stream.attempt):
        changes["attempt"] = batch["attempt"]
    if batch["counted"] is not None:
        changes |= batch["counted"]
    if batch["beats"]:
        changes["lease_until"] = now_ms + DEFAULT_LIMITS.lease_s * 1_000
    if batch["ending"] is not None:
        changes |= await _end(ctx, stream, batch["ending"], now_ms)
    if changes:
        await ctx.db.patch(stream.id, changes)
    return rows


async def _write_parts(
    ctx: MutationCtx, stream: Stream, batch: dict[str, Any]
) -> list[tuple[int, int, str]]:
    if batch["resets"]:
        old_rows = ctx.db.query(MessagePart).with_index("by_message", message_id=stream.message_id)
        for old in await old_rows.collect():
            await ctx.db.delete(old.id)
    own = {"message_id": stream.message_id, "stream_id": stream.id, "owner": stream.user_id}
    new: list[tuple[int, int, str]] = []
    for is_new, known_id, row in batch["rows"]:
        place = row["index"], row["segment"]
        if not is_new and known_id is None:
            known = ctx.db.query(MessagePart).with_index(
                "by_message",
                message_id=stream.message_id,
                position=place[0],
                segment=place[1],
            )
            found = await known.unique()
            known_id = None if found is None else found.id
        if known_id is None:
            new.append((*place, await ctx.db.insert(MessagePart, own | row)))
        else:
            await ctx.db.replace(known_id, own | row)
    if batch["order"] is not None:
        await _write_order(ctx, stream.message_id, batch["order"])
    return new


async def _write_order(
    ctx: MutationCtx, message_id: Id[Message], rows: list[dict[str, Any]]
) -> None:
    known = await ctx.db.query(PartOrder).with_index("by_message", message_id=message_id).unique()
    if known is None:
        await ctx.db.insert(PartOrder(message_id=message_id, rows=rows))
    else:
        await ctx.db.patch(known.id, rows=rows)


async def _end(
    ctx: MutationCtx, stream: Stream, ending: dict[str, Any], now_ms: float
) -> dict[str, Any]:
    """Closes message and usage with the stream's terminal event; gives the stream's own changes."""
    used = ending["usage"]
    failure = {"error_code": ending["error_code"], "error_text": ending["error_text"]}
    await ctx.db.patch(
        stream.message_id,
        status=ending["message_status"],
        content=ending["content"],
        finish_reason=ending["finish_reason"],
        usage=Usage(**used),
        last_updated=now_ms,
        **{name: value for name, value in failure.items() if value is not None},
    )
    await _note_usage(ctx, stream, ending["attempt"], used)
    await _cache.keep(ctx, stream, ending)
    changes = {
        "state": ending["state"],
        "ended_at": now_ms,
        "final_seq": ending["final_seq"],
        "finish_reason": ending["finish_reason"],
    }
    if failure["error_code"] is not None:
        changes["error_code"] = failure["error_code"]
    return changes


async def _note_usage(ctx: MutationCtx, stream: Stream, attempt: int, used: dict[str, int]) -> None:
    if not isinstance(stream.replay_of, Unset):
        # No model was asked.
        return
    provider, _, model = stream.model.partition("/")
    await ctx.db.insert(
        UsageRow(
            day=datetime.fromtimestamp(ctx.now.timestamp(), UTC).date().isoformat(),
            user_id=stream.user_id,
            thread_id=stream.thread_id,
            message_id=stream.message_id,
            stream_id=stream.id,
            attempt=attempt,
            provider=provider,
            model=model,
            cost_micros=cost_micros(stream.model, used),
            **used,
        )
    )


def stop_of(stream: Stream) -> dict[str, Any]:
    """What a stream's writer is to hear of it."""
    if stream.state not in OPEN:
        return {"is_lost": True}
    if isinstance(stream.stop_requested_by, Unset):
        return {}
    return {"stopped_by": stream.stop_requested_by, "stop_reason": "stopped"}


@internal_query
async def look(ctx: QueryCtx, stream_ids: list[str]) -> list[dict[str, Any]]:
    """What the writers of these streams are to hear."""
    answers = []
    for stream_id in stream_ids:
        stream = await ctx.db.get(Id[Stream](stream_id))
        answers.append({"is_lost": True} if stream is None else stop_of(stream))
    return answers


@internal_query
async def message_of(ctx: QueryCtx, stream_id: Id[Stream]) -> Message:
    """The message that a stream writes."""
    stream = await ctx.db.get(stream_id)
    message = None if stream is None else await ctx.db.get(stream.message_id)
    if message is None:
        refuse("not_found", f"There is no stream {stream_id!r:.80}.")
    return message


@mutation
async def stop(ctx: MutationCtx, stream_id: Id[Stream]) -> None:
    """Stops an answer; the text so far stays. One that is over already is no error."""
    stream = await own_stream(ctx, stream_id)
    if stream.state in OPEN and isinstance(stream.stop_requested_at, Unset):
        await ctx.db.patch(
            stream.id,
            stop_requested_at=ctx.now.timestamp() * 1_000,
            stop_requested_by=await caller_of(ctx),
        )


@query(push_interval=0.5, urgent=[Stream])
async def debug_info(ctx: QueryCtx, stream_id: Id[Stream]) -> dict[str, Any]:
    """The figures of a stream. Everything a reader is shown is durable, so the two seqs agree."""
    stream = await own_stream(ctx, stream_id)
    counts, characters, last_seq = await _log.figures(ctx, stream)
    return {
        "eventCount": sum(counts.values()),
        "countsByType": counts,
        "lastSeq": last_seq,
        "durableSeq": last_seq,
        "lagMs": await _log.lag_ms(ctx, stream),
        "bytes": characters,
        "attempt": stream.attempt,
        "variant": stream.variant,
        "reason": stream.reason,
    }
