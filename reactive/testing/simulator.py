"""An event loop with a time of its own and an order drawn from a seed.

A whole server and its clients can run on it: an hour passes in a moment, and one seed gives one
run, however often it is repeated.
"""

import asyncio
import gc
import random
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_NS = 1_000_000_000
_TURN_S = 1e-6


class StalledError(Exception):
    """Everybody waits and no timer is set: on a real loop nothing would ever happen again."""


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Nothing waits for real: when no timer is due, time jumps to the next one.

    Callbacks that are ready run within the same microsecond, in an order drawn from the seed and
    not in the one in which they were scheduled, so that code which needs that order fails sooner
    or later. What no caller could catch, because a callback or a forgotten task raised it, is
    collected in `failures`.
    """

    def __init__(self, seed: int = 0) -> None:
        self._dice = random.Random(seed)
        self._now = 0.0
        self.failures: list[BaseException] = []
        self.turns = 0
        super().__init__(_Jump(self._pass))
        self.set_exception_handler(self._failed)

    def time(self) -> float:
        return self._now

    def _pass(self, seconds: float) -> None:
        self._now += seconds

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        self.turns += 1
        when = self._now + self._dice.random() * _TURN_S
        return self.call_at(when, callback, *args, context=context)

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.failures.append(context.get("exception") or RuntimeError(context["message"]))


class _Jump(selectors.SelectSelector):
    """Lets the loop's time pass instead of waiting for sockets."""

    def __init__(self, pass_time: Callable[[float], None]) -> None:
        super().__init__()
        self._pass_time = pass_time

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise StalledError("nothing is ready and nothing will be")
        self._pass_time(max(timeout, 0.0))
        return []


class SimulatedClock:
    """Implements `reactive.clock.Clock` with the time of a loop."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, start_ns: int = 1_700_000_000 * _NS
    ) -> None:
        self._loop = loop
        self._start_ns = start_ns

    def now_ns(self) -> int:
        return self._start_ns + int(self._loop.time() * _NS)

    def monotonic(self) -> float:
        return self._loop.time()

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        return self._loop.call_later(delay_s, callback)


def simulate(main: Coroutine[Any, Any, T], seed: int) -> T:
    """Runs a coroutine on a `SimulatedLoop`.

    What happens must not depend on what ran before in this process, so the garbage collector runs
    only where the simulation itself calls it.

    Raises:
        StalledError: when it waits for what can never come.
        BaseException: what it raises itself, or else the first of the loop's `failures`.
    """
    loop = SimulatedLoop(seed)
    was_enabled = gc.isenabled()
    gc.disable()
    # The older objects are none of this run's; a collection need not look at them.
    gc.freeze()
    try:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            result = runner.run(main)
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()
    if loop.failures:
        raise loop.failures[0]
    return result
