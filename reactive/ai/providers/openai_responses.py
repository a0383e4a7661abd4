"""The Responses API of the `openai` SDK.

Its last word is `response.completed` or `response.incomplete`. An `error` is one more item of the
SDK's iterator and not an exception; here it is a failure, as `response.failed` is.
"""

from collections.abc import AsyncGenerator, Hashable, Iterator
from contextlib import aclosing
from typing import Any, Final

import openai
import orjson
from openai.types.responses import (
    Response,
    ResponseFunctionToolCall,
    ResponseOutputItem,
    ResponseStreamEvent,
    ResponseUsage,
)

from reactive.ai import events
from reactive.ai.events import Event, FinishReason, Usage
from reactive.ai.providers import failures
from reactive.ai.providers.base import Completed, Request, Turn
from reactive.ai.providers.endpoint import Endpoint
from reactive.ai.providers.openai_sdk import client, guard, told
from reactive.ai.providers.parts import Parts, gathered

_REASONS: Final[dict[str, FinishReason]] = {
    "max_output_tokens": "length",
    "content_filter": "content-filter",
}

_SILENT: Final = frozenset(
    {
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.content_part.added",
        "response.output_text.annotation.added",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_part.done",
    }
)
"""Types that say nothing which the others do not."""


class OpenAIResponses:
    """A provider that speaks the Responses API."""

    def __init__(self, name: str, endpoint: Endpoint) -> None:
        self.name = name
        self.ignored = 0
        """How many things of the provider's were not understood, and left out."""
        self._endpoint = endpoint

    async def stream(self, request: Request) -> AsyncGenerator[Event | Completed, None]:
        """See `Provider.stream`."""
        reader = _Reader(self.name, Parts(request.turns))
        with guard(self.name, reader.parts):
            async with client(self._endpoint, request) as sdk:
                answer = await sdk.responses.create(**_body(request), stream=True)
                async with answer, aclosing(_events(answer, reader)) as reading:
                    async for item in reading:
                        yield item
        self.ignored += reader.ignored

    async def ask(self, request: Request) -> tuple[list[Event], Completed]:
        """See `Provider.ask`."""
        reader = _Reader(self.name, Parts(request.turns))
        with guard(self.name, reader.parts):
            async with client(self._endpoint, request) as sdk:
                answer = await sdk.responses.create(**_body(request), stream=False)
            return gathered(reader.whole(answer))


async def _events(
    answer: openai.AsyncStream[ResponseStreamEvent], reader: "_Reader"
) -> AsyncGenerator[Event | Completed, None]:
    is_silent = True
    async for event in answer:
        is_silent = False
        for item in reader.event(event):
            yield item
        if reader.is_over:
            return
    if is_silent:
        raise failures.nothing(reader.name, answer.response.headers.get("content-type", ""))
    raise failures.incomplete(reader.name)


class _Reader:
    """Understands one answer."""

    def __init__(self, name: str, parts: Parts) -> None:
        self.name = name
        self.parts = parts
        self.ignored = 0
        self.is_over = False

    def event(self, event: ResponseStreamEvent) -> Iterator[Event | Completed]:
        if event.type == "response.output_text.delta" or event.type == "response.refusal.delta":
            self.parts.has_refused |= event.type == "response.refusal.delta"
            key = (event.output_index, event.content_index)
            yield from self.parts.say("text", key, event.delta)
        elif event.type == "response.output_text.done" or event.type == "response.refusal.done":
            yield from self.parts.end((event.output_index, event.content_index))
        elif event.type == "response.output_item.added":
            yield from self._begin(event.output_index, event.item)
        elif event.type == "response.function_call_arguments.delta":
            yield from self.parts.write_input(event.output_index, event.delta)
        elif event.type == "response.function_call_arguments.done":
            yield from self._whole_input(event.output_index, event.arguments)
        elif event.type == "response.output_item.done":
            yield from self._begin(event.output_index, event.item)
            if isinstance(event.item, ResponseFunctionToolCall):
                yield from self._whole_input(event.output_index, event.item.arguments)
        elif event.type == "response.completed" or event.type == "response.incomplete":
            yield from self._end(event.response, event.type.removeprefix("response."))
        elif event.type == "response.failed":
            raise failures.of_words(self.name, _words(event.response))
        elif event.type == "error":
            raise failures.of_words(self.name, (event.code,))
        else:
            yield from self._thought(event)

    def _thought(self, event: Any) -> Iterator[Event]:
        kind = event.type
        if kind in ("response.reasoning_summary_text.delta", "response.reasoning_text.delta"):
            yield from self.parts.say("reasoning", _thought_key(event), event.delta)
        elif kind in ("response.reasoning_summary_text.done", "response.reasoning_text.done"):
            yield from self.parts.end(_thought_key(event))
        elif kind not in _SILENT and not kind.startswith("response.content_part."):
            self.ignored += 1

    def _begin(self, index: int, item: ResponseOutputItem) -> Iterator[Event]:
        if isinstance(item, ResponseFunctionToolCall):
            yield from self.parts.begin_call(index, item.call_id, item.name)

    def _whole_input(self, index: int, arguments: str) -> Iterator[Event]:
        """Some servers send the arguments only when they are whole."""
        if arguments and self.parts.input_of(index) == "":
            yield from self.parts.write_input(index, arguments)

    def _end(self, answer: Response, status: str) -> Iterator[Event | Completed]:
        self.is_over = True
        self._check(answer)
        reason: FinishReason = "stop"
        if "incomplete" in (status, answer.status):
            details = answer.incomplete_details
            found = details.reason if details is not None else None
            reason = "length" if found is None else _REASONS.get(found, "other")
        yield from self.parts.finish(reason, _usage(answer.usage))

    def _check(self, answer: Response) -> None:
        if answer.error or answer.status in ("failed", "cancelled"):
            raise failures.of_words(self.name, _words(answer))

    def whole(self, answer: Any) -> Iterator[Event | Completed]:
        """Takes an answer that came at once; the SDK hands a body that is no JSON on as text."""
        if not isinstance(answer, Response):
            raise failures.empty(self.name)
        self._check(answer)
        if not isinstance(answer.output, list):
            raise failures.empty(self.name)
        if answer.status in (None, "queued", "in_progress"):
            raise failures.incomplete(self.name)
        for index, item in enumerate(answer.output):
            yield from self._item(index, item)
        yield from self._end(answer, answer.status)

    def _item(self, index: int, item: ResponseOutputItem) -> Iterator[Event]:
        if item.type == "message":
            for number, content in enumerate(item.content):
                is_refusal = content.type == "refusal"
                self.parts.has_refused |= is_refusal
                text = content.refusal if content.type == "refusal" else content.text
                yield from self.parts.say("text", (index, number), text)
                yield from self.parts.end((index, number))
        elif item.type == "reasoning":
            for number, summary in enumerate(item.summary or ()):
                yield from self.parts.say("reasoning", (index, "thought", number), summary.text)
                yield from self.parts.end((index, "thought", number))
        elif item.type == "function_call":
            yield from self._begin(index, item)
            yield from self._whole_input(index, item.arguments)
        else:
            self.ignored += 1


def _thought_key(event: Any) -> Hashable:
    number = getattr(event, "summary_index", None)
    return (event.output_index, "thought", event.content_index if number is None else number)


def _words(answer: Response) -> tuple[object, ...]:
    error = answer.error
    return () if error is None else (error.code, error.type)


def _usage(used: ResponseUsage | None) -> Usage:
    if used is None:
        return events.usage()
    given, made = used.input_tokens_details, used.output_tokens_details
    return events.usage(
        used.input_tokens or 0,
        used.output_tokens or 0,
        getattr(given, "cached_tokens", None) or 0,
        getattr(made, "reasoning_tokens", None) or 0,
    )


def _body(request: Request) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": request.model,
        "input": [item for turn in request.turns for item in _items(turn)],
        # The conversation is kept here, and nowhere else.
        "store": False,
    }
    if request.system:
        body["instructions"] = request.system
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
                # Strict schemas allow neither defaults nor optional arguments.
                "strict": False,
            }
            for tool in request.tools
        ]
    return body


def _items(turn: Turn) -> Iterator[dict[str, Any]]:
    for answer in turn.answers:
        yield {"type": "function_call_output", "call_id": answer.call_id, "output": told(answer)}
    if turn.text:
        yield {"role": turn.role, "content": turn.text}
    for call in turn.calls:
        arguments = call.input if isinstance(call.input, str) else orjson.dumps(call.input).decode()
        yield {
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "arguments": arguments,
        }
