"""A coroutine that is run at once behaves as one that is run in a task."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from reactive.engine.eager import run_eagerly
from reactive.testing.store_checks import stays_pending


async def test_what_never_waits_is_finished_at_once() -> None:
    log: list[str] = []

    async def inner() -> None:
        log.append("inner")

    async def work() -> None:
        await inner()
        log.append("outer")

    assert run_eagerly(work()) is None
    assert log == ["inner", "outer"]


async def test_what_waits_goes_on_as_a_task() -> None:
    gate: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    log: list[str] = []

    async def work() -> str:
        log.append("before")
        log.append(await gate)
        await asyncio.sleep(0)
        return "done"

    task = run_eagerly(work())
    assert task is not None
    assert log == ["before"]
    assert await stays_pending(task)
    gate.set_result("after")
    assert await task == "done"
    assert log == ["before", "after"]


async def test_an_error_before_the_first_wait_is_raised_here() -> None:
    async def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_eagerly(work())


async def test_an_error_after_the_first_wait_is_the_tasks() -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    task = run_eagerly(work())
    assert task is not None
    with pytest.raises(ZeroDivisionError):
        await task


async def test_an_error_of_what_is_waited_for_arrives_inside() -> None:
    gate: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def work() -> str:
        try:
            return await gate
        except ZeroDivisionError:
            return "caught"

    task = run_eagerly(work())
    assert task is not None
    gate.set_exception(ZeroDivisionError())
    assert await task == "caught"


@pytest.mark.parametrize("turns", [0, 1, 5])
async def test_cancelling_reaches_the_coroutine(turns: int) -> None:
    log: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            log.append("cancelled")
            raise

    task = run_eagerly(work())
    assert task is not None
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == ["cancelled"]


async def test_a_coroutine_may_refuse_to_be_cancelled() -> None:
    gate = asyncio.Event()

    async def work() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await gate.wait()
        return "done"

    task = run_eagerly(work())
    assert task is not None
    assert await stays_pending(task)
    task.cancel()
    assert await stays_pending(task)
    gate.set()
    assert await task == "done"


async def test_a_coroutine_that_is_thrown_away_is_closed() -> None:
    log: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            log.append("closed")

    task = run_eagerly(work())
    assert task is not None
    rest = task.get_coro()
    assert rest is not None
    rest.close()
    assert log == ["closed"]
    task.cancel()
    await asyncio.wait([task])


async def test_only_its_task_resumes_a_coroutine() -> None:
    async def work() -> None:
        await asyncio.sleep(0)

    task = run_eagerly(work())
    assert task is not None
    rest: Any = task.get_coro()
    with pytest.raises(TypeError, match="only a task"):
        await rest
    await task


async def _sleep() -> None:
    await asyncio.sleep(0)


async def _lock() -> None:
    lock = asyncio.Lock()
    async with lock:
        holder = asyncio.get_running_loop().create_task(_take(lock))
        await asyncio.sleep(0)
    await holder


async def _take(lock: asyncio.Lock) -> None:
    async with lock:
        pass


async def _thread() -> None:
    await asyncio.get_running_loop().run_in_executor(None, int)


async def _gather() -> None:
    await asyncio.gather(_sleep(), _sleep())


@pytest.mark.parametrize("wait", [_sleep, _lock, _thread, _gather])
async def test_whatever_it_waits_for_first(wait: Callable[[], Awaitable[Any]]) -> None:
    async def work() -> str:
        await wait()
        await wait()
        return "done"

    task = run_eagerly(work())
    assert task is not None
    assert await task == "done"
