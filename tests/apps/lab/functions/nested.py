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
from schema import Claim


@mutation
async def child_fails(ctx: MutationCtx, name: str) -> None:
    await counters.write(ctx, name, 100)
    raise ApplicationError("the child failed")


@mutation
async def parent_catches(ctx: MutationCtx, name: str) -> int:
    """The child's write is undone, the writes around it stay."""
    await counters.write(ctx, name, 1)
    try:
        await ctx.run_mutation(child_fails, name=name)
    except ApplicationError as error:
        if error.data != "the child failed":
            raise
    value = await counters.read(ctx, name)
    await counters.write(ctx, f"{name} after", value + 10)
    return value


@mutation
async def parent_does_not_catch(ctx: MutationCtx, name: str) -> None:
    await counters.write(ctx, name, 1)
    await ctx.run_mutation("nested:child_fails", name=name)


@mutation
async def sees_its_own_writes(ctx: MutationCtx, name: str) -> list[int]:
    """By a helper, by a called query and by a called mutation."""
    await ctx.run_mutation(counters.add, name=name, by=5)
    return [
        await counters.read(ctx, name),
        await ctx.run_query(counters.get, name=name),
        await ctx.run_query("counters:get", name=name),
    ]


@mutation
async def bad_argument_is_caught(ctx: MutationCtx, name: str) -> str:
    await counters.write(ctx, name, 1)
    try:
        await ctx.run_mutation(counters.add, name=name, by="many")
    except Exception as error:  # whatever it is, the caller may catch it
        return str(error)
    return "no error"


@query
async def query_runs_mutation(ctx: QueryCtx) -> Any:
    return await ctx.run_mutation(counters.add, name="never")  # type: ignore[attr-defined]


@query
async def query_writes(ctx: QueryCtx) -> Any:
    return await ctx.db.insert("counters", {"name": "never", "value": 1})  # type: ignore[attr-defined]


@query
async def deep(ctx: QueryCtx, depth: int) -> int:
    """Calls itself `depth` times."""
    if depth == 0:
        return 0
    inner: int = await ctx.run_query("nested:deep", depth=depth - 1)
    return inner + 1


@action
async def two_transactions(ctx: ActionCtx, name: str) -> list[int]:
    """Each call of an action is a transaction of its own, so the second sees the first."""
    await ctx.run_mutation(counters.add, name=name)
    before: int = await ctx.run_query(counters.get, name=name)
    await ctx.run_mutation("counters:add", name=name, by=2)
    after: int = await ctx.run_query("counters:get", name=name)
    return [before, after]


@action
async def keeps_first(ctx: ActionCtx, name: str) -> None:
    """A failure of an action undoes no mutation that it ran before."""
    await ctx.run_mutation(counters.add, name=name)
    await ctx.run_mutation(counters.add_then_fail, name=name)


@internal_mutation
async def count_claims_and_fail(ctx: MutationCtx, key: str) -> None:
    claims = await ctx.db.query(Claim).with_index("by_key", key=key).collect()
    raise ApplicationError({"claims": len(claims)})


@mutation
async def claim_next(ctx: MutationCtx, key: str) -> int:
    """Learns the next number from a call that fails.

    Its only read of the table is in the call that was undone. If that read were forgotten, two
    callers could claim one number.
    """
    number = -1
    try:
        await ctx.run_mutation(count_claims_and_fail, key=key)
    except ApplicationError as error:
        found: Any = error.data
        number = int(found["claims"])
    await ctx.db.insert(Claim(key=key, number=number))
    return number


@query
async def claims(ctx: QueryCtx, key: str) -> list[int]:
    found = await ctx.db.query(Claim).with_index("by_key", key=key).collect()
    return [claim.number for claim in found]


@query
async def direct_call(ctx: QueryCtx, name: str) -> int:
    """A decorated function is callable, in the caller's transaction."""
    return await counters.get(ctx, name=name)


@mutation
async def direct_call_in_transaction(ctx: MutationCtx, name: str) -> int:
    await counters.write(ctx, name, 3)
    await counters.add(ctx, name=name, by=4)
    return await counters.get(ctx, name=name)
