"""The trial of the two paths: what was measured of each, and the way back when the new one fails.

`report` shows it, live. Every few seconds `watch_over` applies the rule of `reactive.ai.trial`;
when the new path breaks it, everybody gets `legacy`, an alert is kept, and nothing is decided any
more until somebody has looked and called `rearm`.
"""

import logging
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from functions._checks import own_stream, refuse
from functions._log import events_after
from functions._retention import (
    ALERTS_SHOWN,
    EXPIRED_AT_ONCE,
    RECEIPT_EVENTS,
    RECEIPTS_KEPT,
    SAMPLE_AGE,
    SAMPLES_SHOWN,
)
from functions.flags import FLAGS, LEGACY, REALTIME
from reactive import (
    Id,
    MutationCtx,
    QueryCtx,
    Unset,
    internal_mutation,
    internal_query,
    mutation,
)
from reactive.ai import trial
from reactive.ai.parity import PATHS, Kind, Path
from schema import Flag, Stream, StreamEvents, TrialAlert, TrialSample

_log = logging.getLogger("reactive.trial")

FLUSHES_AT_ONCE = 200
OWN_ERRORS = ("storage_error", "orphaned")
"""How an answer fails that no provider is to blame for."""


class Latency(BaseModel):
    """Milliseconds from when an event was made; null where nothing was measured."""

    p50: float | None
    p95: float | None
    p99: float | None


class Classes(BaseModel):
    """Deliveries by how they fit their log."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    identical: int
    border_only: int
    late: int
    missing: int
    extra: int
    reordered: int
    terminal_mismatch: int
    stored_mismatch: int


class Latencies(BaseModel):
    """Both paths, on the same kind of events."""

    legacy: Latency
    reactive: Latency


class Report(BaseModel):
    """What `trials:report` answers."""

    key: str
    streams: int
    classes: Classes
    latency: Latencies
    errors: int
    fallbacks: int
    rollbacks: int


@internal_query(push_interval=0.5, urgent=[TrialAlert])
async def report(ctx: QueryCtx, key: str) -> Report:
    """The trial of a flag so far, from its newest samples."""
    samples = await _newest(ctx, key)
    alerts = await ctx.db.query(TrialAlert).with_index("by_key", key=key).collect()
    found = trial.report([sample.model_dump() for sample in samples])
    return Report(key=key, rollbacks=len(alerts), **found)


@internal_query(push_interval=0.5, urgent=[TrialAlert])
async def figures(ctx: QueryCtx, key: str) -> dict[str, Any]:
    """What the same answers cost on either path, and the newest differences and alerts.

    Costs are of answers that were told to both paths, in `shadow` and `mirror`.
    """
    samples = await _newest(ctx, key)
    paths: dict[str, Any] = {}
    for path in PATHS:
        own = [each for each in samples if each.path == path and each.source == "sink"]
        paths[path] = {
            "deliveries": len(own),
            "stalls": sum(each.stalls for each in own),
            "bytes": sum(each.size for each in own),
            "executions": sum(each.executions for each in own),
            "rows": sum(each.rows for each in own),
        }
    alerts = ctx.db.query(TrialAlert).with_index("by_key", key=key).order("desc")
    return {
        "paths": paths,
        "differences": [
            {"streamId": each.stream_id, "path": each.path, "class": each.kind, **each.first}
            for each in samples
            if not isinstance(each.first, Unset)
        ][:ALERTS_SHOWN],
        "alerts": [
            {
                "at": each.at,
                "reasons": each.reasons,
                "isArmed": not isinstance(each.rearmed_at, Unset),
            }
            for each in await alerts.take(ALERTS_SHOWN)
        ],
    }


async def _newest(ctx: QueryCtx | MutationCtx, key: str) -> list[TrialSample]:
    of_key = ctx.db.query(TrialSample).with_index("by_key", key=key)
    return await of_key.order("desc").take(SAMPLES_SHOWN)


# Samples


@internal_query
async def variant_of(ctx: QueryCtx, stream_id: Id[Stream]) -> str | None:
    """What the flag said when the answer was asked for; None where nothing is on trial.

    Nothing is while the flag is as it was made, so that answers are not read again for nobody.
    """
    stream = await ctx.db.get(stream_id)
    flag = await ctx.db.query(Flag).with_index("by_key", key=REALTIME).first()
    if stream is None or flag is None:
        return None
    is_set = not isinstance(flag.variant, Unset) or flag.revision > 1
    return stream.variant if is_set else None


@internal_query
async def flushes(ctx: QueryCtx, stream_id: Id[Stream], after: int) -> list[dict[str, Any]]:
    """What was written of a stream after the event of a number, by transaction."""
    rows = ctx.db.query(StreamEvents).with_index(
        "by_stream", lambda q: q.eq("stream_id", stream_id).gt("end_seq", after)
    )
    return [{"events": row.events, "ts": row.ts} for row in await rows.take(FLUSHES_AT_ONCE)]


@internal_mutation
async def record(
    ctx: MutationCtx, stream_id: Id[Stream], source: trial.Source, sample: dict[str, Any]
) -> None:
    """Keeps what was measured of one delivery."""
    stream = await ctx.db.get(stream_id)
    if stream is not None:
        await _keep(ctx, stream, source, sample)


@mutation
async def receipt(
    ctx: MutationCtx,
    stream_id: Id[Stream],
    path: Path,
    samples: list[tuple[int, float]],
    fell_back: bool = False,
) -> None:
    """When a client got events of an answer that is over: `[[seq, receivedAt], ...]`.

    Times are milliseconds since the epoch by the client's clock, so only those of clients say
    something whose clock is right. `fell_back`: the client was to use the new path and could not.

    Raises:
        ApplicationError: when it is no stream of the caller's, or there is too much of it.
    """
    stream = await own_stream(ctx, stream_id)
    if not samples or len(samples) > RECEIPT_EVENTS:
        refuse("invalid_request", f"samples: 1 to {RECEIPT_EVENTS} events, not {len(samples)}.")
    known = ctx.db.query(TrialSample).with_index("by_stream", stream_id=stream_id, source="client")
    if len(await known.take(RECEIPTS_KEPT)) == RECEIPTS_KEPT:
        return
    first = min(seq for seq, _ in samples)
    made = await events_after(ctx, stream, first - 1, RECEIPT_EVENTS)
    delivery = trial.Delivery(path, arrivals=samples)
    sample = delivery.sample(made)
    sample |= {"kind": trial.seen_in_order([seq for seq, _ in samples]), "first": None}
    sample["fallbacks"] = int(fell_back)
    await _keep(ctx, stream, "client", sample)


async def _keep(
    ctx: MutationCtx,
    stream: Stream,
    source: trial.Source,
    sample: dict[str, Any],
) -> None:
    errors = int(source != "client" and stream.error_code in OWN_ERRORS)
    given = {name: value for name, value in sample.items() if value is not None}
    await ctx.db.insert(
        TrialSample(
            key=REALTIME,
            stream_id=stream.id,
            source=source,
            variant=stream.variant,
            errors=errors,
            at=ctx.now.timestamp() * 1_000,
            **given,
        )
    )


async def note_lost(ctx: MutationCtx, stream_id: Id[Stream]) -> None:
    """Keeps that an answer has ended without its maker, on whichever path it was to take."""
    stream = await ctx.db.get(stream_id)
    assert stream is not None
    path: Path = "legacy" if stream.variant == LEGACY else "reactive"
    kind: Kind = "identical"
    await _keep(ctx, stream, "commit", {"path": path, "kind": kind})


# The way back


@internal_mutation
async def watch_over(ctx: MutationCtx) -> bool:
    """Gives the new path up if it breaks the rule; whether it did."""
    flag = await ctx.db.query(Flag).with_index("by_key", key=REALTIME).first()
    alert = await _last_alert(ctx, REALTIME)
    now_ms = ctx.now.timestamp() * 1_000
    if flag is None or not _is_tried(flag):
        return False
    since_ms = 0.0
    if alert is not None:
        if isinstance(alert.rearmed_at, Unset):
            return False
        since_ms = alert.rearmed_at
    recent = (
        ctx.db.query(TrialSample)
        .with_index(
            "by_key",
            lambda q: q.eq("key", REALTIME).gt(
                "at", max(since_ms, now_ms - trial.RULE.window_s * 1_000)
            ),
        )
        .order("desc")
    )
    samples = await recent.take(SAMPLES_SHOWN)
    reasons = trial.verdict(map(_judged, samples), now_ms)
    if not reasons:
        return False
    revision = await FLAGS.set(ctx, REALTIME, variant=LEGACY)
    await ctx.db.insert(
        TrialAlert(
            key=REALTIME,
            at=now_ms,
            reasons=reasons,
            variant=flag.variant,
            percentage=flag.percentage,
            revision=revision,
        )
    )
    _log.warning("trial: everybody is on the legacy path again: %s", "; ".join(reasons))
    return True


def _is_tried(flag: Flag) -> bool:
    """Whether the flag may give somebody the new path."""
    return flag.enabled and not (flag.variant == LEGACY and isinstance(flag.percentage, Unset))


def _judged(sample: TrialSample) -> trial.Sample:
    # What only a client says of order is no proof of what the server sent.
    kind = "identical" if sample.source == "client" else sample.kind
    return trial.Sample(
        sample.stream_id,
        sample.path,
        sample.at,
        sample.source,
        kind,
        sample.lags,
        sample.errors,
        sample.fallbacks,
    )


async def _last_alert(ctx: QueryCtx | MutationCtx, key: str) -> TrialAlert | None:
    alerts = ctx.db.query(TrialAlert).with_index("by_key", key=key)
    return await alerts.order("desc").first()


@internal_mutation
async def rearm(ctx: MutationCtx, key: str = REALTIME) -> None:
    """Lets the rule decide again, after somebody has looked at its last alert.

    Raises:
        ApplicationError: when there is no such alert, or it is too early.
    """
    alert = await _last_alert(ctx, key)
    if alert is None or not isinstance(alert.rearmed_at, Unset):
        refuse("invalid_request", f"{key}: there is no alert to be answered.")
    now_ms = ctx.now.timestamp() * 1_000
    left_s = trial.RULE.cool_down_s - (now_ms - alert.at) / 1_000
    if left_s > 0:
        refuse("invalid_request", f"{key}: it cools down for another {left_s:.0f} s.")
    await ctx.db.patch(alert.id, rearmed_at=now_ms)


@internal_mutation
async def expire(ctx: MutationCtx) -> None:
    """Forgets old samples. Alerts stay."""
    oldest_ms = (ctx.now - SAMPLE_AGE).timestamp() * 1_000
    old = ctx.db.query(TrialSample).with_index("by_time", lambda q: q.lt("at", oldest_ms))
    found = await old.take(EXPIRED_AT_ONCE)
    for sample in found:
        await ctx.db.delete(sample.id)
    if len(found) == EXPIRED_AT_ONCE:
        await ctx.scheduler.run_after(0, expire)
