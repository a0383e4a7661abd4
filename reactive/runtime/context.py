"""What a function gets as its first argument."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar, overload

from reactive.backend import Identity
from reactive.clock import Clock
from reactive.limits import DEFAULT_LIMITS
from reactive.runtime.db import DatabaseReader, DatabaseWriter
from reactive.runtime.document import Document, Index
from reactive.runtime.execution import Execution
from reactive.runtime.file_service import FileService
from reactive.runtime.files import StorageActions, StorageReader, StorageWriter
from reactive.runtime.function import Function
from reactive.runtime.scheduler import Scheduler, SystemCalls
from reactive.runtime.vectors import FilterOf, VectorHit, VectorSearch
from reactive.settings import Settings

R = TypeVar("R")
D = TypeVar("D", bound=Document)


class Calls(SystemCalls, Protocol):
    """How a context reaches the other functions of its project."""

    @property
    def files(self) -> FileService: ...

    @property
    def settings(self) -> Settings: ...

    @property
    def vectors(self) -> VectorSearch: ...

    @property
    def stopping(self) -> asyncio.Event: ...

    async def run_query(self, run: Execution, function: object, args: dict[str, Any]) -> Any: ...

    def watch(
        self, run: Execution, function: object, args: dict[str, Any]
    ) -> AsyncGenerator[Any, None]: ...

    async def run_mutation(self, run: Execution, function: object, args: dict[str, Any]) -> Any: ...

    async def run_action(self, run: Execution, function: object, args: dict[str, Any]) -> Any: ...


class Auth:
    """Who is calling."""

    __slots__ = ("_run",)

    def __init__(self, run: Execution) -> None:
        self._run = run

    async def get_user_identity(self) -> Identity | None:
        """The caller's identity, or None for an anonymous one.

        A query that asks is run for each identity; one that never asks is shared by all callers.

        Raises:
            CallError, RetryableError: when the caller showed a token that proves nobody, and was
                let in all the same; see `Caller.problem`.
        """
        self._run.note_identity()
        problem = self._run.caller.problem
        if problem is not None:
            raise problem.with_traceback(None)
        return self._run.caller.identity


class _Ctx:
    __slots__ = ("_calls", "_run")

    def __init__(self, run: Execution, calls: Calls) -> None:
        self._run = run
        self._calls = calls

    @property
    def settings(self) -> Settings:
        """The server's settings, as it was started with them."""
        return self._calls.settings

    @property
    def auth(self) -> Auth:
        """Who is calling."""
        return Auth(self._run)

    @overload
    async def run_query(self, function: Function[..., R], /, **args: Any) -> R: ...

    @overload
    async def run_query(self, function: str, /, **args: Any) -> Any: ...

    async def run_query(self, function: Any, /, **args: Any) -> Any:
        """Runs another query, on the same snapshot where there is one."""
        return await self._calls.run_query(self._run, function, args)


class QueryCtx(_Ctx):
    """The context of a query: one snapshot, a frozen clock, repeatable random numbers."""

    __slots__ = ("db",)
    db: DatabaseReader

    def __init__(self, run: Execution, calls: Calls) -> None:
        self._run = run
        self._calls = calls
        self.db = DatabaseReader(run)

    @property
    def storage(self) -> StorageReader:
        """URLs of stored files."""
        return StorageReader(self._run, self._calls.files)

    @property
    def now(self) -> datetime:
        """The time at which the function started, in UTC."""
        return self._run.now()

    @property
    def random(self) -> random.Random:
        """Random numbers, seeded for this execution."""
        return self._run.dice()

    async def gather(self, *awaitables: Awaitable[Any]) -> list[Any]:
        """Awaits several calls of this context; they run in the order in which they are given.

        All are run; then the first exception, if there was one, is raised.
        """
        results: list[Any] = []
        first: Exception | None = None
        for awaitable in awaitables:
            try:
                results.append(await awaitable)
            except Exception as error:  # noqa: BLE001 - raised below, after the others have run
                first = first or error
        if first is not None:
            raise first
        return results


class MutationCtx(QueryCtx):
    """The context of a mutation: all its writes become visible together, or not at all."""

    __slots__ = ()
    db: DatabaseWriter

    @property
    def scheduler(self) -> Scheduler:
        """Functions to be called later, if this mutation commits."""
        return Scheduler(self._run, self._calls)

    @property
    def storage(self) -> StorageWriter:
        """URLs of stored files and of uploads, and the removal of files."""
        return StorageWriter(self._run, self._calls.files)

    def __init__(self, run: Execution, calls: Calls) -> None:
        self._run = run
        self._calls = calls
        self.db = DatabaseWriter(run)

    @overload
    async def run_mutation(self, function: Function[..., R], /, **args: Any) -> R: ...

    @overload
    async def run_mutation(self, function: str, /, **args: Any) -> Any: ...

    async def run_mutation(self, function: Any, /, **args: Any) -> Any:
        """Runs another mutation as a part of this one; if it raises, its writes are undone."""
        return await self._calls.run_mutation(self._run, function, args)


class ActionCtx(_Ctx):
    """The context of an action: no database of its own, and the rest of the world."""

    __slots__ = ()

    @property
    def clock(self) -> Clock:
        """The server's clock, which a test may own."""
        return self._run.clock

    @property
    def stopping(self) -> asyncio.Event:
        """Set once the server is to stop: what would go on for long ends itself then."""
        return self._calls.stopping

    def watch(self, function: Function[..., R] | str, /, **args: Any) -> AsyncGenerator[R, None]:
        """A query's result now, and again whenever something that it read has changed.

        Results that were replaced before they were asked for are left out.
        """
        return self._calls.watch(self._run, function, args)

    @property
    def scheduler(self) -> Scheduler:
        """Functions to be called later."""
        return Scheduler(self._run, self._calls)

    @property
    def storage(self) -> StorageActions:
        """Stored files: their bytes as well as their URLs."""
        return StorageActions(self._run, self._calls.files)

    @overload
    async def run_mutation(self, function: Function[..., R], /, **args: Any) -> R: ...

    @overload
    async def run_mutation(self, function: str, /, **args: Any) -> Any: ...

    async def run_mutation(self, function: Any, /, **args: Any) -> Any:
        """Runs a mutation as a transaction of its own and returns when it is durable."""
        return await self._calls.run_mutation(self._run, function, args)

    @overload
    async def run_action(self, function: Function[..., R], /, **args: Any) -> R: ...

    @overload
    async def run_action(self, function: str, /, **args: Any) -> Any: ...

    async def run_action(self, function: Any, /, **args: Any) -> Any:
        """Runs another action."""
        return await self._calls.run_action(self._run, function, args)

    @overload
    async def vector_search(
        self,
        table: type[D],
        index: Index | str,
        *,
        vector: Sequence[float],
        limit: int = ...,
        filter: FilterOf | None = ...,
    ) -> list[VectorHit[D]]: ...

    @overload
    async def vector_search(
        self,
        table: str,
        index: Index | str,
        *,
        vector: Sequence[float],
        limit: int = ...,
        filter: FilterOf | None = ...,
    ) -> list[VectorHit[Any]]: ...

    async def vector_search(
        self,
        table: Any,
        index: Index | str,
        *,
        vector: Sequence[float],
        limit: int = DEFAULT_LIMITS.vector_default_items,
        filter: FilterOf | None = None,
    ) -> list[VectorHit[Any]]:
        """The documents whose vectors are nearest to this one by their cosine, nearest first.

        `filter` narrows the search: `lambda q: q.eq("field", value)`, or any of several by
        `q.or_(q.eq(...), q.eq(...))`. Every commit that was durable before the call is seen.

        Raises:
            UsageError: when there is no such index, or vector, limit or filter do not suit it.
            LimitError: when too many results or filters are asked for.
        """
        self._run.check_open()
        return await self._calls.vectors.search(
            table,
            index,
            vector=vector,
            limit=limit,
            filter=filter,
            default=self._run.encoder.default,
        )

    @property
    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.fromtimestamp(self._run.clock.now_ns() / 1e9, UTC)

    @property
    def random(self) -> random.Random:
        """Random numbers."""
        return self._run.dice()

    async def gather(self, *awaitables: Awaitable[Any]) -> list[Any]:
        """Awaits several things at once."""
        return list(await asyncio.gather(*awaitables))
