"""Functions that call functions."""

from typing import Any

from functions import counters
from reactive import (
    ActionCtx,
    ApplicationError,
    MutationCtx,
    QueryCtx,
    action,
    internal_mutation,
    mutation,
    query,
)


@internal_mutation
async def hidden(ctx: MutationCtx, name: str) -> int:
    return await counters.add(ctx, name=name)


@mutation
async def outer(ctx: MutationCtx, fail: bool, catch: bool) -> list[int]:
    """Writes, calls a mutation that may fail after it has written, and goes on."""
    await counters.add(ctx, name="outer")
    try:
        await ctx.run_mutation(counters.add_and_fail, name="inner", error=fail)
    except ApplicationError:
        if not catch:
            raise
    await counters.add(ctx, name="outer")
    return [await counters.read_only(ctx, name=name) for name in ("outer", "inner")]


@mutation
async def bad_call(ctx: MutationCtx) -> str:
    try:
        await ctx.run_mutation("counters:add", name=5)
    except Exception as error:
        return str(error)
    return "called"


@mutation
async def by_path(ctx: MutationCtx, path: str) -> Any:
    return await ctx.run_mutation(path, name="x")


@query
async def query_calls_mutation(ctx: QueryCtx) -> Any:
    return await ctx.run_query(counters.add, name="x")  # type: ignore[arg-type, unused-ignore]


@query
async def deep(ctx: QueryCtx, depth: int) -> int:
    return 1 if depth <= 1 else 1 + await ctx.run_query(deep, depth=depth - 1)


@mutation
async def dice(ctx: MutationCtx) -> list[Any]:
    """The clock is the caller's, the dice are drawn from the caller's."""
    inner = await ctx.run_mutation(counters.seen_by_chance, name="dice")
    return [inner["now"] == ctx.now.timestamp(), inner["dice"] != ctx.random.random()]


@query
async def gathered(ctx: QueryCtx, names: list[str]) -> list[int]:
    return await ctx.gather(*[counters.get(ctx, name=name) for name in names])


@mutation
async def gather_with_a_failure(ctx: MutationCtx) -> str:
    try:
        await ctx.gather(
            counters.add(ctx, name="first"),
            counters.add_and_fail(ctx, name="second"),
            counters.add(ctx, name="third"),
        )
    except ApplicationError as error:
        return str(error.data)
    return "no error"


@action
async def act(ctx: ActionCtx, name: str) -> list[Any]:
    before = await ctx.run_query(counters.get, name=name)
    added = await ctx.run_mutation(hidden, name=name)
    after = await ctx.run_query("counters:get", name=name)
    return [before, added, after]


@action
async def act_twice(ctx: ActionCtx, name: str) -> list[Any]:
    return [*await ctx.run_action(act, name=name), *await ctx.run_action("nested:act", name=name)]


@action
async def act_and_fail(ctx: ActionCtx, name: str) -> None:
    await ctx.run_mutation(counters.add, name=name)
    raise ApplicationError("after the commit")
