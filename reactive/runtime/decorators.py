"""What an author decorates with: `query`, `mutation`, `action` and their internal twins."""

import functools
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from reactive.errors import ProjectError
from reactive.runtime.context import ActionCtx, MutationCtx, QueryCtx
from reactive.runtime.function import Function, Kind

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C")


class _Decorator(Protocol[C]):
    """Usable bare, `@query`, and with options, `@query(name="list")`."""

    @overload
    def __call__(
        self, handler: Callable[Concatenate[C, P], Coroutine[Any, Any, R]], /
    ) -> Function[Concatenate[C, P], R]: ...

    @overload
    def __call__(
        self, *, name: str | None = None
    ) -> Callable[
        [Callable[Concatenate[C, P], Coroutine[Any, Any, R]]], Function[Concatenate[C, P], R]
    ]: ...


class _QueryDecorator(_Decorator[QueryCtx], Protocol):
    """As the others, with how often a live result may be pushed."""

    @overload
    def __call__(
        self, handler: Callable[Concatenate[QueryCtx, P], Coroutine[Any, Any, R]], /
    ) -> Function[Concatenate[QueryCtx, P], R]: ...

    @overload
    def __call__(
        self,
        *,
        name: str | None = None,
        push_interval: timedelta | float | None = None,
        urgent: Sequence[object] = (),
    ) -> Callable[
        [Callable[Concatenate[QueryCtx, P], Coroutine[Any, Any, R]]],
        Function[Concatenate[QueryCtx, P], R],
    ]: ...


def _decorator(kind: Kind, *, is_public: bool) -> Any:
    def decorate(
        handler: Any = None,
        /,
        *,
        name: str | None = None,
        push_interval: timedelta | float | None = None,
        urgent: Sequence[object] = (),
    ) -> Any:
        if handler is None:
            return functools.partial(
                decorate, name=name, push_interval=push_interval, urgent=urgent
            )
        if isinstance(handler, Function):
            raise ProjectError(f"{handler!r} is decorated twice")
        interval = push_interval or 0.0
        seconds = interval.total_seconds() if isinstance(interval, timedelta) else interval
        if seconds < 0 or (seconds and kind is not Kind.QUERY):
            raise ProjectError(f"{handler.__qualname__}: only a query has a push_interval")
        return Function(
            handler,
            kind,
            is_public=is_public,
            name=name,
            push_interval_s=seconds,
            urgent=tuple(urgent),
        )

    return decorate


query: _QueryDecorator = _decorator(Kind.QUERY, is_public=True)
"""A function that reads: its result is live, and is shared by all who ask the same.

With `push_interval`, a `timedelta` or seconds, clients are told of a change at most that often;
changes of the tables that `urgent` names are told at once all the same.
"""

mutation: _Decorator[MutationCtx] = _decorator(Kind.MUTATION, is_public=True)
"""A function that writes: one serialisable transaction, which is run again on conflict."""

action: _Decorator[ActionCtx] = _decorator(Kind.ACTION, is_public=True)
"""A function that may do anything, and reaches the database through queries and mutations."""

internal_query: _QueryDecorator = _decorator(Kind.QUERY, is_public=False)
internal_mutation: _Decorator[MutationCtx] = _decorator(Kind.MUTATION, is_public=False)
internal_action: _Decorator[ActionCtx] = _decorator(Kind.ACTION, is_public=False)
