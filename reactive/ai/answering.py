"""The way in for authors: an answer to a conversation, written into a stream."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import orjson

from reactive.ai import events
from reactive.ai.events import Event
from reactive.ai.follow import follow
from reactive.ai.generator import Generator, OnFallback, Patience
from reactive.ai.providers.base import ProviderError, Request, Turn
from reactive.ai.providers.registry import key_name, provider_of
from reactive.ai.tools import ToolSet
from reactive.ai.writer import (
    Flusher,
    LostError,
    StorageFailedError,
    StreamLog,
    StreamWriter,
)
from reactive.limits import DEFAULT_LIMITS
from reactive.runtime.context import ActionCtx

_flushers: WeakKeyDictionary[asyncio.AbstractEventLoop, Flusher] = WeakKeyDictionary()


def flusher_of(ctx: ActionCtx, log: StreamLog) -> Flusher:
    """The one flusher of this process, which writes through the log that was given last."""
    loop = asyncio.get_running_loop()
    flusher = _flushers.get(loop)
    if flusher is None or flusher.clock is not ctx.clock:
        flusher = _flushers[loop] = Flusher(log, ctx.clock)
    flusher.log = log
    return flusher


async def answer(
    ctx: ActionCtx,
    log: StreamLog,
    *,
    stream_id: str,
    message_id: str,
    model: str,
    turns: Sequence[Mapping[str, Any]],
    system: str | None = None,
    tools: ToolSet | None = None,
    api_keys: Mapping[str, str] | None = None,
    on_fallback: OnFallback | None = None,
    path: str = "reactive",
) -> Event | None:
    """Has a model (`provider/model`) answer a conversation, and writes the answer into a stream.

    `turns` are `{role, text}`, oldest first; `api_keys` has a key for each provider's name, which
    wins over the environment. With `on_fallback` there are fallbacks: see `Generator`. `path` says
    in the metrics which way the answer takes to whom it is made for. Gives the terminal event, or
    None when the stream was ended by somebody else meanwhile, or could not be written: then its
    lease runs out, and it is orphaned.
    """
    writer = StreamWriter(flusher_of(ctx, log), stream_id, message_id, path)
    settings = ctx.settings
    try:
        provider, name = provider_of(model, ctx.clock)
        request = Request(
            model=name,
            turns=[Turn(each["role"], each["text"]) for each in turns],
            system=system,
            api_key=(api_keys or {}).get(key_name(model) or ""),
        )
        return await Generator(
            writer,
            provider,
            request,
            tools or ToolSet(),
            ctx.clock,
            ctx=ctx,
            patience=Patience(
                settings.first_token_timeout, settings.token_timeout, settings.stream_timeout
            ),
            on_fallback=on_fallback,
        ).run()
    except ProviderError as error:
        # Before anything was asked: there is no such provider.
        writer.append(events.stream_start(message_id, model, 1))
        terminal = events.stream_error(error.code, error.message, retryable=error.retryable)
        await writer.finish(terminal)
        return terminal
    except (LostError, StorageFailedError):
        return None


async def repeat(
    ctx: ActionCtx,
    log: StreamLog,
    told: Sequence[Event],
    *,
    stream_id: str,
    message_id: str,
    model: str,
    path: str = "reactive",
) -> Event | None:
    """Writes an answer that was given before, whose log is `told`, into a stream of its own.

    No model is asked, so no tokens are used. Gives the terminal event; None as `answer` does.
    """
    resets = [number for number, event in enumerate(told) if event["type"] == "attempt-reset"]
    writer = StreamWriter(flusher_of(ctx, log), stream_id, message_id, path)
    terminal = events.stream_finish(told[-1]["finishReason"], events.usage())
    try:
        retold = Retold(writer)
        writer.append(events.stream_start(message_id, model, 1))
        for event in told[resets[-1] + 1 if resets else 1 : -1]:
            fields = {name: value for name, value in event.items() if name not in ("seq", "ts")}
            if event["type"] == "step-finish":
                fields["usage"] = events.usage()
            await retold.append(fields)
        await writer.finish(terminal)
        return terminal
    except (LostError, StorageFailedError):
        return None


class Retold:
    """Writes events that were known before they were told: at once no more than fits a document."""

    def __init__(self, writer: StreamWriter) -> None:
        self._writer = writer
        self._unwritten_bytes = 0

    async def append(self, event: Event) -> None:
        """Adds one event.

        Raises:
            LostError, StorageFailedError: as `StreamWriter.append`.
        """
        self._writer.append(event)
        self._unwritten_bytes += len(orjson.dumps(event))
        if self._unwritten_bytes > DEFAULT_LIMITS.stream_unwritten_bytes:
            await self._writer.drain()
            self._unwritten_bytes = 0


async def wait_for_end(ctx: ActionCtx, get_events: Any, stream_id: str) -> None:
    """Waits until a stream is over, whoever makes it.

    `get_events` is the app's query of a stream's events, which gives `{events, lastSeq, isDone}`.
    """

    async def read(stream: str, after: int) -> tuple[list[Event], bool]:
        page = await ctx.run_query(get_events, stream_id=stream, after=after)
        return page["events"], page["isDone"]

    async for _ in follow(read, stream_id):
        pass
