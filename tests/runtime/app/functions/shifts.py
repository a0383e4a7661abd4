"""Somebody must be on call: two mutations that each read both rows and write one."""

from reactive import MutationCtx, QueryCtx, mutation, query
from schema import Shift


@mutation
async def start(ctx: MutationCtx, people: list[str]) -> None:
    for person in people:
        await ctx.db.insert(Shift(person=person, on_call=True))


@mutation
async def leave(ctx: MutationCtx, person: str) -> bool:
    """Leaves, unless nobody else would be there. Runs in a thread once it is known to be slow."""
    shifts = await ctx.db.query(Shift).collect()
    if sum(shift.on_call for shift in shifts) < 2:
        return False
    for shift in shifts:
        if shift.person == person:
            await ctx.db.patch(shift.id, on_call=False)
    return True


@query
async def on_call(ctx: QueryCtx) -> int:
    return sum([shift.on_call for shift in await ctx.db.query(Shift).collect()])
