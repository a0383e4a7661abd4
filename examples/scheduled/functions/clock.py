"""What a cron does, seen from outside: a clock that strikes."""

from reactive import MutationCtx, QueryCtx, internal_mutation, query
from schema import Clock


@query
async def get(ctx: QueryCtx) -> Clock | None:
    """The clock; None before it has struck for the first time."""
    return await ctx.db.query(Clock).first()


@internal_mutation
async def strike(ctx: MutationCtx) -> None:
    """Count one more strike."""
    clock = await ctx.db.query(Clock).first()
    struck_at = ctx.now.timestamp() * 1_000
    if clock is None:
        await ctx.db.insert(Clock(strikes=1, struck_at=struck_at))
    else:
        await ctx.db.patch(clock.id, strikes=clock.strikes + 1, struck_at=struck_at)
