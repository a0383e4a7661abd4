"""The simulated loop itself."""

import asyncio
import time

import pytest

from reactive.testing.simulator import SimulatedClock, StalledError, simulate

HOUR = 3_600.0


async def turns(count: int = 8) -> list[int]:
    """The order in which tasks that are all ready get their turns."""
    order: list[int] = []

    async def take(number: int) -> None:
        order.append(number)
        await asyncio.sleep(0)
        order.append(number)

    await asyncio.gather(*map(take, range(count)))
    return order


def test_one_seed_is_one_order() -> None:
    assert simulate(turns(), seed=3) == simulate(turns(), seed=3)


def test_seeds_differ() -> None:
    orders = {tuple(simulate(turns(), seed)) for seed in range(20)}

    assert len(orders) == 20


def test_hour_passes_in_a_moment() -> None:
    async def sleep() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        start = loop.time()
        await asyncio.sleep(HOUR)
        return start, loop.time()

    real = time.perf_counter()
    start, end = simulate(sleep(), seed=0)

    assert pytest.approx(HOUR) == end - start
    assert time.perf_counter() - real < HOUR / 100


def test_timers_come_in_their_order() -> None:
    async def main() -> list[str]:
        heard: list[str] = []

        async def say(word: str, after: float) -> None:
            await asyncio.sleep(after)
            heard.append(word)

        await asyncio.gather(say("third", 0.3), say("first", 0.1), say("second", 0.2))
        return heard

    assert simulate(main(), seed=5) == ["first", "second", "third"]


def test_timeout_is_a_timer() -> None:
    async def main() -> None:
        async with asyncio.timeout(10):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        simulate(main(), seed=0)


def test_waiting_for_nothing_is_found_out() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(StalledError):
        simulate(main(), seed=0)


def test_error_in_a_callback_is_no_secret() -> None:
    def fail() -> None:
        raise ValueError("in a callback")

    async def main() -> None:
        asyncio.get_running_loop().call_soon(fail)
        await asyncio.sleep(1)

    with pytest.raises(ValueError, match="in a callback"):
        simulate(main(), seed=0)


def test_clock_shows_the_loops_time() -> None:
    async def main() -> tuple[int, float]:
        clock = SimulatedClock(asyncio.get_running_loop(), start_ns=1_000)
        now, ticks = clock.now_ns(), clock.monotonic()
        await asyncio.sleep(1.5)
        return clock.now_ns() - now, clock.monotonic() - ticks

    passed_ns, passed_s = simulate(main(), seed=0)

    assert pytest.approx(1.5) == passed_s
    assert pytest.approx(1.5e9) == passed_ns
