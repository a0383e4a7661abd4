"""One run of a query, a mutation or an action: its inputs, and what it did besides returning."""

import builtins
import logging
import random
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn, cast

import orjson

from reactive.backend import EMPTY_LOG, Caller
from reactive.clock import Clock
from reactive.errors import UsageError
from reactive.limits import Limits
from reactive.runtime.codec import Encoder
from reactive.runtime.guard import watchdog
from reactive.runtime.schema import Schema
from reactive.values.encoding import JsonBytes

if TYPE_CHECKING:
    from reactive.engine.transaction import Transaction

current: ContextVar["Execution | None"] = ContextVar("execution", default=None)
"""The execution whose code is running, for logs."""

_LEVELS = ((logging.ERROR, "ERROR"), (logging.WARNING, "WARN"), (logging.INFO, "INFO"))


class NoTransaction:
    """Stands for the transaction of an action, and says to whoever uses it that there is none."""

    def __getattr__(self, name: str) -> NoReturn:
        raise UsageError("an action has no database of its own; use ctx.run_query")


class Execution:
    """What the contexts of one execution share.

    An action has no transaction. Nested calls of a query or a mutation have an execution of
    their own that shares transaction, clock and log with the outer one.
    """

    __slots__ = (
        "caller",
        "clock",
        "depth",
        "encoder",
        "has_transaction",
        "id_dice",
        "is_open",
        "is_paginated",
        "journal",
        "journal_out",
        "limits",
        "log",
        "looked_at_clock",
        "looked_at_identity",
        "now_ms",
        "outer",
        "path",
        "random",
        "schema",
        "secret",
        "transaction",
    )

    def __init__(
        self,
        *,
        path: str,
        schema: Schema,
        encoder: Encoder,
        limits: Limits,
        secret: bytes,
        caller: Caller,
        transaction: "Transaction | None",
        clock: Clock,
        dice: random.Random,
        now_ms: float | None = None,
        journal: str | None = None,
    ) -> None:
        self.path = path
        self.clock = clock
        self.schema = schema
        self.encoder = encoder
        self.limits = limits
        self.secret = secret
        self.caller = caller
        self.has_transaction = transaction is not None
        self.transaction = transaction or cast("Transaction", NoTransaction())
        self.now_ms = clock.now_ns() / 1e6 if now_ms is None else now_ms
        self.id_dice = dice
        self.random: random.Random | None = None
        self.journal = journal
        self.journal_out: str | None = None
        self.is_paginated = False
        self.looked_at_identity = False
        self.looked_at_clock = False
        self.log: list[str] = []
        self.depth = 1
        self.outer: Execution | None = None
        self.is_open = True

    def check_open(self) -> None:
        """Refuses a context that outlived its function.

        Raises:
            UsageError: when the function has returned.
            OverrunError: when it has run for too long.
        """
        if watchdog.is_due:
            watchdog.interrupt()
        if not self.is_open:
            raise UsageError(f"the context of {self.path} was used after the function returned")

    def dice(self) -> random.Random:
        """The stream of random numbers that the author sees, seeded for this execution."""
        if self.random is None:
            self.random = random.Random(self.id_dice.getrandbits(64))
        return self.random

    def now(self) -> datetime:
        """The time at which the execution started."""
        execution: Execution | None = self
        while execution is not None:
            execution.looked_at_clock = True
            execution = execution.outer
        return datetime.fromtimestamp(self.now_ms / 1e3, UTC)

    def nested(self, path: str) -> "Execution":
        """The execution of a function that this one calls in its own transaction.

        Raises:
            UsageError: when calls are nested too deep.
        """
        if self.depth >= self.limits.call_depth_max:
            raise UsageError(
                f"functions call each other more than {self.limits.call_depth_max} deep",
                code="MaximumCallDepthExceeded",
            )
        inner = Execution(
            path=path,
            schema=self.schema,
            encoder=self.encoder,
            limits=self.limits,
            secret=self.secret,
            caller=self.caller,
            transaction=self.transaction,
            clock=self.clock,
            now_ms=self.now_ms,
            dice=self.id_dice,
        )
        inner.depth = self.depth + 1
        inner.outer = self
        inner.log = self.log
        return inner

    def note_identity(self) -> None:
        """Records that the result depends on who is calling."""
        execution: Execution | None = self
        while execution is not None:
            execution.looked_at_identity = True
            execution = execution.outer

    # Logs

    def write_log(self, level: str, text: str) -> None:
        """Adds one line to what the caller is shown in development."""
        if len(self.log) >= self.limits.log_lines_max:
            return
        cut = self.limits.log_line_bytes_max
        line = f"[{level}] {text}"
        if len(line) > cut:
            line = line[:cut] + " (truncated due to length)"
        self.log.append(line)

    def log_lines(self) -> JsonBytes:
        """The lines as a JSON array."""
        if not self.log:
            return EMPTY_LOG
        return orjson.dumps([line.encode(errors="replace").decode() for line in self.log])


def note_run(error: BaseException, run: Execution) -> None:
    """Notes in which execution an exception was raised, for whoever tells of it; see `run_of`."""
    error.__reactive_run__ = run  # type: ignore[attr-defined]  # any exception takes attributes


def run_of(error: BaseException) -> Execution | None:
    """The execution in which the exception was raised, None where that was not noted."""
    run: Execution | None = getattr(error, "__reactive_run__", None)
    return run


def print_and_log(*values: object, **options: Any) -> None:
    """What `print` is in a project's modules: the terminal's, and the caller's log as well."""
    builtins.print(*values, **options)  # noqa: T201 - it is `print`
    execution = current.get()
    if execution is not None and options.get("file") is None:
        separator = options.get("sep")
        execution.write_log(
            "LOG", (" " if separator is None else separator).join(map(_show, values))
        )


def _show(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


class LogHandler(logging.Handler):
    """Passes what functions say through `logging` on to the callers' logs."""

    def emit(self, record: logging.LogRecord) -> None:
        execution = current.get()
        if execution is not None:
            level = next((name for floor, name in _LEVELS if record.levelno >= floor), "DEBUG")
            execution.write_log(level, record.getMessage())
