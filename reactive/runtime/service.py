"""Runs the functions of a project for whoever is connected: implements
`reactive.backend.Backend`."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from reactive.backend import (
    ANYBODY,
    EMPTY_LOG,
    Authenticator,
    Caller,
    CallOutcome,
    Identity,
    MutationRequest,
    QueryOutcome,
    Watcher,
    request_name,
)
from reactive.clock import Clock, timeout
from reactive.engine.database import Database
from reactive.engine.transaction import Transaction
from reactive.errors import CallError, OutOfRetentionError
from reactive.limits import Limits
from reactive.protocol.paths import canonical_path
from reactive.runtime.calls import FunctionCalls
from reactive.runtime.codec import Encoder
from reactive.runtime.context import ActionCtx
from reactive.runtime.db import SystemTables
from reactive.runtime.endpoints import ProjectEndpoints
from reactive.runtime.execution import Execution, note_run, run_of
from reactive.runtime.file_service import FileService
from reactive.runtime.function import Kind
from reactive.runtime.guard import OverrunError
from reactive.runtime.live import LiveQueries, QueryKey, QueryRun, QueryWatch
from reactive.runtime.logs import LogFeed
from reactive.runtime.mutations import Done, HookedRequest, Lane, Mutation, MutationResult
from reactive.runtime.registry import FunctionDefinition, FunctionRegistry
from reactive.runtime.runner import Project, Runner
from reactive.runtime.schema import Schema
from reactive.runtime.socket_events import ProjectSockets
from reactive.runtime.system import SYSTEM, SystemWork
from reactive.runtime.vectors import VectorSearch
from reactive.settings import Settings
from reactive.storage.files import FileStore
from reactive.values.document import Receipt
from reactive.values.encoding import JsonBytes, dump_wire
from reactive.values.ranges import ReadSet
from reactive.values.timestamp import Timestamp

T = TypeVar("T")

_CATCH_UP_S = 2.0
_NOT_RUN = object()


class FunctionService:
    """Queries through the cache, mutations through the committer, actions as tasks."""

    def __init__(
        self,
        database: Database,
        runner: Runner,
        limits: Limits,
        clock: Clock,
        *,
        files: FileStore,
        settings: Settings,
        authenticator: Authenticator | None = None,
    ) -> None:
        self._database = database
        self._project = Project(
            FunctionRegistry((), "exact"), Schema((), "exact"), Encoder("exact")
        )
        self._runner = runner
        self._limits = limits
        self._clock = clock
        self.settings = settings
        self._authenticator = authenticator
        self._lanes: WeakValueDictionary[str, Lane] = WeakValueDictionary()
        self._resuming = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._actions: set[asyncio.Task[Any]] = set()
        self.stopping = asyncio.Event()
        database.on_receipt = self._note_receipt
        database.on_forget = self._forget_receipts
        self._calls = FunctionCalls(self)
        origin = settings.origin(settings.port)
        self.files = FileService(self, files, database.store, limits, clock, origin)
        self.endpoints = ProjectEndpoints(self, runner, self._calls, limits)
        self.sockets = ProjectSockets(self, runner, self._calls, limits)
        self.logs = LogFeed(limits, clock, runner.explain)
        self.queries = LiveQueries(database, limits, clock, self._execute)
        self.vectors = VectorSearch(database, clock, limits)
        self.must_use_worker = runner.must_use_worker

    @property
    def head(self) -> Timestamp:
        return self._database.head

    @property
    def executions(self) -> int:
        """How often author's code was run."""
        return self._runner.executions

    @property
    def rows_read(self) -> int:
        """How many documents queries and mutations have read."""
        return self._runner.rows_read

    @property
    def is_busy(self) -> bool:
        """Whether functions are running in threads."""
        return bool(self._tasks) or self._runner.is_busy

    @property
    def project(self) -> Project:
        return self._project

    @property
    def registry(self) -> FunctionRegistry:
        return self._project.registry

    @property
    def encoder(self) -> Encoder:
        return self._project.encoder

    def serve(self, project: Project) -> None:
        """Serves this code from now on, and runs every live query again."""
        self._project = project
        self.vectors.serve(project.schema)
        self.queries.invalidate_all(self.head)

    async def drain(self) -> None:
        """Waits for the actions that are running, but not for ever."""
        self.stopping.set()
        if self._actions:
            await asyncio.wait(self._actions, timeout=self._limits.drain_s)
        self.logs.close()

    async def close(self) -> None:
        """Lets mutations that run in threads finish, and then the threads."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._limits.user_time_s + 1)
        await self.vectors.close()
        self._runner.close()

    async def wait_for(self, ts: Timestamp) -> bool:
        deadline = self._clock.monotonic() + _CATCH_UP_S
        # Commits made elsewhere come by themselves; there is nothing to wait on but time.
        while self.head < ts and self._clock.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return self.head >= ts

    # Queries

    def watch(
        self,
        path: str,
        args: Any,
        caller: Caller,
        journal: str | None,
        watcher: Watcher,
        query_id: int,
    ) -> QueryWatch:
        key = self._key(path, args, caller, journal)
        return QueryWatch(self.queries, key, args, caller, watcher, query_id)

    def _key(self, path: str, args: Any, caller: Caller, journal: str | None) -> QueryKey:
        try:
            path = canonical_path(path)
        except CallError:
            # The run itself will say what is wrong with it.
            path = str(path)
        try:
            text = dump_wire(args)
        except CallError as error:
            text = error.message.encode()
        return QueryKey(path, text, journal, caller.is_admin)

    async def query(
        self, path: str, args: Any, caller: Caller, at: Timestamp | None = None
    ) -> QueryOutcome:
        """One answer. At the newest timestamp it is shared with those who watch the same query."""
        key = self._key(path, args, caller, None)
        if at is not None and at < self.head:
            return (await self._execute(key, args, caller, None, at)).outcome
        live = self.queries.get(key, args)
        while True:
            if live.is_per_identity:
                live = self.queries.of_identity(live, caller)
            outcome = live.holds_at(self.head)
            if outcome is not None and live.is_for_newcomers and not live.is_held:
                return outcome
            live.ask_again()
            live.refresh(caller, self.head, None)
            await live.finished()
            if not live.is_per_identity and live.outcome is not None:
                return live.outcome

    async def _execute(
        self, key: QueryKey, args: Any, caller: Caller, journal: str | None, at: Timestamp
    ) -> QueryRun:
        """Runs a query on the snapshot at `at`, or, when that is gone, on the newest."""
        while True:
            project = self._project
            run = await self._execute_in(project, key, args, caller, journal, at)
            # A reload while it ran in a thread may have taken an index from under it.
            if project is self._project:
                return run
            at = self.head

    async def _execute_in(
        self,
        project: Project,
        key: QueryKey,
        args: Any,
        caller: Caller,
        journal: str | None,
        at: Timestamp,
    ) -> QueryRun:
        runner = self._runner
        reads = ReadSet()
        run: Execution | None = None
        definition: FunctionDefinition | None = None
        try:
            definition = project.registry.find(key.path, Kind.QUERY, key.is_admin)
            arguments = runner.query_arguments(project, definition, key.args, args)
            in_worker = runner.must_use_worker(definition)
            value: object = _NOT_RUN
            while value is _NOT_RUN:
                transaction = self._database.begin(at)
                reads = transaction.reads
                run = runner.execution(project, definition.path, caller, transaction, journal)
                try:
                    value = await runner.run(
                        definition, run, self._calls, arguments, in_worker=in_worker
                    )
                except OverrunError:
                    definition.is_slow = in_worker = True
                except OutOfRetentionError:
                    at = self.head
            text: JsonBytes | None = runner.encode(project, definition, value)
            failure = None
            self.logs.note("query", key.path, run)
        except BaseException as error:  # noqa: BLE001 - it is the author's code that raised
            text, failure = None, runner.failure(key.path, error, "")
            self.logs.note("query", key.path, run, request_id=failure.request_id, error=error)
        log_lines = runner.log_lines(run) if run is not None else EMPTY_LOG
        # A run that fails before it paginates must not lose where the page ended.
        journal_out = (run.journal_out if run is not None else None) or journal
        outcome = QueryOutcome(at, text, failure, log_lines, journal_out)
        if run is None or definition is None:
            return QueryRun(outcome, reads, False, False)
        calm: ReadSet | None = None
        interval_s = definition.function.push_interval_s
        if interval_s:
            reads, calm = reads.split(project.schema.index_numbers(definition.function.urgent))
        return QueryRun(
            outcome, reads, run.looked_at_identity, run.looked_at_clock, calm, interval_s
        )

    # Mutations

    async def resume(self, session: str | None) -> Lane:
        """The lane of a client, who may have sent mutations before."""
        if session is None:
            return Lane()
        lane = self._lanes.get(session)
        if lane is not None:
            return lane
        # One at a time: a lane is not handed out before it knows of the client's receipts.
        async with self._resuming:
            lane = self._lanes.get(session)
            if lane is None:
                lane = Lane()
                lane.last_receipt, lane.last_ts = await self._database.store.last_receipt(session)
                self._lanes[session] = lane
        return lane

    def _note_receipt(self, receipt: Receipt, ts: Timestamp) -> None:
        lane = self._lanes.get(receipt.session)
        if lane is not None:
            lane.last_receipt = max(lane.last_receipt, receipt.request)
            lane.last_ts = ts

    def _forget_receipts(self) -> None:
        """Any request of any client may have taken effect: each has to be looked up."""
        for lane in self._lanes.values():
            lane.is_unsure = True

    def mutate(self, request: MutationRequest, done: Done) -> None:
        lane = request.lane if isinstance(request.lane, Lane) else Lane()
        if request.session is not None and request.request in lane.under_way:
            lane.under_way[request.request].join(done)
            return
        mutation = Mutation(self._database, self, self._limits, self._tasks, request, lane, done)
        self._database.submit(mutation)
        mutation.enter_lane()

    async def mutate_and_wait(self, request: MutationRequest) -> CallOutcome:
        """Runs a mutation and returns when it is durable, or has failed."""
        finished: asyncio.Future[CallOutcome] = asyncio.get_running_loop().create_future()

        def done(outcome: CallOutcome) -> None:
            if not finished.done():
                finished.set_result(outcome)

        self.mutate(request, done)
        return await finished

    def resolve(self, request: MutationRequest) -> FunctionDefinition:
        """The function that a request means; see `MutationRunner`."""
        registry = self._project.registry
        if request.is_internal:
            return registry.refer(request.path, Kind.MUTATION)
        is_open = request.caller.is_admin or isinstance(request, HookedRequest)
        return registry.find(request.path, Kind.MUTATION, is_open)

    async def run_mutation(
        self,
        request: MutationRequest,
        definition: FunctionDefinition,
        transaction: Transaction,
        *,
        in_worker: bool,
    ) -> MutationResult:
        """Runs a mutation's code once; see `MutationRunner`."""
        project, runner = self._project, self._runner
        if request.is_internal:
            arguments = definition.signature.arguments(request.args)
        else:
            arguments = runner.arguments(project, definition, request.args, request.caller)
        run = runner.execution(project, definition.path, request.caller, transaction)
        hook = request.hook if isinstance(request, HookedRequest) else None
        try:
            if hook is not None:
                await hook.before(self._system_tables(transaction))
            value = await runner.run(definition, run, self._calls, arguments, in_worker=in_worker)
            text = runner.encode(project, definition, value)
            if hook is not None:
                await hook.after(self._system_tables(transaction))
        except Exception as error:
            note_run(error, run)
            raise
        return MutationResult(value, text, runner.log_lines(run), run)

    def mutation_committed(self, request: MutationRequest, result: MutationResult) -> None:
        """The mutation is durable; see `MutationRunner`."""
        if result.run is not None and self.logs.is_followed:
            request_id = request.request_id or request_name(request.session, request.request)
            self.logs.note("mutation", result.run.path, result.run, request_id=request_id)

    def mutation_failed(self, request: MutationRequest, error: BaseException) -> CallOutcome:
        """What the client is told of an error; see `MutationRunner`."""
        request_id = request.request_id or request_name(request.session, request.request)
        failure = self._runner.failure(request.path, error, request_id)
        run = run_of(error)
        log_lines = self._runner.log_lines(run) if run is not None else EMPTY_LOG
        path = request.path if run is None else run.path
        self.logs.note("mutation", path, run, request_id=failure.request_id, error=error)
        return CallOutcome(None, failure, log_lines, error=error)

    # The server's own transactions

    def _system_tables(self, transaction: Transaction) -> SystemTables:
        run = self._runner.execution(self._project, SYSTEM, ANYBODY, transaction)
        return SystemTables(run)

    def peek(self) -> tuple[SystemTables, Transaction]:
        """The system tables at the newest commit, and what is read of them."""
        transaction = self._database.begin()
        return self._system_tables(transaction), transaction

    async def transact(self, work: Callable[[SystemTables], Awaitable[T]]) -> T:
        """Runs work on the system tables as a transaction of its own; returns when it is durable.

        Raises:
            Exception: whatever the work raises, and then nothing is written.
        """
        transaction = SystemWork(self._system_tables, work)
        self._database.submit(transaction)
        return await transaction.done

    # Actions

    def note_running(self) -> asyncio.Task[Any] | None:
        """The current task is an action: the server waits for it before it stops."""
        task = asyncio.current_task()
        if task is not None:
            self._actions.add(task)
            task.add_done_callback(self._actions.discard)
        return task

    async def act(
        self, path: str, args: Any, caller: Caller, request_id: str, *, is_internal: bool = False
    ) -> CallOutcome:
        """Runs an action; `is_internal` opens internal ones to the server itself."""
        run: Execution | None = None
        project, runner = self._project, self._runner
        task = self.note_running()
        try:
            is_open = caller.is_admin or is_internal
            definition = project.registry.find(path, Kind.ACTION, is_open)
            arguments = runner.arguments(project, definition, args, caller)
            run = runner.execution(project, definition.path, caller, None)
            async with timeout(self._clock, self._limits.action_time_s):
                value = await runner.run_action(definition, run, self._calls, arguments)
            text = runner.encode(project, definition, value)
        except BaseException as error:
            if task is not None and task.cancelling():
                raise
            log_lines = runner.log_lines(run) if run is not None else EMPTY_LOG
            failure = runner.failure(path, error, request_id)
            self.logs.note("action", path, run, request_id=failure.request_id, error=error)
            return CallOutcome(None, failure, log_lines, error=error)
        self.logs.note("action", path, run, request_id=request_id)
        return CallOutcome(text, None, runner.log_lines(run), result=value)

    async def call(self, path: str, args: Any, caller: Caller, request_id: str) -> CallOutcome:
        try:
            kind = self._project.registry.find(path, None, caller.is_admin).kind
        except CallError as error:
            return CallOutcome(None, self._runner.failure(path, error, request_id), error=error)
        if kind is Kind.ACTION:
            return await self.act(path, args, caller, request_id)
        if kind is Kind.MUTATION:
            return await self.mutate_and_wait(MutationRequest(path, args, caller, request_id))
        outcome = await self.query(path, args, caller)
        return CallOutcome(outcome.value, outcome.failure, outcome.log_lines, outcome.ts)

    def action_context(self, path: str, caller: Caller) -> ActionCtx:
        """A context for code of the server's own, or of somebody who uses it in this process."""
        run = self._runner.execution(self._project, path, caller, None)
        return ActionCtx(run, self._calls)

    async def run_query_for(
        self, run: Execution, definition: FunctionDefinition, args: Mapping[str, Any]
    ) -> tuple[Any, Transaction]:
        """Runs a query for an action; gives its result as it is, not encoded, and what it read.

        Raises:
            Exception: whatever the query raises.
        """
        runner = self._runner
        arguments = definition.signature.arguments(args)
        in_worker = runner.must_use_worker(definition)
        while True:
            transaction = self._database.begin()
            inner = runner.execution(self._project, definition.path, run.caller, transaction)
            try:
                value = await runner.run(
                    definition, inner, self._calls, arguments, in_worker=in_worker
                )
                self.logs.note("query", definition.path, inner)
                return value, transaction
            except OverrunError:
                definition.is_slow = in_worker = True
            except OutOfRetentionError:
                continue

    async def run_action_for(
        self, run: Execution, definition: FunctionDefinition, args: Mapping[str, Any]
    ) -> Any:
        """Runs an action for another one."""
        arguments = definition.signature.arguments(args)
        inner = self._runner.execution(self._project, definition.path, run.caller, None)
        inner.log = run.log
        return await self._runner.run_action(definition, inner, self._calls, arguments)

    async def run_nested(
        self, run: Execution, definition: FunctionDefinition, args: Mapping[str, Any]
    ) -> Any:
        """Runs a function inside the transaction of the one that calls it."""
        return await self._runner.run_nested(definition, run, self._calls, args)

    # Who is calling

    async def identify(self, token: str) -> Caller:
        if self._authenticator is None:
            raise CallError("this server takes no tokens", code="NoAuthProvider")
        return await self._authenticator.identify(token)

    def admin(self, key: str, acting_as: Mapping[str, Any] | None) -> Caller:
        known = (self.settings.admin_key or "").encode()
        given = key.encode(errors="surrogatepass")
        secret = given.removeprefix(b"prod:").removeprefix(b"dev:")
        if not known or not (
            hmac.compare_digest(given, known) or hmac.compare_digest(secret, known)
        ):
            raise CallError(
                "The provided admin key was invalid for this server", code="BadAdminKey"
            )
        if acting_as is None:
            return Caller(is_admin=True)
        return Caller(Identity.impersonated(acting_as), is_admin=True)
