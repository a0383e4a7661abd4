"""The clock of tests is a clock, and moves only when it is told to."""

import pytest

from reactive.clock import Clock, SystemClock
from reactive.testing.clock import ManualClock


def test_stands_still() -> None:
    clock = ManualClock(5)
    assert (5, 0.0) == (clock.now_ns(), clock.monotonic()) == (clock.now_ns(), clock.monotonic())


def test_advances_both_hands() -> None:
    clock = ManualClock(0)
    for _ in range(10):
        clock.advance(0.1)
    assert (clock.now_ns(), clock.monotonic()) == (1_000_000_000, 1.0)


def test_an_administrator_moves_one_hand() -> None:
    clock = ManualClock()
    clock.advance(2.5)
    clock.set_wall(7)
    assert (clock.now_ns(), clock.monotonic()) == (7, 2.5)


def test_time_does_not_run_backwards() -> None:
    clock = ManualClock()
    with pytest.raises(ValueError, match="cannot advance by -1"):
        clock.advance(-1.0)


@pytest.mark.parametrize("clock", [SystemClock(), ManualClock()])
def test_a_clock(clock: Clock) -> None:
    """Both tell nanoseconds since the epoch, and seconds that do not run backwards."""
    assert clock.now_ns() > 1_600_000_000 * 10**9
    assert clock.monotonic() <= clock.monotonic()
