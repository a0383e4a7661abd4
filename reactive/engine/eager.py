"""Running a coroutine at once, as far as it goes without waiting.

Most transactions on a local store never wait for anything, so their coroutine runs through in one
go: no task, no turn of the event loop. One that does wait goes on as an ordinary task.
"""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T", covariant=True)


class _Rest(Coroutine[Any, Any, T]):
    """What is left of a coroutine that has yielded once: it begins with what it yielded."""

    def __init__(self, coroutine: Coroutine[Any, Any, T], yielded: Any) -> None:
        self._coroutine = coroutine
        self._yielded = yielded
        self._is_resumed = False

    def send(self, value: Any, /) -> Any:
        if self._is_resumed:
            return self._coroutine.send(value)
        self._is_resumed = True
        return self._yielded

    def throw(self, *error: Any) -> Any:
        self._is_resumed = True
        return self._coroutine.throw(*error)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, T]:
        raise TypeError("only a task runs the rest of a coroutine")


def run_eagerly(coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T] | None:
    """Runs the coroutine now; gives the task that finishes it, or None when it is finished.

    An exception that it raises before it first waits is raised here.
    """
    try:
        yielded = coroutine.send(None)
    except StopIteration:
        return None
    return asyncio.get_running_loop().create_task(_Rest(coroutine, yielded))
