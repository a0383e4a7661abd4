"""Runs the recurring jobs of a project, each never twice at once.

What is due is kept in the database, so a restart is no deployment: jobs go on where they were, and
what came due meanwhile is made up for by one run.
"""

import asyncio
import logging
from collections.abc import Sequence

from reactive.backend import Caller, CallOutcome
from reactive.clock import Clock, sleep
from reactive.engine.database import Database
from reactive.errors import ReactiveError
from reactive.limits import Limits
from reactive.runtime.alarm import Alarm
from reactive.runtime.crons import Cron, Schedule
from reactive.runtime.db import SystemTables
from reactive.runtime.function import Kind
from reactive.runtime.jobs import INTERRUPTED, JobOverError, JobService, is_transient, reason_of
from reactive.runtime.mutations import HookedRequest
from reactive.runtime.scheduler import wire_arguments
from reactive.runtime.system_tables import CronJob, CronJobLog, JobState
from reactive.values.encoding import to_wire

_log = logging.getLogger("reactive.jobs")


class CronRunner:
    """Invariant: of each job at most one run is under way, and its next time is in the database."""

    def __init__(
        self, service: JobService, database: Database, limits: Limits, clock: Clock
    ) -> None:
        self._service = service
        self._limits = limits
        self._clock = clock
        self._alarm = Alarm(database, clock)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._loop: asyncio.Task[None] | None = None

    @property
    def running(self) -> int:
        """How many jobs are running."""
        return len(self._running)

    async def deploy(self, crons: Sequence[Cron]) -> None:
        """Makes the recurring jobs exactly these. One whose schedule stays keeps its next time."""
        now_ms = self._now_ms()
        registry, encoder = self._service.registry, self._service.encoder

        async def deploy(db: SystemTables) -> None:
            old = {job.name: job for job in await db.query(CronJob).collect()}
            for cron in crons:
                definition = registry.refer(cron.function, Kind.MUTATION, Kind.ACTION)
                args, _ = wire_arguments(definition, cron.args, encoder)
                schedule = cron.schedule.stored()
                known = old.pop(cron.name, None)
                first = cron.schedule.first(now_ms)
                job = CronJob(
                    name=cron.name,
                    function=definition.path,
                    args=[args],
                    schedule=schedule,
                    next_run=first,
                    state=JobState(kind="pending"),
                )
                if known is None:
                    await db.insert(job)
                    continue
                job.state = known.state
                if known.schedule == schedule:
                    job.next_run = known.next_run
                await db.replace(known.id, job)
            for gone in old.values():
                await db.delete(gone.id)

        await self._service.transact(deploy)

    async def start(self) -> None:
        """Notes the actions that a crash has ended, and begins."""
        await self._service.transact(self._fail_interrupted)
        self._loop = asyncio.get_running_loop().create_task(self._work())

    def pause(self) -> None:
        """Starts no more runs; those that are under way go on."""
        if self._loop is not None:
            self._loop.cancel()

    async def stop(self) -> None:
        """Ends those that are under way, as a crash would."""
        self.pause()
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _fail_interrupted(self, db: SystemTables) -> None:
        for job in await db.query(CronJob).collect():
            if job.state.kind == "inProgress":
                state = JobState(kind="failed", error=INTERRUPTED)
                await self._end(db, job, job.next_run, self._now_ms(), state)

    async def _work(self) -> None:
        while True:
            db, reads = self._service.peek()
            waits = []
            now_ms = self._now_ms()
            async for job in db.query(CronJob).with_index("by_next_run"):
                if job.name in self._running:
                    continue
                if job.next_run > now_ms:
                    waits.append((job.next_run - now_ms) / 1e3)
                    break
                self._start(job)
            await self._alarm.sleep(min(waits, default=None), reads)

    def _start(self, job: CronJob) -> None:
        task = asyncio.get_running_loop().create_task(self._run(job))
        self._running[job.name] = task
        task.add_done_callback(lambda _: self._ended(job.name))

    def _ended(self, name: str) -> None:
        del self._running[name]
        self._alarm.ring()

    async def _run(self, job: CronJob) -> None:
        started = self._now_ms()
        is_over = False
        try:
            if self._service.registry.find(job.function, None, True).kind is Kind.MUTATION:
                error = (await self._mutate(job, started)).error
                if error is None:
                    return
            else:
                error = (await self._act(job)).error
                is_over = True
        except ReactiveError as problem:
            error = problem
        if isinstance(error, JobOverError):
            return
        if is_transient(error) and not is_over:
            _log.warning("the recurring job %r is tried again: %s", job.name, error)
            await sleep(self._clock, self._limits.job_backoff_s)
        elif error is None:
            await self._finish(job, started, JobState(kind="success"))
        else:
            _log.warning("the recurring job %r (%s) failed: %s", job.name, job.function, error)
            reason = reason_of(error)[: self._limits.cron_text_max]
            await self._finish(job, started, JobState(kind="failed", error=reason))

    async def _mutate(self, job: CronJob, started: float) -> CallOutcome:
        return await self._service.mutate_and_wait(
            HookedRequest(
                job.function, to_wire(job.args[0]), Caller(), hook=_Noted(self, job, started)
            )
        )

    async def _act(self, job: CronJob) -> CallOutcome:
        async def begin(db: SystemTables) -> None:
            known = await self.must_be_due(db, job)
            await db.patch(known.id, state=JobState(kind="inProgress"))

        await self._service.transact(begin)
        return await self._service.act(
            job.function, to_wire(job.args[0]), Caller(), "", is_internal=True
        )

    async def must_be_due(self, db: SystemTables, job: CronJob) -> CronJob:
        """The job as it is now.

        Raises:
            JobOverError: when it is gone, or was deployed anew, or this run was made already.
        """
        known = await db.query(CronJob).with_index("by_name", name=job.name).first()
        if known is None or known.next_run != job.next_run:
            raise JobOverError(f"the recurring job {job.name!r} is not due any more")
        return known

    async def _finish(self, job: CronJob, started: float, state: JobState) -> None:
        async def finish(db: SystemTables) -> None:
            known = await db.query(CronJob).with_index("by_name", name=job.name).first()
            if known is not None:
                await self._end(db, known, job.next_run, started, state)

        await self._service.transact(finish)

    async def _end(
        self, db: SystemTables, job: CronJob, due_ms: float, started: float, state: JobState
    ) -> None:
        """Logs a run and sets the next time, unless a deployment has set another meanwhile."""
        now_ms = self._now_ms()
        next_run, skipped = Schedule(**job.schedule).after(due_ms, now_ms)
        if job.next_run == due_ms:
            await db.patch(job.id, next_run=next_run, state=JobState(kind="pending"))
        else:
            await db.patch(job.id, state=JobState(kind="pending"))
        await db.insert(
            CronJobLog(
                name=job.name,
                scheduled_time=due_ms,
                started_time=started,
                completed_time=now_ms,
                state=state,
                skipped=skipped,
            )
        )
        logs = db.query(CronJobLog).with_index("by_name", name=job.name).order("desc")
        kept = self._limits.cron_logs_max
        for old in (await logs.take(kept + 1))[kept:]:
            await db.delete(old.id)

    async def note_success(self, db: SystemTables, job: CronJob, started: float) -> None:
        """Notes, in the run's own transaction, that it has succeeded."""
        known = await self.must_be_due(db, job)
        await self._end(db, known, job.next_run, started, JobState(kind="success"))

    def _now_ms(self) -> float:
        return self._clock.now_ns() / 1e6


class _Noted:
    """Implements `reactive.runtime.mutations.Hook` for a run of a recurring mutation."""

    def __init__(self, crons: CronRunner, job: CronJob, started: float) -> None:
        self._crons = crons
        self._job = job
        self._started = started

    async def before(self, db: SystemTables) -> None:
        await self._crons.must_be_due(db, self._job)

    async def after(self, db: SystemTables) -> None:
        await self._crons.note_success(db, self._job, self._started)
