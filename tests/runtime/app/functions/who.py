"""Queries that look at who is calling, always or sometimes."""

from functions import counters
from reactive import MutationCtx, QueryCtx, mutation, query


@query
async def me(ctx: QueryCtx) -> str:
    identity = await ctx.auth.get_user_identity()
    return "nobody" if identity is None else identity.subject


@query
async def my_counter(ctx: QueryCtx) -> int:
    return await counters.get(ctx, name=await ctx.run_query(me))


@query
async def hidden_unless_open(ctx: QueryCtx) -> str:
    """Asks who is calling only while the counter `open` is 0."""
    if await counters.get(ctx, name="open"):
        return "open"
    return await ctx.run_query(me)


@mutation
async def sign(ctx: MutationCtx) -> str:
    return await ctx.run_query(me)
