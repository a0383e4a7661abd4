"""Time as something that is handed in, so that tests and simulations can own it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol


class Timer(Protocol):
    """Something that will be called."""

    def cancel(self) -> None:
        """It will not be called any more."""
        ...


class Clock(Protocol):
    """What the engine asks for the time."""

    def now_ns(self) -> int:
        """Nanoseconds since the epoch; may jump when an administrator sets the clock."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards, for deadlines."""
        ...

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> Timer:
        """Calls back on the event loop after so many seconds."""
        ...


class SystemClock:
    """The clock of the machine."""

    now_ns = staticmethod(time.time_ns)
    monotonic = staticmethod(time.monotonic)

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> Timer:
        return asyncio.get_running_loop().call_later(delay_s, callback)


@asynccontextmanager
async def timeout(clock: Clock, seconds: float) -> AsyncIterator[None]:
    """Bounds what is inside to so long by this clock.

    Raises:
        TimeoutError: when it takes longer.
    """
    async with asyncio.timeout(None) as scope:
        loop = asyncio.get_running_loop()
        timer = clock.call_later(seconds, lambda: scope.reschedule(loop.time()))
        try:
            yield
        finally:
            timer.cancel()


async def sleep(clock: Clock, seconds: float) -> None:
    """Waits for so long by this clock."""
    over = asyncio.Event()
    timer = clock.call_later(seconds, over.set)
    try:
        await over.wait()
    finally:
        timer.cancel()
