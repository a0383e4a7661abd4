"""Counters: the smallest live query, and mutations that change it."""

import random
import time
from collections import defaultdict
from typing import Any

from reactive import (
    ActionCtx,
    ApplicationError,
    MutationCtx,
    QueryCtx,
    action,
    mutation,
    query,
)
from schema import Counter

ATTEMPTS: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
"""A module's variable lives beside the transactions, so it shows the runs that were undone."""


async def find(ctx: QueryCtx | MutationCtx, name: str) -> Counter | None:
    return await ctx.db.query(Counter).with_index("by_name", name=name).unique()


async def read(ctx: QueryCtx | MutationCtx, name: str) -> int:
    counter = await find(ctx, name)
    return 0 if counter is None else counter.value


async def write(ctx: MutationCtx, name: str, value: int) -> None:
    counter = await find(ctx, name)
    if counter is None:
        await ctx.db.insert(Counter(name=name, value=value))
    else:
        await ctx.db.patch(counter.id, value=value)


@query
async def get(ctx: QueryCtx, name: str) -> int:
    return await read(ctx, name)


@query
async def document(ctx: QueryCtx, name: str) -> Counter | None:
    return await find(ctx, name)


@query
async def total(ctx: QueryCtx, names: list[str]) -> int:
    return sum([await read(ctx, name) for name in names])


@query
async def is_positive(ctx: QueryCtx, name: str) -> bool:
    return await read(ctx, name) > 0


@query
async def is_positive_run(ctx: QueryCtx, name: str) -> dict[str, Any]:
    """Reads what `is_positive` reads; the random number tells two runs apart."""
    return {"positive": await read(ctx, name) > 0, "run": ctx.random.random()}


@query
async def must_not_be_negative(ctx: QueryCtx, name: str) -> int:
    value = await read(ctx, name)
    if value < 0:
        raise ApplicationError({"name": name, "value": value})
    return value


@mutation
async def add(ctx: MutationCtx, name: str, by: int = 1) -> int:
    value = await read(ctx, name) + by
    await write(ctx, name, value)
    return value


@mutation
async def put(ctx: MutationCtx, name: str, value: int) -> None:
    await write(ctx, name, value)


@mutation
async def add_and_show_run(ctx: MutationCtx, name: str) -> dict[str, Any]:
    """Adds one; the random number tells two runs apart."""
    value = await read(ctx, name) + 1
    await write(ctx, name, value)
    return {"value": value, "run": ctx.random.random()}


@mutation
async def add_slowly(ctx: MutationCtx, name: str, reads: int) -> dict[str, Any]:
    """As `add_and_show_run`, with many reads between the read and the write."""
    value = await read(ctx, name) + 1
    for _ in range(reads):
        await find(ctx, name)
    await write(ctx, name, value)
    return {"value": value, "run": ctx.random.random()}


def spin(seconds: float) -> None:
    """Computes for some time, as code does that is neither waiting nor endless."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        sum(range(100))


@query
async def get_after_spin(ctx: QueryCtx, name: str, seconds: float) -> int:
    value = await read(ctx, name)
    spin(seconds)
    return value


@mutation
async def add_after_spin(ctx: MutationCtx, name: str, seconds: float) -> int:
    """As `add`, with time enough for somebody else between the read and the write."""
    value = await read(ctx, name)
    chance, now = ctx.random.random(), ctx.now.timestamp()
    ATTEMPTS[name].append({"read": value, "random": chance, "now": now})
    spin(seconds)
    await write(ctx, name, value + 1)
    return value + 1


@action
async def attempts(ctx: ActionCtx, name: str) -> list[dict[str, float]]:
    """What `add_after_spin` saw each time that it ran."""
    return ATTEMPTS[name]


@mutation
async def add_if_armed(ctx: MutationCtx, name: str, switch: str) -> int:
    """Fails until the counter `switch` is set."""
    value = await read(ctx, name) + 1
    await write(ctx, name, value)
    if await read(ctx, switch) == 0:
        raise ApplicationError("not armed")
    return value


@mutation
async def add_then_fail(ctx: MutationCtx, name: str) -> None:
    await write(ctx, name, await read(ctx, name) + 1)
    raise ValueError("after the write")


@mutation
async def transfer(ctx: MutationCtx, source: str, target: str, amount: int) -> None:
    await write(ctx, source, await read(ctx, source) - amount)
    await write(ctx, target, await read(ctx, target) + amount)


@mutation
async def nothing(ctx: MutationCtx) -> None:
    """Reads nothing and writes nothing."""


@mutation
async def dice(ctx: MutationCtx) -> dict[str, Any]:
    assert isinstance(ctx.random, random.Random)
    return {"random": ctx.random.random(), "now": ctx.now.timestamp()}


@query
async def frozen_clock(ctx: QueryCtx) -> bool:
    before = ctx.now
    for name in ("a", "b", "c"):
        await find(ctx, name)
    return before == ctx.now
