"""A clock that stands still until a test moves it."""

import heapq
from collections.abc import Callable
from itertools import count

_NS = 1_000_000_000


class _Timer:
    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class ManualClock:
    """Implements `reactive.clock.Clock`.

    `advance` moves both of its hands, as time does; `set_wall` moves only the one that shows the
    date, as an administrator does.
    """

    def __init__(self, now_ns: int = 1_700_000_000 * _NS) -> None:
        self._now_ns = now_ns
        self._monotonic_ns = 0
        self._timers: list[tuple[int, int, _Timer]] = []
        self._order = count()

    def now_ns(self) -> int:
        return self._now_ns

    def monotonic(self) -> float:
        return self._monotonic_ns / _NS

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> _Timer:
        timer = _Timer(callback)
        due = self._monotonic_ns + max(0, round(delay_s * _NS))
        heapq.heappush(self._timers, (due, next(self._order), timer))
        return timer

    def next_timer(self) -> float | None:
        """Seconds until the next timer comes due, None when there is none."""
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        return (self._timers[0][0] - self._monotonic_ns) / _NS if self._timers else None

    def advance(self, seconds: float) -> None:
        """Lets time pass.

        Raises:
            ValueError: for time that would run backwards.
        """
        if seconds < 0:
            raise ValueError(f"time cannot advance by {seconds} s; `set_wall` sets the date back")
        # Counted in whole nanoseconds, so that many small steps do not drift apart.
        step_ns = round(seconds * _NS)
        end_ns = self._monotonic_ns + step_ns
        while self._timers and self._timers[0][0] <= end_ns:
            due, _, timer = heapq.heappop(self._timers)
            self._move(max(due, self._monotonic_ns) - self._monotonic_ns)
            callback, timer.callback = timer.callback, None
            if callback is not None:
                callback()
        self._move(end_ns - self._monotonic_ns)

    def _move(self, step_ns: int) -> None:
        self._now_ns += step_ns
        self._monotonic_ns += step_ns

    def set_wall(self, now_ns: int) -> None:
        """Sets the date, forwards or backwards."""
        self._now_ns = now_ns
