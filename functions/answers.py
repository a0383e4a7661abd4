"""Answers as HTTP readers ask for them: by names that come from outside."""

from pydantic import BaseModel

from functions import _log, messages, streams
from functions._beginning import add_stream
from functions._checks import caller_of, find_thread, own_message, refuse
from functions._limits import spend_message
from functions.messages import Sent
from reactive import (
    UNSET,
    Id,
    MutationCtx,
    QueryCtx,
    Unset,
    internal_mutation,
    internal_query,
)
from reactive.ai.providers.base import ProviderError
from reactive.ai.providers.registry import check_model
from reactive.limits import DEFAULT_LIMITS
from schema import Message, MessagePart, PartOrder, Stream, Thread

TITLE_LENGTH = 80


class Found(BaseModel):
    """A stream that may be read."""

    stream_id: Id[Stream]
    message_id: Id[Message]
    is_open: bool
    last_seq: int


@internal_query
async def find(ctx: QueryCtx, name: str) -> Found:
    """The caller's stream of this id.

    Raises:
        ApplicationError: when there is none.
    """
    await caller_of(ctx)
    stream_id = await ctx.db.normalize_id(Stream, name)
    stream = None if stream_id is None else await ctx.db.get(stream_id)
    if stream is None or not await _is_own(ctx, stream):
        refuse("not_found", f"There is no stream {name!r:.80}.")
    return await _found(ctx, stream)


@internal_query
async def find_by_message(ctx: QueryCtx, message: str, thread: str) -> Found:
    """The stream that writes, or wrote, a message of one of the caller's threads.

    Raises:
        ApplicationError: when there is no such answer.
    """
    own = await find_thread(ctx, thread)
    message_id = await ctx.db.normalize_id(Message, message)
    answer = None if own is None or message_id is None else await ctx.db.get(message_id)
    if answer is None or own is None or answer.thread_id != own.id:
        refuse("not_found", f"There is no message {message!r:.80} in {thread!r:.80}.")
    stream = None if isinstance(answer.stream_id, Unset) else await _stream_of(ctx, answer)
    if stream is None:
        refuse("not_found", f"The message {message!r:.80} is no answer.")
    return await _found(ctx, stream)


@internal_query
async def find_open(ctx: QueryCtx, thread: str) -> Found | None:
    """The answer that is being made in a thread, the newest if there are several.

    Raises:
        ApplicationError: for the id of a thread that is not the caller's. A name that nobody has
            used yet is no error.
    """
    own = await find_thread(ctx, thread)
    if own is None:
        await _refuse_foreign(ctx, thread)
        return None
    found: list[Stream] = []
    for state in streams.OPEN:
        of_thread = ctx.db.query(Stream).with_index("by_thread", thread_id=own.id, state=state)
        newest = await of_thread.order("desc").first()
        found += [] if newest is None else [newest]
    if not found:
        return None
    return await _found(ctx, max(found, key=lambda stream: stream.creation_time))


@internal_mutation
async def ask(
    ctx: MutationCtx,
    thread: str,
    prompt: str,
    model: str | Unset = UNSET,
    system_prompt: str | Unset = UNSET,
    client_message_id: str | Unset = UNSET,
    *,
    creates: bool = False,
) -> Sent:
    """As `messages:send`, to a thread by its id or external id; `creates` makes one of that name.

    Raises:
        ApplicationError: when there is no such thread, or as `messages:send`.
    """
    own = await find_thread(ctx, thread)
    if own is not None:
        thread_id = own.id
    else:
        thread_id = await _new_thread(ctx, thread, prompt, creates=creates)
    return await ctx.run_mutation(
        messages.send,
        thread_id=thread_id,
        prompt=prompt,
        model=model,
        system_prompt=system_prompt,
        client_message_id=client_message_id,
    )


async def _new_thread(ctx: MutationCtx, name: str, prompt: str, *, creates: bool) -> Id[Thread]:
    if not creates:
        refuse("not_found", f"There is no thread {name!r:.80}.")
    await _refuse_foreign(ctx, name)
    if not name or len(name) > DEFAULT_LIMITS.external_id_characters_max:
        most = DEFAULT_LIMITS.external_id_characters_max
        refuse("invalid_request", f"id: a thread's name has 1 to {most} characters.")
    title = prompt.strip()[:TITLE_LENGTH]
    return await ctx.db.insert(
        Thread(owner=await caller_of(ctx), title=title or UNSET, external_id=name)
    )


@internal_query
async def find_answer(ctx: QueryCtx, thread: str, message: str) -> Id[Message] | None:
    """The answer that a message of a thread is, or got.

    `message` is its id, or the one that its sender gave it.
    """
    own = await find_thread(ctx, thread)
    if own is None:
        return None
    message_id = await ctx.db.normalize_id(Message, message)
    known = None if message_id is None else await ctx.db.get(message_id)
    if known is None:
        sent = ctx.db.query(Message).with_index(
            "by_client_message_id", thread_id=own.id, client_message_id=message
        )
        known = await sent.first()
    if known is not None and known.thread_id == own.id and known.role == "user":
        after = ctx.db.query(Message).with_index(
            "by_thread", thread_id=own.id, order=known.order + 1
        )
        known = await after.first()
    if known is None or known.thread_id != own.id or isinstance(known.stream_id, Unset):
        return None
    return known.id


@internal_mutation
async def ask_again(ctx: MutationCtx, message_id: Id[Message], model: str | Unset = UNSET) -> Sent:
    """Has an answer made anew, in its own place; messages after it stay.

    The log of the answer before stays readable under its own stream.

    Raises:
        ApplicationError: when there is no such answer, it is still being made, the model is
            unknown, or it is too much at once.
    """
    answer = await own_message(ctx, message_id)
    before = None if isinstance(answer.stream_id, Unset) else await _stream_of(ctx, answer)
    if before is None:
        refuse("not_found", "There is no such answer.")
    if before.state in streams.OPEN:
        refuse("conflict", "The answer is still being made.")
    chosen = before.model if isinstance(model, Unset) else model
    try:
        check_model(chosen)
    except ProviderError as error:
        refuse(error.code, error.message)
    user = await caller_of(ctx)
    await spend_message(ctx, user, before.thread_id)

    stream = await add_stream(
        ctx, answer.thread_id, answer.id, user, chosen, system_prompt=before.system_prompt
    )
    await ctx.db.patch(before.id, state="superseded")
    await _clear(ctx, answer)
    await ctx.db.patch(
        answer.id,
        status="pending",
        content="",
        stream_id=stream,
        model=chosen,
        usage=UNSET,
        finish_reason=UNSET,
        error_code=UNSET,
        error_text=UNSET,
        dismissed_at=UNSET,
        last_updated=ctx.now.timestamp() * 1_000,
    )
    job = await ctx.scheduler.run_after(0, streams.generate, stream_id=stream)
    await ctx.db.patch(stream, job_id=str(job))
    asked = ctx.db.query(Message).with_index(
        "by_thread", thread_id=answer.thread_id, order=answer.order - 1
    )
    question = await asked.first()
    user_message_id = answer.id if question is None else question.id
    return Sent(user_message_id=user_message_id, message_id=answer.id, stream_id=stream)


async def _clear(ctx: MutationCtx, answer: Message) -> None:
    parts = ctx.db.query(MessagePart).with_index("by_message", message_id=answer.id)
    for part in await parts.collect():
        await ctx.db.delete(part.id)
    order = await ctx.db.query(PartOrder).with_index("by_message", message_id=answer.id).unique()
    if order is not None:
        await ctx.db.delete(order.id)


async def _stream_of(ctx: QueryCtx | MutationCtx, answer: Message) -> Stream | None:
    if isinstance(answer.stream_id, Unset):
        return None
    return await ctx.db.get(Id[Stream](answer.stream_id))


async def _is_own(ctx: QueryCtx, stream: Stream) -> bool:
    thread = await ctx.db.get(stream.thread_id)
    return thread is not None and thread.owner == await caller_of(ctx)


async def _refuse_foreign(ctx: QueryCtx | MutationCtx, name: str) -> None:
    """An id of a thread is nobody's external id: it is somebody else's thread, or none."""
    if await ctx.db.normalize_id(Thread, name) is not None:
        refuse("not_found", f"There is no thread {name!r:.80}.")


async def _found(ctx: QueryCtx, stream: Stream) -> Found:
    final_seq = stream.final_seq
    return Found(
        stream_id=stream.id,
        message_id=stream.message_id,
        is_open=stream.state in streams.OPEN,
        last_seq=await _log.last_seq(ctx, stream) if isinstance(final_seq, Unset) else final_seq,
    )
