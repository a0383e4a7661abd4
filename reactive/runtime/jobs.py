"""Runs scheduled functions when their time has come.

A mutation and the note that it has succeeded are one transaction, so it takes effect exactly once,
whenever the server dies. An action is noted as running before it starts, and one that is found so
after a restart has failed: it runs at most once.
"""

import asyncio
import logging
from typing import Protocol

from reactive.backend import Caller, CallOutcome, MutationRequest
from reactive.clock import Clock
from reactive.engine.database import Database
from reactive.engine.transaction import Transaction
from reactive.errors import CallError, ReactiveError, RetryableError, StorageError
from reactive.limits import Limits
from reactive.runtime.alarm import Alarm
from reactive.runtime.db import SystemTables
from reactive.runtime.function import Kind
from reactive.runtime.mutations import HookedRequest
from reactive.runtime.scheduler import SystemCalls, job_id_of
from reactive.runtime.system_tables import JobState, ScheduledFunction
from reactive.values.encoding import to_wire

_log = logging.getLogger("reactive.jobs")

INTERRUPTED = "Transient error: the server stopped while the action was running"


class JobService(SystemCalls, Protocol):
    """What runs functions and transactions for jobs; `FunctionService` is it."""

    def peek(self) -> tuple[SystemTables, Transaction]: ...

    async def mutate_and_wait(self, request: MutationRequest) -> CallOutcome: ...

    async def act(
        self, path: str, args: object, caller: Caller, request_id: str, *, is_internal: bool = False
    ) -> CallOutcome: ...


class JobOverError(CallError):
    """The job was canceled, or is done already."""

    default_code = "JobOver"


def reason_of(error: BaseException | None) -> str:
    """Why a job has failed, for its author."""
    if error is None or isinstance(error, ReactiveError):
        return str(error)
    return f"Uncaught {type(error).__name__}: {error}"


def is_transient(error: BaseException | None) -> bool:
    """Whether the server, not the function, is to blame."""
    return isinstance(error, RetryableError | StorageError)


class JobRunner:
    """Invariant: a job that is due is running here, or waits for one of few places."""

    def __init__(
        self, service: JobService, database: Database, limits: Limits, clock: Clock
    ) -> None:
        self._service = service
        self._limits = limits
        self._clock = clock
        self._alarm = Alarm(database, clock)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._failures: dict[str, int] = {}
        self._not_before: dict[str, float] = {}
        self._loop: asyncio.Task[None] | None = None

    @property
    def running(self) -> int:
        """How many jobs are running."""
        return len(self._running)

    async def finished(self) -> None:
        """Waits for the jobs that are running now."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def next_due(self) -> float | None:
        """Seconds until the next pending job is due, below 0 for one that is over its time."""
        db, _ = self._service.peek()
        pending = db.query(ScheduledFunction).with_index(
            "by_state", lambda q: q.eq("state.kind", "pending")
        )
        job = await pending.first()
        return None if job is None else (job.scheduled_time - self._clock.now_ns() / 1e6) / 1e3

    async def start(self) -> None:
        """Notes the actions that a crash has ended, and begins."""
        await self._service.transact(self._fail_interrupted)
        self._loop = asyncio.get_running_loop().create_task(self._work())

    def pause(self) -> None:
        """Starts no more jobs; those that are running go on."""
        if self._loop is not None:
            self._loop.cancel()

    async def stop(self) -> None:
        """Ends those that are still running, as a crash would."""
        self.pause()
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def forget(self) -> None:
        """Removes jobs that ended long ago."""
        oldest = self._clock.now_ns() / 1e6 - self._limits.job_age_s * 1e3

        async def forget(db: SystemTables) -> int:
            old = (
                await db.query(ScheduledFunction)
                .with_index(
                    "by_completion",
                    lambda q: q.gt("completed_time", 0).lt("completed_time", oldest),
                )
                .take(self._limits.jobs_forgotten_max)
            )
            for job in old:
                await db.delete(job.id)
            return len(old)

        while await self._service.transact(forget) == self._limits.jobs_forgotten_max:
            pass

    async def _fail_interrupted(self, db: SystemTables) -> None:
        async for job in db.query(ScheduledFunction).with_index(
            "by_state", lambda q: q.eq("state.kind", "inProgress")
        ):
            await self._end(db, job, JobState(kind="failed", error=INTERRUPTED))

    # Starting

    async def _work(self) -> None:
        while True:
            db, reads = self._service.peek()
            seconds = await self._start_due(db)
            await self._alarm.sleep(seconds, reads)

    async def _start_due(self, db: SystemTables) -> float | None:
        """Starts what is due and gives the seconds until there is more; None for nothing."""
        free = self._limits.jobs_running_max - len(self._running)
        if free <= 0:
            return None
        now_ms = self._clock.now_ns() / 1e6
        waits: list[float] = []
        # Those that wait after a failure are due as well, and must not hide the others.
        looked_at = len(self._running) + len(self._not_before) + free + 1
        pending = db.query(ScheduledFunction).with_index(
            "by_state", lambda q: q.eq("state.kind", "pending")
        )
        for job in await pending.take(looked_at):
            if job.id in self._running:
                continue
            wait = (job.scheduled_time - now_ms) / 1e3
            if job.id in self._not_before:
                wait = max(wait, self._not_before[job.id] - self._clock.monotonic())
            if wait > 0:
                waits.append(wait)
            elif free > 0:
                free -= 1
                self._start(job)
        return min(waits, default=None)

    def _start(self, job: ScheduledFunction) -> None:
        self._not_before.pop(job.id, None)
        task = asyncio.get_running_loop().create_task(self._run(job))
        self._running[job.id] = task
        task.add_done_callback(lambda _: self._ended(job.id))

    def _ended(self, job_id: str) -> None:
        del self._running[job_id]
        self._alarm.ring()

    # Running

    async def _run(self, job: ScheduledFunction) -> None:
        try:
            kind = self._service.registry.find(job.name, None, True).kind
            if kind is Kind.ACTION:
                outcome = await self._act(job)
            else:
                outcome = await self._mutate(job)
            if isinstance(outcome.error, JobOverError) or outcome.failure is None:
                return
            if is_transient(outcome.error) and kind is Kind.MUTATION:
                self._try_later(job, outcome.error)
                return
            error: BaseException | None = outcome.error
        except JobOverError:
            return
        except CallError as problem:
            error = problem
        except ReactiveError as problem:
            self._try_later(job, problem)
            return
        _log.warning("the scheduled function %s (%s) failed: %s", job.name, job.id, error)
        await self._finish(job.id, JobState(kind="failed", error=reason_of(error)))

    def _try_later(self, job: ScheduledFunction, error: BaseException | None) -> None:
        failures = self._failures[job.id] = self._failures.get(job.id, 0) + 1
        wait = min(self._limits.job_backoff_max_s, self._limits.job_backoff_s * 2 ** (failures - 1))
        self._not_before[job.id] = self._clock.monotonic() + wait
        _log.warning("the scheduled function %s is tried again in %s s: %s", job.name, wait, error)

    async def _mutate(self, job: ScheduledFunction) -> CallOutcome:
        outcome = await self._service.mutate_and_wait(
            HookedRequest(
                job.name,
                arguments_of(job),
                Caller(job=job.id),
                hook=_Noted(self, job.id),
            )
        )
        if outcome.failure is None:
            self._failures.pop(job.id, None)
        return outcome

    async def _act(self, job: ScheduledFunction) -> CallOutcome:
        async def begin(db: SystemTables) -> None:
            await self.must_be_pending(db, job.id)
            await db.patch(job.id, state=JobState(kind="inProgress"))

        await self._service.transact(begin)
        outcome = await self._service.act(
            job.name, arguments_of(job), Caller(job=job.id), "", is_internal=True
        )
        if outcome.failure is None:
            await self._finish(job.id, JobState(kind="success"))
        return outcome

    # Notes

    async def must_be_pending(self, db: SystemTables, job_id: str) -> None:
        """Raises:
        JobOverError: when the job is not to run any more.
        """
        job = await db.get(job_id_of(job_id))
        if job is None or job.state.kind != "pending":
            raise JobOverError(f"the scheduled function {job_id} is not pending any more")

    async def _finish(self, job_id: str, state: JobState) -> None:
        async def finish(db: SystemTables) -> None:
            job = await db.get(job_id_of(job_id))
            if job is not None and job.state.kind in ("pending", "inProgress"):
                await self._end(db, job, state)

        self._failures.pop(job_id, None)
        await self._service.transact(finish)

    async def _end(self, db: SystemTables, job: ScheduledFunction, state: JobState) -> None:
        await db.patch(job.id, state=state, completed_time=self._clock.now_ns() / 1e6)

    async def note_success(self, db: SystemTables, job_id: str) -> None:
        """Notes, in the job's own transaction, that it has succeeded."""
        job = await db.get(job_id_of(job_id))
        if job is not None:
            await self._end(db, job, JobState(kind="success"))


class _Noted:
    """Implements `reactive.runtime.mutations.Hook` for a scheduled mutation."""

    def __init__(self, jobs: JobRunner, job_id: str) -> None:
        self._jobs = jobs
        self._job_id = job_id

    async def before(self, db: SystemTables) -> None:
        await self._jobs.must_be_pending(db, self._job_id)
        await db.patch(job_id_of(self._job_id), state=JobState(kind="inProgress"))

    async def after(self, db: SystemTables) -> None:
        await self._jobs.note_success(db, self._job_id)


def arguments_of(job: ScheduledFunction) -> object:
    """The wire form of the arguments that were kept with a job."""
    return to_wire(job.args[0])
