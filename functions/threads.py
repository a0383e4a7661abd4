"""Threads: the conversations that messages belong to."""

from functions._checks import caller_of, check_text, find_thread, refuse
from reactive import (
    UNSET,
    Id,
    MutationCtx,
    PaginationOptions,
    PaginationResult,
    QueryCtx,
    Unset,
    internal_query,
    mutation,
    query,
)
from schema import Thread

TITLE_LENGTH_MAX = 80


@query(name="list")
async def list_threads(
    ctx: QueryCtx, pagination_opts: PaginationOptions
) -> PaginationResult[Thread]:
    """The caller's threads, newest first."""
    user = await caller_of(ctx)
    mine = ctx.db.query(Thread).with_index("by_owner", owner=user)
    return await mine.order("desc").paginate(pagination_opts)


@mutation
async def create(
    ctx: MutationCtx,
    title: str | Unset = UNSET,
    kind: str | Unset = UNSET,
    external_id: str | Unset = UNSET,
) -> Id[Thread]:
    """Create a thread, or give the one that has this `external_id` already."""
    user = await caller_of(ctx)
    if not isinstance(title, Unset):
        check_text(title, name="title", length_max=TITLE_LENGTH_MAX)
    if not isinstance(external_id, Unset):
        if not external_id:
            refuse("invalid_request", "externalId is empty.")
        known = (
            await ctx.db.query(Thread)
            .with_index("by_external_id", owner=user, external_id=external_id)
            .first()
        )
        if known is not None:
            return known.id
    return await ctx.db.insert(Thread(owner=user, title=title, kind=kind, external_id=external_id))


@internal_query
async def find(ctx: QueryCtx, name: str) -> Id[Thread] | None:
    """The caller's thread of this id or external id."""
    thread = await find_thread(ctx, name)
    return None if thread is None else thread.id
