"""Time as something that is handed in, so that tests and simulations can own it."""

import time
from typing import Protocol


class Clock(Protocol):
    """What the engine asks for the time."""

    def now_ns(self) -> int:
        """Nanoseconds since the epoch; may jump when an administrator sets the clock."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards, for deadlines."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now_ns(self) -> int:
        return time.time_ns()

    def monotonic(self) -> float:
        return time.monotonic()
