"""What an author should not do."""

import asyncio
import contextlib
import threading
import time

from pydantic import Field

from functions import counters
from reactive import MutationCtx, QueryCtx, mutation, query

_made = 0


def _next() -> int:
    global _made
    _made += 1
    return _made


@query
async def greedy(ctx: QueryCtx, names: list[str]) -> int:
    """Uses up what it was given."""
    total = 0
    while names:
        total += await counters.get.handler(ctx, names.pop())
    return total


@query
async def unsteady(ctx: QueryCtx, name: str, made: int = Field(default_factory=_next)) -> list[int]:
    """Has another default each time."""
    return [await counters.get.handler(ctx, name), made]


def spin() -> None:
    while True:
        pass


@query
async def endless(ctx: QueryCtx) -> None:
    spin()


@query
async def endless_in_a_comprehension(ctx: QueryCtx) -> int:
    return sum(1 for _ in iter(int, 1))


@query
async def stubborn(ctx: QueryCtx) -> None:
    """No exception that an author catches by its base class ends the loop."""
    while True:
        with contextlib.suppress(Exception):
            spin()


@query
async def blocking(ctx: QueryCtx) -> str:
    # Not for much longer than anybody waits: while it does not take the interruption that it was
    # sent, CPython 3.11 gets no further in any thread that is profiled, as others' tests are.
    time.sleep(15)  # noqa: ASYNC251
    return "woken"


@mutation
async def endless_after_a_write(ctx: MutationCtx, name: str) -> None:
    await counters.add(ctx, name=name)
    spin()


@query
async def slow(ctx: QueryCtx, name: str, seconds: float) -> int:
    """Busy for a while, but not for too long."""
    end = time.perf_counter() + seconds
    value = await counters.get(ctx, name=name)
    while time.perf_counter() < end:
        pass
    return value + await counters.get(ctx, name=name)


@mutation
async def slow_add(ctx: MutationCtx, name: str, seconds: float) -> int:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass
    return await counters.add(ctx, name=name)


@query
async def where(ctx: QueryCtx) -> str:
    """In which thread an author's code runs."""
    await counters.get(ctx, name="x")
    return threading.current_thread().name


@mutation
async def where_mutation(ctx: MutationCtx, name: str) -> str:
    await counters.add(ctx, name=name)
    return threading.current_thread().name


async def nap() -> None:
    await asyncio.sleep(0.01)


@query
async def sleeps(ctx: QueryCtx) -> None:
    await asyncio.sleep(0.01)


@query
async def yields(ctx: QueryCtx) -> None:
    await asyncio.sleep(0)


@query
async def sleeps_deep_inside(ctx: QueryCtx) -> None:
    await nap()


@query
async def waits_for_a_future(ctx: QueryCtx) -> None:
    await asyncio.get_running_loop().create_future()


@query
async def takes_a_lock(ctx: QueryCtx) -> None:
    lock = asyncio.Lock()
    await lock.acquire()
    await lock.acquire()


@query
async def moves_to_a_thread(ctx: QueryCtx) -> None:
    await asyncio.to_thread(int)


@query
async def gathers(ctx: QueryCtx) -> None:
    await asyncio.gather(counters.get(ctx, name="a"), counters.get(ctx, name="b"))


@mutation
async def sleeps_after_a_write(ctx: MutationCtx, name: str) -> None:
    await counters.add(ctx, name=name)
    await asyncio.sleep(0.01)


@mutation
async def goes_on_after_a_sleep(ctx: MutationCtx, name: str) -> str:
    """The error can be caught; what was awaited did not happen."""
    try:
        await asyncio.sleep(0.01)
    except Exception as error:
        await counters.add(ctx, name=name)
        return type(error).__name__
    return "slept"
