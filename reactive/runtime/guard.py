"""Running an author's coroutine without letting it out of hand.

A query or a mutation may await its context only, and may run for a limited time. It is stepped
here by hand: whatever it yields that no context made is refused, and code that keeps the event
loop for too long is interrupted, endless loops and blocking calls included. What was interrupted
on the loop is run again in a thread (`reactive.runtime.workers`), where it delays nobody; that is
possible because a transaction can be run again at any time.
"""

import inspect
import signal
import sys
import sysconfig
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import Context
from types import FrameType
from typing import Any, Final, NoReturn, TypeVar

from reactive.errors import UsageError

T = TypeVar("T")

_SIGNAL: Final = signal.SIGURG
"""Ignored by default and used by nobody else; it also ends a blocking system call."""

_MAIN_THREAD: Final = threading.main_thread().ident
_POLL_S: Final = 0.05
_INSIST_S: Final = 0.01
_BLOCKED: Final = 3
_PACKAGE: Final = __name__.partition(".")[0]
_LIBRARIES: Final = (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), "<frozen")


class OverrunError(BaseException):
    """Raised inside an author's code that has run for too long; no `except Exception` stops it."""


def is_authors(frame: FrameType | None) -> bool:
    """Whether a thread that is at this frame runs an author's code, rather than the engine's.

    A library counts for whoever called it.
    """
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] == _PACKAGE:
            return False
        if not frame.f_code.co_filename.startswith(_LIBRARIES):
            return True
        frame = frame.f_back
    return True


class LoopCall(Awaitable[T]):
    """Something that a context has done on the event loop while the author's code waits."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[[], Awaitable[T]]) -> None:
        self.make = make

    def __await__(self) -> Generator["LoopCall[T]", T, T]:
        return (yield self)


class _Watchdog:
    """A thread that looks after code on the main thread.

    Entering and leaving set one attribute; the thread sleeps while nothing runs.
    """

    def __init__(self) -> None:
        self.is_due = False
        self._is_over = False
        self._since = 0.0
        self._limit = 0.0
        self._is_awake = False
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def enter(self, limit: float) -> None:
        self.is_due = self._is_over = False
        self._limit = limit
        self._since = time.perf_counter()
        if not self._is_awake:
            self._is_awake = True
            if self._thread is None:
                self._start()
            self._wake.set()

    def leave(self) -> None:
        self._since = 0.0
        self._is_over = False

    def interrupt(self) -> NoReturn:
        """Ends the author's code that is over its time."""
        self.is_due = False
        raise OverrunError

    def _start(self) -> None:
        signal.signal(_SIGNAL, self._signaled)
        self._thread = threading.Thread(target=self._watch, name="reactive-watchdog", daemon=True)
        self._thread.start()

    def _signaled(self, number: int, frame: FrameType | None) -> None:
        """Runs on the main thread. The engine's own code is never interrupted, only an author's."""
        if not self._is_over or frame is None:
            return
        if is_authors(frame):
            raise OverrunError
        self.is_due = True

    def _watch(self) -> None:
        quiet = 0
        seen, cpu_s = 0.0, 0.0
        clock = time.pthread_getcpuclockid(_MAIN_THREAD or 0)
        while True:
            if quiet > 1 / _POLL_S:
                self._is_awake = False
                if self._since == 0.0:
                    self._wake.wait()
                self._is_awake = True
                quiet = 0
            self._wake.clear()
            time.sleep(_INSIST_S if self._is_over else min(_POLL_S, self._limit / 4))
            now = self._since
            quiet = quiet + 1 if now == 0.0 else 0
            if now != seen:
                # Another run than at the last look: its share of the processor counts from here.
                seen, cpu_s = now, time.clock_gettime(clock)
            elif now != 0.0:
                # A busy machine, which stops everybody, is nobody's fault; its own work is, and a
                # call that blocks for long.
                self._is_over = (
                    time.clock_gettime(clock) - cpu_s >= self._limit
                    or time.perf_counter() - seen >= _BLOCKED * self._limit
                )
                if self._is_over and self._since == seen:
                    signal.pthread_kill(_MAIN_THREAD or 0, _SIGNAL)


watchdog = _Watchdog()
"""Its `is_due` says that an author's code is over its time: the engine is to call `interrupt`.

A signal mostly arrives while the engine reads the database, as the interpreter lets other threads
run there; code that does little else is caught where its context is used.
"""


def can_interrupt() -> bool:
    """Whether code on this thread can be interrupted: only a process's main thread can."""
    return threading.get_ident() == _MAIN_THREAD


async def run_on_loop(coroutine: Coroutine[Any, Any, T], context: Context, hold_s: float) -> T:
    """Runs an author's coroutine on this thread, each step for at most `hold_s` seconds.

    Raises:
        OverrunError: when it held the loop for longer.
    """
    step: Callable[[Any], Any] = coroutine.send
    argument: Any = None
    while True:
        watchdog.enter(hold_s)
        try:
            yielded = context.run(step, argument)
        except StopIteration as stop:
            value: T = stop.value
            return value
        finally:
            watchdog.leave()
        step, argument = await answer(coroutine, yielded)


async def answer(
    coroutine: Coroutine[Any, Any, Any], yielded: object
) -> tuple[Callable[[Any], Any], Any]:
    """How to go on with a coroutine that has yielded: with a result, or with an error."""
    if not isinstance(yielded, LoopCall):
        return coroutine.throw, _foreign_await(coroutine, yielded)
    try:
        return coroutine.send, await yielded.make()
    except Exception as error:  # noqa: BLE001 - it is the author's code that made the call
        return coroutine.throw, error


def _foreign_await(coroutine: Coroutine[Any, Any, Any], yielded: object) -> UsageError:
    innermost: Any = coroutine
    while inspect.iscoroutine(innermost.cr_await):
        innermost = innermost.cr_await
    file = innermost.cr_code.co_filename.rpartition("/")[2]
    what = "" if yielded is None else f": {type(yielded).__qualname__}"
    return foreign_await(f"{innermost.__qualname__} ({file}){what}")


def foreign_await(name: str) -> UsageError:
    """What an author is told who awaits something that no context made."""
    return UsageError(
        f"a query or a mutation may await its context and functions of the app only, not {name}; "
        "use an action for everything else",
        code="ForeignAwait",
    )


class NoLoop:
    """Stands for the event loop in a thread that has none, and says so to whoever asks for it."""

    def __getattr__(self, name: str) -> NoReturn:
        code = sys._getframe(1).f_code
        raise foreign_await(f"{code.co_qualname} ({code.co_filename.rpartition('/')[2]})")
