"""Runs one function once: arguments in, author's code, result out."""

import asyncio
import json
import logging
import random
import secrets
import traceback
from collections.abc import Awaitable, Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import Any

from reactive.backend import ANYBODY, EMPTY_LOG, Caller, Failure
from reactive.clock import Clock
from reactive.engine.transaction import Transaction
from reactive.errors import ApplicationError, CallError, LimitError, ReactiveError, StorageError
from reactive.limits import MIB, Limits
from reactive.runtime.codec import Encoder
from reactive.runtime.context import ActionCtx, Calls, MutationCtx, QueryCtx
from reactive.runtime.crons import Cron
from reactive.runtime.execution import Execution, current
from reactive.runtime.function import Kind
from reactive.runtime.guard import can_interrupt, run_on_loop
from reactive.runtime.http import HttpRouter
from reactive.runtime.registry import FunctionDefinition, FunctionRegistry
from reactive.runtime.schema import Schema
from reactive.runtime.sockets import SocketRouter
from reactive.runtime.types import Id, table_numbers
from reactive.runtime.workers import LoopSnapshot, Workers
from reactive.storage.interface import Store
from reactive.values.encoding import JsonBytes, from_wire, wire_size

_log = logging.getLogger("reactive.functions")
_FIXED = frozenset((str, int, float, bool, bytes, type(None), Id))


def _enter(run: Execution) -> None:
    current.set(run)
    table_numbers.set(run.schema.number_of)


@dataclass(frozen=True, slots=True)
class Project:
    """The author's code, loaded: what a reload replaces."""

    registry: FunctionRegistry
    schema: Schema
    encoder: Encoder
    crons: tuple[Cron, ...] = ()
    http: HttpRouter | None = None
    modules: Mapping[str, ModuleType] = field(default_factory=dict)
    sockets: SocketRouter | None = None


class Runner:
    """Runs functions of whatever project is loaded. `executions` counts runs of author's code."""

    def __init__(
        self, limits: Limits, clock: Clock, store: Store, *, case: str, redact: bool
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._store = store
        self._case = case
        self._redact = redact
        self._dice = random.Random(secrets.randbits(128))
        self._workers = Workers(limits)
        self.executions = 0
        self.rows_read = 0

    def close(self) -> None:
        self._workers.close()

    @property
    def is_busy(self) -> bool:
        """Whether functions are running in threads."""
        return self._workers.is_busy

    def arguments(
        self,
        project: Project,
        definition: FunctionDefinition,
        wire: Any,
        caller: Caller = ANYBODY,
    ) -> dict[str, Any]:
        """The keyword arguments that a client's call gives, or one that was scheduled.

        Raises:
            CallError: when they do not fit, or are too large.
        """
        if not isinstance(wire, dict):
            raise CallError(
                f"Invalid arguments for {definition.path}: they must be one object",
                code="InvalidArguments",
            )
        values = from_wire(wire)
        size = wire_size(wire)
        if size > self._limits.argument_bytes_max:
            raise LimitError(
                f"Arguments for {definition.path} are too large (actual: {size / MIB:.1f} MiB, "
                f"limit: {self._limits.argument_bytes_max // MIB} MiB)",
                code="ArgumentsTooLarge",
            )
        token = table_numbers.set(project.schema.number_of)
        try:
            return definition.signature.arguments(values, is_kept=caller.job is not None)
        finally:
            table_numbers.reset(token)

    def query_arguments(
        self, project: Project, definition: FunctionDefinition, text: JsonBytes, wire: Any
    ) -> dict[str, Any]:
        """As `arguments`; live queries run again and again with theirs, whose JSON is `text`."""
        known = definition.arguments
        found = known.get(text)
        if found is None:
            found = self.arguments(project, definition, wire)
            if (
                definition.signature.is_steady
                and len(text) <= self._limits.recent_arguments_bytes_max
                and _FIXED.issuperset(map(type, found.values()))
            ):
                if len(known) >= self._limits.recent_arguments_max:
                    known.clear()
                known[text] = found
        return found

    def execution(
        self,
        project: Project,
        path: str,
        caller: Caller,
        transaction: Transaction | None,
        journal: str | None = None,
    ) -> Execution:
        """A fresh execution: a clock that stands, a seed of its own."""
        return Execution(
            path=path,
            schema=project.schema,
            encoder=project.encoder,
            limits=self._limits,
            secret=self._secret,
            caller=caller,
            transaction=transaction,
            clock=self._clock,
            dice=self._dice,
            journal=journal,
        )

    async def run(
        self,
        definition: FunctionDefinition,
        run: Execution,
        calls: Calls,
        arguments: Mapping[str, Any],
        *,
        in_worker: bool,
    ) -> object:
        """Runs a query or a mutation and gives its result, checked but not encoded.

        Raises:
            OverrunError: when it held the loop for too long, and may be run again in a worker.
        """
        self.executions += 1
        ctx = (QueryCtx if definition.kind is Kind.QUERY else MutationCtx)(run, calls)
        coroutine = definition.function.handler(ctx, **arguments)
        context = copy_context()
        context.run(_enter, run)
        try:
            if in_worker:
                snapshot = run.transaction.snapshot
                run.transaction.snapshot = LoopSnapshot(snapshot)
                time = asyncio.get_running_loop().time
                start = time()
                value = await self._workers.run(coroutine, context)
                run.transaction.snapshot = snapshot
                if time() - start < self._limits.loop_hold_s / 4:
                    # It was slow once, and is not any more.
                    definition.is_slow = False
            else:
                value = await run_on_loop(coroutine, context, self._limits.loop_hold_s)
            return definition.signature.result(value)
        finally:
            run.is_open = False
            self.rows_read += run.transaction.documents_read

    @cached_property
    def _can_interrupt(self) -> bool:
        return can_interrupt()

    @cached_property
    def _secret(self) -> bytes:
        return self._store.secret

    def must_use_worker(self, definition: FunctionDefinition) -> bool:
        """Whether the function cannot be run on the loop."""
        return definition.is_slow or not self._can_interrupt

    async def run_action(
        self,
        definition: FunctionDefinition,
        run: Execution,
        calls: Calls,
        arguments: Mapping[str, Any],
    ) -> object:
        """Runs an action and gives its result, checked but not encoded."""
        self.executions += 1
        _enter(run)
        try:
            value = await definition.function.handler(ActionCtx(run, calls), **arguments)
            return definition.signature.result(value)
        finally:
            run.is_open = False

    async def run_endpoint(
        self, serve: Callable[[ActionCtx], Awaitable[None]], run: Execution, calls: Calls
    ) -> None:
        """Runs the code of an HTTP endpoint with the context of an action."""
        self.executions += 1
        _enter(run)
        try:
            await serve(ActionCtx(run, calls))
        finally:
            run.is_open = False

    async def run_nested(
        self,
        definition: FunctionDefinition,
        outer: Execution,
        calls: Calls,
        args: Mapping[str, Any],
    ) -> Any:
        """Runs a query or a mutation inside the transaction of the one that calls it."""
        run = outer.nested(definition.path)
        arguments = definition.signature.arguments(args)
        transaction = run.transaction
        savepoint = transaction.savepoint()
        ctx = (QueryCtx if definition.kind is Kind.QUERY else MutationCtx)(run, calls)
        self.executions += 1
        try:
            value = await definition.function.handler(ctx, **arguments)
            return definition.signature.result(value)
        except BaseException:
            transaction.rollback_to(savepoint)
            raise
        finally:
            run.is_open = False

    # Results and failures

    def encode(self, project: Project, definition: FunctionDefinition, value: object) -> JsonBytes:
        """The JSON of a result.

        Raises:
            CallError: naming the function whose result is no value.
        """
        try:
            return project.encoder.encode(value)
        except CallError as error:
            raise type(error)(
                f"Function {definition.path} returned what cannot be sent: {error.message}",
                code=error.code,
            ) from error

    def log_lines(self, run: Execution) -> JsonBytes:
        """What the caller may see of the function's log."""
        return run.log_lines() if run.log and not self._redact else EMPTY_LOG

    def failure(self, path: str, error: BaseException, request_id: str) -> Failure:
        """What the caller may see of an exception; the whole of it goes to the server's log."""
        request_id = request_id or f"{self._dice.getrandbits(64):016x}"
        code = error.code if isinstance(error, ReactiveError) else "ServerError"
        if isinstance(error, ApplicationError):
            try:
                data = Encoder(self._case).encode(error.data)
            except CallError as problem:
                wrong = TypeError(f"the data of an ApplicationError cannot be sent: {problem}")
                return self.failure(path, wrong, request_id)
            message = "Server Error" if self._redact else self._explained(error)
            return Failure(message, data, code, request_id)
        if isinstance(error, ReactiveError) and error.is_public:
            if isinstance(error, StorageError):
                _log.error("%s: %s", path, error)
            return Failure(error.message, None, code, request_id)
        trace = "".join(traceback.format_exception(error))
        _log.error("%s failed (request %s)\n%s", path, request_id, trace)
        message = "Server Error" if self._redact else self._explained(error)
        return Failure(message, None, code, request_id)

    def explain(self, error: BaseException) -> str:
        """What those who run the server may see of an exception, whatever clients may."""
        if isinstance(error, ReactiveError) and error.is_public:
            return error.message
        return self._explained(error)

    def _explained(self, error: BaseException) -> str:
        if isinstance(error, ApplicationError) and error.default_code == "ApplicationError":
            text = (
                error.data if isinstance(error.data, str) else json.dumps(error.data, default=repr)
            )
        else:
            text = str(error)
        cut = self._limits.error_text_bytes_max
        lines = [f"Server Error\nUncaught {type(error).__qualname__}: {text[:cut]}"]
        frames = traceback.extract_tb(error.__traceback__)
        for frame in reversed(frames):
            if "/reactive/" not in frame.filename and "<" not in frame.filename:
                name = frame.filename.rpartition("/functions/")
                where = f"functions/{name[2]}" if name[1] else frame.filename.rpartition("/")[2]
                lines.append(f"    at {frame.name} ({where}:{frame.lineno})")
        return "\n".join(lines) + "\n"
