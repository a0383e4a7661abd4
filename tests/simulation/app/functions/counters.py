"""Counters that are added to, and pairs of them whose sum never changes."""

from functions import who
from reactive import ApplicationError, MutationCtx, QueryCtx, mutation, query
from schema import Counter


async def read(ctx: QueryCtx, name: str) -> int:
    counter = await ctx.db.query(Counter).with_index("by_name", name=name).unique()
    return 0 if counter is None else counter.value


async def change(ctx: MutationCtx, name: str, by: int) -> int:
    counter = await ctx.db.query(Counter).with_index("by_name", name=name).unique()
    if counter is None:
        await ctx.db.insert(Counter(name=name, value=by))
        return by
    await ctx.db.patch(counter.id, value=counter.value + by)
    return counter.value + by


@query
async def get(ctx: QueryCtx, name: str) -> int:
    return await read(ctx, name)


@query
async def total(ctx: QueryCtx) -> int:
    return sum([counter.value for counter in await ctx.db.query(Counter).collect()])


@query
async def pair(ctx: QueryCtx, left: str, right: str) -> list[int]:
    return [await read(ctx, left), await read(ctx, right)]


@query
async def even_only(ctx: QueryCtx, name: str) -> int:
    """Fails every now and then."""
    value = await read(ctx, name)
    if value % 2:
        raise ApplicationError(value)
    return value


@query
async def mine(ctx: QueryCtx) -> int:
    """The counter that is called like the caller."""
    return await read(ctx, await who.name_of(ctx))


@mutation
async def add(ctx: MutationCtx, name: str, by: int) -> int:
    return await change(ctx, name, by)


@mutation
async def slow_add(ctx: MutationCtx, name: str, by: int) -> int:
    """Prepared outside of the slot, so that it may conflict."""
    return await change(ctx, name, by)


@mutation
async def move(ctx: MutationCtx, left: str, right: str) -> None:
    await change(ctx, left, -1)
    await change(ctx, right, 1)


@mutation
async def slow_move(ctx: MutationCtx, left: str, right: str) -> None:
    await change(ctx, left, -1)
    await change(ctx, right, 1)


@mutation
async def add_and_fail(ctx: MutationCtx, name: str) -> None:
    await change(ctx, name, 1)
    raise ApplicationError("after the write")
