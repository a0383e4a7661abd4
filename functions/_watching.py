"""Who watches a thread right now, over HTTP; see `reactive.ai.watchers`."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any, ClassVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from functions import threads
from functions._checks import caller_of, refuse
from reactive import ActionCtx, Id
from reactive.ai.dialects.base import COMMENT, SSE_HEADERS, frame
from reactive.ai.http import respond_pages
from reactive.ai.watchers import watchers_of
from reactive.errors import LimitError
from reactive.limits import DEFAULT_LIMITS
from schema import Thread

NAME_LENGTH_MAX = 40


class Watching(BaseModel):
    """What a window says of itself: `data` is whatever it likes, a cursor for instance."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    client_id: str
    name: str = ""
    data: Any = None


class Present:
    """Tells who watches, as an SSE response. Implements `reactive.ai.dialects.Dialect`."""

    path: ClassVar[str] = "sse"
    headers: ClassVar[Mapping[str, str]] = SSE_HEADERS
    keep_alive: ClassVar[bytes] = COMMENT
    is_cut = False

    def begin(self) -> bytes:
        """See `Dialect`."""
        return b""

    def page(self, events: Sequence[dict[str, Any]]) -> bytes:
        """See `Dialect`."""
        return frame({"watchers": events}, event="watchers")

    def end(self) -> bytes:
        """See `Dialect`."""
        return b""


async def note(ctx: ActionCtx, name: str, body: Watching) -> None:
    """Notes that a window watches a thread, for a while.

    Raises:
        ApplicationError: when there is no such thread, or it says too much.
    """
    thread = await _thread(ctx, name)
    _check(body)
    try:
        watchers_of(ctx.clock).note(
            thread, await caller_of(ctx), body.client_id, body.name, body.data
        )
    except LimitError as error:
        refuse("overloaded", f"The thread {name!r:.80}: {error}.")


async def tell(
    ctx: ActionCtx, request: web.Request, name: str, body: Watching | None
) -> web.StreamResponse:
    """Tells who watches a thread, again and again; who asks as a window watches meanwhile.

    Raises:
        ApplicationError: as `note`.
    """
    thread = await _thread(ctx, name)
    registry = watchers_of(ctx.clock)
    pages = registry.follow(thread)
    if body is None:
        response, _ = await respond_pages(ctx, request, pages, Present())
        return response
    _check(body)
    async with aclosing(pages):
        try:
            watching = registry.connected(
                thread, await caller_of(ctx), body.client_id, body.name, body.data
            )
            with watching:
                response, _ = await respond_pages(ctx, request, pages, Present())
                return response
        except LimitError as error:
            refuse("overloaded", f"The thread {name!r:.80}: {error}.")


async def _thread(ctx: ActionCtx, name: str) -> Id[Thread]:
    thread_id = await ctx.run_query(threads.find, name=name)
    if thread_id is None:
        refuse("not_found", f"There is no thread {name!r:.80}.")
    return thread_id


def _check(body: Watching) -> None:
    if not body.client_id or len(body.client_id) > DEFAULT_LIMITS.external_id_characters_max:
        most = DEFAULT_LIMITS.external_id_characters_max
        refuse("invalid_request", f"clientId: it has 1 to {most} characters.")
    if len(body.name) > NAME_LENGTH_MAX:
        refuse("invalid_request", f"name: it has at most {NAME_LENGTH_MAX} characters.")
    if len(orjson.dumps(body.data)) > DEFAULT_LIMITS.watcher_bytes_max:
        most = DEFAULT_LIMITS.watcher_bytes_max
        refuse("invalid_request", f"data: it has at most {most} bytes as JSON.")
