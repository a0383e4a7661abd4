"""Counters: the smallest live query, and mutations that change it."""

from typing import Any

from reactive import ApplicationError, Id, MutationCtx, QueryCtx, mutation, query
from schema import Counter


async def find(ctx: QueryCtx | MutationCtx, name: str) -> Counter | None:
    return await ctx.db.query(Counter).with_index("by_name", name=name).unique()


async def write(ctx: MutationCtx, name: str, value: int) -> None:
    counter = await find(ctx, name)
    if counter is None:
        await ctx.db.insert(Counter(name=name, value=value))
    else:
        await ctx.db.patch(counter.id, value=value)


@query
async def get(ctx: QueryCtx, name: str) -> int:
    counter = await find(ctx, name)
    return 0 if counter is None else counter.value


@query
async def document(ctx: QueryCtx, name: str) -> Counter | None:
    return await find(ctx, name)


@query
async def by_id(ctx: QueryCtx, counter: Id[Counter]) -> Counter | None:
    return await ctx.db.get(counter)


@query
async def everything(ctx: QueryCtx) -> list[Counter]:
    return await ctx.db.query(Counter).collect()


@query
async def is_positive(ctx: QueryCtx, name: str) -> bool:
    return await get(ctx, name=name) > 0


@query
async def must_be_positive(ctx: QueryCtx, name: str) -> int:
    value = await get(ctx, name=name)
    if value <= 0:
        raise ApplicationError({"value": value})
    return value


@query
async def pair(ctx: QueryCtx, left: str, right: str) -> list[int]:
    """Reads twice, with a turn in between where the store lets others go on."""
    return [await get(ctx, name=left), await get(ctx, name=right)]


@mutation
async def put(ctx: MutationCtx, name: str, value: int) -> int:
    await write(ctx, name, value)
    return value


@mutation
async def add(ctx: MutationCtx, name: str, by: int = 1) -> int:
    counter = await find(ctx, name)
    value = by + (0 if counter is None else counter.value)
    await write(ctx, name, value)
    return value


@mutation
async def move(ctx: MutationCtx, left: str, right: str) -> None:
    """One up, one down: their sum never changes."""
    await add(ctx, name=left, by=-1)
    await add(ctx, name=right, by=1)


@mutation
async def read_only(ctx: MutationCtx, name: str) -> int:
    counter = await find(ctx, name)
    return 0 if counter is None else counter.value


@mutation
async def add_and_fail(ctx: MutationCtx, name: str, error: bool = True) -> int:
    value = await add(ctx, name=name)
    if error:
        raise ApplicationError("after the write")
    return value


runs: list[dict[str, Any]] = []
"""What every run of `seen_by_chance` saw, those that did not commit included."""


@mutation
async def seen_by_chance(ctx: MutationCtx, name: str) -> dict[str, Any]:
    """What differs from one run to the next."""
    value = await add(ctx, name=name)
    runs.append(
        {
            "value": value,
            "now": ctx.now.timestamp(),
            "later": ctx.now.timestamp(),
            "dice": ctx.random.random(),
        }
    )
    return runs[-1]
