"""Running a coroutine at once, as far as it goes without waiting.

Most transactions on a local store never wait for anything, so their coroutine runs through in one
go: no task, no turn of the event loop. One that does wait goes on as an ordinary task.
"""

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


class _Rest(Awaitable[T]):
    """What is left of a coroutine that has yielded once."""

    def __init__(self, coroutine: Coroutine[Any, Any, T], yielded: Any) -> None:
        self._coroutine = coroutine
        self._yielded = yielded

    def __await__(self) -> Generator[Any, Any, T]:
        yielded = self._yielded
        while True:
            try:
                sent = yield yielded
            except BaseException as error:  # noqa: BLE001 - handed on to the coroutine, all of it
                step, argument = self._coroutine.throw, error
            else:
                step, argument = self._coroutine.send, sent  # type: ignore[assignment]
            try:
                yielded = step(argument)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]


async def _finish(rest: _Rest[T]) -> T:
    return await rest


def run_eagerly(coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T] | None:
    """Runs the coroutine now; gives the task that finishes it, or None when it is finished.

    An exception that it raises before it first waits is raised here.
    """
    try:
        yielded = coroutine.send(None)
    except StopIteration:
        return None
    return asyncio.get_running_loop().create_task(_finish(_Rest(coroutine, yielded)))
