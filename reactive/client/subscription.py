"""A live query, as an asynchronous iterator."""

import asyncio
import weakref
from collections.abc import Callable
from typing import Any, Protocol, Self

from reactive.client.errors import ClientClosedError
from reactive.client.results import QueryKey, Result


class Source(Protocol):
    """Where a subscription looks for its results."""

    def result(self, key: QueryKey) -> Result | None: ...

    def is_fresh(self, key: QueryKey) -> bool: ...


class Listener:
    """A subscription's end at the client, which does not keep the subscription alive."""

    __slots__ = ("error", "is_closed", "key", "news")

    def __init__(self, key: QueryKey) -> None:
        self.key = key
        self.news = asyncio.Event()
        self.is_closed = False
        self.error: Exception | None = None

    def end(self, error: Exception | None) -> None:
        """No more results: with an error, or because somebody closed."""
        self.is_closed = True
        self.error = error
        self.news.set()


class Subscription:
    """The results of a query, from the present one on.

    Iterating gives the newest result and waits where that has been given already: a slow reader
    skips the ones between, and never sees one twice in a row. Where the query fails, the iterator
    raises `ApplicationError` or `FunctionError`; the subscription lives on, and iterating over it
    again waits for the next result. A broken connection is not seen here, except as silence.

    It ends by `aclose`, by `async with`, with its client, or when nothing refers to it any more.
    Several subscriptions of one query share one on the wire.
    """

    def __init__(
        self, source: Source, listener: Listener, release: Callable[[Listener], None]
    ) -> None:
        self._source = source
        self._listener = listener
        self._given: Result | None = None
        self._finalizer = weakref.finalize(
            self, _release_later, asyncio.get_running_loop(), release, listener
        )
        self._finalizer.atexit = False
        self._release = release

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        listener = self._listener
        while not listener.is_closed:
            result = self._source.result(listener.key)
            if result is not None and result != self._given:
                self._given = result
                return result.get(listener.key.path)
            listener.news.clear()
            await listener.news.wait()
        if listener.error is not None:
            raise listener.error
        raise StopAsyncIteration

    async def fresh(self) -> Any:
        """The result, once the server has told it on the present connection.

        Raises:
            ClientError: when the subscription has ended before.
        """
        listener = self._listener
        while not listener.is_closed:
            result = self._source.result(listener.key)
            if result is not None and self._source.is_fresh(listener.key):
                return result.get(listener.key.path)
            listener.news.clear()
            await listener.news.wait()
        raise listener.error or ClientClosedError("closed before the result came")

    async def aclose(self) -> None:
        """Ends the subscription, and whoever iterates over it."""
        if self._finalizer.detach() is not None:
            self._release(self._listener)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _release_later(
    loop: asyncio.AbstractEventLoop, release: Callable[[Listener], None], listener: Listener
) -> None:
    # Garbage may be collected in any thread.
    if not loop.is_closed():
        loop.call_soon_threadsafe(release, listener)
