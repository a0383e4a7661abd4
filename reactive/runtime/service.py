"""Runs the functions of a project for whoever is connected: implements
`reactive.backend.Backend`."""

import asyncio
import hmac
from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

from reactive.backend import (
    EMPTY_LOG,
    Caller,
    CallOutcome,
    Identity,
    MutationRequest,
    QueryOutcome,
    Watcher,
    request_name,
)
from reactive.clock import Clock
from reactive.engine.database import Database
from reactive.engine.transaction import Transaction
from reactive.errors import CallError, OutOfRetentionError
from reactive.limits import Limits
from reactive.protocol.paths import canonical_path
from reactive.runtime.codec import Encoder
from reactive.runtime.execution import Execution, impersonated
from reactive.runtime.function import Kind
from reactive.runtime.guard import OverrunError
from reactive.runtime.live import LiveQueries, QueryKey, QueryRun, QueryWatch
from reactive.runtime.mutations import Done, Lane, Mutation, MutationResult
from reactive.runtime.registry import FunctionDefinition, FunctionRegistry
from reactive.runtime.runner import Project, Runner
from reactive.runtime.schema import Schema
from reactive.values.document import Receipt
from reactive.values.encoding import JsonBytes, dump_wire
from reactive.values.ranges import ReadSet
from reactive.values.timestamp import Timestamp

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
        admin_key: str | None = None,
    ) -> None:
        self._database = database
        self._project = Project(
            FunctionRegistry((), "exact"), Schema((), "exact"), Encoder("exact")
        )
        self._runner = runner
        self._limits = limits
        self._clock = clock
        self._admin_key = admin_key
        self._lanes: WeakValueDictionary[str, Lane] = WeakValueDictionary()
        self._resuming = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._actions: set[asyncio.Task[Any]] = set()
        database.on_receipt = self._note_receipt
        database.on_forget = self._forget_receipts
        self._calls = FunctionCalls(self)
        self.queries = LiveQueries(database, limits, clock, self._execute)

    @property
    def head(self) -> Timestamp:
        return self._database.head

    @property
    def executions(self) -> int:
        """How often author's code was run."""
        return self._runner.executions

    @property
    def project(self) -> Project:
        return self._project

    def serve(self, project: Project) -> None:
        """Serves this code from now on, and runs every live query again."""
        self._project = project
        self.queries.invalidate_all(self.head)

    async def drain(self) -> None:
        """Waits for the actions that are running, but not for ever."""
        if self._actions:
            await asyncio.wait(self._actions, timeout=self._limits.drain_s)

    async def close(self) -> None:
        """Lets mutations that run in threads finish, and then the threads."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._limits.user_time_s + 1)
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
            if outcome is not None and live.is_for_newcomers:
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
        project, runner = self._project, self._runner
        reads = ReadSet()
        run: Execution | None = None
        try:
            definition = project.registry.find(key.path, Kind.QUERY, key.is_admin)
            arguments = runner.arguments(project, definition, args)
            in_worker = runner.must_use_worker(definition)
            value: object = _NOT_RUN
            while value is _NOT_RUN:
                transaction = self._database.begin(at)
                reads = transaction.reads
                run = runner.execution(project, definition, caller, transaction, journal)
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
        except BaseException as error:  # noqa: BLE001 - it is the author's code that raised
            text, failure = None, runner.failure(key.path, error, "")
        log_lines = runner.log_lines(run) if run is not None else EMPTY_LOG
        # A run that fails before it paginates must not lose where the page ended.
        journal_out = (run.journal_out if run is not None else None) or journal
        outcome = QueryOutcome(at, text, failure, log_lines, journal_out)
        if run is None:
            return QueryRun(outcome, reads, False, False)
        return QueryRun(outcome, reads, run.looked_at_identity, run.looked_at_clock)

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
        return registry.find(request.path, Kind.MUTATION, request.caller.is_admin)

    def must_use_worker(self, definition: FunctionDefinition) -> bool:
        return self._runner.must_use_worker(definition)

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
            arguments = runner.arguments(project, definition, request.args)
        run = runner.execution(project, definition, request.caller, transaction)
        try:
            value = await runner.run(definition, run, self._calls, arguments, in_worker=in_worker)
            text = runner.encode(project, definition, value)
        except Exception as error:
            error.__reactive_log__ = runner.log_lines(run)  # type: ignore[attr-defined]
            raise
        return MutationResult(value, text, runner.log_lines(run))

    def mutation_failed(self, request: MutationRequest, error: BaseException) -> CallOutcome:
        """What the client is told of an error; see `MutationRunner`."""
        request_id = request.request_id or request_name(request.session, request.request)
        failure = self._runner.failure(request.path, error, request_id)
        log_lines = getattr(error, "__reactive_log__", EMPTY_LOG)
        return CallOutcome(None, failure, log_lines, error=error)

    # Actions

    async def act(self, path: str, args: Any, caller: Caller, request_id: str) -> CallOutcome:
        run: Execution | None = None
        project, runner = self._project, self._runner
        task = asyncio.current_task()
        if task is not None:
            self._actions.add(task)
            task.add_done_callback(self._actions.discard)
        try:
            definition = project.registry.find(path, Kind.ACTION, caller.is_admin)
            arguments = runner.arguments(project, definition, args)
            run = runner.execution(project, definition, caller, None)
            async with asyncio.timeout(self._limits.action_time_s):
                value = await runner.run_action(definition, run, self._calls, arguments)
            text = runner.encode(project, definition, value)
        except BaseException as error:
            if task is not None and task.cancelling():
                raise
            log_lines = runner.log_lines(run) if run is not None else EMPTY_LOG
            return CallOutcome(
                None, runner.failure(path, error, request_id), log_lines, error=error
            )
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

    async def run_query_for(
        self, run: Execution, definition: FunctionDefinition, args: Mapping[str, Any]
    ) -> Any:
        """Runs a query for an action and gives its result as it is, not encoded.

        Raises:
            Exception: whatever the query raises.
        """
        runner = self._runner
        arguments = definition.signature.arguments(args)
        in_worker = runner.must_use_worker(definition)
        while True:
            transaction = self._database.begin()
            inner = runner.execution(self._project, definition, run.caller, transaction)
            try:
                return await runner.run(
                    definition, inner, self._calls, arguments, in_worker=in_worker
                )
            except OverrunError:
                definition.is_slow = in_worker = True
            except OutOfRetentionError:
                continue

    async def run_action_for(
        self, run: Execution, definition: FunctionDefinition, args: Mapping[str, Any]
    ) -> Any:
        """Runs an action for another one."""
        arguments = definition.signature.arguments(args)
        inner = self._runner.execution(self._project, definition, run.caller, None)
        inner.log = run.log
        return await self._runner.run_action(definition, inner, self._calls, arguments)

    async def run_nested(
        self, run: Execution, definition: FunctionDefinition, args: Mapping[str, Any]
    ) -> Any:
        """Runs a function inside the transaction of the one that calls it."""
        return await self._runner.run_nested(definition, run, self._calls, args)

    # Who is calling

    async def identify(self, token: str) -> Identity:
        raise CallError(
            "No auth provider found matching the given token: this server trusts no issuer",
            code="NoAuthProvider",
        )

    def admin(self, key: str, acting_as: Mapping[str, Any] | None) -> Caller:
        known = self._admin_key
        secret = key.removeprefix("prod:").removeprefix("dev:")
        if known is None or not (
            hmac.compare_digest(key.encode(), known.encode())
            or hmac.compare_digest(secret.encode(), known.encode())
        ):
            raise CallError(
                "The provided admin key was invalid for this server", code="BadAdminKey"
            )
        if acting_as is None:
            return Caller(is_admin=True)
        token, subject, issuer = impersonated(acting_as)
        return Caller(Identity(token, subject, issuer, dict(acting_as)), is_admin=True)


class FunctionCalls:
    """How functions call each other; implements `reactive.runtime.context.Calls`."""

    def __init__(self, service: FunctionService) -> None:
        self._service = service

    async def run_query(self, run: Execution, function: object, args: dict[str, Any]) -> Any:
        definition = self._service.project.registry.refer(function, Kind.QUERY)
        if run.has_transaction:
            return await self._service.run_nested(run, definition, args)
        return await self._service.run_query_for(run, definition, args)

    async def run_mutation(self, run: Execution, function: object, args: dict[str, Any]) -> Any:
        definition = self._service.project.registry.refer(function, Kind.MUTATION)
        if run.has_transaction:
            return await self._service.run_nested(run, definition, args)
        request = MutationRequest(
            definition.python_path, args, run.caller, request_id="", is_internal=True
        )
        outcome = await self._service.mutate_and_wait(request)
        if outcome.error is not None:
            raise outcome.error
        return outcome.result

    async def run_action(self, run: Execution, function: object, args: dict[str, Any]) -> Any:
        definition = self._service.project.registry.refer(function, Kind.ACTION)
        return await self._service.run_action_for(run, definition, args)
