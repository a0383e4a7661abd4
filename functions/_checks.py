"""Checks that several functions share; a module whose name begins with `_` is never served."""

from typing import NoReturn

from reactive import ActionCtx, ApplicationError, Id, MutationCtx, QueryCtx
from schema import Message, Stream, Thread

LOCAL_USER = "local"


def refuse(code: str, message: str, **more: object) -> NoReturn:
    """Refuse a call with what a person can read and a program can act on.

    Raises:
        ApplicationError: always, with `{code, message}`.
    """
    raise ApplicationError({"code": code, "message": message, **more})


def check_text(text: str, *, name: str, length_max: int) -> None:
    """Refuse a text that is blank or longer than `length_max` characters.

    Raises:
        ApplicationError: the caller's mistake, with a message that a person can read.
    """
    if not text.strip():
        refuse("invalid_request", f"The {name} is empty.")
    if len(text) > length_max:
        refuse(
            "invalid_request",
            f"The {name} is too long: {len(text):,} characters, {length_max:,} at most.",
        )


async def caller_of(ctx: QueryCtx | MutationCtx | ActionCtx) -> str:
    """Who is calling. On a server that trusts no issuer of tokens everybody is one local user.

    Raises:
        ApplicationError: when the server wants to know who it is, and nobody is logged in.
    """
    if not ctx.settings.auth:
        return LOCAL_USER
    identity = await ctx.auth.get_user_identity()
    if identity is None:
        refuse("unauthenticated", "Log in first.")
    return identity.token_identifier


async def own_thread(ctx: QueryCtx | MutationCtx, thread_id: Id[Thread]) -> Thread:
    """The caller's thread.

    Raises:
        ApplicationError: when there is none, or it is somebody else's, which is not told.
    """
    user = await caller_of(ctx)
    thread = await ctx.db.get(thread_id)
    if thread is None or thread.owner != user:
        refuse("not_found", f"There is no thread {thread_id!r:.80}.")
    return thread


async def find_thread(ctx: QueryCtx | MutationCtx, name: str) -> Thread | None:
    """The caller's thread by its id or by the name that another system knows it by."""
    user = await caller_of(ctx)
    thread_id = await ctx.db.normalize_id(Thread, name)
    if thread_id is not None:
        thread = await ctx.db.get(thread_id)
        if thread is not None and thread.owner == user:
            return thread
    return (
        await ctx.db.query(Thread)
        .with_index("by_external_id", owner=user, external_id=name)
        .first()
    )


async def own_message(ctx: QueryCtx | MutationCtx, message_id: Id[Message]) -> Message:
    """A message in one of the caller's threads.

    Raises:
        ApplicationError: when there is none, or it is somebody else's, which is not told.
    """
    user = await caller_of(ctx)
    message = await ctx.db.get(message_id)
    if message is None or not await _is_of(ctx, message.thread_id, user):
        refuse("not_found", f"There is no message {message_id!r:.80}.")
    return message


async def own_stream(ctx: QueryCtx | MutationCtx, stream_id: Id[Stream]) -> Stream:
    """A stream in one of the caller's threads.

    Raises:
        ApplicationError: when there is none, or it is somebody else's, which is not told.
    """
    user = await caller_of(ctx)
    stream = await ctx.db.get(stream_id)
    if stream is None or not await _is_of(ctx, stream.thread_id, user):
        refuse("not_found", f"There is no stream {stream_id!r:.80}.")
    return stream


async def _is_of(ctx: QueryCtx | MutationCtx, thread_id: Id[Thread], user: str) -> bool:
    """Whether a thread is a user's; ids of other people's threads are told to nobody."""
    thread = await ctx.db.get(thread_id)
    return thread is not None and thread.owner == user
