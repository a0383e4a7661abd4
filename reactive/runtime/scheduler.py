"""What `ctx.scheduler` is: functions to be called later. Source of its rules: Convex."""

import math
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from reactive.errors import UsageError
from reactive.runtime.codec import Encoder
from reactive.runtime.db import SystemTables
from reactive.runtime.function import Kind
from reactive.runtime.registry import FunctionDefinition, FunctionRegistry
from reactive.runtime.system_tables import JobState, ScheduledFunction
from reactive.runtime.types import Id
from reactive.values.encoding import from_wire, load_json

if TYPE_CHECKING:
    from reactive.runtime.execution import Execution

T = TypeVar("T")


class SystemCalls(Protocol):
    """How a context reaches what the server keeps for its project."""

    @property
    def registry(self) -> FunctionRegistry: ...

    @property
    def encoder(self) -> Encoder: ...

    async def transact(self, work: Callable[[SystemTables], Awaitable[T]]) -> T:
        """Runs work on the system tables as a transaction of its own."""
        ...


def wire_arguments(
    definition: FunctionDefinition, args: Mapping[str, Any], encoder: Encoder
) -> tuple[dict[str, Any], int]:
    """The arguments of a call as they are kept, by their wire names, and their size in bytes.

    Raises:
        CallError: when one cannot be sent.
    """
    names = definition.signature.wire_names
    spelled = {names.get(name, name): value for name, value in args.items()}
    text = encoder.encode(spelled)
    return from_wire(load_json(text)), len(text)


def job_id_of(text: str) -> Id[ScheduledFunction]:
    """The text as the id of a scheduled function."""
    return Id(text)


class Scheduler:
    """Schedules functions: in a mutation as a part of it, in an action at once."""

    __slots__ = ("_calls", "_run")

    def __init__(self, run: "Execution", calls: SystemCalls) -> None:
        self._run = run
        self._calls = calls

    async def run_after(
        self, delay: timedelta | float, function: object, /, **args: Any
    ) -> Id[ScheduledFunction]:
        """Has a mutation or an action called after a delay, a `timedelta` or seconds.

        It runs without the caller's identity. Nothing is scheduled if the mutation that asks for
        it fails. A mutation is run exactly once, an action at most once.

        Raises:
            UsageError: for a delay that is no time, or a function that does not exist.
            LimitError: when too much is scheduled at once.
        """
        seconds = delay.total_seconds() if isinstance(delay, timedelta) else delay
        if not _is_number(seconds):
            raise _bad_time(f"a delay is a timedelta or seconds, not {delay!r}")
        if not math.isfinite(seconds) or seconds < 0:
            raise _bad_time(f"a delay must be finite and not negative, not {seconds} s")
        return await self._schedule(self._now_ms() + seconds * 1e3, function, args)

    async def run_at(
        self, when: datetime | float, function: object, /, **args: Any
    ) -> Id[ScheduledFunction]:
        """Has a mutation or an action called at a time, a `datetime` with a time zone or
        milliseconds since the epoch. A time that is over means now.

        Raises:
            UsageError: for what is no time, or a function that does not exist.
            LimitError: when too much is scheduled at once.
        """
        if isinstance(when, datetime):
            if when.tzinfo is None:
                raise _bad_time(f"{when!r} has no time zone; give it one, such as UTC")
            when = when.timestamp() * 1e3
        if not _is_number(when) or not math.isfinite(when):
            raise _bad_time(f"a time is a datetime or milliseconds since the epoch, not {when!r}")
        return await self._schedule(float(when), function, args)

    async def cancel(self, id: Id[ScheduledFunction]) -> None:
        """Keeps a scheduled function from running.

        One that has ended stays as it is. An action that is running goes on, but whatever it
        schedules from then on never runs.

        Raises:
            UsageError: when the id is none of a scheduled function, or a mutation cancels itself.
        """
        now_ms = self._now_ms()

        async def cancel(db: SystemTables) -> None:
            if await db.normalize_id(ScheduledFunction, id) is None:
                raise UsageError(
                    f"{id!r} is no id of a scheduled function", code="InvalidScheduledFunctionId"
                )
            job = await db.get(id)
            if job is None or job.state.kind not in ("pending", "inProgress"):
                return
            if self._run.has_transaction and job.id == self._run.caller.job:
                raise UsageError(
                    "a scheduled mutation cannot cancel itself",
                    code="ScheduledFunctionCancelingItself",
                )
            await db.patch(job.id, state=JobState(kind="canceled"), completed_time=now_ms)

        await self._transact(cancel)

    def _now_ms(self) -> float:
        self._run.check_open()
        if self._run.has_transaction:
            return self._run.now_ms
        return self._run.clock.now_ns() / 1e6

    async def _schedule(
        self, when_ms: float, function: object, args: dict[str, Any]
    ) -> Id[ScheduledFunction]:
        now_ms = self._now_ms()
        if abs(when_ms - now_ms) > self._run.limits.job_horizon_s * 1e3:
            raise _bad_time("a function cannot be scheduled more than five years away")
        definition = self._calls.registry.refer(function, Kind.MUTATION, Kind.ACTION)
        kept, size = wire_arguments(definition, args, self._run.encoder)

        async def schedule(db: SystemTables) -> Id[ScheduledFunction]:
            job = ScheduledFunction(
                name=definition.path,
                args=[kept],
                scheduled_time=when_ms,
                state=JobState(kind="pending"),
            )
            if await self._is_canceled(db):
                job.state = JobState(kind="canceled")
                job.completed_time = now_ms
            db.count_job(size)
            return await db.insert(job)

        return await self._transact(schedule)

    async def _is_canceled(self, db: SystemTables) -> bool:
        """Whether the job that schedules this was canceled while it ran."""
        own = self._run.caller.job
        job = None if own is None else await db.get(job_id_of(own))
        return job is not None and job.state.kind == "canceled"

    async def _transact(self, work: Callable[[SystemTables], Awaitable[T]]) -> T:
        if self._run.has_transaction:
            return await work(SystemTables(self._run))
        return await self._calls.transact(work)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _bad_time(message: str) -> UsageError:
    return UsageError(message, code="InvalidScheduledFunctionDelay")
