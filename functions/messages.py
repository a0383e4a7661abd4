"""Messages: what people write in a thread."""

from pydantic import BaseModel

from functions._checks import check_text
from reactive import (
    UNSET,
    ApplicationError,
    Id,
    MutationCtx,
    PaginationOptions,
    PaginationResult,
    QueryCtx,
    Unset,
    mutation,
    query,
)
from schema import Message, Thread

PROMPT_LENGTH_MAX = 4_000
AUTHOR_LENGTH_MAX = 40


class Sent(BaseModel):
    """What `messages:send` answers."""

    user_message_id: Id[Message]


@query(name="list")
async def list_messages(
    ctx: QueryCtx, thread_id: Id[Thread], pagination_opts: PaginationOptions
) -> PaginationResult[Message]:
    """The messages of a thread, newest first."""
    await _require_thread(ctx, thread_id)
    return (
        await ctx.db.query(Message)
        .with_index("by_thread", thread_id=thread_id)
        .order("desc")
        .paginate(pagination_opts)
    )


@mutation
async def send(
    ctx: MutationCtx,
    thread_id: Id[Thread],
    prompt: str,
    author: str | Unset = UNSET,
    client_message_id: str | Unset = UNSET,
) -> Sent:
    """Add a message to a thread.

    A `client_message_id` makes it safe to send again: the thread's message that has it already is
    given back, and nothing is written.

    Raises:
        ApplicationError: there is no such thread, or a text is blank or too long.
    """
    await _require_thread(ctx, thread_id)
    if not isinstance(client_message_id, Unset):
        known = (
            await ctx.db.query(Message)
            .with_index(
                "by_client_message_id", thread_id=thread_id, client_message_id=client_message_id
            )
            .unique()
        )
        if known is not None:
            return Sent(user_message_id=known.id)
    check_text(prompt, name="message", length_max=PROMPT_LENGTH_MAX)
    if not isinstance(author, Unset):
        check_text(author, name="author", length_max=AUTHOR_LENGTH_MAX)

    newest = (
        await ctx.db.query(Message)
        .with_index("by_thread", thread_id=thread_id)
        .order("desc")
        .first()
    )
    message_id = await ctx.db.insert(
        Message(
            thread_id=thread_id,
            order=0 if newest is None else newest.order + 1,
            role="user",
            status="complete",
            content=prompt,
            author=author,
            client_message_id=client_message_id,
            last_updated=ctx.now.timestamp() * 1_000,
        )
    )
    return Sent(user_message_id=message_id)


async def _require_thread(ctx: QueryCtx | MutationCtx, thread_id: Id[Thread]) -> None:
    if await ctx.db.get(thread_id) is None:
        raise ApplicationError({"code": "not_found", "message": "There is no such thread."})
