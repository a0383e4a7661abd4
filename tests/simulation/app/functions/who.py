"""Who is calling."""

from reactive import QueryCtx, query


async def name_of(ctx: QueryCtx) -> str:
    identity = await ctx.auth.get_user_identity()
    return "nobody" if identity is None else identity.subject


@query
async def me(ctx: QueryCtx) -> str:
    return await name_of(ctx)
