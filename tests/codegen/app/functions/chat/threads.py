"""A module in a folder, with functions that clients may and may not call."""

from typing import Any

from reactive import (
    ActionCtx,
    MutationCtx,
    QueryCtx,
    action,
    internal_action,
    internal_mutation,
    internal_query,
    query,
)
from reactive.runtime.document import Document


@query(name="list")
async def list_threads(ctx: QueryCtx) -> list[Document]:
    """Of a table that has no class."""
    return await ctx.db.query("threads").collect()


@internal_query
async def count(ctx: QueryCtx, least: int = 0) -> int:
    return max(least, len(await list_threads(ctx)))


@internal_mutation
async def clear(ctx: MutationCtx) -> None:
    for thread in await ctx.db.query("threads").collect():
        await ctx.db.delete(thread.id)


@internal_action
async def summarize(ctx: ActionCtx, **options: Any) -> str:
    return f"{sorted(options)}"


@action
async def run(ctx: ActionCtx, prompt: str, **options: Any):  # type: ignore[no-untyped-def]
    """Has no return annotation."""
    return {"prompt": prompt, "options": options}
