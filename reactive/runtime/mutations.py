"""Mutations on their way through the committer, each exactly once."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from reactive.backend import CallOutcome, MutationRequest
from reactive.engine.database import Database
from reactive.engine.transaction import Transaction
from reactive.errors import ConflictError, OutOfRetentionError, ReactiveError
from reactive.limits import Limits
from reactive.runtime.db import SystemTables
from reactive.runtime.execution import Execution
from reactive.runtime.guard import OverrunError
from reactive.runtime.registry import FunctionDefinition
from reactive.values.document import Receipt
from reactive.values.encoding import JsonBytes
from reactive.values.timestamp import Timestamp
from reactive.values.tuples import new_tuple

Done = Callable[[CallOutcome], None]


class Lane:
    """Mutations that run, and are answered, one after another: those of one client.

    `last_receipt` is the highest request of the client that may have a receipt, `last_ts` its
    commit; only requests up to it need be looked up, unless commits were missed (`is_unsure`).
    `waiting` starts with the one whose turn it is.
    """

    __slots__ = (
        "__weakref__",
        "is_unsure",
        "last_receipt",
        "last_ts",
        "unanswered",
        "under_way",
        "waiting",
    )

    def __init__(self) -> None:
        self.last_receipt = -1
        self.is_unsure = False
        self.last_ts: Timestamp = 0
        self.waiting: deque[Mutation] = deque()
        self.unanswered: deque[Mutation] = deque()
        self.under_way: dict[int, Mutation] = {}


class Hook(Protocol):
    """What the server itself does in the transaction of a mutation."""

    async def before(self, db: SystemTables) -> None:
        """Runs before the author's code; what it raises ends the mutation."""
        ...

    async def after(self, db: SystemTables) -> None:
        """Runs when the author's code has returned."""
        ...


@dataclass(slots=True)
class HookedRequest(MutationRequest):
    """A mutation that the server itself wants run, internal ones included."""

    hook: Hook | None = None


class MutationResult(NamedTuple):
    """What a mutation's code gave: the result itself, its JSON and the log lines' JSON.

    `run` is the execution that gave it.
    """

    value: object
    text: JsonBytes
    log_lines: JsonBytes
    run: Execution | None = None


_NO_RESULT = MutationResult(None, b"null", b"[]")


class MutationRunner(Protocol):
    """Runs a mutation's code in a transaction."""

    def resolve(self, request: MutationRequest) -> FunctionDefinition: ...

    def run_mutation(
        self,
        request: MutationRequest,
        definition: FunctionDefinition,
        transaction: Transaction,
        *,
        in_worker: bool,
    ) -> Coroutine[Any, Any, MutationResult]: ...

    def must_use_worker(self, definition: FunctionDefinition) -> bool: ...

    def mutation_committed(self, request: MutationRequest, result: MutationResult) -> None:
        """The result is durable."""
        ...

    def mutation_failed(self, request: MutationRequest, error: BaseException) -> CallOutcome: ...


class Mutation:
    """One mutation of one client. Implements `reactive.engine.committer.Work`."""

    __slots__ = (
        "_attempts",
        "_database",
        "_done",
        "_is_passed_over",
        "_keeps_slot",
        "_lane",
        "_limits",
        "_outcome",
        "_prepared",
        "_request",
        "_result",
        "_runner",
        "_tasks",
        "client",
    )

    def __init__(
        self,
        database: Database,
        runner: MutationRunner,
        limits: Limits,
        tasks: set[asyncio.Task[None]],
        request: MutationRequest,
        lane: Lane,
        done: Done,
    ) -> None:
        self._database = database
        self._runner = runner
        self._limits = limits
        self._tasks = tasks
        self._request = request
        self._lane = lane
        self._done: list[Done] = [done]
        self.client: object | None = None if request.session is None else lane
        self._attempts = 0
        self._prepared: Transaction | None = None
        self._is_passed_over = False
        self._keeps_slot = False
        self._outcome: CallOutcome | None = None
        self._result = _NO_RESULT

    def enter_lane(self) -> None:
        """Takes its place behind the client's other mutations, once it is in the queue."""
        self._lane.waiting.append(self)
        self._lane.unanswered.append(self)
        if self._request.session is not None:
            self._lane.under_way[self._request.request] = self

    def join(self, done: Done) -> None:
        """Somebody else waits for the same mutation: it was sent again before it was answered."""
        self._done.append(done)

    async def run(self, begin: Callable[[], Transaction]) -> Transaction | None:
        lane, prepared = self._lane, self._prepared
        if prepared is None and lane.waiting[0] is not self:
            self._is_passed_over = True
            return None
        definition: FunctionDefinition | None = None
        try:
            # Also while it ran elsewhere the client may have had it done by another process.
            is_new = self._request.request > lane.last_receipt and not lane.is_unsure
            if not is_new and await self._was_done_before():
                return None
            if prepared is not None:
                return prepared
            definition = self._runner.resolve(self._request)
            in_worker = self._runner.must_use_worker(definition)
            if in_worker and not self._keeps_slot:
                self._leave_slot()
                return None
            transaction = begin()
            await self._attempt(definition, transaction, in_worker=in_worker)
        except OverrunError:
            assert definition is not None
            definition.is_slow = True
            self._leave_slot()
            return None
        except BaseException as error:  # noqa: BLE001 - it is the author's code that raised
            self._fail(error)
            return None
        self._let_next()
        return transaction

    def _let_next(self) -> None:
        """It has run: whatever becomes of it, the next one of the lane comes behind it."""
        waiting = self._lane.waiting
        waiting.popleft()
        if waiting and waiting[0]._is_passed_over:
            waiting[0]._is_passed_over = False
            self._database.requeue(waiting[0])

    async def _was_done_before(self) -> bool:
        request = self._request
        if request.session is None:
            return False
        found = await self._database.store.receipt(request.session, request.request)
        if found is None:
            return False
        ts, receipt = found
        self._finish(CallOutcome(receipt.value, None, receipt.log_lines, ts))
        return True

    async def _attempt(
        self, definition: FunctionDefinition, transaction: Transaction, *, in_worker: bool
    ) -> None:
        request = self._request
        self._attempts += 1
        transaction.source = definition.path
        self._result = await self._runner.run_mutation(
            request, definition, transaction, in_worker=in_worker
        )
        if request.session is not None:
            _, text, log_lines, _ = self._result
            receipt = (request.session, request.request, text, log_lines)
            transaction.receipt = new_tuple(Receipt, receipt)

    # Outside of the slot

    def _leave_slot(self, delay_s: float = 0.0) -> None:
        """Goes on in a worker; the lane waits, everybody else does not."""
        task = asyncio.get_running_loop().create_task(self._prepare(delay_s))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _prepare(self, delay_s: float) -> None:
        try:
            if delay_s:
                await asyncio.sleep(delay_s)
            definition = self._runner.resolve(self._request)
            transaction = self._database.begin()
            await self._attempt(definition, transaction, in_worker=True)
            self._prepared = transaction
            self._database.requeue(self)
        except OutOfRetentionError:
            # So much was committed meanwhile that its snapshot is gone.
            self._try_again()
        except GeneratorExit:
            # Its loop ended before it did; there is nobody left to be told.
            raise
        except BaseException as error:
            self._fail(error)
            if isinstance(error, asyncio.CancelledError):
                raise

    # How it ends

    def committed(self, ts: Timestamp) -> None:
        value, text, log_lines, _ = self._result
        self._runner.mutation_committed(self._request, self._result)
        self._finish(CallOutcome(text, None, log_lines, ts, value))

    def failed(self, error: ReactiveError) -> None:
        if isinstance(error, ConflictError):
            self._try_again()
        else:
            self._fail(error)

    def _try_again(self) -> None:
        self._prepared = None
        if self._attempts < self._limits.mutation_attempts_max:
            self._leave_slot(self._limits.retry_backoff_s * 2**self._attempts)
        else:
            # It has lost often enough: now it runs where nobody can come before it.
            self._keeps_slot = True
            self._database.requeue(self)

    def _fail(self, error: BaseException) -> None:
        self._finish(self._runner.mutation_failed(self._request, error))

    def _finish(self, outcome: CallOutcome) -> None:
        self._outcome = outcome
        waiting, unanswered = self._lane.waiting, self._lane.unanswered
        if waiting and waiting[0] is self:
            self._let_next()
        while unanswered and unanswered[0]._outcome is not None:
            unanswered.popleft()._answer()

    def _answer(self) -> None:
        assert self._outcome is not None
        self._lane.under_way.pop(self._request.request, None)
        for done in self._done:
            done(self._outcome)
