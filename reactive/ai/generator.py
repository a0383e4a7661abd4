"""Makes one answer: asks the model, runs its tools, tries again where that is safe, and ends the
stream with exactly one terminal event.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from reactive.ai import events
from reactive.ai.events import Event, Usage, add_usage
from reactive.ai.providers.base import (
    Completed,
    ErrorCode,
    Provider,
    ProviderError,
    Request,
    ToolAnswer,
    ToolCall,
    Turn,
)
from reactive.ai.storable import storable
from reactive.ai.tools import ToolSet
from reactive.ai.writer import LostError, StorageFailedError, StreamWriter
from reactive.clock import Clock, Timer, sleep
from reactive.limits import DEFAULT_LIMITS, Limits

_log = logging.getLogger("reactive.ai")

_LOOK_S: Final = 1.0
"""A patience that is shortened meanwhile is noticed within so long."""

_BROKEN_STREAM: Final = frozenset({"provider_disconnect", "incomplete", "provider_protocol"})
"""The failures of a provider that might still answer a request which does not stream."""

OnFallback = Callable[[Literal["plain", "rescue"], Exception], None]
"""Told why an answer is now asked for plainly: no stream came whole, or the server has failed."""

_TOKENS: Final = frozenset({"text-delta", "reasoning-delta", "tool-input-delta", "tool-call"})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a provider may take, in seconds."""

    first_token: float = 30.0
    between_tokens: float = 30.0
    total: float = 600.0


class _StopError(Exception):
    """Somebody wants the answer to end."""


class _FullError(Exception):
    """The answer is as long as an answer may be."""


@dataclass(slots=True)
class _Step:
    """What one request gave."""

    completed: Completed
    texts: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)

    @property
    def is_lost(self) -> bool:
        """Whether nothing came, and nothing says why."""
        is_empty = not any(self.texts) and not self.calls
        return is_empty and self.completed.finish_reason in ("stop", "other")


class Generator:
    """One answer to one conversation, written into one stream.

    With `on_fallback`, and while a reader has seen nothing yet, there is an easier way when the
    usual one does not work. Where two streams broke, the third and last attempt asks plainly. Where
    the server itself has failed, one more attempt asks plainly and without tools.
    """

    def __init__(
        self,
        writer: StreamWriter,
        provider: Provider,
        request: Request,
        tools: ToolSet,
        clock: Clock,
        *,
        ctx: Any = None,
        patience: Patience | None = None,
        limits: Limits = DEFAULT_LIMITS,
        attempt: int = 1,
        dice: random.Random | None = None,
        on_fallback: OnFallback | None = None,
    ) -> None:
        self._on_fallback = on_fallback
        self._writer = writer
        self._provider = provider
        self._request = replace(request, tools=tools.specs)
        self._tools = tools
        self._clock = clock
        self._ctx = ctx
        self._patience = patience or Patience()
        self._limits = limits
        self._dice = dice or random.Random()
        self.attempt = attempt
        self.usage: Usage = events.usage()
        self._bytes = 0
        self._deadline = clock.monotonic() + self._patience.total

    async def run(self) -> Event:
        """Generates the answer and gives the terminal event with which the stream has ended.

        Raises:
            LostError: when the stream was ended by somebody else.
            StorageFailedError: when it could not be written.
        """
        model = f"{self._provider.name}/{self._request.model}"
        self._writer.append(events.stream_start(self._writer.message_id, model, self.attempt))
        try:
            terminal = await self._attempts_or_rescue()
        except ProviderError as error:
            _log.warning("the answer %s failed: %s", self._writer.stream_id, error.code)
            terminal = events.stream_error(error.code, error.message, retryable=error.retryable)
        except _StopError:
            answer = self._writer.answer
            terminal = events.stream_stopped(
                answer.stop_reason or "stopped", answer.stopped_by or "somebody"
            )
        except (LostError, StorageFailedError):
            raise
        except Exception:
            # A mistake of ours: readers hear that it is over, the caller hears what it was.
            await self._writer.finish(
                events.stream_error("provider_error", "the server failed", retryable=True)
            )
            raise
        except asyncio.CancelledError:
            # The process is going down: what is there stays, and says why it is not whole.
            await self._writer.finish(
                events.stream_error("orphaned", "the server was stopped", retryable=True)
            )
            raise
        await self._writer.finish(terminal)
        return terminal

    async def _attempts_or_rescue(self) -> Event:
        try:
            return await self._attempts()
        except _FullError:
            return events.stream_finish("length", self.usage)
        except (ProviderError, _StopError, LostError, StorageFailedError):
            raise
        except Exception as error:
            if self._on_fallback is None or not self._may_begin_again():
                raise
            self._on_fallback("rescue", error)
            self._begin_again()
            self._tools = ToolSet()
            self._request = replace(self._request, tools=())
            return await self._steps(is_plain=True)

    async def _attempts(self) -> Event:
        broken: ProviderError | None = None
        while True:
            try:
                return await self._steps(is_plain=broken is not None)
            except ProviderError as error:
                if broken is not None and not self._writer.has_visible_text:
                    # That it could not be asked plainly either says less of what is wrong.
                    raise broken from error
                if not (error.retryable and self._may_begin_again()):
                    raise
                await self._back_off(error)
                self._begin_again()
                is_last = self.attempt == self._limits.attempts_max
                if is_last and error.code in _BROKEN_STREAM and self._on_fallback is not None:
                    broken = error
                    self._on_fallback("plain", error)

    def _may_begin_again(self) -> bool:
        return (
            not self._writer.has_visible_text
            and self.attempt < self._limits.attempts_max
            and self._clock.monotonic() < self._deadline
        )

    def _begin_again(self) -> None:
        self.attempt += 1
        self._writer.append(events.attempt_reset(self.attempt - 1, self.attempt))

    async def _back_off(self, error: ProviderError) -> None:
        wait = self._limits.attempt_backoff_s * 2 ** (self.attempt - 1)
        wait *= 0.75 + self._dice.random() / 2
        wait = max(wait, error.retry_after or 0.0)
        left = self._deadline - self._clock.monotonic()
        if wait > min(left, self._limits.attempt_backoff_max_s):
            # It asks for more patience than there is.
            raise error
        async with self._watched():
            await sleep(self._clock, wait)

    # Steps of one attempt

    async def _steps(self, *, is_plain: bool) -> Event:
        turns = list(self._request.turns)
        for _ in range(self._limits.answer_steps_max):
            request = replace(self._request, turns=turns)
            step = await (self._plain_step(request) if is_plain else self._step(request))
            self.usage = add_usage(self.usage, step.completed.usage)
            self._writer.append(events.step_finish(step.completed.usage))
            if not step.calls:
                return events.stream_finish(step.completed.finish_reason, self.usage)
            answers = await self._run_tools(step.calls)
            turns += [
                Turn("assistant", "".join(step.texts), calls=step.calls),
                Turn("tool", answers=answers),
            ]
        raise ProviderError("tool_error", f"the model went on calling tools for {len(turns)} turns")

    async def _step(self, request: Request) -> _Step:
        step = _Step(Completed("other", events.usage()))
        try:
            step = await self._listen(request)
        except ProviderError as error:
            if error.code != "empty_response":
                raise
        if step.is_lost:
            # Some providers lose a streamed answer; asked plainly they give it.
            return await self._plain_step(request, step.completed.usage)
        return step

    async def _plain_step(self, request: Request, used: Usage | None = None) -> _Step:
        """Asks without streaming; `used` was used up by the same question already."""
        async with self._watched():
            found, completed = await self._provider.ask(request)
        step = _Step(replace(completed, usage=add_usage(used or events.usage(), completed.usage)))
        for event in found:
            self._take(event, step)
        if step.is_lost:
            raise ProviderError("empty_response", "the model gave an empty answer")
        return step

    async def _listen(self, request: Request) -> _Step:
        completed: Completed | None = None
        step = _Step(Completed("other", events.usage()))
        async with (
            self._watched("timeout_first_token", self._patience.first_token) as watch,
            aclosing(self._provider.stream(request)) as answer,
        ):
            async for item in answer:
                if isinstance(item, Completed):
                    completed = item
                    continue
                if item["type"] in _TOKENS:
                    watch.expect("timeout_between_tokens", self._patience.between_tokens)
                self._take(item, step)
        if completed is None:
            raise ProviderError(
                "incomplete", "the provider ended its answer without saying so", retryable=True
            )
        step.completed = completed
        return step

    def _take(self, event: Event, step: _Step) -> None:
        if event["type"] == "text-delta":
            step.texts.append(event["delta"])
        elif event["type"] == "tool-call":
            step.calls.append(ToolCall(event["toolCallId"], event["toolName"], event["input"]))
            event = {**event, "input": storable(event["input"])}
        self._bytes += len(event.get("delta", "").encode())
        if self._bytes > self._limits.answer_bytes_max:
            raise _FullError
        self._writer.append(event)

    async def _run_tools(self, calls: list[ToolCall]) -> list[ToolAnswer]:
        async def run(call: ToolCall) -> ToolAnswer:
            output, answer = await self._tools.run(self._ctx, call)
            error_text = answer.text if answer.is_error else None
            self._writer.append(
                events.tool_result(call.id, output=storable(output), error_text=error_text)
            )
            return answer

        async with self._watched():
            # What a tool does may outlive this process, so that it was called must, too.
            await self._writer.drain()
            return list(await asyncio.gather(*[run(call) for call in calls]))

    @asynccontextmanager
    async def _watched(
        self, code: ErrorCode = "timeout_total", seconds: float | None = None
    ) -> AsyncIterator["_Watch"]:
        """Interrupts what is inside when the stream is to stop, or time runs out.

        Raises:
            ProviderError: with `code` after so many seconds without a sign, or `timeout_total`.
            _StopError: when the stream is to stop.
            LostError: when it was ended by somebody else.
        """
        if self._writer.stop_requested.is_set():
            self._writer.check()
            raise _StopError
        watch = _Watch(self._clock, self._deadline)
        if seconds is not None:
            watch.expect(code, seconds)
        stopping = asyncio.ensure_future(self._writer.stop_requested.wait())
        stopping.add_done_callback(watch.stop)
        try:
            watch.check()
            yield watch
        except BaseException:
            # Also what tidying up after the interruption may have raised.
            if watch.reason is None or watch.task.uncancel() > 0:
                raise
            if isinstance(watch.reason, _StopError):
                self._writer.check()
            raise watch.reason from None
        else:
            if watch.reason is not None:
                # It came too late: what is inside was done in spite of it.
                watch.task.uncancel()
        finally:
            stopping.cancel()
            watch.close()


class _Watch:
    """Looks at the time for one wait, and costs nothing for each sign of life."""

    def __init__(self, clock: Clock, deadline: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.task = task
        self.reason: Exception | None = None
        self._clock = clock
        self._deadline = deadline
        self._code: ErrorCode = "timeout_total"
        self._seconds = float("inf")
        self._since = clock.monotonic()
        self._timer: Timer | None = None
        self._is_closed = False

    def expect(self, code: ErrorCode, seconds: float) -> None:
        """Another sign of life is due within so long from now."""
        self._code, self._seconds = code, seconds
        self._since = self._clock.monotonic()

    def check(self) -> None:
        """Interrupts when time has run out, else looks again when it may have."""
        now = self._clock.monotonic()
        if now >= self._deadline:
            self.interrupt(ProviderError("timeout_total", "the answer took too long"))
        elif now >= self._since + self._seconds:
            is_first = self._code == "timeout_first_token"
            message = f"the provider was silent for {self._seconds:g} s"
            self.interrupt(ProviderError(self._code, message, retryable=is_first))
        else:
            wait = min(self._deadline, self._since + self._seconds) - now
            self._timer = self._clock.call_later(min(wait, _LOOK_S), self.check)

    def stop(self, stopping: "asyncio.Future[Any]") -> None:
        """Interrupts because the stream is to stop, if that is why the future is done."""
        if not stopping.cancelled():
            self.interrupt(_StopError())

    def interrupt(self, reason: Exception) -> None:
        """Ends the wait for this reason, unless it is over; the first one counts."""
        if self.reason is None and not self._is_closed:
            self.reason = reason
            self.task.cancel()

    def close(self) -> None:
        """Looks no more."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()


__all__ = ["Generator", "LostError", "Patience", "StorageFailedError"]
