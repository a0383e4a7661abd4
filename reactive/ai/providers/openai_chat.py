"""Chat Completions of the `openai` SDK, as OpenAI and many others speak it.

The raw iterator is read, not the SDK's helper: the helper raises for answers that were cut, and
neither of them minds when the last word is missing. That word is a choice's `finish_reason`; after
it only the usage follows.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any, Final

import httpx2
import openai
import orjson
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessage
from openai.types.chat.chat_completion_chunk import ChoiceDelta

from reactive.ai import events
from reactive.ai.events import Event, FinishReason, Usage
from reactive.ai.providers import failures
from reactive.ai.providers.base import Completed, Request, ToolCall, Turn
from reactive.ai.providers.endpoint import Endpoint
from reactive.ai.providers.openai_sdk import client, error_words, guard, told
from reactive.ai.providers.parts import Parts, gathered

_REASONS: Final[dict[str, FinishReason]] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content-filter",
    "tool_calls": "tool-calls",
    "function_call": "tool-calls",
}

_THOUGHTS: Final = ("reasoning", "reasoning_content")
"""Where servers put a model's thoughts, of which OpenAI's own shows none here."""


class OpenAIChat:
    """A provider that speaks Chat Completions."""

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
                answer = await sdk.chat.completions.create(
                    **_body(request), stream=True, stream_options={"include_usage": True}
                )
                async with answer, aclosing(_chunks(answer, reader)) as reading:
                    async for item in reading:
                        yield item
        self.ignored += reader.ignored

    async def ask(self, request: Request) -> tuple[list[Event], Completed]:
        """See `Provider.ask`."""
        reader = _Reader(self.name, Parts(request.turns))
        with guard(self.name, reader.parts):
            async with client(self._endpoint, request) as sdk:
                answer = await sdk.chat.completions.create(**_body(request), stream=False)
            return gathered(reader.whole(answer))


async def _chunks(
    answer: openai.AsyncStream[ChatCompletionChunk], reader: "_Reader"
) -> AsyncGenerator[Event | Completed, None]:
    try:
        async for chunk in answer:
            for event in reader.chunk(chunk):
                yield event
            if reader.is_over:
                break
    except (openai.APIConnectionError, httpx2.RequestError):
        # After the last word only the usage can be lost.
        if reader.reason is None:
            raise
    if reader.is_silent:
        raise failures.nothing(reader.name, answer.response.headers.get("content-type", ""))
    for item in reader.finish():
        yield item


class _Reader:
    """Understands one answer."""

    def __init__(self, name: str, parts: Parts) -> None:
        self.name = name
        self.parts = parts
        self.ignored = 0
        self.is_silent = True
        self.reason: FinishReason | None = None
        self._used: CompletionUsage | None = None
        self._ids: dict[int, str] = {}

    @property
    def is_over(self) -> bool:
        return self.reason is not None and self._used is not None

    def chunk(self, chunk: ChatCompletionChunk) -> Iterator[Event]:
        self.is_silent = False
        self._used = chunk.usage or self._used
        for choice in chunk.choices or ():
            yield from self._message(choice.delta)
            self._end(choice.finish_reason)

    def whole(self, answer: Any) -> Iterator[Event | Completed]:
        """Takes an answer that came at once; the SDK hands a body that is no JSON on as text."""
        if not isinstance(answer, ChatCompletion):
            raise failures.empty(self.name)
        if error := getattr(answer, "error", None):
            raise failures.of_words(self.name, error_words(error))
        if not answer.choices:
            raise failures.empty(self.name)
        self._used = answer.usage
        yield from self._message(answer.choices[0].message)
        self._end(answer.choices[0].finish_reason)
        yield from self.finish()

    def finish(self) -> Iterator[Event | Completed]:
        if self.reason is None:
            raise failures.incomplete(self.name)
        yield from self.parts.finish(self.reason, _usage(self._used))

    def _message(self, message: ChoiceDelta | ChatCompletionMessage) -> Iterator[Event]:
        parts = self.parts
        thoughts = (getattr(message, name, None) for name in _THOUGHTS)
        thought = next((each for each in thoughts if isinstance(each, str) and each), None)
        if thought is not None:
            yield from parts.end_others("thought")
            yield from parts.say("reasoning", "thought", thought)
        for key, text in (("text", message.content), ("refusal", message.refusal)):
            if text:
                parts.has_refused = parts.has_refused or key == "refusal"
                yield from parts.end_others(key)
                yield from parts.say("text", key, text)
        for position, call in enumerate(message.tool_calls or ()):
            yield from self._call(getattr(call, "index", None) or position, call)

    def _call(self, index: int, call: Any) -> Iterator[Event]:
        function = getattr(call, "function", None)
        if function is None:
            self.ignored += 1
            return
        if call.id and function.name:
            # Some servers count every call as the first; their ids tell them apart.
            self._ids[index] = call.id
        key = (index, self._ids.get(index))
        if function.name:
            yield from self.parts.end_others()
            yield from self.parts.begin_call(key, call.id, function.name)
        if function.arguments:
            yield from self.parts.write_input(key, function.arguments)

    def _end(self, reason: str | None) -> None:
        if reason == "error":
            # OpenRouter's: what it was stands in a frame of its own, or nowhere.
            raise failures.of_words(self.name, ())
        if reason:
            self.reason = _REASONS.get(reason, "other")


def _usage(used: CompletionUsage | None) -> Usage:
    if used is None:
        return events.usage()
    given, made = used.prompt_tokens_details, used.completion_tokens_details
    return events.usage(
        used.prompt_tokens or 0,
        used.completion_tokens or 0,
        getattr(given, "cached_tokens", None) or 0,
        getattr(made, "reasoning_tokens", None) or 0,
    )


def _body(request: Request) -> dict[str, Any]:
    messages = [message for turn in request.turns for message in _messages(turn)]
    if request.system:
        messages.insert(0, {"role": "system", "content": request.system})
    body: dict[str, Any] = {"model": request.model, "messages": messages}
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters,
                },
            }
            for tool in request.tools
        ]
    return body


def _messages(turn: Turn) -> Iterator[dict[str, Any]]:
    for answer in turn.answers:
        yield {"role": "tool", "tool_call_id": answer.call_id, "content": told(answer)}
    if turn.calls:
        yield {
            "role": "assistant",
            "content": turn.text or None,
            "tool_calls": [_told_call(call) for call in turn.calls],
        }
    elif turn.text:
        yield {"role": turn.role, "content": turn.text}


def _told_call(call: ToolCall) -> dict[str, Any]:
    arguments = call.input if isinstance(call.input, str) else orjson.dumps(call.input).decode()
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }
