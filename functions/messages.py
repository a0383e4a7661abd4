"""Messages: what people write in a thread, and what the model answers."""

from typing import Any

from pydantic import BaseModel

from functions import streams
from functions._beginning import add_answer, next_order
from functions._checks import caller_of, check_text, own_message, own_thread, refuse
from functions._limits import spend_message
from functions._shown import is_shown, newest_of
from functions._text import text_so_far
from reactive import (
    UNSET,
    Id,
    MutationCtx,
    PaginationOptions,
    PaginationResult,
    QueryCtx,
    Unset,
    internal_mutation,
    mutation,
    query,
)
from reactive.ai.providers.base import ProviderError
from reactive.ai.providers.registry import check_model
from schema import Message, Stream, Thread

PROMPT_LENGTH_MAX = 100_000
AUTHOR_LENGTH_MAX = 40
OBSERVED_MAX = 200


class Sent(BaseModel):
    """What `messages:send` answers: the message, its answer to be, and the answer's stream."""

    user_message_id: Id[Message]
    message_id: Id[Message]
    stream_id: Id[Stream]


@query(name="list")
async def list_messages(
    ctx: QueryCtx, thread_id: Id[Thread], pagination_opts: PaginationOptions
) -> PaginationResult[Message]:
    """The messages of a thread, newest first; it stands still while an answer grows."""
    thread = await own_thread(ctx, thread_id)
    messages = ctx.db.query(Message).with_index("by_thread", thread_id=thread_id).order("desc")
    if not isinstance(thread.has_dismissed, Unset):
        # Otherwise rows are passed on as they are stored, and nobody looks into them.
        messages = messages.filter(is_shown)
    return await messages.paginate(pagination_opts)


@query(push_interval=2.0, urgent=[Message])
async def observe(ctx: QueryCtx, thread_id: Id[Thread]) -> list[dict[str, Any]]:
    """All messages with the text so far, at most every two seconds; a change of status at once."""
    return await _with_text(ctx, thread_id)


@query(push_interval=0.3, urgent=[Message])
async def legacy_view(ctx: QueryCtx, thread_id: Id[Thread]) -> list[dict[str, Any]]:
    """Messages whose `content` grows, as clients of the old shape know them."""
    return await _with_text(ctx, thread_id)


async def _with_text(ctx: QueryCtx, thread_id: Id[Thread]) -> list[dict[str, Any]]:
    await own_thread(ctx, thread_id)
    messages = ctx.db.query(Message).with_index("by_thread", thread_id=thread_id)
    shown = []
    for message in await newest_of(messages.filter(is_shown), OBSERVED_MAX):
        fields = message.model_dump(by_alias=True)
        if message.status in ("pending", "streaming"):
            fields["content"] = await text_so_far(ctx, message.id)
        shown.append(fields)
    return shown


@mutation
async def send(
    ctx: MutationCtx,
    thread_id: Id[Thread],
    prompt: str,
    model: str | Unset = UNSET,
    system_prompt: str | Unset = UNSET,
    author: str | Unset = UNSET,
    client_message_id: str | Unset = UNSET,
) -> Sent:
    """Add a message to a thread and have it answered.

    A `client_message_id` makes it safe to send again: what was sent under it already is given
    back, and nothing is written.

    Raises:
        ApplicationError: when there is no such thread, a text is blank or too long, the model is
            unknown, or it is too much at once.
    """
    sent, is_new = await _prepare(
        ctx, thread_id, prompt, model, system_prompt, author, client_message_id
    )
    if is_new:
        job = await ctx.scheduler.run_after(0, streams.generate, stream_id=sent.stream_id)
        await ctx.db.patch(sent.stream_id, job_id=str(job))
    return sent


@mutation
async def dismiss(ctx: MutationCtx, message_id: Id[Message]) -> None:
    """Show a failed answer to nobody any more, nor to models; its rows stay.

    One that is dismissed already is no error, and nothing is written. Made anew it is shown again.

    Raises:
        ApplicationError: when there is no such message, or it is no answer that has failed: what a
            user wrote, an answer in the making, or one that is complete or was stopped.
    """
    message = await own_message(ctx, message_id)
    if message.role != "assistant":
        refuse("invalid_request", "Only an answer can be dismissed, and this is a message.")
    if message.status in ("pending", "streaming"):
        refuse("conflict", "The answer is still being made.")
    if message.status != "error":
        refuse("conflict", f"Only a failed answer can be dismissed; this one is {message.status}.")
    if is_shown(message):
        await ctx.db.patch(message.id, dismissed_at=ctx.now.timestamp() * 1_000)
        await ctx.db.patch(message.thread_id, has_dismissed=True)


@internal_mutation
async def prepare(
    ctx: MutationCtx,
    thread_id: Id[Thread],
    prompt: str,
    model: str | Unset = UNSET,
    system_prompt: str | Unset = UNSET,
    client_message_id: str | Unset = UNSET,
) -> tuple[Sent, bool]:
    """As `send`, for a caller who makes the answer itself; and whether there is one to make."""
    return await _prepare(ctx, thread_id, prompt, model, system_prompt, UNSET, client_message_id)


async def _prepare(
    ctx: MutationCtx,
    thread_id: Id[Thread],
    prompt: str,
    model: str | Unset,
    system_prompt: str | Unset,
    author: str | Unset,
    client_message_id: str | Unset,
) -> tuple[Sent, bool]:
    thread = await own_thread(ctx, thread_id)
    if not isinstance(client_message_id, Unset):
        if not client_message_id:
            refuse("invalid_request", "clientMessageId is empty.")
        known = await _sent_before(ctx, thread.id, client_message_id)
        if known is not None:
            return known, False
    user = await caller_of(ctx)
    check_text(prompt, name="message", length_max=PROMPT_LENGTH_MAX)
    if not isinstance(author, Unset):
        check_text(author, name="author", length_max=AUTHOR_LENGTH_MAX)
    chosen = ctx.settings.model if isinstance(model, Unset) else model
    try:
        check_model(chosen)
    except ProviderError as error:
        refuse(error.code, error.message)
    await spend_message(ctx, user, thread.id)

    order = await next_order(ctx, thread.id)
    asked = await ctx.db.insert(
        Message(
            thread_id=thread.id,
            order=order,
            role="user",
            status="complete",
            content=prompt,
            author=author,
            client_message_id=client_message_id,
            last_updated=ctx.now.timestamp() * 1_000,
        )
    )
    answer, stream = await add_answer(
        ctx, thread.id, order + 1, user, chosen, system_prompt=system_prompt
    )
    return Sent(user_message_id=asked, message_id=answer, stream_id=stream), True


async def _sent_before(
    ctx: MutationCtx, thread_id: Id[Thread], client_message_id: str
) -> Sent | None:
    asked = (
        await ctx.db.query(Message)
        .with_index(
            "by_client_message_id", thread_id=thread_id, client_message_id=client_message_id
        )
        .first()
    )
    if asked is None:
        return None
    answer = (
        await ctx.db.query(Message)
        .with_index("by_thread", thread_id=thread_id, order=asked.order + 1)
        .first()
    )
    if answer is None or isinstance(answer.stream_id, Unset):
        return None
    return Sent(user_message_id=asked.id, message_id=answer.id, stream_id=answer.stream_id)
