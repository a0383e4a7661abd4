"""Functions that break a rule, which must hurt nobody but their caller."""

import asyncio
import contextlib
import sys
from typing import Any

from functions import counters
from reactive import ActionCtx, MutationCtx, QueryCtx, action, mutation, query


@query
async def loop_for_ever(ctx: QueryCtx) -> None:
    while True:
        pass


@query
async def loop_and_swallow(ctx: QueryCtx) -> None:
    """Keeps its errors to itself, so no ordinary exception ends it."""
    while True:
        with contextlib.suppress(Exception):
            sum(range(1000))


@query
async def loop_over_reads(ctx: QueryCtx) -> None:
    while True:
        await counters.read(ctx, "any")


@mutation
async def write_and_loop(ctx: MutationCtx, name: str) -> None:
    await counters.write(ctx, name, 1)
    while True:
        pass


@query
async def sleep(ctx: QueryCtx) -> None:
    await asyncio.sleep(0.01)


@query
async def sleep_not_at_all(ctx: QueryCtx) -> None:
    await asyncio.sleep(0)


@query
async def gather(ctx: QueryCtx) -> None:
    await asyncio.gather(counters.read(ctx, "a"), counters.read(ctx, "b"))


@query
async def gather_by_context(ctx: QueryCtx) -> list[int]:
    return list(await ctx.gather(counters.read(ctx, "a"), counters.read(ctx, "b")))


@query
async def thread(ctx: QueryCtx) -> None:
    await asyncio.to_thread(len, "")


@query
async def wait_for_ever(ctx: QueryCtx) -> None:
    await asyncio.get_running_loop().create_future()


@mutation
async def write_and_sleep(ctx: MutationCtx, name: str) -> None:
    await counters.write(ctx, name, 1)
    await asyncio.sleep(0.01)


@query
async def gives_set(ctx: QueryCtx) -> Any:
    return {1, 2}


@query
async def gives_object(ctx: QueryCtx) -> Any:
    return object()


@query
async def gives_cycle(ctx: QueryCtx) -> Any:
    cycle: list[Any] = []
    cycle.append(cycle)
    return cycle


@query
async def gives_surrogate(ctx: QueryCtx) -> Any:
    return "\ud800"


@query
async def gives_nan(ctx: QueryCtx) -> float:
    return float("nan")


@mutation
async def write_and_give_set(ctx: MutationCtx, name: str) -> Any:
    await counters.write(ctx, name, 1)
    return {1, 2}


@mutation
async def write_and_exit(ctx: MutationCtx, name: str) -> None:
    await counters.write(ctx, name, 1)
    sys.exit(3)


@query
async def interrupt(ctx: QueryCtx) -> None:
    raise KeyboardInterrupt


@action
async def cancel(ctx: ActionCtx) -> None:
    raise asyncio.CancelledError


@query
async def recurse(ctx: QueryCtx) -> None:
    def deeper() -> None:
        deeper()

    deeper()


@mutation
async def changes_what_it_read(ctx: MutationCtx, name: str) -> int:
    """Documents are immutable: neither a field nor what is in a field may change the store."""
    counter = await counters.find(ctx, name)
    assert counter is not None
    counter.value = 1_000
    return counter.value


@action
async def slow(ctx: ActionCtx, seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


@action
async def add_and_wait(ctx: ActionCtx, name: str, seconds: float) -> str:
    await ctx.run_mutation(counters.add, name=name)
    await asyncio.sleep(seconds)
    return "done"
