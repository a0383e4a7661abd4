"""What a model is told of a thread."""

from typing import Any

from functions._shown import is_shown, newest_of
from reactive import MutationCtx, QueryCtx
from schema import Message, Stream

TURNS_MAX = 100


async def turns_of(ctx: QueryCtx | MutationCtx, stream: Stream) -> list[dict[str, Any]]:
    """The conversation before a stream's own message, as `{role, text}`, oldest first.

    A failed answer is a part of it until it is dismissed, as far as it has a text.
    """
    own = await ctx.db.get(stream.message_id)
    if own is None:
        return []
    before = ctx.db.query(Message).with_index(
        "by_thread", lambda q: q.eq("thread_id", stream.thread_id).lt("order", own.order)
    )
    return [
        {"role": message.role, "text": message.content}
        for message in await newest_of(before.filter(is_shown), TURNS_MAX)
        if message.content
    ]
