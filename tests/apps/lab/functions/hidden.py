"""Functions that no client can call, and functions that call them."""

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


@internal_query
async def secret_query(ctx: QueryCtx) -> str:
    return "a secret"


@internal_mutation
async def secret_mutation(ctx: MutationCtx) -> str:
    return "a secret"


@internal_action
async def secret_action(ctx: ActionCtx) -> str:
    return "a secret"


@query
async def through_query(ctx: QueryCtx) -> str:
    secret: str = await ctx.run_query(secret_query)
    return secret


@action
async def through_action(ctx: ActionCtx) -> list[str]:
    return [
        await ctx.run_query(secret_query),
        await ctx.run_mutation("hidden:secret_mutation"),
        await ctx.run_action(secret_action),
    ]


async def not_decorated(ctx: QueryCtx) -> str:
    return "never called by a client"
