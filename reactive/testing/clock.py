"""A clock that stands still until a test moves it."""

_NS = 1_000_000_000


class ManualClock:
    """Implements `reactive.clock.Clock`.

    `advance` moves both of its hands, as time does; `set_wall` moves only the one that shows the
    date, as an administrator does.
    """

    def __init__(self, now_ns: int = 1_700_000_000 * _NS) -> None:
        self._now_ns = now_ns
        self._monotonic_ns = 0

    def now_ns(self) -> int:
        return self._now_ns

    def monotonic(self) -> float:
        return self._monotonic_ns / _NS

    def advance(self, seconds: float) -> None:
        """Lets time pass.

        Raises:
            ValueError: for time that would run backwards.
        """
        if seconds < 0:
            raise ValueError(f"time cannot advance by {seconds} s; `set_wall` sets the date back")
        # Counted in whole nanoseconds, so that many small steps do not drift apart.
        step_ns = round(seconds * _NS)
        self._now_ns += step_ns
        self._monotonic_ns += step_ns

    def set_wall(self, now_ns: int) -> None:
        """Sets the date, forwards or backwards."""
        self._now_ns = now_ns
