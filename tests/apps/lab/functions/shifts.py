"""Write skew: two transactions read both rows, and each writes another one."""

from reactive import ApplicationError, MutationCtx, QueryCtx, mutation, query
from schema import Shift


@mutation
async def set_up(ctx: MutationCtx, team: str, people: list[str]) -> None:
    for person in people:
        await ctx.db.insert(Shift(team=team, person=person, on_call=True))


@mutation
async def sign_off(ctx: MutationCtx, team: str, person: str) -> None:
    """Somebody must stay on call."""
    shifts = await ctx.db.query(Shift).with_index("by_team", team=team).collect()
    if sum(shift.on_call for shift in shifts) < 2:
        raise ApplicationError("the last one stays")
    for shift in shifts:
        if shift.person == person:
            await ctx.db.patch(shift.id, on_call=False)


@query
async def on_call(ctx: QueryCtx, team: str) -> list[str]:
    shifts = await ctx.db.query(Shift).with_index("by_team", team=team).collect()
    return [shift.person for shift in shifts if shift.on_call]
