"""The rows that an answer begins with, whoever is going to make it."""

from typing import Any

from functions import streams
from functions.flags import decide_realtime
from reactive import Id, MutationCtx
from schema import Message, Stream, Thread


async def next_order(ctx: MutationCtx, thread_id: Id[Thread]) -> int:
    """The place of a thread's next message."""
    messages = ctx.db.query(Message).with_index("by_thread", thread_id=thread_id)
    newest = await messages.order("desc").first()
    return 0 if newest is None else newest.order + 1


async def add_answer(
    ctx: MutationCtx, thread_id: Id[Thread], order: int, user: str, model: str, **more: Any
) -> tuple[Id[Message], Id[Stream]]:
    """An answer that is to be made for a user, and its stream, which has `more` fields."""
    message = await ctx.db.insert(
        Message(
            thread_id=thread_id,
            order=order,
            role="assistant",
            status="pending",
            content="",
            model=model,
            streaming_for_user=user,
            last_updated=ctx.now.timestamp() * 1_000,
        )
    )
    stream = await add_stream(ctx, thread_id, message, user, model, **more)
    await ctx.db.patch(message, stream_id=stream)
    return message, stream


async def add_stream(
    ctx: MutationCtx,
    thread_id: Id[Thread],
    message_id: Id[Message],
    user: str,
    model: str,
    **more: Any,
) -> Id[Stream]:
    """A stream that somebody has to take within `START_WITHIN_S`, on the path decided for it."""
    decision = await decide_realtime(ctx, user)
    return await ctx.db.insert(
        Stream(
            thread_id=thread_id,
            message_id=message_id,
            user_id=user,
            state="pending",
            model=model,
            lease_until=(ctx.now.timestamp() + streams.START_WITHIN_S) * 1_000,
            variant=decision.variant,
            reason=decision.reason,
            **more,
        )
    )
