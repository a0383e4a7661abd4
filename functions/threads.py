"""Threads: the conversations that messages belong to."""

from functions._checks import check_text
from reactive import (
    UNSET,
    Id,
    MutationCtx,
    PaginationOptions,
    PaginationResult,
    QueryCtx,
    Unset,
    mutation,
    query,
)
from schema import Thread

TITLE_LENGTH_MAX = 80


@query(name="list")
async def list_threads(
    ctx: QueryCtx, pagination_opts: PaginationOptions
) -> PaginationResult[Thread]:
    """All threads, newest first."""
    return await ctx.db.query(Thread).order("desc").paginate(pagination_opts)


@mutation
async def create(
    ctx: MutationCtx,
    title: str | Unset = UNSET,
    kind: str | Unset = UNSET,
    external_id: str | Unset = UNSET,
) -> Id[Thread]:
    """Create a thread, or give the one that has this `external_id` already."""
    if not isinstance(title, Unset):
        check_text(title, name="title", length_max=TITLE_LENGTH_MAX)
    if not isinstance(external_id, Unset):
        known = (
            await ctx.db.query(Thread)
            .with_index("by_external_id", external_id=external_id)
            .unique()
        )
        if known is not None:
            return known.id
    return await ctx.db.insert(Thread(title=title, kind=kind, external_id=external_id))
