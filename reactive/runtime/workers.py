"""Threads for functions that hold the event loop for too long.

Only the author's own code runs here; what it asks of its context is done on the loop. Code that is
over its time is interrupted; a thread that does not listen (a blocking call) is left to itself and
replaced, so that its caller has an answer all the same.
"""

import asyncio
import contextlib
import ctypes
import queue
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

from reactive.errors import LimitError, OverloadedError
from reactive.limits import Limits
from reactive.runtime.guard import LoopCall, NoLoop, OverrunError, answer, is_authors
from reactive.storage.interface import Snapshot
from reactive.values.document import Row, StoredDocument
from reactive.values.tables import IndexDefinition, TextIndexDefinition
from reactive.values.text import TextMatches, TextSearch

T = TypeVar("T")

_GRACE_S = 0.5
_SAMPLE_S = 0.02
_SWITCH_S = 0.0005
"""While author's code is busy in a thread, the loop gets the interpreter back after so long."""


class LoopSnapshot:
    """A snapshot for code in a thread: the loop reads, the thread waits."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    async def get(self, index: IndexDefinition, key: bytes) -> StoredDocument | None:
        return await LoopCall(lambda: self._snapshot.get(index, key))

    async def scan(
        self,
        index: IndexDefinition,
        lower: bytes,
        upper: bytes,
        *,
        descending: bool = False,
        limit: int,
    ) -> list[Row]:
        return await LoopCall(
            lambda: self._snapshot.scan(index, lower, upper, descending=descending, limit=limit)
        )

    async def search(self, index: TextIndexDefinition, search: TextSearch) -> TextMatches:
        return await LoopCall(lambda: self._snapshot.search(index, search))


class _Step:
    """One step of a coroutine, to be taken in a thread."""

    def __init__(self, take: Callable[[], Any], loop: asyncio.AbstractEventLoop) -> None:
        self._take = take
        self._loop = loop
        self.finished: asyncio.Future[tuple[bool, Any]] = loop.create_future()
        self.seconds = 0.0

    def take(self) -> None:
        start = time.perf_counter()
        try:
            outcome = (True, self._take())
        except BaseException as error:  # noqa: BLE001 - handed over to the loop, all of it
            outcome = (False, error)
        self.seconds = time.perf_counter() - start
        # Nobody waits any more for a thread that was left to itself until the loop was closed.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._settle, outcome)

    def _settle(self, outcome: tuple[bool, Any]) -> None:
        if not self.finished.done():
            self.finished.set_result(outcome)


class _Worker:
    def __init__(self) -> None:
        self.inbox: queue.SimpleQueue[_Step | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._main, name="reactive-worker", daemon=True)
        self.thread.start()

    def _main(self) -> None:
        asyncio._set_running_loop(cast("asyncio.AbstractEventLoop", NoLoop()))
        while True:
            try:
                step = self.inbox.get()
                if step is None:
                    return
                step.take()
            except OverrunError:
                # The interruption came late: the step that it was meant for is over.
                continue

    def interrupt(self) -> None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(self.thread.ident or 0), ctypes.py_object(OverrunError)
        )


@dataclass(slots=True)
class _Spent:
    """How long a function has run, as far as samples tell."""

    start: float
    user_s: float = 0.0
    total_s: float = 0.0


class Workers:
    """At most `limits.worker_threads` threads, started when first needed."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._idle: list[_Worker] = []
        self._free = asyncio.Semaphore(limits.worker_threads)
        self._busy = 0
        self._switch_s = sys.getswitchinterval()

    async def run(self, coroutine: Coroutine[Any, Any, T], context: Context) -> T:
        """Runs an author's coroutine in a thread.

        Raises:
            LimitError: when its own code takes more than `limits.user_time_s`.
        """
        await self._acquire()
        worker = self._idle.pop() if self._idle else _Worker()
        self._count(1)
        is_stuck = False
        try:
            return await self._run(worker, coroutine, context)
        except _StuckError:
            is_stuck = True
            raise self._timed_out(_Spent(0.0, self._limits.user_time_s)) from None
        finally:
            if is_stuck:
                worker.inbox.put(None)
            else:
                self._idle.append(worker)
            self._count(-1)
            self._free.release()

    @property
    def is_busy(self) -> bool:
        """Whether any thread is running a function."""
        return self._busy > 0

    async def _acquire(self) -> None:
        acquired = asyncio.get_running_loop().create_task(self._free.acquire())
        done, _ = await asyncio.wait({acquired}, timeout=self._limits.system_time_s)
        if not done:
            acquired.cancel()
            raise OverloadedError("too many slow functions are running", code="ExecuteFullError")

    def _count(self, change: int) -> None:
        self._busy += change
        sys.setswitchinterval(_SWITCH_S if self._busy else self._switch_s)

    async def _run(self, worker: _Worker, coroutine: Coroutine[Any, Any, T], context: Context) -> T:
        loop = asyncio.get_running_loop()
        take: Callable[[Any], Any] = coroutine.send
        argument: Any = None
        spent = _Spent(loop.time())
        while True:
            step = _Step(partial(context.run, take, argument), loop)
            worker.inbox.put(step)
            is_fine, outcome = await self._finish(worker, step, spent)
            if is_fine:
                take, argument = await answer(coroutine, outcome)
            elif isinstance(outcome, StopIteration):
                value: T = outcome.value
                return value
            elif isinstance(outcome, OverrunError):
                raise self._timed_out(spent)
            else:
                raise outcome

    async def _finish(self, worker: _Worker, step: _Step, spent: "_Spent") -> tuple[bool, Any]:
        """Waits for a step, and looks now and then at whose code it is that takes so long."""
        limits = self._limits
        loop = asyncio.get_running_loop()
        sampled_s = spent.user_s
        ignored = 0
        while True:
            done, _ = await asyncio.wait({step.finished}, timeout=_SAMPLE_S)
            if done:
                if spent.user_s == sampled_s:
                    # Too short for a sample; many of these make a long run, too.
                    spent.user_s += min(step.seconds, _SAMPLE_S)
                if spent.user_s >= limits.user_time_s:
                    raise self._timed_out(spent)
                return step.finished.result()
            spent.total_s = loop.time() - spent.start
            if is_authors(sys._current_frames().get(worker.thread.ident or 0)):
                spent.user_s += _SAMPLE_S
            if spent.user_s >= limits.user_time_s or spent.total_s >= limits.system_time_s:
                if ignored * _SAMPLE_S > _GRACE_S:
                    raise _StuckError
                worker.interrupt()
                ignored += 1

    def _timed_out(self, spent: "_Spent") -> LimitError:
        if spent.user_s < self._limits.user_time_s:
            return LimitError(
                "Function execution took too long in total "
                f"(maximum duration: {self._limits.system_time_s:g}s)",
                code="SystemTimeoutError",
            )
        return LimitError(
            f"Function execution timed out (maximum duration: {self._limits.user_time_s:g}s)",
            code="FunctionTimedOut",
        )

    def close(self) -> None:
        """Lets idle threads end; busy ones end with the process."""
        for worker in self._idle:
            worker.inbox.put(None)
        for worker in self._idle:
            worker.thread.join(_GRACE_S)
        self._idle.clear()


class _StuckError(Exception):
    """The thread does not listen."""
