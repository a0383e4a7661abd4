"""Streams as HTTP responses: one loop for all dialects.

A reader that is slow holds nobody but itself: no more is read of the log before it has taken what
was sent. A response whose stream is not over never ends as if it were: it is broken off, so that
its reader comes back for the rest.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal

from aiohttp import web

from reactive.ai.dialects import Dialect
from reactive.ai.events import Event
from reactive.ai.follow import follow_pages
from reactive.limits import DEFAULT_LIMITS, Limits
from reactive.runtime.context import ActionCtx

Outcome = Literal["told", "gone", "stopped"]
"""The client has got all of it; it has gone away, or takes nothing; or the server is to stop."""


async def respond(
    ctx: ActionCtx,
    request: web.Request,
    get_events: Any,
    stream_id: str,
    dialect: Dialect,
    *,
    after: int = 0,
    headers: Mapping[str, str] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[web.StreamResponse, Outcome]:
    """Sends a stream from the event after number `after` to its end, however long that takes.

    `get_events` is the app's query of a stream's events, which gives `{events, lastSeq, isDone}`.
    """

    async def read(stream: str, seq: int) -> tuple[list[Event], bool]:
        page = await ctx.run_query(get_events, stream_id=stream, after=seq)
        return page["events"], page["isDone"]

    pages = follow_pages(read, stream_id, after, limits.reader_look_s, path=dialect.path)
    return await respond_pages(ctx, request, pages, dialect, headers=headers, limits=limits)


async def respond_pages(
    ctx: ActionCtx,
    request: web.Request,
    pages: AsyncGenerator[list[Event], None],
    dialect: Dialect,
    *,
    headers: Mapping[str, str] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[web.StreamResponse, Outcome]:
    """As `respond`, of whatever comes in pages."""
    response = web.StreamResponse(headers={**dialect.headers, **(headers or {})})
    await response.prepare(request)
    if request.method == "HEAD":
        return response, "told"
    try:
        async with aclosing(pages):
            sender = _Sender(request, response, limits)
            outcome = await sender.send(pages, dialect, ctx.stopping)
    except (ConnectionError, TimeoutError):
        outcome = "gone"
    transport = request.transport
    if transport is not None and outcome == "gone":
        transport.abort()
    elif transport is not None and (outcome == "stopped" or dialect.is_cut):
        # What was written is still sent; the mark of a whole body is not.
        transport.close()
    return response, outcome


class _Sender:
    """Writes pages to one response."""

    def __init__(self, request: web.Request, response: web.StreamResponse, limits: Limits) -> None:
        self._request = request
        self._response = response
        self._limits = limits

    async def send(
        self,
        pages: AsyncGenerator[list[Event], None],
        dialect: Dialect,
        stopping: asyncio.Event,
    ) -> Outcome:
        """
        Raises:
            ConnectionError: when the client has gone away while it was written to.
            TimeoutError: when it took nothing for a long time.
        """
        await self._write(dialect.begin())
        stop = asyncio.ensure_future(stopping.wait())
        page: asyncio.Future[list[Event] | None] | None = None
        try:
            while True:
                page = asyncio.ensure_future(_next(pages))
                if (early := await self._wait(page, stop, dialect)) is not None:
                    return early
                events: Sequence[Event] | None = page.result()
                if events is None:
                    await self._write(dialect.end())
                    return "told"
                await self._write(dialect.page(events))
        finally:
            await _cancelled(stop)
            if page is not None:
                await _cancelled(page)

    async def _wait(
        self, page: "asyncio.Future[Any]", stop: "asyncio.Future[Any]", dialect: Dialect
    ) -> Outcome | None:
        """Waits for the next page, and says why there will be none."""
        idle_s = 0.0
        while True:
            done, _ = await asyncio.wait(
                {page, stop},
                timeout=self._limits.reader_gone_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if stop in done:
                return "stopped"
            if page in done:
                return None
            if self._request.transport is None or self._request.transport.is_closing():
                return "gone"
            idle_s += self._limits.reader_gone_s
            if idle_s >= self._limits.reader_idle_s:
                idle_s = 0.0
                await self._write(dialect.keep_alive)

    async def _write(self, data: bytes) -> None:
        if data:
            async with asyncio.timeout(self._limits.reader_stall_s):
                await self._response.write(data)


async def _next(pages: AsyncGenerator[list[Event], None]) -> list[Event] | None:
    return await anext(pages, None)


async def _cancelled(task: "asyncio.Future[Any]") -> None:
    """Cancels a task and waits for its end; what it has raised was seen by whoever awaited it."""
    task.cancel()
    await asyncio.wait({task})
