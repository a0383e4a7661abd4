"""What a function gets as its first argument."""

import asyncio
import random
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar, overload

from reactive.backend import Identity
from reactive.runtime.db import DatabaseReader, DatabaseWriter
from reactive.runtime.execution import Execution
from reactive.runtime.function import Function

R = TypeVar("R")


class Calls(Protocol):
    """How a context reaches the other functions of its project."""

    async def run_query(self, run: Execution, function: object, args: dict[str, Any]) -> Any: ...

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
        """
        self._run.note_identity()
        return self._run.caller.identity


class _Ctx:
    __slots__ = ("_calls", "_run")

    def __init__(self, run: Execution, calls: Calls) -> None:
        self._run = run
        self._calls = calls

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

    @property
    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(UTC)

    @property
    def random(self) -> random.Random:
        """Random numbers."""
        return self._run.dice()

    async def gather(self, *awaitables: Awaitable[Any]) -> list[Any]:
        """Awaits several things at once."""
        return list(await asyncio.gather(*awaitables))
