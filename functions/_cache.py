"""Answers that are given again to the same question of the same user, if the server is set so.

Only what depends on nothing else is kept: an answer that is whole and has called no tool. It is
known by a hash of the model, the system prompt and the whole conversation, and by its user: nobody
is ever given what somebody else was told.
"""

import hashlib
import json
from typing import Any

from reactive import UNSET, Id, MutationCtx, Unset
from schema import CachedAnswer, PartOrder, Stream


async def look_up(
    ctx: MutationCtx, stream: Stream, system: str | None, turns: list[dict[str, Any]]
) -> tuple[str | Unset, Id[Stream] | None]:
    """The key to keep a stream's answer by, or the stream that has it already."""
    if ctx.settings.response_cache == 0:
        return UNSET, None
    key = key_of(stream.model, system, turns)
    cached = await _cached(ctx, stream.user_id, key)
    if cached is None or cached.expires_at <= ctx.now.timestamp() * 1_000:
        return key, None
    told = await ctx.db.get(cached.stream_id)
    # The key has the user in it already; whose answer it is, is too important to be asked once.
    if told is None or told.user_id != stream.user_id or told.state != "finished":
        return key, None
    return UNSET, told.id


def key_of(model: str, system: str | None, turns: list[dict[str, Any]]) -> str:
    """What an answer depends on, as a hash."""
    text = json.dumps([model, system, turns], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


async def keep(ctx: MutationCtx, stream: Stream, ending: dict[str, Any]) -> None:
    """Keeps an answer that has just ended, if it may be given again."""
    seconds = ctx.settings.response_cache
    if seconds == 0 or isinstance(stream.cache_key, Unset) or ending["finish_reason"] != "stop":
        return
    order = (
        await ctx.db.query(PartOrder)
        .with_index("by_message", message_id=stream.message_id)
        .unique()
    )
    if order is None or any(row["type"] == "tool" for row in order.rows):
        return
    answer = CachedAnswer(
        user_id=stream.user_id,
        key=stream.cache_key,
        stream_id=stream.id,
        expires_at=(ctx.now.timestamp() + seconds) * 1_000,
    )
    known = await _cached(ctx, stream.user_id, stream.cache_key)
    if known is None:
        await ctx.db.insert(answer)
    else:
        await ctx.db.replace(known.id, answer)


async def _cached(ctx: MutationCtx, user: str, key: str) -> CachedAnswer | None:
    rows = ctx.db.query(CachedAnswer).with_index("by_key", user_id=user, key=key)
    return await rows.first()
