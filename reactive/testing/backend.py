"""A project's backend inside a test: no socket, no disk, and a clock that the test moves.

async with TestBackend("my_project") as backend:
    await backend.mutation("messages:send", author="Ada", body="hi")
    await backend.advance(timedelta(hours=1))
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self, TypeVar, overload

from aiohttp import web

from reactive.app import App
from reactive.backend import Caller, CallOutcome, Identity, MutationRequest, QueryOutcome
from reactive.errors import ApplicationError, CallError
from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.runtime.function import Function
from reactive.settings import load_settings
from reactive.storage.memory import MemoryStore
from reactive.testing.clock import ManualClock
from reactive.values.encoding import JsonBytes, from_wire, load_json, to_wire

R = TypeVar("R")

_QUIET_TURNS: Final = 60
"""After so many turns of the event loop in which nothing happened nothing will by itself."""

_CLOSE_LOOK_S: Final = 0.01

_SUBJECT: Final = "user"
_ISSUER: Final = "https://test.invalid"


class TestBackend:
    """One project, served to a test in this process.

    A function is called by its path (`"messages:list"`), as a client would: arguments and result
    have their wire names and values. Or by itself (`messages.list_messages`), as Python code would:
    the result is what the function returned, documents are documents. Internal functions are open.
    Either way a failure raises what the function raised.

    Time stands still until `advance`. Nothing is kept: each backend starts empty.
    """

    __test__ = False

    def __init__(
        self,
        project: Path | str = ".",
        *,
        now: datetime | None = None,
        limits: Limits = DEFAULT_LIMITS,
        **settings: Any,
    ) -> None:
        folder = Path(project).resolve()
        start = now or datetime(2026, 1, 1, tzinfo=UTC)
        self.clock = ManualClock(round(start.timestamp() * 1e3) * 1_000_000)
        given = {"store": "memory:", **settings}
        # Clients who write together would wait for each other until the test moves the clock.
        limits = replace(limits, commit_interval_s=0)
        self._app = App(
            folder,
            load_settings(folder, given),
            is_dev=True,
            limits=limits,
            clock=self.clock,
            store=MemoryStore(limits),
        )
        self._caller = Caller(is_admin=True)
        self._listening: list[web.AppRunner] = []

    async def __aenter__(self) -> Self:
        """Loads the project.

        Raises:
            ProjectError: when it cannot be served.
        """
        await self._app.start()
        await self.settle()
        return self

    async def __aexit__(self, *_: object) -> None:
        closing = asyncio.ensure_future(self._close())
        while not closing.done():
            await asyncio.wait({closing}, timeout=_CLOSE_LOOK_S)
            # What is cut short may have something to write first, at its own pace.
            if (wait := self.clock.next_timer()) is not None:
                self.clock.advance(max(0.0, wait))
        await closing

    async def _close(self) -> None:
        await self._app.jobs.stop()
        await self._app.crons.stop()
        await self._app.drain()
        for runner in self._listening:
            await runner.cleanup()
        await self._app.stop()

    def with_identity(
        self, subject: str = _SUBJECT, *, issuer: str = _ISSUER, **claims: Any
    ) -> "TestBackend":
        """The same backend, as it is for somebody who is logged in.

        `claims` have the names of `Identity.claims`: `name`, `email`, `pictureUrl`, …
        """
        other = object.__new__(TestBackend)
        other.__dict__.update(self.__dict__)
        everything = {"subject": subject, "issuer": issuer, **claims}
        identity = Identity(f"{issuer}|{subject}", subject, issuer, everything)
        other._caller = Caller(identity, is_admin=True)
        return other

    # Calls

    @overload
    async def query(
        self, function: Function[..., R], args: Mapping[str, Any] | None = None, /, **named: Any
    ) -> R: ...

    @overload
    async def query(
        self, function: str, args: Mapping[str, Any] | None = None, /, **named: Any
    ) -> Any: ...

    async def query(
        self, function: Any, args: Mapping[str, Any] | None = None, /, **named: Any
    ) -> Any:
        """Runs a query, or answers from what is known."""
        given = {**(args or {}), **named}
        if isinstance(function, Function):
            return await self._context().run_query(_path_of(function), **given)
        outcome = await self._app.service.query(function, to_wire(given), self._caller)
        return _value_of(outcome, None)

    @overload
    async def mutation(
        self, function: Function[..., R], args: Mapping[str, Any] | None = None, /, **named: Any
    ) -> R: ...

    @overload
    async def mutation(
        self, function: str, args: Mapping[str, Any] | None = None, /, **named: Any
    ) -> Any: ...

    async def mutation(
        self, function: Any, args: Mapping[str, Any] | None = None, /, **named: Any
    ) -> Any:
        """Runs a mutation; what it schedules for now has run when this returns."""
        given = {**(args or {}), **named}
        if isinstance(function, Function):
            result = await self._context().run_mutation(_path_of(function), **given)
        else:
            request = MutationRequest(function, to_wire(given), self._caller)
            outcome = await self._app.service.mutate_and_wait(request)
            result = _value_of(outcome, outcome.error)
        await self.settle()
        return result

    @overload
    async def action(
        self, function: Function[..., R], args: Mapping[str, Any] | None = None, /, **named: Any
    ) -> R: ...

    @overload
    async def action(
        self, function: str, args: Mapping[str, Any] | None = None, /, **named: Any
    ) -> Any: ...

    async def action(
        self, function: Any, args: Mapping[str, Any] | None = None, /, **named: Any
    ) -> Any:
        """Runs an action.

        One that waits for the clock goes on while `advance` is called, so run it as a task.
        """
        given = {**(args or {}), **named}
        if isinstance(function, Function):
            result = await self._context().run_action(_path_of(function), **given)
        else:
            # A task of its own, as on a socket: its time may run out.
            outcome = await asyncio.ensure_future(
                self._app.service.act(function, to_wire(given), self._caller, "")
            )
            result = _value_of(outcome, outcome.error)
        await self.settle()
        return result

    async def subscribe(
        self, function: str, args: Mapping[str, Any] | None = None, /, **named: Any
    ) -> AsyncIterator[Any]:
        """The values of a live query, as a client is pushed them: now, and after each change.

        A value that was replaced before it was asked for is left out.
        """
        watcher = _Watcher()
        given = to_wire({**(args or {}), **named})
        service = self._app.service
        watch = service.watch(function, given, self._caller, None, watcher, 0)
        told: QueryOutcome | None = None
        try:
            while True:
                watcher.news.clear()
                outcome = watch.outcome(service.head)
                if outcome is not None and (told is None or not told.says_the_same(outcome)):
                    told = outcome
                    yield _value_of(outcome, None)
                    continue
                await watcher.news.wait()
        finally:
            watch.close()

    def _context(self) -> Any:
        return self._app.service.action_context("test", self._caller)

    # Time

    @property
    def now(self) -> datetime:
        """What the clock shows, in UTC."""
        return datetime.fromtimestamp(self.clock.now_ns() / 1e9, UTC)

    async def advance(self, by: timedelta | float) -> None:
        """Lets so much time pass, a `timedelta` or seconds, and everything happen in it.

        Scheduled and recurring functions run at their own times, one after another; time-outs
        expire. An action that waits for something else than this backend goes on meanwhile.
        """
        left = by.total_seconds() if isinstance(by, timedelta) else by
        await self.settle()
        while (wait := self.clock.next_timer()) is not None and wait <= left:
            self.clock.advance(max(0.0, wait))
            left -= max(0.0, wait)
            await self.settle()
        self.clock.advance(left)
        await self.settle()

    async def finish_scheduled(self) -> None:
        """Runs everything that is scheduled, now or later, until nothing is left.

        Raises:
            CallError: when functions go on scheduling others for ever.
        """
        for _ in range(self._app.limits.jobs_scheduled_max):
            await self._app.jobs.finished()
            wait = await self._app.jobs.next_due()
            if wait is None:
                return
            await self.advance(max(0.0, wait))
        raise CallError("scheduled functions do not come to an end", code="EndlessSchedule")

    async def settle(self) -> None:
        """Lets everything happen that need not wait for the time."""
        quiet = 0
        seen = self._progress()
        while quiet < _QUIET_TURNS:
            await asyncio.sleep(0)
            now = self._progress()
            quiet = quiet + 1 if now == seen and not self._app.service.is_busy else 0
            seen = now

    def _progress(self) -> tuple[int, ...]:
        app = self._app
        return (
            app.database.commits,
            app.service.executions,
            app.jobs.running,
            app.crons.running,
        )

    async def listen(self) -> str:
        """Serves the backend on a free port of this machine as well and returns its URL."""
        runner = web.AppRunner(self._app.application(is_started=True), access_log=None)
        await runner.setup()
        self._listening.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        self._app.listens_at(port)
        return f"http://127.0.0.1:{port}"


class _Watcher:
    """Implements `reactive.backend.Watcher`."""

    def __init__(self) -> None:
        self.news = asyncio.Event()

    def stale(self, query_id: int) -> None:
        self.news.set()

    def ready(self) -> None:
        self.news.set()


def _path_of(function: Function[..., Any]) -> str:
    """The path of a function, also of one that was imported before the backend was started."""
    module = function.module.removeprefix("functions.").replace(".", "/")
    return function.path or f"{module}:{function.public_name or function.handler.__name__}"


def _value_of(outcome: QueryOutcome | CallOutcome, error: BaseException | None) -> Any:
    """The value that a call gave.

    Raises:
        Exception: what the function raised.
    """
    failure = outcome.failure
    if failure is None:
        value: JsonBytes = outcome.value or b"null"
        return from_wire(load_json(value))
    if error is not None:
        raise error
    if failure.data is not None:
        raise ApplicationError(from_wire(load_json(failure.data)))
    raise CallError(failure.message, code=failure.code)
