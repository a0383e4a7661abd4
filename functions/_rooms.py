"""What the sockets of a task share: one look at it and at its open streams, whoever has joined."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from functions import _unwritten, stream_events, tasks
from functions.tasks import TaskView
from reactive import ActionCtx, Room, Socket
from reactive.ai.events import Event
from reactive.ai.follow import follow_pages

RECENT_MAX = 256


async def page_of(ctx: ActionCtx, stream_id: str, after: int) -> tuple[list[Event], bool]:
    """The next events of a stream, stored or not, and whether nothing follows them."""
    get_events = stream_events.get_stream_events
    page = await ctx.run_query(get_events, stream_id=stream_id, after=after)
    return page["events"] or _unwritten.events_after(stream_id, after), page["isDone"]


class TaskRoom(Room):
    """One task: what there is to be told of it, and the newest events of its open streams.

    `version` grows with every change; `asks` has what makes a member tell of its stream's state.
    """

    def __init__(self, view: TaskView) -> None:
        super().__init__()
        self.view = view
        self.version = 0
        self.asks: dict[Socket, Callable[[int], None]] = {}
        self._news = asyncio.Event()
        self._recent: dict[str, list[Event]] = {}
        self._tails: dict[str, int] = {}
        self._reads: dict[tuple[object, ...], asyncio.Future[Any]] = {}

    async def run(self, ctx: ActionCtx) -> None:
        """Watches the task."""
        async with asyncio.TaskGroup() as readers:
            views = ctx.watch(tasks.look, thread_id=self.view.thread_id)
            async with aclosing(views):
                async for view in views:
                    self.view = view
                    known = {each.stream_id for each in view.streams}
                    for gone in self._recent.keys() - known - self._tails.keys():
                        del self._recent[gone]
                    for stream in view.streams:
                        if stream.is_open and stream.stream_id not in self._recent:
                            self._recent[stream.stream_id] = []
                            readers.create_task(self._read(ctx, stream.stream_id))
                    self.ring()

    async def _read(self, ctx: ActionCtx, stream_id: str) -> None:
        async def read(stream: str, after: int) -> tuple[list[Event], bool]:
            return await page_of(ctx, stream, after)

        state = await ctx.run_query(stream_events.get_stream_state, stream_id=stream_id)
        self._tails[stream_id] = state["lastSeq"]
        pages = follow_pages(read, stream_id, state["lastSeq"], path="socketio")
        async with aclosing(pages):
            async for events in pages:
                recent = self._recent[stream_id]
                recent += events
                del recent[:-RECENT_MAX]
                self._tails[stream_id] = events[-1]["seq"]
                self.ring()
        del self._tails[stream_id]
        self.ring()

    def ring(self) -> None:
        """Wakes all who wait for a change."""
        self.version += 1
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def changed(self, version: int) -> None:
        """Returns when there is something newer than this version."""
        while self.version == version:
            await self._news.wait()

    async def events(self, ctx: ActionCtx, stream_id: str, after: int) -> tuple[list[Event], bool]:
        """The events of a stream after the one of a number, and whether nothing follows them.

        Of those that are there already; none of an open stream means to wait for a change.
        """
        if after >= self._tails.get(stream_id, after + 1):
            return [], False
        recent = self._recent.get(stream_id)
        if recent and recent[0]["seq"] <= after + 1 and recent[-1]["seq"] > after:
            return recent[after + 1 - recent[0]["seq"] :], False
        get_events = stream_events.get_stream_events
        page = await self._shared(ctx, get_events, stream_id=stream_id, after=after)
        return page["events"] or _unwritten.events_after(stream_id, after), page["isDone"]

    async def entries(self, ctx: ActionCtx, after: int, limit: int) -> list[dict[str, Any]]:
        """What was told of the task besides its answers, after the entry of a number."""
        thread_id = self.view.thread_id
        found: list[dict[str, Any]] = await self._shared(
            ctx, tasks.entries, thread_id=thread_id, after=after, limit=limit
        )
        return found

    async def _shared(self, ctx: ActionCtx, query: Any, **args: Any) -> Any:
        """Runs a query once for all who ask for the same at the same time."""
        key = (query, *args.values())
        read = self._reads.get(key)
        if read is None:
            read = self._reads[key] = asyncio.ensure_future(ctx.run_query(query, **args))
            read.add_done_callback(lambda _: self._reads.pop(key))
        # One of those who wait may go.
        return await asyncio.shield(read)
