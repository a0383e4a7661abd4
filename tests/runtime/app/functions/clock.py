"""A query that looks at the clock."""

from reactive import QueryCtx, query


@query
async def now(ctx: QueryCtx) -> float:
    return ctx.now.timestamp()
